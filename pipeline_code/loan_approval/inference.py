"""The endpoint's four handlers, as SageMaker's inference toolkit calls them.

Request, JSON: {"instances": [{"GrAppv": 50000, "SBA_Appv": 25000, ...}, ...]} with every input of the schema;
members that this version does not know are ignored, so that versions with different inputs can share traffic.
Request, CSV: one application a line, the inputs in the schema's order, no header.
Response: probability of a charge-off, decision, and the version that answered, in the order of the request.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Union

import numpy as np
import xgboost
from numpy.typing import NDArray

from loan_approval.encoding import FEATURES, encode
from loan_approval.schema import INPUT_NAMES, INPUTS, Value, check_together

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:  # outside of SageMaker's images: the same interface

    class BaseInferenceToolkitError(Exception):  # type: ignore[no-redef]
        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            self.status_code, self.message, self.phrase = status_code, message, phrase
            super().__init__(status_code, message, phrase)


JSON, CSV = "application/json", "text/csv"
MODEL_FILE, METADATA_FILE = "xgboost-model", "model.json"
DIGITS = 6
"""Digits of a probability; the decision is made on the rounded one, so that a record can be checked by itself."""

Columns = Dict[str, List[Value]]


class RequestError(BaseInferenceToolkitError):  # type: ignore[misc]
    """The request cannot be answered as it is; the toolkit sends the status and the message to the caller."""

    def __init__(self, message: str, status_code: int = 400, phrase: str = "Bad Request") -> None:
        super().__init__(status_code, message, phrase)

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class Model:
    """A trained booster with what is needed to answer: threshold of approval and the version's name."""

    booster: xgboost.Booster
    decision_threshold: float
    version: str

    def probabilities(self, columns: Columns) -> NDArray[np.float64]:
        """Probability of a charge-off for each application."""
        raw = self.booster.inplace_predict(encode(columns))
        rounded: NDArray[np.float64] = np.round(raw.astype(np.float64), DIGITS)
        return rounded


@dataclass(frozen=True)
class Prediction:
    probability: float
    decision: str
    model_version: str


def model_fn(model_dir: str) -> Model:
    """Load what training saved; raises ValueError if the model was trained on other features than this code makes."""
    metadata = json.loads(Path(model_dir, METADATA_FILE).read_text())
    trained, made = metadata["features"], list(FEATURES)
    if trained != made:
        raise ValueError(f"{METADATA_FILE}: trained on features {trained}, this code makes {made}")
    booster = xgboost.Booster(model_file=bytearray(Path(model_dir, MODEL_FILE).read_bytes()))
    booster.set_param({"nthread": 1})  # waking threads takes longer than scoring a request; scale by workers
    return Model(booster, metadata["decision_threshold"], os.environ.get("MODEL_VERSION", "unregistered"))


def input_fn(body: Union[str, bytes], content_type: str) -> Columns:
    """Valid applications as columns; raises RequestError that names the row and the field."""
    media_type = (content_type or JSON).split(";")[0].strip().lower()
    if media_type not in (JSON, CSV):
        raise RequestError(f"content type {media_type!r} is not one of {JSON}, {CSV}", 415, "Unsupported Media Type")
    try:
        text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"body: not UTF-8 at byte {error.start}") from None
    rows = _json_rows(text) if media_type == JSON else _csv_rows(text)
    if not rows:
        raise RequestError("instances: empty; send at least one application")
    return {name: [row[name] for row in rows] for name in INPUT_NAMES}


def predict_fn(columns: Columns, model: Model) -> List[Prediction]:
    """Approve where the probability of a charge-off is at most the model's threshold."""
    return [
        Prediction(probability, "approve" if probability <= model.decision_threshold else "decline", model.version)
        for probability in model.probabilities(columns).tolist()
    ]


def output_fn(predictions: Iterable[Prediction], accept: Optional[str]) -> str:
    """JSON, or CSV where that is asked for and JSON is not."""
    accepted = [part.split(";")[0].strip().lower() for part in (accept or JSON).split(",")]
    if CSV in accepted and JSON not in accepted:
        return "".join(f"{p.probability},{p.decision},{p.model_version}\n" for p in predictions)
    if not {JSON, "*/*", "application/*"}.intersection(accepted):
        raise RequestError(f"accept: {accept!r} is neither {JSON} nor {CSV}", 406, "Not Acceptable")
    return json.dumps({"predictions": [vars(prediction) for prediction in predictions]})


def _json_rows(text: str) -> List[Dict[str, Value]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"body: not JSON ({error})") from None
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list):
        raise RequestError('body: no list "instances"; send {"instances": [{...}, ...]}')
    return [_json_row(instance, index) for index, instance in enumerate(instances)]


def _json_row(instance: Any, index: int) -> Dict[str, Value]:
    if not isinstance(instance, dict):
        raise RequestError(f"instances[{index}]: not an object with the fields {', '.join(INPUT_NAMES)}")
    return read_row(instance, index)


def _csv_rows(text: str) -> List[Dict[str, Value]]:
    rows = []
    for index, cells in enumerate(row for row in csv.reader(io.StringIO(text)) if row):
        if len(cells) != len(INPUTS):
            expected = f"expected {len(INPUTS)}: {','.join(INPUT_NAMES)}"
            raise RequestError(f"instances[{index}]: {len(cells)} values, {expected}")
        named = {field.name: cells[position] for position, field in enumerate(INPUTS)}
        rows.append(read_row(named, index, text=True))
    return rows


def read_row(values: Dict[str, Any], index: int, text: bool = False) -> Dict[str, Value]:
    """The inputs of one application, checked; `text` if the values come from CSV."""
    row: Dict[str, Value] = {}
    for field in INPUTS:
        value = values.get(field.name)
        try:
            row[field.name] = field.read_text(value or "") if text else field.read(value)
        except ValueError as error:
            raise RequestError(f"instances[{index}].{field.name}: {error}") from None
    broken = check_together(row)
    if broken:
        raise RequestError(f"instances[{index}].{broken[0]}: {broken[1]}")
    return row
