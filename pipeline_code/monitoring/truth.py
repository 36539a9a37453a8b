"""Ground truth: what became of predictions, as it arrives in files of JSON lines.

Format: developer guide, "Ingest Ground Truth labels and merge them with predictions"; `mlops outcomes` writes the
time of receipt beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple

from monitoring.capture import FOREIGN, Line, bare, text_of

_RECEIVED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:?00)?\Z", re.ASCII)


@dataclass
class Counts:
    """What became of lines of ground truth; lines: those that are not blank. unreadable: without record or outcome."""

    lines: int = 0
    outcomes: int = 0
    unreadable: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))

    def document(self) -> Dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """value: the outcome's text. received: `2026-11-21T16:00:01.123`, in UTC, so that texts sort as times do."""

    record: str
    value: str
    received: str


def read(lines: Iterable[Line], counts: Counts, arrived: str = "") -> Iterator[Outcome]:
    """The outcomes of a file's lines, in their order.

    counts: added to while the iterator is used. arrived: when an outcome without a time of receipt is taken
    to have come (`places.arrived` of its file: the end of that hour).
    """
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            outcome = _outcome(json.loads(line), arrived)
        except FOREIGN:
            counts.unreadable += 1
            continue
        counts.outcomes += 1
        yield outcome


class Outcomes:
    """The newest outcome of each wanted record; memory grows with those, not with the ground truth."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._newest: Dict[str, Optional[Tuple[str, str]]] = dict.fromkeys(map(bare, wanted))

    def add(self, outcome: Outcome) -> None:
        """Keep it if it is wanted and the newest; of two that were received at once, the one that is added last."""
        if outcome.record not in self._newest:
            return
        known = self._newest[outcome.record]
        if known is None or outcome.received >= known[0]:
            self._newest[outcome.record] = (outcome.received, outcome.value)

    def get(self, record: str) -> Optional[str]:
        """What became of it, or None while that is not known."""
        known = self._newest.get(bare(record))
        return None if known is None else known[1]

    def __len__(self) -> int:
        """Records whose outcome is known."""
        return sum(known is not None for known in self._newest.values())


def _outcome(truth: Mapping[str, Any], arrived: str) -> Outcome:
    metadata = truth["eventMetadata"]
    record, value = metadata["eventId"], _value(truth["groundTruthData"])
    if not isinstance(record, str) or not record or not value:
        raise ValueError(f"record {record!r}, outcome {value!r}: not both there")
    return Outcome(bare(record), value, _received(metadata.get("receivedAt"), arrived))


def _value(part: Mapping[str, Any]) -> str:
    """One value; `"1"` in JSON is the same outcome as 1, and null is none."""
    text = text_of(part).strip()
    if str(part.get("encoding")).upper() != "JSON":
        return text
    value = json.loads(text)
    if value is None or isinstance(value, (dict, list)):
        raise ValueError(f"outcome {text!r}: not one value")
    return value if isinstance(value, str) else json.dumps(value)


def _received(text: Any, arrived: str) -> str:
    """Milliseconds are written out, as experiment.sql does, so that times with and without them compare."""
    if not text:
        return arrived
    match = _RECEIVED.match(text)
    if match is None:
        raise ValueError(f"receivedAt {text!r}: not a time in UTC")
    second, fraction = match.groups()
    return f"{second}.{(fraction or '')[:3]:0<3}"
