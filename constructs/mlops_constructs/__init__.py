"""Constructs for machine learning operations on SageMaker: one construct a file, nothing that knows an application."""
