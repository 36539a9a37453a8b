"""Statistics of models and their data that all models share, in the document formats of SageMaker Model Monitor."""
