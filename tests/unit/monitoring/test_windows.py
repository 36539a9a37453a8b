import itertools
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from monitoring.findings import Window
from monitoring.windows import last_window, matured_window, read_windows

HOURS = (1, 2, 3, 4, 6, 8, 12, 24)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_windows_are_read_once_each_in_their_order():
    first, second = "2026-11-02T00:00:00Z/2026-11-03T00:00:00Z", "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
    assert list(map(str, read_windows(f" {first},{second}, {first},"))) == [first, second]
    assert read_windows("") == []


@pytest.mark.parametrize("text", ["none", "2026-11-01", "2026-11-02T00:00:00Z/2026-11-01T00:00:00Z", "a/b/c"])
def test_what_is_no_window_is_named(text):
    with pytest.raises(ValueError, match=r"window"):
        read_windows(text)


@pytest.mark.parametrize(
    ("scheduled", "hours", "expected"),
    [
        ("2026-11-21T01:00:00", 24, "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"),
        ("2026-11-21T00:59:59", 24, "2026-11-19T00:00:00Z/2026-11-20T00:00:00Z"),
        ("2026-11-21T16:20:00", 1, "2026-11-21T14:00:00Z/2026-11-21T15:00:00Z"),
        ("2026-03-01T01:00:00", 24, "2026-02-28T00:00:00Z/2026-03-01T00:00:00Z"),
        ("2026-11-21T02:00:00", 6, "2026-11-20T18:00:00Z/2026-11-21T00:00:00Z"),
    ],
)
def test_the_newest_window_ended_the_delay_before(scheduled, hours, expected):
    assert str(last_window(at(scheduled), hours, timedelta(hours=1))) == expected


def test_the_schedules_zone_does_not_matter():
    noon = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=5)))
    assert last_window(noon, 24, timedelta(0)) == last_window(noon.astimezone(UTC), 24, timedelta(0))


def test_an_outcome_window_matured_the_delay_before():
    window = matured_window(at("2026-11-21T01:00:00"), 24, timedelta(hours=1), timedelta(days=30))
    assert str(window) == "2026-10-21T00:00:00Z/2026-10-22T00:00:00Z"


@pytest.mark.parametrize("hours", [0, 5, 7, 23, 48, -1])
def test_windows_that_do_not_divide_a_day_are_refused(hours):
    with pytest.raises(ValueError, match="does not divide a day"):
        last_window(at("2026-11-21T00:00:00"), hours, timedelta(0))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no zone"):
        last_window(datetime(2026, 11, 21), 24, timedelta(0))


@pytest.mark.parametrize("hours", HOURS)
def test_consecutive_runs_leave_no_gap_and_never_overlap(hours):
    rng = random.Random(hours)
    for _ in range(20):
        delay, matures = timedelta(minutes=rng.randint(0, 300)), timedelta(days=rng.randint(0, 800))
        step = timedelta(hours=hours)
        # A month with the end of February in it; runs start up to 20 minutes late, all within one step.
        first = at("2028-02-20T00:00:00") + delay
        runs = [first + number * step + timedelta(seconds=rng.randint(0, 1200)) for number in range(30 * 24 // hours)]
        for windows in (
            [last_window(run, hours, delay) for run in runs],
            [matured_window(run, hours, delay, matures) for run in runs],
        ):
            assert all(window.end - window.start == step for window in windows)
            assert all(one.end == other.start for one, other in itertools.pairwise(windows))


@pytest.mark.parametrize("hours", HOURS)
def test_whenever_it_runs_the_window_is_whole_old_enough_and_the_newest(hours):
    rng = random.Random(100 + hours)
    for _ in range(300):
        run = at("2026-01-01T00:00:00") + timedelta(seconds=rng.randint(0, 3 * 365 * 86400))
        delay = timedelta(minutes=rng.randint(0, 3000))
        window = last_window(run, hours, delay)
        assert window.end <= run - delay < window.end + timedelta(hours=hours)
        assert (window.start.hour % hours, window.start.minute, window.start.second) == (0, 0, 0)
        assert Window.read(str(window)) == window
