"""The gate before the registry, which all models share, as this model's step."""

from __future__ import annotations

from loan_approval.steps import job
from tabular.gate import Rule, Verdict, decide, main

__all__ = ["Rule", "Verdict", "decide", "main"]

if __name__ == "__main__":
    job.run(main)
