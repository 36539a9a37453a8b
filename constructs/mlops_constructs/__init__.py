"""Constructs for machine learning operations on SageMaker: one a file, and none knows an application."""
