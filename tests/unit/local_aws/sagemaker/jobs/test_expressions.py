"""Expressions, conditions and parameters of pipelines."""

import json

import pytest

from local_aws.sagemaker import conditions, expressions, pipeline_parameters
from local_aws.sagemaker.expressions import ExpressionError, Scope
from local_aws.sagemaker.pipeline_parameters import ParameterError

DOCUMENTS = {"s3://b/evaluation/evaluation.json": {"metrics": {"auc": {"value": 0.71}}, "rows": [{"n": 5}]}}
OUTPUTS = [{"OutputName": "evaluation", "S3Output": {"S3Uri": "s3://b/evaluation"}}]


def read(uri):
    return DOCUMENTS[uri] if uri in DOCUMENTS else json.loads("not json")


@pytest.fixture
def scope():
    return Scope(
        parameters={"MinAuc": 0.65, "Count": 3, "Tune": False, "Name": "loans"},
        execution={"PipelineExecutionId": "abc123"},
        properties={
            "Evaluate": {"ProcessingOutputConfig": {"Outputs": OUTPUTS}},
            "Train": {"FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.7}]},
            "Check": {"Outcome": False},
        },
        property_files={"Evaluate": {"Evaluation": {"OutputName": "evaluation", "FilePath": "evaluation.json"}}},
        read_json=read,
    )


def json_get(path, reference=None):
    return {
        "Std:JsonGet": {"PropertyFile": reference or {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": path}
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.Count"}, 3),
        ({"Get": "Execution.PipelineExecutionId"}, "abc123"),
        ({"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}, "s3://b/evaluation"),
        ({"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs[0].OutputName"}, "evaluation"),
        ({"Get": "Steps.Train.FinalMetricDataList['validation:auc'].Value"}, 0.7),
        ({"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}]}}, "s3://b/abc123"),
        ({"Std:Join": {"On": " ", "Values": [1, 0.5, {"Get": "Steps.Check.Outcome"}]}}, "1 0.5 false"),
        (json_get("metrics.auc.value"), 0.71),
        (json_get("metrics['auc'].value", "Evaluation"), 0.71),
        (json_get("rows[0].n"), 5),
        ({"Std:JsonGet": {"S3Uri": "s3://b/evaluation/evaluation.json", "Path": "metrics.auc.value"}}, 0.71),
        ({"a": [{"Get": "Parameters.Name"}, 1]}, {"a": ["loans", 1]}),
    ],
)
def test_values(scope, expression, value):
    assert scope.value(expression) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Get": "Steps.Later.x"}, "step 'Later' has no properties yet"),
        ({"Get": "Parameters.Nothing"}, "not known here"),
        ({"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['x'].S3Output"}, "nothing at 'x'"),
        (
            json_get("metrics.ks.value"),
            "s3://b/evaluation/evaluation.json: 'metrics.ks.value' has no value: nothing at 'ks'",
        ),
        ({"Std:JsonGet": {"S3Uri": "s3://b/other", "Path": "a"}}, "s3://b/other: not a JSON document"),
    ],
)
def test_what_has_no_value_is_named(scope, expression, message):
    with pytest.raises(ExpressionError, match=message.replace("[", r"\[")):
        scope.value(expression)


def test_a_path_that_is_none_is_refused():
    with pytest.raises(ExpressionError, match="is not a path"):
        expressions.tokens("a..b!")


def test_steps_are_found_by_their_whole_name():
    assert expressions.step_and_path("Steps.My-Step_1.A.B['c']") == ("My-Step_1", "A.B['c']")
    assert expressions.step_and_path("Parameters.Steps.X") is None


def compare(kind, left, right):
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        (compare("GreaterThanOrEqualTo", json_get("metrics.auc.value"), {"Get": "Parameters.MinAuc"}), True),
        (compare("GreaterThan", {"Get": "Parameters.Count"}, 3), False),
        (compare("LessThan", {"Get": "Parameters.Count"}, 3.5), True),
        (compare("LessThanOrEqualTo", "a", "b"), True),
        (compare("Equals", {"Get": "Parameters.Tune"}, True), False),
        (compare("Equals", {"Get": "Parameters.Name"}, "loans"), True),
        (compare("Equals", 1, 1.0), True),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Name"}, "Values": ["cards", "loans"]}, True),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Count"}, "Values": [1, 2]}, False),
        ({"Type": "Not", "Condition": compare("Equals", {"Get": "Parameters.Tune"}, True)}, True),
        ({"Type": "Or", "Conditions": [compare("Equals", 1, 2), compare("Equals", 2, 2)]}, True),
        ({"Type": "Or", "Conditions": [compare("Equals", 1, 2)]}, False),
    ],
)
def test_conditions(scope, condition, outcome):
    assert conditions.holds(condition, scope.value) is outcome


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (compare("Equals", {"Get": "Parameters.Tune"}, "true"), "cannot compare Boolean False with String 'true'"),
        (compare("Equals", {"Get": "Parameters.Count"}, "3"), "cannot compare Integer 3 with String '3'"),
        (compare("Equals", True, 1), "cannot compare Boolean True with Integer 1"),
        (compare("GreaterThan", "0.8", {"Get": "Parameters.MinAuc"}), "String '0.8' with Float 0.65"),
        (compare("GreaterThan", True, False), "GreaterThan cannot compare Boolean"),
    ],
)
def test_a_value_is_compared_only_with_its_own_kind(scope, condition, message):
    with pytest.raises(ExpressionError, match=message):
        conditions.holds(condition, scope.value)


DECLARED = pipeline_parameters.declared(
    [
        {"Name": "Input", "Type": "String"},
        {"Name": "Status", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Auc", "Type": "Float", "DefaultValue": 1},
        {"Name": "Tune", "Type": "Boolean", "DefaultValue": False},
    ]
)


def given(**values):
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_parameters_take_defaults_and_their_types():
    values = pipeline_parameters.resolve(DECLARED, given(Input="x", Auc="0.7", Tune="True", Count="-2"))
    assert values == {"Input": "x", "Status": "a", "Count": -2, "Auc": 0.7, "Tune": True}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "parameter 'Input' has no default value and was not given"),
        ({"Input": "x", "Other": "1"}, "parameter 'Other' is not defined by the pipeline; it has: Input, Status"),
        ({"Input": ""}, 'string "" is too short'),
        ({"Input": "x", "Count": "1.5"}, "parameter 'Count': '1.5' is not of type Integer"),
        ({"Input": "x", "Auc": "nan"}, "parameter 'Auc': 'nan' is not of type Float"),
        ({"Input": "x", "Tune": "yes"}, "parameter 'Tune': 'yes' is not of type Boolean"),
        ({"Input": "x", "Status": "c"}, r"parameter 'Status': 'c' is not in its EnumValues \['a', 'b'\]"),
    ],
)
def test_wrong_parameters_are_named(values, message):
    with pytest.raises(ParameterError, match=message):
        pipeline_parameters.resolve(DECLARED, given(**values))
