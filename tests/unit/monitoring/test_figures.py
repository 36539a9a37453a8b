"""Numbers, chances and windows as people read them."""

import math

import pytest

from monitoring import figures
from monitoring.findings import Window


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0, "0"),
        (7, "7"),
        (12_345, "12,345"),
        (1234.5, "1,234"),
        (2_500_000, "2.5 M"),
        (3.2e9, "3.2 G"),
        (0.5, "0.5"),
        (0.12345, "0.123"),
        (0.012345, "0.0123"),
        (0.00099, "0.00099"),
        (0.0000123, "1e-05"),
        (12.345, "12.3"),
        (999.6, "1,000"),
        (990.4, "990"),
        (-0.25, "−0.25"),
    ],
)
def test_a_number_has_three_digits_that_count(value: float, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (None, "a rule, not a test"),
        (0.2345, "p = 0.23"),
        (0.003, "p = 0.003: one window in 300 by chance"),
        (2e-6, "p = 2e-06: one window in 500,000 by chance"),
        (4e-7, "p = 4e-07: one window in 2 million by chance"),
        (0.0, "p < 1e-9: less than one window in a billion by chance"),
    ],
)
def test_a_chance_is_told_in_words(p_value: float, text: str) -> None:
    assert figures.chance(p_value) == text


@pytest.mark.parametrize(("value", "limit", "times"), [(3, 2, 1.5), (3, 0, None), (3, -1, None), (math.inf, 1, None)])
def test_how_many_times_a_limit_says_something_only_for_limits_above_nothing(
    value: float, limit: float, times: float
) -> None:
    assert figures.times(value, limit) == times


def window(start: str, end: str) -> Window:
    return Window.read(f"{start}/{end}")


DAYS = [window(f"2026-11-0{n}T00:00:00Z", f"2026-11-0{n + 1}T00:00:00Z") for n in (1, 2)]
MONTHS = [
    window("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
    window("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
]
HOURS = [window("2026-11-01T22:00:00Z", "2026-11-01T23:00:00Z"), window("2026-11-01T23:00:00Z", "2026-11-02T00:00:00Z")]
SECONDS = [window("2026-11-01T22:00:01Z", "2026-11-01T22:00:03Z")]
YEARS = [DAYS[0], window("2027-11-01T00:00:00Z", "2027-11-02T00:00:00Z")]


@pytest.mark.parametrize(
    ("windows", "labels"),
    [
        (DAYS, ["1 Nov", "2 Nov"]),
        (MONTHS, ["Nov 2026", "Dec 2026"]),
        (HOURS, ["22:00", "23:00"]),
        (SECONDS, ["22:00:01"]),
        (YEARS, ["1 Nov 2026", "1 Nov 2027"]),
        ([*HOURS[:1], *DAYS], ["1 Nov 22:00", "1 Nov 00:00", "2 Nov 00:00"]),
        ([], []),
    ],
)
def test_labels_are_no_longer_than_telling_them_apart_needs(windows: list[Window], labels: list[str]) -> None:
    assert figures.labels(windows) == labels


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (DAYS[0], "1 Nov 2026"),
        (MONTHS[1], "Dec 2026"),
        (window("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"), "1 Nov – 7 Nov 2026"),
        (HOURS[0], "1 Nov 2026 22:00 – 23:00"),
        (HOURS[1], "1 Nov 2026 23:00 – 2 Nov 2026 00:00"),
        (SECONDS[0], "1 Nov 2026 22:00:01 – 22:00:03"),
    ],
)
def test_a_window_is_named_by_what_it_is(of: Window, text: str) -> None:
    assert figures.window(of) == text
