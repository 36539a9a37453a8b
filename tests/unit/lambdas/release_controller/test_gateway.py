"""The gateway against moto, and against recorded answers where moto cannot play the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from tests.unit.lambdas.release_controller.world import ENVIRON, GROUP, STACK, STACK_ID, P, arn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


ACCOUNT = "123456789012"  # moto's
QUEUE_URL = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/dead-letters"
TOPIC_ARN = f"arn:aws:sns:eu-west-1:{ACCOUNT}:mlops-test"


@pytest.fixture(scope="module")
def gateway(release_controller):
    """The gateway as the factory makes it from the environment."""
    module = release_controller.gateway
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRON | {"DEAD_LETTER_QUEUE_URL": QUEUE_URL, "TOPIC_ARN": TOPIC_ARN}).items():
            patch.setenv(name, value)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield module.gateway()
    module.settings.cache_clear()
    module.gateway.cache_clear()


@pytest.fixture
def aws(release_controller, gateway):
    """That gateway with moto behind it, and answers for CloudFormation to be given by the test."""
    clients = gateway._aws
    with mock_aws(), Stubber(clients.cloudformation) as cloudformation:
        assert clients.sqs.create_queue(QueueName="dead-letters")["QueueUrl"] == QUEUE_URL
        assert clients.sns.create_topic(Name="mlops-test")["TopicArn"] == TOPIC_ARN
        yield SimpleNamespace(
            gateway=gateway,
            cloudformation=cloudformation,
            ssm=clients.ssm,
            sqs=clients.sqs,
            module=release_controller.gateway,
        )
        cloudformation.assert_no_pending_responses()


@pytest.fixture
def parameters(aws):
    for name in ("champion", "failed"):
        aws.ssm.put_parameter(Name=f"{P}/{name}", Value="none", Type="String")


def describe(aws, **stack):
    found = {"StackName": STACK, "CreationTime": NOW, "StackStatus": "UPDATE_COMPLETE", **stack}
    aws.cloudformation.add_response("describe_stacks", {"Stacks": [found]}, {"StackName": STACK})


def event(token, status, minutes, *, resource=STACK, reason=""):
    return {
        "StackId": STACK_ID,
        "EventId": f"{token}-{minutes}-{resource}",
        "StackName": STACK,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "Timestamp": NOW + timedelta(minutes=minutes),
        "ClientRequestToken": token,
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def test_factory_makes_short_lived_calls_with_standard_retries_once(aws):
    config = aws.ssm.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert config.retries["mode"] == "standard"
    assert aws.module.gateway() is aws.gateway


def test_observes_the_outputs_of_the_stack_and_the_parameters(aws, parameters):
    outputs = {"ChampionPackage": arn(1), "EndpointName": GROUP, "EndpointConfigName": "config-1"}
    describe(
        aws,
        Outputs=[{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        Parameters=[{"ParameterKey": "ChampionPackage", "ParameterValue": f"{P}/champion"}],
    )
    observed = aws.gateway.observe("UPDATE_COMPLETE")
    assert observed.stack.champion == arn(1)
    assert observed.stack.endpoint_config == "config-1"
    assert observed.stack.parameters == ("ChampionPackage",)
    assert (observed.champion.value, observed.champion.version) == ("none", 1)
    assert (observed.released, observed.failed, observed.woken_by) == ("none", "none", "UPDATE_COMPLETE")


def test_released_is_the_value_under_the_label_wherever_it_is(aws, parameters):
    version = aws.gateway.put_champion(arn(1))
    assert version == 2
    aws.gateway.label_released(version)
    describe(aws)
    assert aws.gateway.observe("").released == arn(1)
    aws.gateway.put_champion(arn(2))
    describe(aws)
    observed = aws.gateway.observe("")
    assert (observed.released, observed.champion.value, observed.champion.version) == (arn(1), arn(2), 3)


def test_missing_parameter_is_named(aws):
    aws.ssm.put_parameter(Name=f"{P}/champion", Value="none", Type="String")
    describe(aws)
    with pytest.raises(aws.module.ConfigurationError, match=f"SSM parameter {P}/failed: does not exist"):
        aws.gateway.observe("")


def test_missing_stack_is_a_status_and_other_errors_are_raised(aws, parameters):
    missing = f"Stack with id {STACK} does not exist"
    aws.cloudformation.add_client_error("describe_stacks", "ValidationError", missing)
    assert aws.gateway.observe("").stack.status == "MISSING"
    aws.cloudformation.add_client_error("describe_stacks", "Throttling", "Rate exceeded")
    with pytest.raises(ClientError, match="Rate exceeded"):
        aws.gateway.observe("")


def test_update_reuses_template_and_every_parameter_under_the_versions_token(aws):
    expected = {
        "StackName": STACK,
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": key, "UsePreviousValue": True} for key in ("ChampionPackage", "ShadowPackage")],
        "Capabilities": ["CAPABILITY_IAM"],
        "ClientRequestToken": "release-7",
    }
    aws.cloudformation.add_response("update_stack", {"StackId": STACK_ID}, expected)
    assert aws.gateway.update_stack(7, ("ChampionPackage", "ShadowPackage")) == "started"


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("No updates are to be performed.", "unchanged"),
        (f"Stack:{STACK_ID} is in UPDATE_IN_PROGRESS state and can not be updated.", "busy"),
        (f"Stack [{STACK}] is in UPDATE_ROLLBACK_FAILED state and cannot be updated", "busy"),
    ],
)
def test_refused_update_says_why(aws, message, outcome):
    aws.cloudformation.add_client_error("update_stack", "ValidationError", message)
    assert aws.gateway.update_stack(7, ()) == outcome


@pytest.mark.parametrize("code", ["Throttling", "AccessDenied", "TokenAlreadyExistsException"])
def test_any_other_refusal_is_raised(aws, code):
    aws.cloudformation.add_client_error("update_stack", code, "no")
    with pytest.raises(ClientError):
        aws.gateway.update_stack(7, ())


def look_at_attempt(aws, *pages):
    """The attempt seen in these pages of stack events, each newest first."""
    for number, events in enumerate(pages):
        expected = {"StackName": STACK} | ({"NextToken": str(number)} if number else {})
        more = {"NextToken": str(number + 1)} if number < len(pages) - 1 else {}
        aws.cloudformation.add_response("describe_stack_events", {"StackEvents": events, **more}, expected)
    observed = aws.module.Observed(
        stack=aws.module.Stack("UPDATE_ROLLBACK_COMPLETE"),
        champion=aws.module.Parameter(arn(2), 3, NOW),
    )
    return aws.gateway.look(observed, aws.module.Look("attempt")).attempt


def test_attempt_is_the_tokens_operation_with_its_first_cause(aws):
    attempt = look_at_attempt(
        aws,
        [
            event("release-3", "UPDATE_ROLLBACK_COMPLETE", 9),
            event("release-3", "UPDATE_FAILED", 8, resource="Scaling", reason="Resource update cancelled"),
            event("release-3", "DELETE_FAILED", 7, resource="Config", reason="in use"),
        ],
        [
            event("release-3", "UPDATE_FAILED", 6, resource="Endpoint", reason="alarm fired"),
            event("release-3", "UPDATE_FAILED", 5, reason="Endpoint failed"),
            event("release-3", "UPDATE_IN_PROGRESS", 4, reason="User Initiated"),
        ],
    )
    assert attempt == aws.module.Attempt("UPDATE_ROLLBACK_COMPLETE", "Endpoint: alarm fired")


def test_attempt_is_found_behind_a_later_operation(aws):
    attempt = look_at_attempt(
        aws,
        [
            event("cdk-deploy", "UPDATE_ROLLBACK_COMPLETE", 9),
            event("cdk-deploy", "UPDATE_IN_PROGRESS", 8, reason="User Initiated"),
            event("release-3", "UPDATE_ROLLBACK_FAILED", 7),
            event("release-3", "UPDATE_IN_PROGRESS", 6, reason="User Initiated"),
        ],
    )
    assert attempt.status == "UPDATE_ROLLBACK_FAILED"


def test_no_event_older_than_the_parameter_is_read(aws):
    old = [event("cdk-deploy", "UPDATE_COMPLETE", -2), event("release-3", "UPDATE_ROLLBACK_COMPLETE", -3)]
    assert look_at_attempt(aws, old) == aws.module.Attempt()


@pytest.mark.parametrize(("before", "status"), [(arn(2), "UPDATE_ROLLBACK_COMPLETE"), (arn(1), "")])
def test_attempt_under_the_version_before_counts_if_that_had_the_same_value(aws, parameters, before, status):
    aws.gateway.put_champion(before)
    aws.gateway.put_champion(arn(2))
    attempt = look_at_attempt(aws, [event("release-2", "UPDATE_ROLLBACK_COMPLETE", 9)])
    assert attempt.status == status


def test_newest_approved_of_the_group_only(aws):
    sagemaker = aws.gateway._aws.sagemaker
    look = aws.module.Look("approved")
    for group in (GROUP, "other"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    assert aws.gateway.look(observed_nothing(aws), look).approved == "none"
    for approval in ["Approved"] * 11 + ["Rejected", "PendingManualApproval"]:
        sagemaker.create_model_package(ModelPackageGroupName=GROUP, ModelApprovalStatus=approval)
    for _ in range(20):
        sagemaker.create_model_package(ModelPackageGroupName="other", ModelApprovalStatus="Approved")
    assert aws.gateway.look(observed_nothing(aws), look).approved.endswith(f":model-package/{GROUP}/11")


def test_package_that_is_not_completed_is_not_released(aws):
    summary = {
        "ModelPackageGroupName": GROUP,
        "CreationTime": NOW,
        "ModelApprovalStatus": "Approved",
        "ModelPackageName": GROUP,
    }
    summaries = [
        {**summary, "ModelPackageArn": arn(2), "ModelPackageVersion": 2, "ModelPackageStatus": "Failed"},
        {**summary, "ModelPackageArn": arn(1), "ModelPackageVersion": 1, "ModelPackageStatus": "Completed"},
    ]
    with Stubber(aws.gateway._aws.sagemaker) as sagemaker:
        sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": summaries})
        assert aws.gateway.look(observed_nothing(aws), aws.module.Look("approved")).approved == arn(1)


def test_endpoint_that_does_not_exist_is_a_status(aws):
    look = aws.module.Look("endpoint")
    assert aws.gateway.look(observed_nothing(aws), look).endpoint == aws.module.Endpoint("MISSING", "")
    found = {
        "EndpointName": GROUP,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}",
        "EndpointConfigName": "config-1",
        "EndpointStatus": "InService",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    with Stubber(aws.gateway._aws.sagemaker) as sagemaker:
        sagemaker.add_response("describe_endpoint", found, {"EndpointName": GROUP})
        endpoint = aws.gateway.look(observed_nothing(aws), look).endpoint
    assert endpoint == aws.module.Endpoint("InService", "config-1")


def test_malformed_event_is_buried_with_its_reason_and_can_be_replayed(aws):
    aws.gateway.bury({"detail": "é"}, "detail: wrong")
    url = aws.gateway.settings.dead_letter_queue_url
    [letter] = aws.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(letter["Body"]) == {"reason": "detail: wrong", "event": {"detail": "é"}}
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "detail: wrong"


def test_message_is_published_to_the_topic(aws):
    subscribed = aws.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    queue = aws.sqs.get_queue_attributes(QueueUrl=subscribed, AttributeNames=["QueueArn"])["Attributes"]
    topic = aws.gateway.settings.topic_arn
    aws.gateway._aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["QueueArn"])
    aws.gateway.publish("subject", "body")
    [letter] = aws.sqs.receive_message(QueueUrl=subscribed)["Messages"]
    assert json.loads(letter["Body"])["Subject"] == "subject"
    assert json.loads(letter["Body"])["Message"] == "body"


def observed_nothing(aws):
    return aws.module.Observed(stack=aws.module.Stack("UPDATE_COMPLETE"), champion=aws.module.Parameter("none", 1, NOW))
