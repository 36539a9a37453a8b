"""The gate before the registry, which all models share, as this model's step."""

from __future__ import annotations

from monitoring.steps import job
from tabular.gate import main

__all__ = ["main"]

if __name__ == "__main__":
    job.run(main)
