"""Cron expressions, as EventBridge reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

CronFields = tuple[Any, ...]


def cron_fields(expression: str) -> CronFields | None:
    """A cron(...) expression taken apart; None if it is not one."""
    from ministack.services import eventbridge

    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return None
    minutes, hours, day, months, weekday = fields[:5]
    allowed = ((minutes, 0, 59), (hours, 0, 23), (day["days"], 1, 31), (months, 1, 12), (weekday["days"], 1, 7))
    # ministack takes any number, and such a schedule would never come.
    fit = all(values <= set(range(least, most + 1)) for values, least, most in allowed)
    return tuple(fields) if fit else None


def cron_next(fields: CronFields, after: datetime) -> datetime | None:
    """The next minute of the expression on the clock of `after`'s time zone; None if there is none in 4 years."""
    from ministack.services import eventbridge

    return eventbridge._cron_next_fire(fields, after)  # type: ignore[no-any-return]
