"""The endpoint's four handlers, as SageMaker's inference toolkit calls them.

Request, JSON: {"instances": [{"GrAppv": 50000, "SBA_Appv": 25000, ...}, ...]} with every input of the schema;
members that this version does not know are ignored, so that versions with different inputs can share traffic.
Request, CSV: one application a line, the inputs in the schema's order, no header.
The bank's history is read from the online feature store, unless an application brings any of it.
Response: probability of a charge-off, decision, and the version that answered, in the order of the request. JSON also
tells the history that counted, so that data capture keeps all that the model saw.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Union

import numpy as np
import xgboost
from numpy.typing import NDArray

from loan_approval.encoding import FEATURES, encode
from loan_approval.history import History
from loan_approval.schema import HISTORY, HISTORY_NAMES, INPUTS, check_together
from tabular import model_file, serving
from tabular.fields import Value
from tabular.serving import DIGITS, Columns, Form

FORM = Form(INPUTS, HISTORY, check_together)


@dataclass(frozen=True)
class Model:
    """A trained booster with what is needed to answer: threshold of approval, the version's name, and the way to what
    is known of banks."""

    booster: xgboost.Booster
    decision_threshold: float
    version: str
    history: History = field(default_factory=History)

    def probabilities(self, columns: Columns) -> NDArray[np.float64]:
        """Probability of a charge-off for each application."""
        raw = self.booster.inplace_predict(encode(columns))
        rounded: NDArray[np.float64] = np.round(raw.astype(np.float64), DIGITS)
        return rounded


@dataclass(frozen=True)
class Prediction(serving.Prediction):
    features: Dict[str, Optional[Value]] = field(default_factory=dict)


def model_fn(model_dir: str) -> Model:
    """Load what training saved; raises ValueError if the model was trained on other features than this code makes."""
    booster, metadata = model_file.load(Path(model_dir), FEATURES)
    version = os.environ.get("MODEL_VERSION", "unregistered")
    return Model(booster, metadata["decision_threshold"], version, History.of(os.environ))


def input_fn(body: Union[str, bytes], content_type: str) -> Columns:
    """Valid applications as columns; raises RequestError that names the row and the field."""
    return FORM.columns(body, content_type)


def predict_fn(columns: Columns, model: Model) -> List[Prediction]:
    """Approve where the probability of a charge-off is at most the model's threshold."""
    known = model.history.complete(columns)
    decided = serving.decide(model.probabilities(known).tolist(), model.decision_threshold, model.version)
    return [
        Prediction(**vars(each), features={name: known[name][row] for name in HISTORY_NAMES})
        for row, each in enumerate(decided)
    ]


def output_fn(predictions: Iterable[Prediction], accept: Optional[str]) -> str:
    """JSON, or CSV where that is asked for and JSON is not."""
    return serving.write(predictions, accept)
