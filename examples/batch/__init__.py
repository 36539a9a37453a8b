"""A month of loan applications, scored night by night by transform jobs, and joined with what became of the loans."""

import mlops  # noqa: F401  # from here on the code of the models can be imported
