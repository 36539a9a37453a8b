"""When windows are judged: once each, so long after their end."""

import pytest

from mlops_constructs.monitoring_schedule import cron
from mlops_constructs.schedules import _check_cron


@pytest.mark.parametrize(
    ("window_hours", "delay_minutes", "expected"),
    [
        (24, 60, "cron(0 1 * * ? *)"),
        (24, 0, "cron(0 0 * * ? *)"),
        (24, 1440, "cron(0 0 * * ? *)"),
        (12, 90, "cron(30 1,13 * * ? *)"),
        (6, 61, "cron(1 1,7,13,19 * * ? *)"),
        (8, 600, "cron(0 2,10,18 * * ? *)"),
        (1, 0, "cron(0 * * * ? *)"),
        (1, 75, "cron(15 * * * ? *)"),
    ],
)
def test_a_run_comes_after_each_window(window_hours, delay_minutes, expected):
    assert cron(window_hours, delay_minutes) == expected


@pytest.mark.parametrize("window_hours", [1, 2, 3, 4, 6, 8, 12, 24])
@pytest.mark.parametrize("delay_minutes", [0, 59, 60, 1439, 1440])
def test_every_setting_gives_an_expression_that_aws_takes(window_hours, delay_minutes):
    text = cron(window_hours, delay_minutes)
    assert _check_cron(text) == text
    hours = text.split()[1]
    assert hours == "*" if window_hours == 1 else len(hours.split(",")) == 24 // window_hours
