"""The words of the definition check are the SageMaker SDK's words."""

from typing import Any

import pytest

from mlops_constructs import definition_check, definition_conditions, definition_expressions, definition_members
from mlops_constructs.definition_check import findings
from mlops_constructs.definition_steps import TRIGGERS

pytestmark = pytest.mark.oracle

JOB_STEPS = {
    "Processing": ["DescribeProcessingJobResponse"],
    "Training": ["DescribeTrainingJobResponse"],
    "Tuning": ["DescribeHyperParameterTuningJobResponse", "ListTrainingJobsForHyperParameterTuningJobResponse"],
    "Transform": ["DescribeTransformJobResponse"],
    "Model": ["DescribeModelOutput"],
    "RegisterModel": ["DescribeModelPackageOutput"],
    "EndpointConfig": ["DescribeEndpointConfigOutput"],
    "Endpoint": ["DescribeEndpointOutput"],
}
DEPTH = 4


def test_step_types() -> None:
    from sagemaker.mlops.workflow.steps import StepTypeEnum

    known = definition_check._MEMBERS.keys() | definition_check._UNMODELLED
    assert known == {each.value for each in StepTypeEnum}


def test_condition_types() -> None:
    from sagemaker.core.workflow.conditions import ConditionTypeEnum

    assert set(definition_conditions._MEMBERS) == {each.value for each in ConditionTypeEnum}


def test_parameter_types() -> None:
    from sagemaker.core.workflow.parameters import ParameterTypeEnum

    assert set(definition_expressions.PARAMETER_KINDS) == {each.value for each in ParameterTypeEnum}


def test_execution_variables() -> None:
    from sagemaker.core.workflow.execution_variables import ExecutionVariable, ExecutionVariables

    known = {each.name for each in vars(ExecutionVariables).values() if isinstance(each, ExecutionVariable)}
    assert known == definition_expressions.EXECUTION_VARIABLES


def test_retried_exceptions_and_their_limits() -> None:
    from sagemaker.mlops.workflow import retry

    types = [*retry.StepExceptionTypeEnum, *retry.SageMakerJobExceptionTypeEnum]
    assert {each.value for each in types} == definition_members._EXCEPTIONS
    assert definition_members._RETRY_RANGES["MaxAttempts"][1] == retry.MAX_ATTEMPTS_CAP
    assert definition_members._RETRY_RANGES["ExpireAfterMin"][1] == retry.MAX_EXPIRE_AFTER_MIN


def test_triggers() -> None:
    from sagemaker.mlops.workflow.step_dependency import TriggerCondition

    assert {each.value for each in TriggerCondition} == TRIGGERS


def _paths(properties: Any, depth: int) -> list[str]:
    """Every property that the SDK offers down to `depth`; the first entry of lists, any name of maps."""
    from sagemaker.core.workflow.properties import Properties, PropertiesList, PropertiesMap

    if isinstance(properties, PropertiesList | PropertiesMap):
        if properties.path.endswith(("Outputs", "ProcessingInputs", "FinalMetricDataList")):
            return []  # indexed by names that the step declares
        return _paths(properties["any" if isinstance(properties, PropertiesMap) else 0], depth - 1)
    inner = [each for each in vars(properties).values() if isinstance(each, Properties)] if depth else []
    return [path for each in inner for path in _paths(each, depth - 1)] or [properties.expr["Get"]]


@pytest.mark.parametrize("kind", JOB_STEPS)
def test_every_property_that_the_sdk_offers_exists(kind: str) -> None:
    from sagemaker.core.workflow.properties import Properties

    paths = _paths(Properties(step_name="Job", shape_names=JOB_STEPS[kind]), DEPTH)
    assert len(paths) > 5
    values = [{"Std:Join": {"On": "", "Values": [{"Get": path}]}} for path in paths]
    reader = {"Name": "Read", "Type": "Lambda", "FunctionArn": "arn", "Arguments": {"values": values}}
    job = {"Name": "Job", "Type": kind, "Arguments": {}}
    lost = [each for each in findings({"Version": "2020-12-01", "Steps": [job, reader]}) if each.startswith("Read: ")]
    # at the depth where the walk stops, some paths still lead to a structure
    assert [each for each in lost if "only single values can be joined" not in each] == []


def test_a_property_that_the_sdk_does_not_offer_is_refused() -> None:
    reader = {"Name": "Read", "Type": "Lambda", "FunctionArn": "arn", "Arguments": {"x": {"Get": "Steps.Job.Nope"}}}
    job = {"Name": "Job", "Type": "Training", "Arguments": {}}
    found = findings({"Version": "2020-12-01", "Steps": [job, reader]})
    assert any("'Nope' is no property of a Training step" in each for each in found)
