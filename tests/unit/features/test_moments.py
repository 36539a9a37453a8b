"""Event times are written in one way, and what is no time in UTC is refused with the way to write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from features import moments
from features.errors import FeatureError


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-11-21T16:00:00Z", "2026-11-21T16:00:00Z"),
        ("2026-11-21T16:00:00.000Z", "2026-11-21T16:00:00Z"),
        ("2026-11-21T16:00:00.25Z", "2026-11-21T16:00:00.250Z"),
        ("2026-11-21T16:00:00.1239Z", "2026-11-21T16:00:00.123Z"),
        ("2026-11-21T16:00:00+00:00", "2026-11-21T16:00:00Z"),
        ("2026-11-21 01:30:00+0530", "2026-11-20T20:00:00Z"),
        ("2026-11-21", "2026-11-21T00:00:00Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
        (datetime(2026, 11, 21, 16, 0, 0, 250_999, tzinfo=UTC), "2026-11-21T16:00:00.250Z"),
        (datetime(2026, 11, 21, 16, tzinfo=timezone(timedelta(hours=-1))), "2026-11-21T17:00:00Z"),
    ],
)
def test_a_moment_has_one_text(given: moments.Moment, written: str) -> None:
    assert moments.text(given) == written
    assert moments.text(written) == written


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "now",
        "2026-11-21T16:00:00",
        "2026-11-21T16:00Z",
        "2026-11-21T16:00:00Z\n",
        "2026-02-30T00:00:00Z",
        "2026-11-21T25:00:00Z",
        "2026-11-21T16:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "٢٠٢٦-11-21",
    ],
)
def test_what_is_no_time_in_utc_is_refused(wrong: str) -> None:
    with pytest.raises(FeatureError, match=r"^time .*(write it like 2026-11-21T16:00:00Z)$"):
        moments.text(wrong)


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(FeatureError, match="has no zone; give it in UTC"):
        moments.text(datetime(2026, 11, 21))


def test_seconds_and_moments_are_each_other_s_inverse() -> None:
    assert moments.seconds("1970-01-01T00:00:01.500Z") == 1.5
    assert moments.of_seconds(1.5) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    with pytest.raises(FeatureError, match="no such time"):
        moments.of_seconds(1e20)
