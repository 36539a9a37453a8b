"""`mlops new-model`: a model's folder, its tests, its data and its section of the configuration, from a CSV file."""
