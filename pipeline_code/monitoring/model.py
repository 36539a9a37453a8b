"""What a model tells the monitors about itself: `MODEL` in `pipeline_code/<model>/monitor.py`.

The statistics know no model. A model's folder says what its inputs are, how a captured request and response are read,
which groups of people or cases are compared, and how a prediction is explained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

BINARY, REGRESSION, MULTICLASS = "BinaryClassification", "Regression", "MulticlassClassification"
"""Model Monitor's problem types."""

Row = Mapping[str, Any]
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Answer:
    """One prediction of a response: score (a probability of label 1, or the predicted number), decision, version.

    features: inputs that the request did not bring, as the model looked them up, where the response tells them.
    """

    score: Optional[float]
    label: str
    version: str
    features: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Facet:
    """A group to compare with the rest, in Clarify's words: rows whose input `name` is one of `values`, or at or
    above `threshold`."""

    name: str
    values: Tuple[str, ...] = ()
    threshold: Optional[float] = None


@dataclass(frozen=True)
class Explanation:
    """Contribution of each feature to each prediction: one row a prediction, one column a name."""

    names: Tuple[str, ...]
    contributions: NDArray[np.float64]


@dataclass(frozen=True)
class MonitoredModel:
    """A model as the monitors see it.

    read_request, read_response: (text, content type) to one row, or answer, a prediction; ValueError where the text
    is none of the model's. positive: the outcome that counts as label 1; a binary model's other one is `0`.
    favourable: the decision that people hope for. outcomes_of: decisions whose outcome becomes known; empty for all
    (a bank never learns what became of a loan it declined). explain: (folder of the extracted model.tar.gz, inputs)
    to an Explanation.
    """

    problem: str
    features: Tuple[Any, ...]  # of data_quality.Feature
    read_request: Callable[[str, str], List[Row]]
    read_response: Callable[[str, str], List[Answer]]
    positive: str = "1"
    favourable: str = "1"
    outcomes_of: Tuple[str, ...] = ()
    facets: Tuple[Facet, ...] = ()
    explain: Optional[Callable[[Path, Columns], Explanation]] = None
