"""Which days are learned from and tested on."""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import date, timedelta

import pytest

SETTINGS = {"train_months": 21, "test_months": 3, "label_maturity_months": 24}


def later(day, months):
    """So many months after a day; the month's last day where it has no such day."""
    month = day.year * 12 + day.month - 1 + months
    year, number = month // 12, month % 12 + 1
    return date(year, number, min(day.day, monthrange(year, number)[1]))


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("2026-10-31", ("2022-11-01", "2024-07-31", "2024-08-01", "2024-10-31")),
        ("2026-10-30", ("2022-10-01", "2024-06-30", "2024-07-01", "2024-09-30")),
        ("2026-11-01", ("2022-11-01", "2024-07-31", "2024-08-01", "2024-10-31")),
        ("2026-02-28", ("2022-03-01", "2023-11-30", "2023-12-01", "2024-02-29")),
        ("2028-02-28", ("2024-02-01", "2025-10-31", "2025-11-01", "2026-01-31")),
        ("2028-02-29", ("2024-03-01", "2025-11-30", "2025-12-01", "2026-02-28")),
    ],
)
def test_days_of_a_snapshot(retraining_controller, until, days):
    found = retraining_controller.windows.window(date.fromisoformat(until), **SETTINGS)
    assert (found.train_from, found.train_to, found.test_from, found.test_to) == tuple(map(date.fromisoformat, days))


@pytest.mark.parametrize("seed", range(20))
def test_whole_months_in_a_row_that_have_all_matured(retraining_controller, seed):
    chance = random.Random(seed)
    for _ in range(200):
        until = date(2000, 1, 1) + timedelta(days=chance.randrange(20_000))
        train, test, maturity = chance.randint(1, 60), chance.randint(1, 24), chance.randint(0, 120)
        found = retraining_controller.windows.window(
            until, train_months=train, test_months=test, label_maturity_months=maturity
        )
        assert found.test_from == found.train_to + timedelta(days=1)
        assert found.train_from.day == found.test_from.day == 1
        assert later(found.train_from, train) == found.test_from
        assert later(found.test_from, test) == found.test_to + timedelta(days=1)
        # All of it has matured, and a month more would not have.
        assert later(found.test_to + timedelta(days=1), maturity) - timedelta(days=1) <= until
        month_more = later(found.test_to + timedelta(days=1), 1) - timedelta(days=1)
        assert later(month_more + timedelta(days=1), maturity) - timedelta(days=1) > until


def test_data_before_the_calendar_are_refused(retraining_controller):
    windows = retraining_controller.windows
    with pytest.raises(windows.TooEarly, match="48 months before 0004-12-30 there is no date"):
        windows.window(date(4, 12, 30), **SETTINGS)
    assert windows.window(date(4, 12, 31), **SETTINGS).train_from == date(1, 1, 1)
