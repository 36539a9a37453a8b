"""The embedded local AWS: ministack plus a SageMaker service whose jobs and endpoints are local processes."""
