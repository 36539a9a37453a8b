"""What other people's rules say about all templates of all environments: nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.environments import ENVIRONMENTS, WATCHED_BY_AWS, stack_names

# The rule wants DependsOn removed where a reference already orders things; CDK adds both.
CFN_LINT_IGNORED = "W3005"


@pytest.mark.parametrize("environment", (*ENVIRONMENTS, WATCHED_BY_AWS))
def test_builtin_validator_finds_nothing_warnings_included(environment, assembly):
    report = json.loads((assembly(environment) / "validation-report.json").read_text())
    found = [
        f"{violation['severity']} {violation['ruleName']} {violation['description']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]
    assert found == []


def test_cfn_lint_finds_nothing(assembly):
    files = sorted(str(path) for environment in ENVIRONMENTS for path in assembly(environment).glob("*.template.json"))
    expected = {name for environment in ENVIRONMENTS for name in stack_names(environment)}
    assert {Path(file).name.removesuffix(".template.json") for file in files} == expected
    run = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--ignore-checks", CFN_LINT_IGNORED, "--", *files],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout) == (0, "")


@pytest.fixture
def checked(environment, synthesized):
    """What cdk-nag found in an environment, and what it was told to accept there."""
    return json.loads((synthesized / f"{environment}.json").read_text())


@pytest.mark.parametrize("environment", (*ENVIRONMENTS, WATCHED_BY_AWS))
def test_cdk_nag_finds_nothing_unexplained(environment, checked):
    assert checked["found"] == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_sits_on_a_construct_of_a_stack_with_its_reason(environment, checked):
    assert checked["acknowledged"]
    for path, rule, reason in checked["acknowledged"]:
        assert path.count("/") >= 1, f"{rule} is accepted for the whole of {path or 'the app'}"
        assert len(reason) > 30, f"{path}: {rule}: {reason!r}"
