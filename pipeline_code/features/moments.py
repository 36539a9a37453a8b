"""Event times as Feature Store takes them: ISO 8601 in UTC, with milliseconds where a time has some.

Source: developer guide, "Ingest data into a feature group": yyyy-MM-dd'T'HH:mm:ssZ and yyyy-MM-dd'T'HH:mm:ss.SSSZ.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Union

from features.errors import FeatureError

Moment = Union[datetime, str]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d))?", re.ASCII)


def text(moment: Moment) -> str:
    """`2026-11-21T16:00:00Z`, or `2026-11-21T16:00:00.250Z`; what is finer than a millisecond is cut off.

    Raises FeatureError as `parse` does.
    """
    at = parse(moment)
    # Not strftime: its %Y has no leading zeros before the year 1000.
    second = at.replace(tzinfo=None, microsecond=0).isoformat()
    milliseconds = at.microsecond // 1000
    return f"{second}.{milliseconds:03}Z" if milliseconds else f"{second}Z"


def parse(moment: Moment) -> datetime:
    """In UTC; a date alone is its midnight. Raises FeatureError for a time without a zone, and for any other text."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise FeatureError(f"time {moment.isoformat()}: has no zone; give it in UTC")
        return moment.astimezone(timezone.utc)
    match = _TEXT.fullmatch(moment)
    if match is None:
        raise FeatureError(f"time {moment!r}: not ISO 8601 in UTC; write it like 2026-11-21T16:00:00Z")
    day, clock, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}").replace(tzinfo=timezone.utc)
        at += timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))
        return at - _offset(zone or "Z")
    except (ValueError, OverflowError):
        raise FeatureError(f"time {moment!r}: there is no such time; write it like 2026-11-21T16:00:00Z") from None


def of_seconds(seconds: float) -> datetime:
    """The moment so many seconds after the beginning of 1970; raises FeatureError if no calendar has it."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise FeatureError(f"time {seconds!r}: there is no such time; give seconds since 1970") from None


def seconds(moment: Moment) -> float:
    """Seconds from the beginning of 1970."""
    return (parse(moment) - EPOCH).total_seconds()


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return (1 if zone[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes)
