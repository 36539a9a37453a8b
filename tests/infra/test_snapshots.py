"""Every template of every environment, hashes of code left out; `pytest --snapshot-update` accepts a change."""

import json
import re

import pytest

from tests.infra.environments import ACCOUNTS, ACCOUNTS_REGION, ENVIRONMENTS, STACKS, flat
from tests.infra.placing import differences, placed

HASH = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.mark.parametrize(("stack", "environment"), [(stack, each) for each in ENVIRONMENTS for stack in STACKS[each]])
def test_template_is_as_reviewed(environment, stack, templates, snapshot_json):
    template = json.loads(HASH.sub("<hash>", json.dumps(templates(environment)[stack].body)))
    template.get("Parameters", {}).pop("BootstrapVersion", None)
    template.pop("Rules", None)
    for each in template["Resources"].values():
        if each["Type"] == "AWS::SageMaker::Pipeline":
            # One text in the template; a person can only review it as what it says.
            body = flat(each["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"])
            each["Properties"]["PipelineDefinition"] = json.loads(body)
    assert template == snapshot_json


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_what_an_account_for_each_environment_changes_is_as_reviewed(environment, templates, accounts, snapshot_json):
    """By stack, only what differs from the templates above: whatever is not there is the same in both shapes."""
    changed = {}
    for stack in STACKS[environment]:
        one, two = (
            placed(shape(environment)[stack], ACCOUNTS[environment], ACCOUNTS_REGION) for shape in (templates, accounts)
        )
        if found := list(differences(one, two)):
            changed[stack] = json.loads(HASH.sub("<hash>", json.dumps(found)))
    assert changed == snapshot_json
