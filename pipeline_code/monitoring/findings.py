"""What a monitor says of a window of predictions, and when several windows together confirm it.

A finding breaches only if it is significant (chance alone would rarely do it) and large (it matters). A monitor is
confirmed when enough of its newest judged windows breached: one odd window is no trend. Nor are several that overlap.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

DATA_QUALITY, DATA_DRIFT, ATTRIBUTION = "data_quality", "data_drift", "attribution"
MODEL_QUALITY, CALIBRATION, BIAS = "model_quality", "calibration", "bias"
INPUT_MONITORS = (DATA_QUALITY, DATA_DRIFT, ATTRIBUTION)
"""Judged as soon as predictions are captured."""
OUTCOME_MONITORS = (MODEL_QUALITY, CALIBRATION, BIAS)
"""Judged once the outcomes of the window's predictions have matured."""
MONITORS = (*INPUT_MONITORS, *OUTCOME_MONITORS)
DEGRADING = (MODEL_QUALITY, CALIBRATION)
"""Only these say that the model got worse; inputs may drift for long while outcomes hold."""

JUDGED, TOO_FEW, EMPTY = "judged", "too_few", "empty"

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, order=True)
class Window:
    """Predictions answered from `start` on and before `end`; both with a zone, to the second, as capture has it."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"window {self}: expected an end after its start")

    def __str__(self) -> str:
        """ISO 8601's interval: `2026-11-01T00:00:00Z/2026-11-02T00:00:00Z`."""
        return f"{_utc(self.start)}/{_utc(self.end)}"

    @classmethod
    def read(cls, text: str) -> Window:
        """Raises ValueError with the text and the form that is expected."""
        try:
            start, end = (datetime.strptime(part, _TIME).replace(tzinfo=timezone.utc) for part in text.split("/"))
        except ValueError:
            form = "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
            raise ValueError(f"window {text!r}: expected start and end as in {form}") from None
        return cls(start, end)

    @property
    def key(self) -> str:
        """The window as a part of S3 keys that sort by time."""
        return f"{self.start:%Y%m%dT%H%M%SZ}-{self.end:%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True)
class Finding:
    """One comparison of a window with the baseline, whether it came out well or not.

    subject: a feature, a metric, a facet with its value. check: Model Monitor's constraint_check_type where it has
    one. value: what was measured; threshold: beyond which it is large; p_value: of the baseline's own world, None
    where a check is a rule and not a test. text: one sentence for an operator, with the figures.
    """

    monitor: str
    subject: str
    check: str
    value: float
    threshold: float
    p_value: Optional[float]
    significant: bool
    large: bool
    text: str

    @property
    def breaches(self) -> bool:
        return self.significant and self.large


@dataclass(frozen=True)
class Judgement:
    """What one monitor says of one window; few rows, or none, are no judgement and count for nothing."""

    monitor: str
    window: Window
    status: str
    rows: int
    findings: Tuple[Finding, ...] = ()
    breached: bool = False
    """As the monitor decides from all its findings: at least one breach, or as many as its calibration asks for."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures for CloudWatch and the report, by Model Monitor's metric names where it has them."""

    def document(self) -> Dict[str, Any]:
        return {**asdict(self), "window": str(self.window), "metrics": dict(self.metrics)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Judgement:
        """Raises KeyError, TypeError or ValueError for what `document` did not write."""
        findings = tuple(Finding(**each) for each in document["findings"])
        return cls(**{**document, "window": Window.read(document["window"]), "findings": findings})


@dataclass(frozen=True)
class Confirmation:
    """How many of the newest judged windows of one monitor breached, and whether that is enough."""

    monitor: str
    confirmed: bool
    breached: int
    judged: int
    windows: Tuple[Window, ...]
    """Those that were looked at, oldest first."""


def confirm(judgements: Sequence[Judgement], monitor: str, breaches: int, of: int) -> Confirmation:
    """Whether `breaches` of the newest `of` judged windows of `monitor` breached; a window counts once, the last said.

    Windows that overlap are not evidence of their own: one that shares time with a newer one is passed over, however
    many were judged. judgements: in any order, of one version of the model.
    """
    latest = {each.window: each for each in judgements if each.monitor == monitor and each.status == JUDGED}
    newest = [latest[window] for window in apart(latest, of)]
    count = sum(each.breached for each in newest)
    return Confirmation(monitor, count >= breaches, count, len(newest), tuple(each.window for each in newest))


def recency(window: Window) -> Tuple[datetime, datetime]:
    """Orders windows by how new they are: by their ends, and those that end together by their starts."""
    return window.end, window.start


def apart(windows: Iterable[Window], most: int) -> List[Window]:
    """At most so many windows, oldest first: from the newest on, each that ends before those taken begin."""
    taken: List[Window] = []
    for window in sorted(windows, key=recency, reverse=True):
        if len(taken) == most:
            break
        if not taken or window.end <= taken[-1].start:
            taken.append(window)
    return taken[::-1]


def subjects(judgements: Sequence[Judgement]) -> List[Tuple[str, int]]:
    """What breached in these judgements and how often, most often first."""
    counts = Counter(finding.subject for each in judgements for finding in each.findings if finding.breaches)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"time {moment.isoformat()}: has no zone")
    return moment.astimezone(timezone.utc).strftime(_TIME)
