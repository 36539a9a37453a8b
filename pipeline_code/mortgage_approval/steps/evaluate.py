"""Measure the model as `tabular.steps.evaluate` does, and what it does to whom.

Outputs besides: `bias/analysis.json`, `bias/test_analysis.json` and `bias/constraints.json`. Bias before training is
that of the labels which the model learns from. Bias after training is that of the decisions on every application, each
by a model that did not learn from it (those of train cross-fitted, those of test by the model itself), because the 102
black applicants of the test rows alone would leave an interval of DI some 0.2 wide; theirs is in `test_analysis.json`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Sequence

from monitoring import bias
from monitoring.steps import job
from mortgage_approval.monitor import FACETS, MODEL
from mortgage_approval.schema import TASK
from tabular.steps import evaluate
from tabular.steps.evaluate import BIAS, Documents, Scored

DECISION = "decision"


def transform(learned: Scored, test: Scored, threshold: float) -> Documents:
    """Documents by their place: output, then file."""
    training = _counts(learned.rows, [not denied for denied in TASK.is_positive(learned.rows)])
    decided, tested = _decided(evaluate.pooled(learned, test), threshold), _decided(test, threshold)
    return {
        BIAS: bias.analysis(decided, DECISION, MODEL.favourable, training=training, intervals=True),
        "bias/test_analysis.json": bias.analysis(tested, DECISION, MODEL.favourable, intervals=True),
        "bias/constraints.json": bias.baseline(decided, DECISION, MODEL.favourable),
    }


def _decided(part: Scored, threshold: float) -> bias.Counts:
    return _counts(part.rows, (part.probabilities <= threshold).tolist())


def _counts(applications: Any, approved: Sequence[bool]) -> bias.Counts:
    columns = {facet.name: applications[facet.name].tolist() for facet in FACETS}
    return bias.counts(FACETS, columns, approved, [not denied for denied in TASK.is_positive(applications)])


main = partial(evaluate.main, TASK, also=transform)

if __name__ == "__main__":
    job.run(main)
