"""When something happens again and again: AWS's cron expressions and time zones, checked at synthesis.

A wrong one would be refused only by the deployment, after minutes. Application Auto Scaling, EventBridge and its
scheduler take the same expressions (EventBridge user guide: "Cron expressions reference").
"""

import difflib
import functools
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_CRON = re.compile(r"cron\((.*)\)")
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_STEP = re.compile(r"(?P<range>[^/]+)/(?P<step>\d+)")
_EXAMPLE = "cron(0 20 ? * MON-FRI *)"
_ANY = "?"


@dataclass(frozen=True)
class _Field:
    """One of the six: its bounds, the names that stand for numbers from `low` on, and what only it can hold."""

    name: str
    low: int
    high: int
    names: Sequence[str] = ()
    special: str = ""
    steps: bool = True

    def takes(self, text: str) -> bool:
        if self.special and text == _ANY:
            return True
        return all(self._takes_item(item) for item in text.split(","))

    def _takes_item(self, item: str) -> bool:
        if self.special and re.fullmatch(self.special, item):
            return True
        if self.steps and (match := _STEP.fullmatch(item)):
            return 1 <= int(match["step"]) <= self.high and self._takes_range(match["range"])
        return self._takes_range(item)

    def _takes_range(self, text: str) -> bool:
        if text == "*":
            return True
        bounds = [self._number(bound) for bound in text.split("-")]
        known = [bound for bound in bounds if bound is not None and self.low <= bound <= self.high]
        return len(known) == len(bounds) <= 2 and known == sorted(known)

    def _number(self, text: str) -> int | None:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.low
        return int(text) if text.isascii() and text.isdigit() else None


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY, _WEEKDAY = 2, 4
_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, special=r"L|LW|([1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _DAYS, special=r"[1-7]?L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5]", steps=False),
    _Field("year", 1970, 2199),
)


def _check_cron(text: str) -> str:
    match = _CRON.fullmatch(text)
    values = match[1].split() if match else []
    if len(values) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise _refused(f"cron(…) with six fields ({names}), for example {_EXAMPLE}")
    for field, value in zip(_FIELDS, values, strict=True):
        if not field.takes(value):
            raise _refused(f"a schedule such as {_EXAMPLE}: {value!r} cannot be its {field.name}")
    if (values[_DAY] == _ANY) == (values[_WEEKDAY] == _ANY):
        raise _refused(f"a schedule such as {_EXAMPLE}: either the day of month or the day of week is {_ANY}")
    return text


@functools.cache
def _time_zones() -> frozenset[str]:
    """Those that this machine knows; looking for them reads some six hundred files."""
    return frozenset(zoneinfo.available_timezones())


def _check_time_zone(name: str) -> str:
    known = _time_zones()
    # A machine without time zone data cannot tell; the deployment will.
    if known and name not in known:
        close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.4) or ["Europe/Berlin"]
        raise _refused(f"an IANA time zone, for example {close[0]}")
    return name


def _refused(allowed: str) -> PydanticCustomError:
    return PydanticCustomError("allowed", "{allowed}", {"allowed": allowed})


def _check_schedule(text: str) -> str:
    if not text or _RATE.fullmatch(text):
        return text
    if not text.startswith("cron("):
        raise _refused(f'"" for never, a rate such as rate(1 day) or rate(12 hours), or {_EXAMPLE}')
    return _check_cron(text)


def _check_cron_or_never(text: str) -> str:
    return _check_cron(text) if text else text


Cron = Annotated[str, AfterValidator(_check_cron)]
CronOrNever = Annotated[str, AfterValidator(_check_cron_or_never)]
"""A cron expression in a time zone given beside it, or "" for never."""

Schedule = Annotated[str, AfterValidator(_check_schedule)]
"""A cron expression in UTC, a rate such as rate(1 day), or "" for never."""

TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
