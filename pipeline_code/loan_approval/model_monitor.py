"""What SageMaker Model Monitor and Clarify must know of this model, for `monitoring.engine = "model-monitor"`.

Read at synth, where nothing but the standard library can be relied on; the project's own monitors read `monitor.py`,
and a test compares the two.
"""

from __future__ import annotations

from typing import Any, Dict

from loan_approval.schema import HISTORY_NAMES, INPUT_NAMES

PAYLOAD: Dict[str, Any] = {
    "problem_type": "BinaryClassification",
    "features": list(INPUT_NAMES),
    # What the model looks up itself, and tells in the member `features` of a prediction. Clarify does not see it.
    "looked_up": list(HISTORY_NAMES),
    # Members of a JSON request and response that hold the list of rows.
    "instances": "instances",
    "predictions": "predictions",
    # Fields of a prediction, in the order of a line of CSV.
    "fields": ["probability", "decision", "model_version"],
    "probability": "probability",
    "decision": "decision",
    "version": "model_version",
    # The decision that people hope for, and the outcome that counts as label 1: a charge-off.
    "favourable": "approve",
    "positive": "1",
    # Clarify makes its own decisions from probabilities: above it, label 1. The pipeline's DecisionThreshold.
    "threshold": 0.25,
}
