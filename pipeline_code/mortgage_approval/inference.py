"""The endpoint's four handlers, as SageMaker's inference toolkit calls them; the forms are those of `tabular.serving`.

The probability is that of a denial, as the lenders of 1990 decided.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List, Optional, Union

import numpy as np
import xgboost
from numpy.typing import NDArray

from mortgage_approval.schema import ENCODER, FORM
from tabular import serving
from tabular.model_file import MODEL_FILE, metadata_of
from tabular.serving import Columns, Prediction


@dataclass(frozen=True)
class Model:
    """A trained booster, the probability up to which it approves, and the version's name."""

    booster: xgboost.Booster
    decision_threshold: float
    version: str

    def probabilities(self, columns: Columns) -> NDArray[np.float64]:
        """Probability of a denial for each application."""
        raw = self.booster.inplace_predict(ENCODER.encode(columns))
        rounded: NDArray[np.float64] = np.round(raw.astype(np.float64), serving.DIGITS)
        return rounded


def model_fn(model_dir: str) -> Model:
    """Load what training saved; raises ValueError if the model was trained on other features than this code makes."""
    folder = Path(model_dir)
    metadata = metadata_of(folder, ENCODER.names)
    booster = xgboost.Booster(model_file=bytearray((folder / MODEL_FILE).read_bytes()))
    booster.set_param({"nthread": 1})  # waking threads takes longer than scoring a request; scale by workers
    return Model(booster, metadata["decision_threshold"], os.environ.get("MODEL_VERSION", "unregistered"))


def input_fn(body: Union[str, bytes], content_type: str) -> Columns:
    return FORM.columns(body, content_type)


def predict_fn(columns: Columns, model: Model) -> List[Prediction]:
    return serving.decide(model.probabilities(columns).tolist(), model.decision_threshold, model.version)


def output_fn(predictions: Iterable[Prediction], accept: Optional[str]) -> str:
    return serving.write(predictions, accept)
