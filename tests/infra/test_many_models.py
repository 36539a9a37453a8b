"""A model is a folder and a section of configuration: its stacks follow from those."""

import shutil

import pytest

from tests.infra.environments import ROOT, new_app


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose second model is a copy of the first one."""
    code, config = tmp_path / "pipeline_code", tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pipeline_code" / "loan_approval", code / "loan_approval", ignore=ignored)
    shutil.copytree(ROOT / "pipeline_code" / "monitoring", code / "monitoring", ignore=ignored)
    (code / "credit_card").mkdir()
    definition = (code / "loan_approval" / "definition.py").read_text()
    (code / "credit_card" / "definition.py").write_text(definition)
    monkeypatch.syspath_prepend(str(code))
    with (config / "dev.toml").open("a") as dev:
        dev.write('\n[models.credit_card.training]\ndata_prefix = "cards"\n')
    return tmp_path


def synthesize(project, tmp_path):
    from stacks.environment import add_stacks
    from stacks.settings import load

    app = new_app(tmp_path / "cdk.out")
    add_stacks(app, load(project / "config", "dev"), code_root=project / "pipeline_code")
    return {stack.stack_name: stack for stack in app.synth().stacks}


def test_a_second_model_gets_its_own_stacks_and_parameters(project, tmp_path):
    stacks = synthesize(project, tmp_path)
    assert set(stacks) == {
        "mlops-dev-foundation",
        "mlops-dev-credit-card-training",
        "mlops-dev-credit-card-serving",
        "mlops-dev-credit-card-release",
        "mlops-dev-loan-approval-training",
        "mlops-dev-loan-approval-serving",
        "mlops-dev-loan-approval-release",
    }
    parameters = {
        each["Properties"]["Name"]
        for each in stacks["mlops-dev-foundation"].template["Resources"].values()
        if each["Type"] == "AWS::SSM::Parameter"
    }
    assert len(parameters) == 10
    policies = str(
        [
            each
            for name in ("training", "serving", "release")
            for each in stacks[f"mlops-dev-credit-card-{name}"].template["Resources"].values()
            if each["Type"] == "AWS::IAM::Policy"
        ]
    )
    assert "/cards/*" in policies
    assert "loan" not in policies, "a model's roles reach another model's resources"


def test_a_disabled_model_keeps_its_release_state_and_loses_its_stacks(project, tmp_path):
    with (project / "config" / "dev.toml").open("a") as dev:
        dev.write("\n[models.loan_approval]\nenabled = false\n")
    stacks = synthesize(project, tmp_path)
    assert not [name for name in stacks if "loan" in name]
    assert "/mlops/dev/loan-approval/release/champion" in str(stacks["mlops-dev-foundation"].template)


def test_stacks_deploy_after_what_they_rely_on(project, tmp_path):
    stacks = synthesize(project, tmp_path)

    def needs(name):
        return {each.id for each in stacks[name].dependencies if each.id in stacks}

    assert needs("mlops-dev-loan-approval-serving") == {"mlops-dev-foundation"}
    assert needs("mlops-dev-loan-approval-release") == {
        "mlops-dev-foundation",
        "mlops-dev-loan-approval-training",
        "mlops-dev-loan-approval-serving",
    }
