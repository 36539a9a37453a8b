"""CloudWatch namespaces of the project's own figures, for the command line too, which does without the CDK."""

MONITORING = "aws/sagemaker/Endpoints/data-metrics"
"""Of the monitors' figures, as Model Monitor's own jobs have it."""
RELEASE = "mlops/release"
"""Of what the release controller publishes."""
