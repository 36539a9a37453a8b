"""The steps of the monitoring pipeline, the same for every model."""
