"""Requests and answers of a model that decides on rows: what is the same whatever the rows are.

Request, JSON: {"instances": [{...}, ...]}; members that a version does not know are ignored, so that versions with
different inputs can share traffic. Request, CSV: one row a line, the fields in their order, no header.
Answer: probability, decision, and the version that answered, in the order of the request.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from tabular.fields import Field, Value

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:  # outside of SageMaker's images: the same interface

    class BaseInferenceToolkitError(Exception):  # type: ignore[no-redef]
        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            self.status_code, self.message, self.phrase = status_code, message, phrase
            super().__init__(status_code, message, phrase)


JSON, CSV = "application/json", "text/csv"
APPROVE, DECLINE = "approve", "decline"
DIGITS = 6
"""Digits of a probability; the decision is made on the rounded one, so that a record can be checked by itself."""

Row = Dict[str, Optional[Value]]
Columns = Dict[str, List[Optional[Value]]]


class RequestError(BaseInferenceToolkitError):  # type: ignore[misc]
    """The request cannot be answered as it is; the toolkit sends the status and the message to the caller."""

    def __init__(self, message: str, status_code: int = 400, phrase: str = "Bad Request") -> None:
        super().__init__(status_code, message, phrase)

    def __str__(self) -> str:
        return str(self.message)


def _nothing_broken(_row: Mapping[str, Value]) -> Optional[Tuple[str, str]]:
    return None


@dataclass(frozen=True)
class Form:
    """What a request holds: fields in the order of a line of CSV, nullable ones that JSON may bring besides, and the
    rule that takes several fields.

    check: of the values of a row, which each passed alone, the field to name and what is wrong with it, or None.
    """

    fields: Tuple[Field, ...]
    besides: Tuple[Field, ...] = ()
    check: Callable[[Mapping[str, Value]], Optional[Tuple[str, str]]] = _nothing_broken

    @property
    def names(self) -> Tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def columns(self, body: Union[str, bytes], content_type: str) -> Columns:
        """Valid rows of a request as columns; raises RequestError that names the row and the field."""
        media_type = (content_type or JSON).split(";")[0].strip().lower()
        if media_type not in (JSON, CSV):
            what = f"content type {media_type!r} is not one of {JSON}, {CSV}"
            raise RequestError(what, 415, "Unsupported Media Type")
        try:
            text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RequestError(f"body: not UTF-8 at byte {error.start}") from None
        rows = self._json_rows(text) if media_type == JSON else self._csv_rows(text)
        if not rows:
            raise RequestError("instances: empty; send at least one application")
        return self.columns_of(rows)

    def columns_of(self, rows: Sequence[Row]) -> Columns:
        """All that the model sees, column by column, of rows that `read_row` made."""
        return {field.name: [row[field.name] for row in rows] for field in (*self.fields, *self.besides)}

    def read_row(self, values: Mapping[str, Any], index: int, text: bool = False) -> Row:
        """The fields of one row, checked, None for what a nullable one does not say; `text` if they come from CSV."""
        row: Row = {}
        said: Dict[str, Value] = {}
        for field in (*self.fields, *self.besides):
            value = values.get(field.name)
            if field.nullable and (value is None or value == "" or value != value):
                row[field.name] = None
                continue
            try:
                row[field.name] = said[field.name] = field.read_text(value or "") if text else field.read(value)
            except ValueError as error:
                raise RequestError(f"instances[{index}].{field.name}: {error}") from None
        broken = self.check(said)
        if broken:
            raise RequestError(f"instances[{index}].{broken[0]}: {broken[1]}")
        return row

    def readable(self, columns: Mapping[str, Sequence[Any]]) -> List[Row]:
        """The rows that a model would take; a column that is absent is missing in every row."""
        rows = []
        for index in range(max(map(len, columns.values()), default=0)):
            try:
                rows.append(self.read_row({name: values[index] for name, values in columns.items()}, index))
            except RequestError:
                continue
        return rows

    def _json_rows(self, text: str) -> List[Row]:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"body: not JSON ({error})") from None
        instances = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(instances, list):
            raise RequestError('body: no list "instances"; send {"instances": [{...}, ...]}')
        for index, instance in enumerate(instances):
            if not isinstance(instance, dict):
                raise RequestError(f"instances[{index}]: not an object with the fields {', '.join(self.names)}")
        return [self.read_row(instance, index) for index, instance in enumerate(instances)]

    def _csv_rows(self, text: str) -> List[Row]:
        rows = []
        for index, cells in enumerate(row for row in csv.reader(io.StringIO(text)) if row):
            if len(cells) != len(self.fields):
                expected = f"expected {len(self.fields)}: {','.join(self.names)}"
                raise RequestError(f"instances[{index}]: {len(cells)} values, {expected}")
            rows.append(self.read_row(dict(zip(self.names, cells)), index, text=True))
        return rows


@dataclass(frozen=True)
class Prediction:
    probability: float
    decision: str
    model_version: str


def decide(probabilities: Iterable[float], threshold: float, version: str) -> List[Prediction]:
    """Approve where the probability, of what nobody hopes for, is at most the threshold."""
    return [Prediction(each, APPROVE if each <= threshold else DECLINE, version) for each in probabilities]


def write(predictions: Iterable[Any], accept: Optional[str]) -> str:
    """Predictions as JSON, with all that they hold, or as CSV where that is asked for and JSON is not."""
    accepted = [part.split(";")[0].strip().lower() for part in (accept or JSON).split(",")]
    if CSV in accepted and JSON not in accepted:
        return "".join(f"{p.probability},{p.decision},{p.model_version}\n" for p in predictions)
    if not {JSON, "*/*", "application/*"}.intersection(accepted):
        raise RequestError(f"accept: {accept!r} is neither {JSON} nor {CSV}", 406, "Not Acceptable")
    return json.dumps({"predictions": [vars(prediction) for prediction in predictions]})
