"""The endpoint of a model of declared fields: what SageMaker's inference toolkit calls, and SHAP values of the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, List, Optional, Union

import numpy as np
from numpy.typing import NDArray

from monitoring.model import Columns as Inputs
from monitoring.model import Explanation
from tabular import model_file, serving
from tabular.encoding import Encoder
from tabular.serving import Columns, Prediction
from tabular.task import Task


@dataclass(frozen=True)
class Model:
    """A trained booster, the encoder of its inputs, the probability up to which it approves, and its version."""

    booster: Any  # xgboost.Booster; the import costs, and what only declares a model does not need it
    encoder: Encoder
    decision_threshold: float
    version: str

    def probabilities(self, columns: Columns) -> NDArray[np.float64]:
        """Probability of the positive outcome for each row."""
        raw = self.booster.inplace_predict(self.encoder.encode(columns))
        rounded: NDArray[np.float64] = np.round(raw.astype(np.float64), serving.DIGITS)
        return rounded


@dataclass(frozen=True)
class Handlers:
    """The four functions by the names that the toolkit asks for."""

    task: Task

    def model_fn(self, model_dir: str) -> Model:
        """Load what training saved; raises ValueError if it was trained on other features than this code makes."""
        encoder = self.task.encoder
        booster, metadata = model_file.load(Path(model_dir), encoder.names)
        version = os.environ.get("MODEL_VERSION", "unregistered")
        return Model(booster, encoder, metadata["decision_threshold"], version)

    def input_fn(self, body: Union[str, bytes], content_type: str) -> Columns:
        return self.task.form.columns(body, content_type)

    def predict_fn(self, columns: Columns, model: Model) -> List[Prediction]:
        return serving.decide(model.probabilities(columns).tolist(), model.decision_threshold, model.version)

    def output_fn(self, predictions: Iterable[Prediction], accept: Optional[str]) -> str:
        return serving.write(predictions, accept)

    def explain(self, folder: Path, columns: Inputs) -> Explanation:
        """SHAP values, in log odds, by XGBoost's own `pred_contribs`, of the rows that the model would take.

        Raises ValueError if the model in `folder` has other features than this code makes, OSError if there is none.
        """
        import xgboost

        rows, model, encoder = self.task.form.readable(columns), self.model_fn(str(folder)), self.task.encoder
        if not rows:
            return Explanation(encoder.names, np.empty((0, len(encoder.names))))
        matrix = encoder.encode(self.task.form.columns_of(rows))
        data = xgboost.DMatrix(matrix, feature_types=list(encoder.types), nthread=1)
        # The last column is the expected value, which belongs to no feature.
        return Explanation(encoder.names, model.booster.predict(data, pred_contribs=True)[:, :-1])
