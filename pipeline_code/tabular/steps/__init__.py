"""The steps of a model's pipeline, given its task: pure functions, and a `main(task)` that reads and writes."""
