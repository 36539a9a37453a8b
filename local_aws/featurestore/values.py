"""Values of features: their three types, and the moment that an event time stands for.

Source: API reference, CreateFeatureGroup (EventTimeFeatureName) and FeatureValue. AWS' texts for values that do not
fit are not documented; these are ours.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

_INTEGRAL = re.compile(r"[+-]?\d{1,19}")
_FRACTIONAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# yyyy-MM-dd'T'HH:mm:ssZ and yyyy-MM-dd'T'HH:mm:ss.SSSZ, where 'T' and Z are constants.
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")
_LONG = 2**63

Value = str | int | float


def typed(kind: str, text: str) -> Value:
    """The value of a feature of the type Integral, Fractional or String. Raises ValueError with what is wrong."""
    if kind == "Integral":
        if _INTEGRAL.fullmatch(text) and -_LONG <= int(text) < _LONG:
            return int(text)
        raise ValueError(f"'{text}' is not an Integral value: a whole number of 64 bits")
    if kind == "Fractional":
        if _FRACTIONAL.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        raise ValueError(f"'{text}' is not a Fractional value: a finite number")
    return text


def moment(kind: str, text: str) -> float:
    """Seconds since 1970 of an event time, a String in ISO 8601 or a Fractional of seconds.

    Raises ValueError with what is wrong.
    """
    if kind == "Fractional":
        seconds = float(typed(kind, text))
        try:
            datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise ValueError(f"'{text}' is not a Unix timestamp in seconds") from error
        return seconds
    try:
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise ValueError(f"'{text}' is not in the format yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ")


def iso(seconds: float) -> str:
    """A moment as Feature Store writes ExpiresAt, e.g. 2026-11-21T10:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
