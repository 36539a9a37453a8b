"""From a model's decisions to what they mean: the label they predict, and which outcome people hope for.

Decisions and outcomes either share their words (`1` and `0`), or a decision says what is done (`approve`); then the
favourable decision predicts that the positive outcome (a charge-off) does not come.
"""

from __future__ import annotations

from monitoring.model import BINARY, MonitoredModel

NEGATIVE = "0"


def predicted(model: MonitoredModel, decision: str) -> str:
    """The label that a decision predicts, in the words of outcomes; of binary models `positive` or not."""
    if model.problem != BINARY:
        return decision
    if model.favourable == model.positive:
        return decision
    return NEGATIVE if decision == model.favourable else model.positive


def is_hoped_for(model: MonitoredModel, outcome: str) -> bool:
    """Whether an outcome is the one that people hope for."""
    if model.problem != BINARY or model.favourable == model.positive:
        return outcome == model.favourable
    return outcome != model.positive


def is_followed(model: MonitoredModel, decision: str) -> bool:
    """Whether the outcome of such a decision becomes known at all."""
    return not model.outcomes_of or decision in model.outcomes_of
