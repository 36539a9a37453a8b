"""A feature group: its names, and how its values are written into a record and read from one."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from numbers import Integral, Real
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

from features import moments
from features.errors import FeatureError

INTEGRAL, FRACTIONAL, STRING = "Integral", "Fractional", "String"
TYPES = (INTEGRAL, FRACTIONAL, STRING)

Value = Union[int, float, str]
Values = Dict[str, Optional[Value]]
"""By feature; None where a record has no value."""

_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[a-zA-Z0-9]){0,63}", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LARGEST = 2**63 - 1
"""A bigint of the offline store."""


@dataclass(frozen=True)
class FeatureGroup:
    """name: as in the configuration. physical: as AWS knows it. features: names and types, besides record and time.

    event_time_type: String (ISO 8601 in UTC) or Fractional (seconds since 1970).
    """

    name: str
    physical: str
    record_identifier: str
    event_time: str
    event_time_type: str
    features: Mapping[str, str]

    def __post_init__(self) -> None:
        place = f"feature group {self.name}"
        for name in (self.physical, self.record_identifier, self.event_time, *self.features):
            if not _NAME.fullmatch(name):
                raise FeatureError(f"{place}: name {name!r}; use letters, digits, hyphens and underscores")
        names = [name.lower() for name in (self.record_identifier, self.event_time, *self.features)]
        if len(set(names)) != len(names):
            raise FeatureError(f"{place}: {names} holds a name twice; the offline store does not tell case")
        if self.event_time_type not in (STRING, FRACTIONAL):
            raise FeatureError(f"{place}: event_time_type {self.event_time_type!r}; use String or Fractional")
        for name, kind in self.features.items():
            if kind not in TYPES:
                raise FeatureError(f"{place}: feature {name} is {kind!r}; use {', '.join(TYPES)}")

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> FeatureGroup:
        """From `document()`; raises FeatureError for anything else."""
        try:
            return cls(**{**document, "features": dict(document["features"])})
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise FeatureError(f"feature group {document!r}: not the document of one ({error})") from None

    def document(self) -> Dict[str, Any]:
        return asdict(self)

    @property
    def types(self) -> Dict[str, str]:
        """Of every feature, the record identifier first and the event time after it."""
        return {self.record_identifier: STRING, self.event_time: self.event_time_type, **self.features}

    def record(self, values: Mapping[str, Any]) -> List[Dict[str, str]]:
        """As PutRecord takes it; a feature that is missing or None is left out, which is how AWS says NULL.

        The event time may be a datetime. Raises FeatureError with the feature, its value and what to give.
        """
        self._check_names(values)
        return [
            {"FeatureName": name, "ValueAsString": self.text_of(name, values[name])}
            for name in self.types
            if values.get(name) is not None
        ]

    def values(self, record: Iterable[Mapping[str, Any]]) -> Values:
        """Of what GetRecord returns: every feature of the group, None where the record has no value.

        What the record has beyond the group's features is left out: someone added it, and this code does not know it.
        """
        there = {item["FeatureName"]: item.get("ValueAsString") for item in record}
        return {name: self.value_of(name, there.get(name)) for name in self.types}

    def text_of(self, feature: str, value: Any) -> str:
        """A value as AWS takes it; raises FeatureError unless it is of the feature's type."""
        kind, place = self.types[feature], f"feature group {self.name}, {feature} {value!r}"
        if feature == self.event_time:
            return self._time_text(value, place)
        if kind == STRING:
            if not isinstance(value, str):
                raise FeatureError(f"{place}: not a text; give one, or None")
            if not value and feature == self.record_identifier:
                raise FeatureError(f"{place}: the record's identifier is empty; give it")
            return value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise FeatureError(f"{place}: not a number; give one, or None")
        if kind == FRACTIONAL:
            return repr(self._finite(value, place))
        if not isinstance(value, Integral) or abs(int(value)) > _LARGEST:
            raise FeatureError(f"{place}: not a whole number of 64 bits; give one, or make the feature Fractional")
        return str(int(value))

    def value_of(self, feature: str, text: Optional[str]) -> Optional[Value]:
        """A text of AWS as a value of the feature's type, None for None; raises FeatureError for what is none."""
        if text is None:
            return None
        kind, place = self.types[feature], f"feature group {self.name}, {feature} {text!r}"
        if kind == STRING:
            return moments.text(text) if feature == self.event_time else text
        if kind == FRACTIONAL:
            if not _NUMBER.fullmatch(text):
                raise FeatureError(f"{place}: not a number; give one like 0.25")
            return self._finite(float(text), place)
        if not _INTEGER.fullmatch(text) or abs(int(text)) > _LARGEST:
            raise FeatureError(f"{place}: not a whole number of 64 bits; give one, or make the feature Fractional")
        return int(text)

    def seconds(self, event_time: Any) -> float:
        """An event time of this group in seconds since 1970, by which event times compare."""
        return float(event_time) if isinstance(event_time, Real) else moments.seconds(event_time)

    def _time_text(self, value: Any, place: str) -> str:
        if self.event_time_type == STRING:
            if not isinstance(value, (str, datetime)):
                raise FeatureError(f"{place}: not a time; write it like 2026-11-21T16:00:00Z")
            return moments.text(value)
        if isinstance(value, (str, datetime)):
            value = moments.seconds(value)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise FeatureError(f"{place}: not a time; give seconds since 1970")
        moments.of_seconds(self._finite(value, place))
        return repr(float(value))

    @staticmethod
    def _finite(value: Any, place: str) -> float:
        number = float(value)
        if not math.isfinite(number):
            raise FeatureError(f"{place}: not a finite number; give one, or None for a missing value")
        return number

    def _check_names(self, values: Mapping[str, Any]) -> None:
        place = f"feature group {self.name}"
        if unknown := sorted(set(values) - set(self.types)):
            raise FeatureError(f"{place}: has no feature {unknown[0]!r}; there are {', '.join(self.types)}")
        for name in (self.record_identifier, self.event_time):
            if values.get(name) is None:
                raise FeatureError(f"{place}: a record without {name}; every record has one")


def read_groups(text: str) -> Dict[str, FeatureGroup]:
    """Groups by name from JSON of {name: document}, as a model's container gets them; raises FeatureError."""
    try:
        documents = json.loads(text)
        return {name: FeatureGroup.read(document) for name, document in documents.items()}
    except (ValueError, AttributeError) as error:
        raise FeatureError(f"feature groups {text[:200]!r}: not JSON of documents by name ({error})") from None
