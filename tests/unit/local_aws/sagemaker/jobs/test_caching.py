"""When a step is taken from an earlier run of it."""

from datetime import UTC, datetime, timedelta

import pytest

from local_aws.sagemaker import caching
from local_aws.sagemaker.caching import CacheError, duration, hit, signature

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ARGUMENTS = {
    "AppSpecification": {"ImageUri": "image", "ContainerArguments": ["--a", "1"]},
    "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": "s3://b/raw"}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://b/run-1"}}]},
    "RoleArn": "role",
}


def row(key, days_ago, **changes):
    return {"StepStatus": "Succeeded", "_Signature": key, "EndTime": NOW - timedelta(days=days_ago), **changes}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"ProcessingOutputConfig": {"Outputs": []}}, True),
        ({"RoleArn": "other"}, True),
        ({"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.4xlarge"}}}, True),
        ({"Environment": {"A": "1"}}, False),
        ({"AppSpecification": {"ImageUri": "image", "ContainerArguments": ["--a", "2"]}}, False),
        ({"ProcessingInputs": []}, False),
    ],
)
def test_only_the_documented_attributes_of_processing_count(changes, same):
    assert (signature("Processing", {**ARGUMENTS, **changes}) == signature("Processing", ARGUMENTS)) is same


@pytest.mark.parametrize(
    ("step_type", "member", "same"),
    [
        ("Training", "HyperParameters", False),
        ("Training", "InputDataConfig", False),
        ("Training", "OutputDataConfig", True),
        ("Training", "ResourceConfig", True),
        ("Tuning", "HyperParameterTuningJobConfig", False),
    ],
)
def test_attributes_of_other_types(step_type, member, same):
    assert (signature(step_type, {member: {"a": "1"}}) == signature(step_type, {member: {"a": "2"}})) is same


def test_of_a_tuning_definition_outputs_do_not_count():
    def of(**changes):
        return signature("Tuning", {"TrainingJobDefinition": {"StaticHyperParameters": {"a": "1"}, **changes}})

    assert of(OutputDataConfig={"S3OutputPath": "s3://b/1"}) == of(OutputDataConfig={"S3OutputPath": "s3://b/2"})
    assert of(StaticHyperParameters={"a": "2"}) != of()


def test_other_types_of_steps_are_never_cached():
    assert signature("RegisterModel", ARGUMENTS) is None
    assert signature("Condition", {}) is None


CONFIG = {"Enabled": True, "ExpireAfter": "P10D"}


def test_the_most_recent_successful_run_within_the_time_is_used():
    earlier = [row("k", 9), row("k", 3), row("k", 5), row("other", 1)]
    assert hit(CONFIG, "k", earlier, NOW) is earlier[1]


@pytest.mark.parametrize(
    ("config", "earlier"),
    [
        ({"Enabled": False, "ExpireAfter": "P10D"}, row("k", 1)),
        ({}, row("k", 1)),
        (CONFIG, row("k", 11)),
        (CONFIG, row("k", 1, StepStatus="Failed")),
        (CONFIG, row("k", 1, CacheHitResult={"SourcePipelineExecutionArn": "arn"})),
        (CONFIG, row("other", 1)),
    ],
)
def test_no_other_run_is_used(config, earlier):
    assert hit(config, "k", [earlier], NOW) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P30D", timedelta(days=30)),
        ("30d", timedelta(days=30)),
        ("PT1H", timedelta(hours=1)),
        ("T16m", timedelta(minutes=16)),
        ("30dT5h", timedelta(days=30, hours=5)),
        ("P1Y2M1W", timedelta(days=365 + 60 + 7)),
        ("PT1H30M5S", timedelta(hours=1, minutes=30, seconds=5)),
    ],
)
def test_durations(text, expected):
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "P", "30", "1 day", "PT", "T5d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(CacheError, match="ISO 8601"):
        caching.duration(text)
