"""Each alarm has a section of docs/operations.md that tells what to do."""

import re
from pathlib import Path

import pytest

from tests.infra.environments import ACCOUNTS, ENVIRONMENTS, flat

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
PREFIX = re.compile(r"^(Serving|To[a-z]+(?=Forwarding))?(Challenger|Shadow)?")
SUFFIX = re.compile(r"[0-9A-F]{8}$")
MONITORING = re.compile(r"mlops-\w+-loan-approval-monitoring-(\w+)")


def headings():
    return {
        name.strip()
        for line in DOCS.read_text().splitlines()
        if line.startswith("## ")
        for name in line.removeprefix("## ").split(",")
    }


def alarms(template):
    """What each alarm is called: by its name where it has one, by its logical id where CloudFormation names it."""
    for logical_id, resource in template.body["Resources"].items():
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            named = MONITORING.fullmatch(flat(resource["Properties"].get("AlarmName", "")))
            yield named[1] if named else PREFIX.sub("", SUFFIX.sub("", logical_id)), resource["Properties"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_is_explained_under_its_name(environment, templates):
    found = {name for template in templates(environment).values() for name, _ in alarms(template)}
    assert len(found) >= 20
    assert found <= headings()


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_every_alarm_between_accounts_is_explained_under_its_name(environment, accounts):
    found = {name for template in accounts(environment).values() for name, _ in alarms(template)}
    assert ("ForwardingDeadLettersWaiting" in found) is (environment != "dev")
    assert found <= headings()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_says_what_it_means_and_where_it_says_what_to_do(environment, templates):
    for template in templates(environment).values():
        for name, properties in alarms(template):
            meaning, _, place = flat(properties["AlarmDescription"]).partition(" What to do: docs/operations.md, ")
            assert len(meaning) > 20 and meaning.endswith("."), name
            assert place.lower() == name.lower()
