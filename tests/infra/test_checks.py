"""What other people's rules say about all templates of all environments: nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, stack_names

# The rule wants DependsOn removed where a reference already orders things; CDK adds both.
CFN_LINT_IGNORED = "W3005"


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """All environments in one assembly, synthesized with the built-in validator in strict mode."""
    outdir = tmp_path_factory.mktemp("validated") / "cdk.out"
    program = ROOT / "tests" / "infra" / "environments.py"
    run = subprocess.run(
        [sys.executable, str(program), str(outdir)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return outdir


def test_builtin_validator_finds_nothing_warnings_included(validated):
    report = json.loads((validated / "validation-report.json").read_text())
    found = [
        f"{violation['severity']} {violation['ruleName']} {violation['description']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]
    assert found == []


def test_cfn_lint_finds_nothing(validated):
    files = sorted(str(path) for path in validated.glob("*.template.json"))
    expected = {name for environment in ENVIRONMENTS for name in stack_names(environment)}
    assert {Path(file).name.removesuffix(".template.json") for file in files} == expected
    run = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--ignore-checks", CFN_LINT_IGNORED, "--", *files],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cdk_nag_finds_nothing_unexplained(environment, synthesized):
    from cdk_nag import AwsSolutionsChecks

    app = synthesized(environment)
    report = AwsSolutionsChecks(app).validate_scope(app)
    found = {v.rule_name: [each.construct_path for each in v.violating_resources] for v in report.violations}
    assert found == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_sits_on_a_construct_of_a_stack_with_its_reason(environment, synthesized):
    acknowledged = [
        (construct.node.path, rule, reason)
        for construct in synthesized(environment).node.find_all()
        for entry in construct.node.metadata
        if "acknowledged" in entry.type.lower()
        for rule, reason in entry.data.items()
    ]
    assert acknowledged
    for path, rule, reason in acknowledged:
        assert path.count("/") >= 1, f"{rule} is accepted for the whole of {path or 'the app'}"
        assert len(reason) > 30, f"{path}: {rule}: {reason!r}"
