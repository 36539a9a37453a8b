"""A model is a folder and a section of configuration: its stacks follow from those."""

import json
import shutil

import pytest

from tests.infra.environments import ROOT, example_config, new_app


def copied(folder):
    """A project whose second model is a copy of the first one."""
    code, config = folder / "pipeline_code", folder / "config"
    example_config(config)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pipeline_code" / "loan_approval", code / "loan_approval", ignore=ignored)
    shutil.copytree(ROOT / "pipeline_code" / "monitoring", code / "monitoring", ignore=ignored)
    (code / "credit_card").mkdir()
    definition = (code / "loan_approval" / "definition.py").read_text()
    (code / "credit_card" / "definition.py").write_text(definition)
    (code / "credit_card" / "monitor.py").touch()
    with (config / "dev.toml").open("a") as dev:
        dev.write('\n[models.credit_card.training]\ndata_prefix = "cards"\n')
    return folder


@pytest.fixture
def project(tmp_path):
    return copied(tmp_path)


def filled(project, *models):
    """The app of all models, or of these alone where the others would only cost time."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    app = new_app(project / "cdk.out")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "pipeline_code"))
        settings = load(project / "config", "dev")
        chosen = {folder: each for folder, each in settings.models.items() if folder in (models or settings.models)}
        add_stacks(app, settings.model_copy(update={"models": chosen}), code_root=project / "pipeline_code")
    return app


def synthesize(project):
    return {stack.stack_name: stack for stack in filled(project).synth().stacks}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    """Of a project with two models."""
    return synthesize(copied(tmp_path_factory.mktemp("two")))


@pytest.fixture(scope="module")
def less(tmp_path_factory):
    """Of a project with two models: the first one is switched off, the second one does without monitors."""
    project = copied(tmp_path_factory.mktemp("less"))
    (project / "pipeline_code" / "credit_card" / "monitor.py").unlink()
    with (project / "config" / "dev.toml").open("a") as dev:
        dev.write("\n[models.loan_approval]\nenabled = false\n")
        dev.write("\n[models.credit_card.monitoring]\nenabled = false\n")
    return synthesize(project)


def test_a_second_model_gets_its_own_stacks_and_parameters(stacks):
    assert set(stacks) == {
        "mlops-dev-foundation",
        "mlops-dev-features",
        "mlops-dev-access",
        "mlops-dev-overview",
        "mlops-dev-credit-card-training",
        "mlops-dev-credit-card-serving",
        "mlops-dev-credit-card-release",
        "mlops-dev-credit-card-monitoring",
        "mlops-dev-credit-card-governance",
        "mlops-dev-credit-card-state",
        "mlops-dev-loan-approval-training",
        "mlops-dev-loan-approval-serving",
        "mlops-dev-loan-approval-release",
        "mlops-dev-loan-approval-monitoring",
        "mlops-dev-loan-approval-governance",
        "mlops-dev-loan-approval-state",
    }
    parameters = {
        each["Properties"]["Name"]
        for name, stack in stacks.items()
        for each in stack.template["Resources"].values()
        if each["Type"] == "AWS::SSM::Parameter" and name.endswith("-state")
    }
    released = {each for each in parameters if "/release/" in each}
    assert len(released) == 18
    assert {each.split("/")[3] for each in released} == {"credit-card", "loan-approval"}
    policies = str(
        [
            each
            for name in ("training", "serving", "release", "monitoring")
            for each in stacks[f"mlops-dev-credit-card-{name}"].template["Resources"].values()
            if each["Type"] == "AWS::IAM::Policy"
        ]
    )
    assert "/cards/*" in policies
    assert "loan" not in policies, "a model's roles reach another model's resources"


def test_a_model_that_is_switched_off_keeps_its_release_state_and_the_stacks_that_take_its_endpoint_away(less):
    """A stack that only left the app would stay as it is, and its endpoint with it."""
    stacks = less
    assert {name for name in stacks if "loan" in name} == {
        "mlops-dev-loan-approval-serving",
        "mlops-dev-loan-approval-release",
        "mlops-dev-loan-approval-monitoring",
        "mlops-dev-loan-approval-governance",
        "mlops-dev-loan-approval-state",
    }
    left = stacks["mlops-dev-loan-approval-monitoring"].template["Resources"].values()
    assert {each["Type"] for each in left} == {"AWS::CloudWatch::Dashboard"}, "nothing runs, and nothing rings"
    assert "/mlops/dev/loan-approval/release/champion" in str(stacks["mlops-dev-loan-approval-state"].template)
    functions = {
        each["Properties"]["Environment"]["Variables"].get("POLICY")
        for each in stacks["mlops-dev-loan-approval-release"].template["Resources"].values()
        if each["Type"] == "AWS::Lambda::Function"
    }
    assert [json.loads(policy)["enabled"] for policy in functions] == [False], "nothing but the controller is left"


def test_a_model_whose_versions_come_from_elsewhere_is_not_trained(project):
    with (project / "config" / "dev.toml").open("a") as dev:
        dev.write('\n[models.credit_card.release]\ntakes_from = "staging"\nkeep_versions = 0\n')
    with (project / "config" / "staging.toml").open("a") as staging:
        staging.write('\n[models.credit_card.training]\ndata_prefix = "cards"\n')
    stacks = synthesize(project)
    assert "mlops-dev-credit-card-training" not in stacks
    assert "mlops-dev-loan-approval-training" in stacks
    serving = str(stacks["mlops-dev-credit-card-serving"].template["Parameters"])
    assert "/mlops/staging/foundation/key" in serving


def test_stacks_deploy_after_what_they_rely_on(stacks):
    def needs(name):
        return {each.id for each in stacks[name].dependencies if each.id in stacks}

    assert needs("mlops-dev-loan-approval-serving") == {
        "mlops-dev-foundation",
        "mlops-dev-features",
        "mlops-dev-loan-approval-state",
    }
    assert needs("mlops-dev-features") == {"mlops-dev-foundation"}
    assert "mlops-dev-features" in needs("mlops-dev-loan-approval-training")
    assert {"mlops-dev-loan-approval-training", "mlops-dev-loan-approval-release"} <= needs(
        "mlops-dev-loan-approval-governance"
    )
    assert needs("mlops-dev-loan-approval-release") == {
        "mlops-dev-foundation",
        "mlops-dev-loan-approval-training",
        "mlops-dev-loan-approval-serving",
    }
    assert needs("mlops-dev-loan-approval-monitoring") == {
        "mlops-dev-foundation",
        "mlops-dev-loan-approval-training",
        "mlops-dev-loan-approval-serving",
    }
    assert needs("mlops-dev-overview") == set(), "it knows models by name alone"


def test_a_model_that_says_nothing_of_itself_is_not_monitored_and_says_so_in_one_line(project):
    from mlops_constructs.errors import SettingRefusedError

    (project / "pipeline_code" / "credit_card" / "monitor.py").unlink()
    with pytest.raises(SettingRefusedError) as caught:
        filled(project, "credit_card")
    assert str(caught.value) == (
        "models.credit_card.monitoring.enabled = True: must be false, or pipeline_code/credit_card/monitor.py must be "
        "there"
    )


def test_a_model_can_do_without_monitors_and_keeps_the_alarms_on_its_endpoint(less):
    template = less["mlops-dev-credit-card-monitoring"].template["Resources"].values()
    kinds = {each["Type"] for each in template}
    assert not kinds & {"AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"}
    named = {
        each["Properties"]["AlarmName"].rpartition("-")[2] for each in template if each["Type"].endswith("::Alarm")
    }
    assert named == {"NoTraffic", "Saturation", "Throttles", "ReleaseStuck", "Cost", "TrainingFailed"}


def test_retraining_starts_the_pipeline_with_parameters_that_it_has(project):
    from mlops_constructs.errors import SettingRefusedError

    with (project / "config" / "dev.toml").open("a") as dev:
        dev.write('\n[models.credit_card.retraining]\nenabled = true\ndata_parameter = "InputData"\n')
    with pytest.raises(SettingRefusedError) as caught:
        filled(project, "credit_card")
    assert str(caught.value) == (
        "models.credit_card.retraining.data_parameter = 'InputData': must be a parameter that "
        "pipeline_code/credit_card declares: InputDataUri; or retraining.enabled = false"
    )
