"""What other people's rules, and this project's, say about all templates of all environments: nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.environments import ACCOUNTS, ENVIRONMENTS, WATCHED_BY_AWS, in_accounts, stack_names

# The rule wants DependsOn removed where a reference already orders things; CDK adds both.
CFN_LINT_IGNORED = "W3005"
ASSEMBLIES = (*ENVIRONMENTS, WATCHED_BY_AWS, *(in_accounts(environment) for environment in ACCOUNTS))


ONE_WORD = {
    rf"\b({'|'.join(ENVIRONMENTS)})\b": "environment",
    rf"\b({'|'.join(ACCOUNTS.values())})\b": "account",
    r"\b[0-9a-f]{64}\b": "hash",
}
"""In what templates may differ and be one to cfn-lint, which knows none of these words but by their length."""


def distinct(files):
    """Of templates that differ in such words alone, the one with the longest."""
    by_shape = {}
    for file in sorted(files, key=lambda each: (len(each.read_text()), each)):
        shape = file.read_text()
        for words, word in ONE_WORD.items():
            shape = re.sub(words, word, shape)
        by_shape[shape] = file
    return sorted(by_shape.values())


def test_templates_that_differ_in_more_than_names_are_all_linted(tmp_path):
    account, another = ACCOUNTS["dev"], ACCOUNTS["prod"]
    texts = {
        "dev": f'{{"Name": "mlops-dev-key", "Owner": "{account}", "Code": "{"a" * 64}.zip"}}',
        "staging": f'{{"Name": "mlops-staging-key", "Owner": "{another}", "Code": "{"b" * 64}.zip"}}',
        "prod": f'{{"Name": "mlops-prod-key", "Owner": "{another}", "Code": "{"a" * 64}.zip"}}',
        "name": f'{{"Name": "mlops-prod-keys", "Owner": "{account}", "Code": "{"a" * 64}.zip"}}',
        "part": f'{{"Name": "mlops-production-key", "Owner": "{account}", "Code": "{"a" * 64}.zip"}}',
        "account": f'{{"Name": "mlops-prod-key", "Owner": "{account}0", "Code": "{"a" * 64}.zip"}}',
        "hash": f'{{"Name": "mlops-prod-key", "Owner": "{account}", "Code": "{"a" * 63}.zip"}}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    left_out = set(texts) - {file.name for file in distinct(tmp_path.iterdir())}
    assert left_out == {"dev", "prod"}, "staging's stands for them: it has the longest name"


def test_cfn_lint_finds_nothing(assembly):
    shapes = (*ENVIRONMENTS, *(in_accounts(environment) for environment in ACCOUNTS))
    files = sorted(path for environment in shapes for path in assembly(environment).glob("*.template.json"))
    expected = {name for environment in ENVIRONMENTS for name in stack_names(environment)}
    assert {file.name.removesuffix(".template.json") for file in files} == expected
    run = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--ignore-checks", CFN_LINT_IGNORED, "--", *distinct(files)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout) == (0, "")


@pytest.fixture
def checked(environment, synthesized):
    """What was found in an environment, and what was accepted there."""
    return json.loads((synthesized / f"{environment}.json").read_text())


@pytest.mark.parametrize("environment", ASSEMBLIES)
def test_validator_all_packs_and_house_rules_find_nothing_unexplained(environment, checked):
    """CDK's own validator with its warnings, AwsSolutions, NIST 800-53, HIPAA, PCI DSS, and the house rules."""
    assert checked["found"] == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_sits_on_a_construct_of_a_stack_with_its_reason(environment, checked):
    assert checked["acknowledged"]
    for path, rule, reason in checked["acknowledged"]:
        assert path.count("/") >= 1, f"{rule} is accepted for the whole of {path or 'the app'}"
        assert len(reason) > 30, f"{path}: {rule}: {reason!r}"


@pytest.fixture(scope="module")
def open_bucket(tmp_path_factory):
    """The report on an app with one bucket that nothing protects, under each pack."""
    import aws_cdk as cdk
    from aws_cdk import aws_s3 as s3

    from stacks.compliance import PACKS, add_checks
    from stacks.house_rules import Expected

    app = cdk.App(outdir=str(tmp_path_factory.mktemp("open") / "cdk.out"))
    s3.CfnBucket(cdk.Stack(app, "Open"), "Bucket")
    add_checks(app, list(PACKS), Expected(retain=True, in_vpc=False, tags={"project": "mlops"}))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads(Path(app.outdir, "validation-report.json").read_text())
    return {plugin["pluginName"]: plugin["violations"] for plugin in report["pluginReports"]}


def test_each_pack_and_the_house_rules_stop_a_synthesis(open_bucket):
    packs = {"AwsSolutions", "NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321", "house-rules"}
    assert packs <= {each for plugin, found in open_bucket.items() if found for each in packs if each in plugin}


def test_a_house_rule_says_in_one_line_what_it_is_where_and_what_to_do(open_bucket):
    lines = [each["description"] for each in open_bucket["house-rules"]]
    assert "kept: Open/Bucket: keep it, since retain is true: DeletionPolicy Retain" in lines
    assert "tagged: Open/Bucket: tag it: project = mlops" in lines
    assert all(line.count("\n") == 0 for line in lines)
