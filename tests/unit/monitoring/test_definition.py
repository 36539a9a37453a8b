"""The shape of the monitoring pipeline; what SageMaker would refuse is the definition check's business."""

import dataclasses
import json

import pytest

from mlops_constructs import definition_check
from mlops_constructs.definition_builder import DefinitionBuilder
from monitoring.definition import Watch, definition
from monitoring.steps import inputs, outcomes, report
from monitoring.windows import NONE
from tests.pipeline_context import CONTEXT

WATCH = Watch(
    model="loan_approval",
    endpoint="mlops-local-loan-approval",
    capture_uri="s3://capture/loan_approval",
    results_uri="s3://artifacts/loan_approval/monitoring",
    champion_parameter=CONTEXT.champion_parameter,
    window_hours=24,
    delay_minutes=60,
    instance_count=1,
    min_rows=200,
    breaches=3,
    of=4,
    matures_after_days=30,
    missing_means="",
    schedule_name="mlops-local-loan-approval-monitoring",
    environment="local",
    public_model="loan-approval",
    bus="default",
)
STEPS = {"WatchInputs": inputs, "WatchOutcomes": outcomes, "Report": report}


@pytest.fixture(scope="module")
def pipeline():
    return definition(DefinitionBuilder(CONTEXT, "xgboost"), WATCH)


@pytest.fixture(scope="module")
def steps(pipeline):
    return {step["Name"]: step for step in pipeline["Steps"]}


def given(step) -> list[str]:
    """The arguments as a container gets them on a schedule: parameters at their defaults, the execution's id."""
    return [
        NONE if isinstance(each, dict) else each for each in step["Arguments"]["AppSpecification"]["ContainerArguments"]
    ]


def test_sagemaker_would_take_it(pipeline):
    assert definition_check.findings(pipeline) == []


def test_the_report_waits_for_both_watchers_which_wait_for_nothing(steps):
    assert steps["Report"]["DependsOn"] == ["WatchInputs", "WatchOutcomes"]
    for name in ("WatchInputs", "WatchOutcomes"):
        assert "DependsOn" not in steps[name]
        assert "Steps." not in json.dumps(steps[name])


@pytest.mark.parametrize("name", STEPS)
def test_every_step_takes_the_arguments_that_it_is_given(steps, name):
    options = STEPS[name].options().parse_args(given(steps[name]))
    assert (options.model, options.min_rows) == ("loan_approval", WATCH.min_rows)
    assert options.endpoint == WATCH.endpoint


@pytest.mark.parametrize("missing_means", ["", "0"])
def test_nothing_that_sagemaker_gets_is_empty_and_the_steps_read_it_as_nothing_given(missing_means):
    watch = dataclasses.replace(WATCH, missing_means=missing_means)
    pipeline = definition(DefinitionBuilder(CONTEXT, "xgboost"), watch)
    assert all(each["DefaultValue"] for each in pipeline["Parameters"])
    for step in pipeline["Steps"]:
        assert "" not in given(step)
    watching = {step["Name"]: given(step) for step in pipeline["Steps"]}
    found = outcomes.options().parse_args(watching["WatchOutcomes"])
    assert (found.windows, found.outcome_windows, found.scheduled) == ("", "", "")
    assert found.missing_means == missing_means


def test_nothing_is_cached_since_every_run_looks_at_other_data(steps):
    assert not any("CacheConfig" in step for step in steps.values())


def test_both_watchers_are_told_both_kinds_of_windows(steps):
    for name in ("WatchInputs", "WatchOutcomes"):
        arguments = steps[name]["Arguments"]["AppSpecification"]["ContainerArguments"]
        for option, parameter in (("--windows", "Windows"), ("--outcome-windows", "OutcomeWindows")):
            assert arguments[arguments.index(option) + 1] == {"Get": f"Parameters.{parameter}"}


def test_a_token_may_stand_wherever_a_text_does():
    tokens = dataclasses.replace(WATCH, capture_uri="s3://${Token[B.1]}/loan_approval", endpoint="${Token[E.2]}")
    assert definition_check.findings(definition(DefinitionBuilder(CONTEXT, "xgboost"), tokens)) == []
