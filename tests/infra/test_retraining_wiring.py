"""Where retraining is, and which degradation it hears of."""

import json
import re

import pytest

from tests.infra.environments import ENVIRONMENTS

RETRAINED = ("local", "staging")


def controller(template):
    """The controller's environment variables, or None where there is none."""
    found = [
        each["Properties"]["Environment"]["Variables"]
        for name, each in template.resources("AWS::Lambda::Function").items()
        if name.startswith("RetrainingFunction")
    ]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_models_are_retrained_where_they_are_trained_and_configuration_wants_it(environment, templates):
    """dev switches it off; prod makes no versions of its own."""
    assert (controller(templates(environment)["monitoring"]) is not None) is (environment in RETRAINED)


def test_staging_answers_the_degradation_of_production(templates):
    places = json.loads(controller(templates("staging")["monitoring"])["PLACES"])
    assert [place["alarm"] for place in places] == [
        "mlops-staging-loan-approval-monitoring-degradation",
        "mlops-prod-loan-approval-monitoring-degradation",
    ]
    deployed = {
        each["Properties"].get("AlarmName")
        for environment in ("staging", "prod")
        for each in templates(environment)["monitoring"].resources("AWS::CloudWatch::Alarm").values()
    }
    assert {place["alarm"] for place in places} <= deployed


def test_staging_knows_nothing_else_of_production(templates):
    body = json.dumps(templates("staging")["monitoring"].body)
    named = set(re.findall(r"[\w/.-]*mlops[-/]prod[\w/.-]*", body))
    assert named == {
        "mlops-prod-loan-approval-monitoring-degradation",
        "parameter/mlops/prod/loan-approval/release/champion",
        "parameter/mlops/prod/loan-approval/release/failed",
        "/mlops/prod/loan-approval/release/",
    }


def test_it_starts_the_training_pipeline_with_parameters_that_this_has(templates):
    local = templates("local")
    training = local["training"].only("AWS::SageMaker::Pipeline")["Properties"]
    variables = controller(local["monitoring"])
    assert variables["PIPELINE"] == training["PipelineName"]
    named = json.loads(variables["POLICY"])["parameters"]
    assert named == {
        "data": "InputDataUri",
        "train_from": "TrainFrom",
        "train_to": "TrainTo",
        "test_from": "TestFrom",
        "test_to": "TestTo",
    }
    assert all(f'\\"Name\\":\\"{name}\\"' in json.dumps(training) for name in named.values())
