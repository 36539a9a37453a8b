"""The steps of `tabular.steps` for this model's task, and what they do besides for the groups that are protected."""
