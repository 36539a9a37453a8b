"""From a model's decisions to what they mean: the label they predict, and which outcome people hope for.

Decisions and outcomes either share their words (`1` and `0`), or a decision says what is done (`approve`); then the
favourable decision predicts that the positive outcome (a charge-off) does not come.
"""

from __future__ import annotations

from typing import Optional

from monitoring.model import BINARY, MonitoredModel

NEGATIVE = "0"
"""What a binary model's outcomes say where the positive one did not come."""


def predicted(model: MonitoredModel, decision: str) -> str:
    """The label that a decision predicts, in the words of outcomes; of binary models `positive` or not."""
    if model.problem != BINARY:
        return decision
    if model.favourable == model.positive:
        return decision
    return NEGATIVE if decision == model.favourable else model.positive


def outcome(model: MonitoredModel, text: str, missing_means: str = "") -> Optional[str]:
    """An outcome in the model's words, of which numbers have many spellings (`1.0` is `1`).

    None for what is no outcome of a binary model: neither `positive`, nor NEGATIVE, nor what a missing one means. To
    count it as one that did not happen would make a model look better than it is.
    """
    if model.problem != BINARY or text in (model.positive, NEGATIVE):
        return text
    words = (model.positive, NEGATIVE, missing_means)
    return next((word for word in words if text == word or _is_same_number(text, word)), None)


def is_hoped_for(model: MonitoredModel, outcome: str) -> bool:
    """Whether an outcome is the one that people hope for."""
    if model.problem != BINARY or model.favourable == model.positive:
        return outcome == model.favourable
    return outcome != model.positive


def is_followed(model: MonitoredModel, decision: str) -> bool:
    """Whether the outcome of such a decision becomes known at all."""
    return not model.outcomes_of or decision in model.outcomes_of


def _is_same_number(text: str, word: str) -> bool:
    try:
        return float(text) == float(word)
    except ValueError:
        return False
