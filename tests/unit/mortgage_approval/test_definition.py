"""The pipeline's shape, and that its limits come from the configuration."""

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from mlops_constructs import definition_check
from monitoring.limits import LimitError
from mortgage_approval import definition as module
from mortgage_approval.definition import definition
from tests.pipeline_context import CONTEXT, SETTINGS


def context(**bias):
    limits = SETTINGS.limits.model_copy(update={"bias": bias, "max_attribution_share": 0.5})
    settings = SETTINGS.model_copy(update={"limits": limits})
    return dataclasses.replace(CONTEXT, model="mortgage_approval", settings=settings)


@pytest.fixture(scope="module")
def pipeline():
    return definition(context(DI=(0.8, 1.25)))


@pytest.fixture(scope="module")
def steps(pipeline):
    return {step["Name"]: step for step in pipeline["Steps"]}


def test_sagemaker_would_take_it(pipeline):
    assert definition_check.findings(pipeline) == []


def test_two_calls_give_the_same_bytes(pipeline):
    assert json.dumps(definition(context(DI=(0.8, 1.25)))) == json.dumps(pipeline)


def test_the_way_of_a_model(steps):
    assert list(steps) == [
        "ValidateData",
        "PrepareFeatures",
        "TrainModel",
        "EvaluateModel",
        "GateModel",
        "RegisterModel",
    ]
    assert steps["RegisterModel"]["DependsOn"] == ["GateModel"]


def test_the_gate_is_told_the_limits_of_the_configuration(steps):
    arguments = steps["GateModel"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    place = arguments.index("--limits")
    assert json.loads(arguments[place + 1]) == {"bias": {"DI": [0.8, 1.25]}, "max_attribution_share": 0.5}
    inputs = [each["InputName"] for each in steps["GateModel"]["Arguments"]["ProcessingInputs"]]
    assert {"evaluation", "bias", "explainability"} <= set(inputs)


def test_whoever_starts_a_run_cannot_choose_what_it_is_judged_by(pipeline, steps):
    assert {each["Name"] for each in pipeline["Parameters"]} == {
        *("InputDataUri", "TestShare", "DecisionThreshold", "Mitigation", "CodeCommit"),
        *("ProcessingInstanceType", "TrainingInstanceType", "ModelApprovalStatus"),
    }
    assert "Get" not in json.dumps(steps["GateModel"]["Arguments"]["AppSpecification"]["ContainerArguments"])


def test_limits_that_are_none_stop_the_synthesis():
    with pytest.raises(LimitError, match="FAIRNESS"):
        definition(context(FAIRNESS=(0, 1)))


def test_the_version_names_its_reports_and_baselines(steps):
    package = steps["RegisterModel"]["Arguments"]
    assert set(package["ModelMetrics"]) == {"ModelDataQuality", "ModelQuality", "Bias", "Explainability"}
    assert set(package["DriftCheckBaselines"]) == set(package["ModelMetrics"])
    assert package["CustomerMetadataProperties"]["mitigation"] == {"Get": "Parameters.Mitigation"}


def test_the_card_says_what_only_people_can_say():
    card = tomllib.loads((Path(module.__file__).parent / "card.toml").read_text())
    assert {section: list(members) for section, members in card.items()} == {
        "overview": ["description", "problem_type", "creator"],
        "intended_uses": ["purpose", "uses", "out_of_scope", "efficiency"],
        "risk": ["explanation"],
        "ethics": ["considerations", "caveats"],
        "data": ["description", "limits"],
    }
    assert all(text for members in card.values() for text in members.values())
