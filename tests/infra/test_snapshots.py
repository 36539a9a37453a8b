"""Every template of every environment, hashes of code left out; `pytest --snapshot-update` accepts a change."""

import json
import re

import pytest

from tests.infra.environments import ENVIRONMENTS, STACKS

HASH = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stack", STACKS)
def test_template_is_as_reviewed(environment, stack, templates, snapshot_json):
    template = json.loads(HASH.sub("<hash>", json.dumps(templates(environment)[stack].body)))
    template.get("Parameters", {}).pop("BootstrapVersion", None)
    template.pop("Rules", None)
    assert template == snapshot_json
