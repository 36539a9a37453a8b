"""Which days to learn from and to test on, counted back from the last day of the data. Pure: no clock.

    train_months          test_months     label_maturity_months
    |--------------------|---------------|----------------------|
    train_from  train_to  test_from  test_to                    until

All four are whole months. An outcome matures `label_maturity_months` after its row, so by `until` all rows up to
`test_to` have matured: a month of them has if its last day, so many months later, is not after `until`.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

MONTHS = 12


class TooEarly(Exception):
    """So many months before that day there is no date."""


@dataclass(frozen=True)
class Window:
    """First and last days, both included."""

    train_from: date
    train_to: date
    test_from: date
    test_to: date


def window(until: date, *, train_months: int, test_months: int, label_maturity_months: int) -> Window:
    """The newest window that has matured by `until`. Raises TooEarly."""
    month = _month(until) if until.day == _days(_month(until)) else _month(until) - 1
    test_to = month - label_maturity_months
    test_from = test_to - test_months + 1
    train_from = test_from - train_months
    if train_from < MONTHS:
        raise TooEarly(f"{train_months + test_months + label_maturity_months} months before {until} there is no date")
    return Window(_first(train_from), _last(test_from - 1), _first(test_from), _last(test_to))


def _month(day: date) -> int:
    """Months since the year 0."""
    return day.year * MONTHS + day.month - 1


def _days(month: int) -> int:
    return monthrange(month // MONTHS, month % MONTHS + 1)[1]


def _first(month: int) -> date:
    return date(month // MONTHS, month % MONTHS + 1, 1)


def _last(month: int) -> date:
    return date(month // MONTHS, month % MONTHS + 1, _days(month))
