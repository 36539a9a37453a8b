"""What the monitors will expect of this version, in the documents that they compare a window of predictions with.

No model is judged by what it says of rows that it learned from: the loans of the training period come with cross-fitted
probabilities (train.py), those of the test period with the model's own. Labels are what a bank would know of a loan so
many days after it approved it, and it knows that only of loans that the model would have approved.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence

import numpy as np
from numpy.typing import NDArray

from loan_approval.monitor import MODEL, matured
from loan_approval.schema import DATE, LABEL, OUTCOMES, SEEN_NAMES
from monitoring import attribution, bias, calibration, labels, quality
from monitoring.model import Explanation
from tabular.serving import APPROVE, DECLINE

DECISION = "decision"

Documents = Dict[str, Dict[str, Any]]


def transform(
    loans: Any, probabilities: NDArray[np.float64], threshold: float, maturity_days: int, explanation: Explanation
) -> Documents:
    """Documents by their place: output, then file.

    loans: a frame with the schema's fields, one probability each that was not made from the row itself. explanation:
    of the newest of them.
    """
    decisions = [APPROVE if probability <= threshold else DECLINE for probability in probabilities]
    known = np.array([labels.is_followed(MODEL, decision) for decision in decisions])
    outcomes = np.array([matured(row, maturity_days) for row in _rows(loans, (DATE, *OUTCOMES))])
    months = loans[DATE].str[:7].tolist()
    charged_off = loans[LABEL].to_numpy() == 1
    return {
        "model-quality/outcomes.json": calibration.baseline(
            probabilities.tolist(), outcomes.astype(float).tolist(), known.tolist(), months
        ),
        **_quality(outcomes[known], probabilities[known].tolist(), np.array(decisions)[known].tolist()),
        **_bias(loans, decisions, charged_off, outcomes, known),
        "explainability/analysis.json": attribution.baseline(explanation),
    }


def _rows(loans: Any, names: Sequence[str]) -> Iterator[Dict[str, Any]]:
    """Those columns of each loan; pandas' own to_dict takes several times as long."""
    return (dict(zip(names, row)) for row in zip(*(loans[name].tolist() for name in names)))


def _quality(outcomes: NDArray[np.bool_], probabilities: List[float], decisions: Sequence[str]) -> Documents:
    """Model quality as it will be seen: among approved loans, by matured labels."""
    actual = [MODEL.positive if happened else labels.NEGATIVE for happened in outcomes]
    predicted = [labels.predicted(MODEL, decision) for decision in decisions]
    statistics = quality.statistics(MODEL.problem, actual, probabilities, predicted, MODEL.positive)
    return {
        "model-quality/outcome_statistics.json": statistics,
        "model-quality/outcome_constraints.json": quality.constraints(MODEL.problem, statistics),
    }


def _bias(
    loans: Any,
    decisions: Sequence[str],
    charged_off: NDArray[np.bool_],
    outcomes: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> Documents:
    """The report knows how every loan ended; the constraints know what a window's outcomes will tell."""
    columns = {facet.name: loans[facet.name].tolist() for facet in MODEL.facets}
    approved = [decision == MODEL.favourable for decision in decisions]
    expected = [not outcomes[row] if known[row] else None for row in range(len(approved))]
    full = bias.counts(MODEL.facets, columns, approved, [not bad for bad in charged_off])
    seen = bias.counts(MODEL.facets, columns, approved, expected)
    return {
        "bias/analysis.json": bias.analysis(full, DECISION, MODEL.favourable),
        "bias/constraints.json": bias.baseline(seen, DECISION, MODEL.favourable),
    }


def inputs(loans: Any) -> Dict[str, Any]:
    """The columns that the model sees."""
    return {name: loans[name].tolist() for name in SEEN_NAMES}
