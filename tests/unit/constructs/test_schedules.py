"""Cron expressions are AWS's: six fields, either the day of month or the day of week, and values that exist."""

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_constructs import schedules
from mlops_constructs.schedules import Cron, TimeZone

CRON, TIME_ZONE = TypeAdapter(Cron), TypeAdapter(TimeZone)


@pytest.mark.parametrize(
    "fields",
    [
        "0 10 * * ? *",
        "0 18 ? * MON-FRI *",
        "0/15 * * * ? *",
        "0/5 8-17 ? * mon-fri *",
        "*/10 0,12 1,15 JAN,JUL ? 2026-2030",
        "59 23 L 12 ? 2199",
        "30 6 LW * ? *",
        "30 6 15W * ? *",
        "0 9 ? * 2#1 *",
        "0 9 ? * 6L *",
        "0 0 1 1/3 ? *",
    ],
)
def test_what_aws_documents_is_taken(fields):
    assert CRON.validate_python(f"cron({fields})") == f"cron({fields})"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 20 ? * MON-FRI *", "six fields"),
        ("rate(1 day)", "six fields"),
        ("cron(0 20 * * *)", "six fields"),
        ("cron(0 20 ? * MON-FRI *) ", "six fields"),
        ("cron(60 20 ? * MON-FRI *)", "'60' cannot be its minutes"),
        ("cron(0 24 ? * MON-FRI *)", "'24' cannot be its hours"),
        ("cron(0 5-3 ? * MON-FRI *)", "'5-3' cannot be its hours"),
        ("cron(0 1-2-3 ? * MON-FRI *)", "'1-2-3' cannot be its hours"),
        ("cron(0 4, ? * MON-FRI *)", "'4,' cannot be its hours"),
        ("cron(0/0 4 ? * MON-FRI *)", "'0/0' cannot be its minutes"),
        ("cron(? 4 ? * MON-FRI *)", r"'\?' cannot be its minutes"),
        ("cron(0 4 0 * ? *)", "'0' cannot be its day of month"),
        ("cron(0 4 32W * ? *)", "'32W' cannot be its day of month"),
        ("cron(0 4 1 JAM ? *)", "'JAM' cannot be its month"),
        ("cron(0 4 ? * 0-6 *)", "'0-6' cannot be its day of week"),
        ("cron(0 4 ? * 2#6 *)", "'2#6' cannot be its day of week"),
        ("cron(0 4 ? * MON 1969)", "'1969' cannot be its year"),
        ("cron(0 4 * * * *)", "either the day of month or the day of week"),
        ("cron(0 4 ? * ? *)", "either the day of month or the day of week"),
        ("cron(0 4 1 * MON *)", "either the day of month or the day of week"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_field(text, reason):
    with pytest.raises(ValidationError, match=reason):
        CRON.validate_python(text)


@pytest.mark.parametrize("name", ["Europe/Berlin", "Etc/GMT+9", "UTC"])
def test_a_time_zone_is_one_of_ianas(name):
    assert TIME_ZONE.validate_python(name) == name


def test_an_unknown_time_zone_is_told_the_nearest():
    with pytest.raises(ValidationError, match="for example Pacific/Tahiti"):
        TIME_ZONE.validate_python("Pacific/Tahity")


def test_a_machine_without_time_zone_data_leaves_it_to_the_deployment(monkeypatch):
    monkeypatch.setattr(schedules, "_time_zones", frozenset)
    assert TIME_ZONE.validate_python("Mars/Olympus") == "Mars/Olympus"
