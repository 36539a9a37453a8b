"""Each alarm has a section of docs/operations.md that tells what to do."""

import re
from pathlib import Path

import pytest

from tests.infra.environments import ENVIRONMENTS

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
PREFIX = re.compile(r"^(Serving)?(Challenger|Shadow)?")
SUFFIX = re.compile(r"[0-9A-F]{8}$")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_is_explained_under_its_name(environment, templates):
    headings = {
        name.strip()
        for line in DOCS.read_text().splitlines()
        if line.startswith("## ")
        for name in line.removeprefix("## ").split(",")
    }
    alarms = {
        PREFIX.sub("", SUFFIX.sub("", logical_id))
        for template in templates(environment).values()
        for logical_id, resource in template.body["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert len(alarms) >= 7
    assert alarms <= headings
