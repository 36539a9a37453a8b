from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws.core import shapes
from local_aws.core.errors import AwsError, SerializationException, ValidationException


def refusal(operation: str, params: dict[str, Any]) -> str:
    with pytest.raises(ValidationException) as caught:
        shapes.validated(operation, params)
    return caught.value.message


def test_every_broken_constraint_is_named_with_its_place_as_aws_words_it() -> None:
    message = refusal(
        "CreateEndpoint",
        {"EndpointName": "no_underscores", "Tags": [{"Key": "", "Value": "v"}]},
    )
    assert message == (
        "3 validation errors detected: "
        "Value 'no_underscores' at 'endpointName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


@pytest.mark.parametrize(
    ("operation", "params", "told"),
    [
        ("ListModels", {"MaxResults": 0}, "Value '0' at 'maxResults' failed to satisfy constraint: "
         "Member must have value greater than or equal to 1"),
        ("ListModels", {"MaxResults": 101}, "Member must have value less than or equal to 100"),
        ("ListModels", {"SortBy": "Age"}, "Value 'Age' at 'sortBy' failed to satisfy constraint: "
         "Member must satisfy enum value set: [Name, CreationTime]"),
        ("DescribeModel", {"ModelName": "a" * 64}, "Member must have length less than or equal to 63"),
        ("DeleteTags", {"ResourceArn": "arn:aws:sagemaker:eu-west-1:111122223333:model/m", "TagKeys": []},
         "Value '[]' at 'tagKeys' failed to satisfy constraint: Member must have length greater than or equal to 1"),
    ],
)  # fmt: skip
def test_a_broken_constraint_is_one_validation_error(operation: str, params: dict[str, Any], told: str) -> None:
    message = refusal(operation, params)
    assert message.startswith("1 validation error detected: Value ")
    assert told in message


def test_a_value_of_a_map_is_told_with_all_constraints_of_the_map() -> None:
    message = refusal(
        "CreateTrainingJob",
        {
            "TrainingJobName": "t",
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::111122223333:role/r",
            "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": {"depth": "x" * 2501},
        },
    )
    assert "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: [" in message
    assert "Member must have length less than or equal to 2500" in message


def test_an_unknown_member_is_refused_and_the_known_ones_are_named() -> None:
    message = refusal("CreateEndpoint", {"EndpointName": "e", "Configuration": "c"})
    assert 'Unknown parameter in input: "Configuration", must be one of: EndpointName,' in message


def test_an_unknown_member_inside_a_list_is_told_with_its_place() -> None:
    variant = {"VariantName": "champion", "Modle": "m"}
    message = refusal("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]})
    assert 'Unknown parameter in productionVariants.1.member: "Modle"' in message


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"EndpointName": 1}, "NUMBER_VALUE can not be converted to a String at 'endpointName'"),
        ({"EndpointName": ["e"]}, "START_ARRAY can not be converted to a String at 'endpointName'"),
        ({"Tags": "k=v"}, "STRING_VALUE can not be converted to a list at 'tags'"),
        ({"DeploymentConfig": []}, "START_ARRAY can not be converted to a structure at 'deploymentConfig'"),
    ],
)
def test_a_value_of_another_type_cannot_be_read(params: dict[str, Any], told: str) -> None:
    with pytest.raises(SerializationException) as caught:
        shapes.validated("CreateEndpoint", params)
    assert caught.value.message == told


def test_truth_is_not_a_number_and_one_is_not_truth() -> None:
    with pytest.raises(SerializationException, match="TRUE_VALUE can not be converted to an Integer"):
        shapes.validated("ListModels", {"MaxResults": True})
    with pytest.raises(SerializationException, match="NUMBER_VALUE can not be converted to a Boolean"):
        shapes.validated("CreateModel", {"ModelName": "m", "EnableNetworkIsolation": 1})


@pytest.mark.parametrize("given", [1577836800, 1577836800.0, "2020-01-01T00:00:00+00:00", "2020-01-01"])
def test_a_time_arrives_as_an_aware_datetime(given: object) -> None:
    params = shapes.validated("ListModels", {"CreationTimeAfter": given})
    assert params["CreationTimeAfter"] == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_missing_idempotency_token_is_filled_in_anew_each_time() -> None:
    def token() -> str:
        params = shapes.validated(
            "CreatePipeline",
            {"PipelineName": "p", "PipelineDefinition": "{}", "RoleArn": "arn:aws:iam::111122223333:role/r"},
        )
        return str(params["ClientRequestToken"])

    assert len(token()) >= 32
    assert token() != token()


def test_the_given_parameters_are_not_changed_by_validation() -> None:
    given = {"Tags": [{"Key": "k", "Value": "v"}], "EndpointName": "e", "EndpointConfigName": "c"}
    shapes.validated("CreateEndpoint", given)["Tags"].append({})
    assert given["Tags"] == [{"Key": "k", "Value": "v"}]


def test_text_of_a_template_becomes_the_api_type() -> None:
    variant = {"InitialInstanceCount": "2", "InitialVariantWeight": "0.5", "EnableSSMAccess": "true"}
    converted = shapes.from_template("CreateEndpointConfig", {"ProductionVariants": [variant]})
    assert converted["ProductionVariants"] == [
        {"InitialInstanceCount": 2, "InitialVariantWeight": 0.5, "EnableSSMAccess": True}
    ]


def test_numbers_and_truth_of_a_template_become_text_where_the_api_wants_text() -> None:
    container = {"Environment": {"WORKERS": 2, "DEBUG": False}}
    converted = shapes.from_template("CreateModel", {"PrimaryContainer": container})
    assert converted["PrimaryContainer"]["Environment"] == {"WORKERS": "2", "DEBUG": "false"}


def test_text_that_is_no_number_stays_and_is_refused_by_validation() -> None:
    converted = shapes.from_template("ListModels", {"MaxResults": "many"})
    with pytest.raises(SerializationException, match="STRING_VALUE can not be converted to an Integer"):
        shapes.validated("ListModels", converted)


def test_an_output_is_reduced_to_its_shape() -> None:
    result = shapes.output(
        "DescribeModel",
        {"ModelName": "m", "FailureReason": None, "Secret": 1, "Containers": [{"Image": "i", "Inner": 2}]},
    )
    assert result == {"ModelName": "m", "Containers": [{"Image": "i"}]}


def test_an_operation_that_sagemaker_lacks_is_unknown() -> None:
    with pytest.raises(AwsError, match="SageMaker has no operation MakeCoffee"):
        shapes.validated("MakeCoffee", {})
