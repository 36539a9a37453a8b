"""Captured requests and answers of a model that `serving` answers for, as the monitors read them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, List, Tuple

from monitoring import data_quality
from monitoring.data_quality import Feature
from monitoring.model import Answer, Row
from tabular.fields import Field, Kind
from tabular.serving import CSV, JSON


def feature(field: Field) -> Feature:
    """What the schema promises of an input, in the monitor's words."""
    completeness = 0.0 if field.nullable else 1.0
    if field.kind is Kind.CATEGORICAL:
        domain = field.levels if field.rest is None else ()  # where anything may come, no value is a violation
        named = tuple(map(str, domain))
        return Feature(field.name, data_quality.STRING, domain=named, completeness=completeness)
    kind = data_quality.INTEGRAL if field.whole else data_quality.FRACTIONAL
    non_negative = field.minimum is not None and field.minimum >= 0
    return Feature(field.name, kind, non_negative=non_negative, completeness=completeness)


@dataclass(frozen=True)
class Requests:
    """Reads captured requests that hold these fields."""

    fields: Tuple[Field, ...]

    def read(self, text: str, content_type: str) -> List[Row]:
        """The rows of a request, as they were sent: what the model would have refused is not mended here.

        Raises ValueError where `text` holds no list of rows.
        """
        if _media_type(content_type) == CSV:
            return [self._csv_row(cells) for cells in csv.reader(io.StringIO(text)) if cells]
        instances = _member(text, "instances")
        if not all(isinstance(instance, dict) for instance in instances):
            raise ValueError("instances: not a list of objects")
        return [self._coded(instance) for instance in instances]

    def _csv_row(self, cells: List[str]) -> Row:
        if len(cells) != len(self.fields):
            raise ValueError(f"{len(cells)} values, expected {len(self.fields)}")
        return self._coded({field.name: _csv_value(field, cells[place]) for place, field in enumerate(self.fields)})

    def _coded(self, row: Row) -> Row:
        """Codes of categories as whole numbers: to the model 2.0 is 2, and to a monitor it is no new category."""
        coded = [field.name for field in self.fields if field.has_numeric_levels]
        floats = {name: int(row[name]) for name in coded if isinstance(row.get(name), float) and row[name].is_integer()}
        return {**row, **floats} if floats else row


def read_response(text: str, content_type: str) -> List[Answer]:
    """The predictions of a response, in the order of its request; raises ValueError where `text` holds none."""
    if _media_type(content_type) == CSV:
        rows = [cells for cells in csv.reader(io.StringIO(text)) if cells]
        if any(len(cells) != 3 for cells in rows):
            raise ValueError("response: not lines of probability, decision and version")
        return [Answer(_probability(cells[0]), cells[1], cells[2]) for cells in rows]
    try:
        return [
            Answer(
                _probability(each["probability"]),
                str(each["decision"]),
                str(each["model_version"]),
                dict(each.get("features", {})),  # what the model looked up, where it tells
            )
            for each in _member(text, "predictions")
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"predictions: {error!r}") from None


def _csv_value(field: Field, text: str) -> Any:
    """The value as JSON would have it; a number that is none stays a text, for the monitors to count."""
    text = text.strip()
    if not text or (field.kind is Kind.CATEGORICAL and not field.has_numeric_levels):
        return text or None
    try:
        return float(text)
    except ValueError:
        return text


def _media_type(content_type: str) -> str:
    return (content_type or JSON).split(";")[0].strip().lower()


def _member(text: str, name: str) -> List[Any]:
    document = json.loads(text)
    members = document.get(name) if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise ValueError(f"no list {name!r}")
    return members


def _probability(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"probability {value!r}: not between 0 and 1")
    return number
