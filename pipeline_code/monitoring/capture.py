"""Captured requests and responses of an endpoint, read as predictions.

Format: developer guide, "Capture data from real-time endpoint". A record is a prediction: the inference id of its
request (else the capture's event id), with #n for the n-th row of a request with several, as `mlops outcomes` and the
release controller's experiment.sql name it. What cannot be read is counted, never fatal and never silent.
"""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple, Union

from monitoring.findings import Window
from monitoring.model import Answer, MonitoredModel, Row

Line = Union[str, bytes]

FOREIGN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, csv.Error)
"""What a text raises that is not what its reader takes it for; anything else is a defect and ends the step."""

_TYPES = {"JSON": "application/json", "CSV": "text/csv"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):?(\d\d))?\Z", re.ASCII)


@dataclass
class Counts:
    """What became of captured lines.

    lines: those that are not blank. unreadable: truncated, of another form, without time, id, input or output, or
    with a payload that the model's reader refuses. outside: of a time that was not asked for. mismatched: with more
    or fewer answers than rows. predictions: handed on; other_version and without_version: of no version that was
    asked for. The first four count requests, the next three predictions. misplaced: files that lie in no folder of an
    hour, and were not read.
    """

    lines: int = 0
    unreadable: int = 0
    outside: int = 0
    mismatched: int = 0
    predictions: int = 0
    other_version: int = 0
    without_version: int = 0
    misplaced: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))

    def document(self) -> Dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """One row of a captured request, with what the model looked up for it, and the answer; `at` in UTC, to a second."""

    record: str
    at: datetime
    row: Row
    answer: Answer


def read(
    lines: Iterable[Line],
    model: MonitoredModel,
    counts: Counts,
    window: Optional[Window] = None,
    version: Optional[str] = None,
) -> Iterator[Prediction]:
    """The predictions of captured lines, in their order.

    window and version, where given, leave out what was answered at another time or by another version. A request that
    was captured twice comes twice. `counts` is added to while the iterator is used.
    """
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            event = json.loads(line)
            metadata, data = event["eventMetadata"], event["captureData"]
            at, request = _moment(metadata["inferenceTime"]), _request(metadata)
            if window is not None and not window.start <= at < window.end:
                counts.outside += 1
                continue
            rows = model.read_request(*_payload(data["endpointInput"]))
            answers = model.read_response(*_payload(data["endpointOutput"]))
        except FOREIGN:
            counts.unreadable += 1
            continue
        if len(rows) != len(answers):
            counts.mismatched += 1
        elif not rows:
            counts.unreadable += 1  # as experiment.sql counts a response without a prediction
        else:
            for number, answer in enumerate(answers, 1):
                if not answer.version:
                    counts.without_version += 1
                    if version is not None:
                        continue
                elif version is not None and answer.version != version:
                    counts.other_version += 1
                    continue
                counts.predictions += 1
                yield Prediction(record_id(request, number), at, {**rows[number - 1], **answer.features}, answer)


def record_id(request: str, number: int = 1) -> str:
    """The record of the `number`-th row (from 1) of a request; #1 at the end says nothing and is left out."""
    return bare(request) if number == 1 else f"{request}#{number}"


def bare(record: str) -> str:
    """The record without #1 at its end, however often it stands there: `a#1#1` and `a` are the same record."""
    while record.endswith("#1"):
        record = record[:-2]
    return record


def text_of(part: Mapping[str, Any]) -> str:
    """The text in a part of a record, whatever its encoding; raises ValueError where it holds none."""
    data, encoding = part["data"], str(part.get("encoding", "")).upper()
    if encoding == "BASE64":
        return base64.b64decode(data, validate=True).decode("utf-8-sig")
    if isinstance(data, str):
        return data
    if data is None:
        raise ValueError("data: null")
    return json.dumps(data)


def _payload(part: Mapping[str, Any]) -> Tuple[str, str]:
    """Text and content type; a record without an observed content type is taken at its encoding."""
    kind = part.get("observedContentType") or _TYPES.get(str(part.get("encoding")).upper(), "")
    return text_of(part), str(kind)


def _request(metadata: Mapping[str, Any]) -> str:
    request = metadata.get("inferenceId") or metadata["eventId"]
    if not isinstance(request, str) or not request:
        raise ValueError(f"eventId {request!r}: not a text")
    return request


@lru_cache(maxsize=4096)  # the requests of a second share its text
def _moment(text: str) -> datetime:
    """The second in UTC; a time without a zone is UTC, as everything that SageMaker captures."""
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"inferenceTime {text!r}: not ISO 8601")
    day, clock, hours, minutes = match.groups()
    zone = f"{hours}:{minutes}" if hours else "+00:00"
    return datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(timezone.utc)
