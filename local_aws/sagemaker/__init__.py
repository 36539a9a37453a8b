"""The SageMaker service: registry, jobs, pipelines and endpoints, with jobs and endpoints as local processes."""
