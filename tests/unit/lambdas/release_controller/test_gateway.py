"""Effects: against moto, and against recorded answers where moto cannot play the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import ClassVar

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.lambdas.release_controller.names import GROUP, STACK, STACK_ID, P, arn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_factories_make_short_lived_calls_with_standard_retries_once(aws):
    config = aws.clients.ssm.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert config.retries["mode"] == "standard"
    assert aws.clients.lambda_.meta.service_model.service_name == "lambda"
    assert aws.modules.settings.clients() is aws.clients


def test_update_reuses_template_and_every_parameter_under_the_token(aws):
    expected = {
        "StackName": STACK,
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": key, "UsePreviousValue": True} for key in ("ChampionPackage", "ShadowPackage")],
        "Capabilities": ["CAPABILITY_IAM"],
        "ClientRequestToken": "release-7-1-1-1",
    }
    aws.cloudformation.add_response("update_stack", {"StackId": STACK_ID}, expected)
    assert aws.gateway.update_stack("release-7-1-1-1", ("ChampionPackage", "ShadowPackage")) == "started"


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
    assert aws.gateway.update_stack("token", ()) == outcome


@pytest.mark.parametrize("code", ["Throttling", "AccessDenied", "TokenAlreadyExistsException"])
def test_any_other_refusal_is_raised(aws, code):
    aws.cloudformation.add_client_error("update_stack", code, "no")
    with pytest.raises(ClientError):
        aws.gateway.update_stack("token", ())


@pytest.mark.parametrize(("share", "champion", "challenger"), [(0, 1.0, 0.0), (25, 0.75, 0.25), (100, 0.0, 1.0)])
def test_share_becomes_the_weights_of_both_variants(aws, share, champion, challenger):
    weights = [
        {"VariantName": "champion", "DesiredWeight": champion},
        {"VariantName": "challenger", "DesiredWeight": challenger},
    ]
    with Stubber(aws.clients.sagemaker) as sagemaker:
        sagemaker.add_response(
            "update_endpoint_weights_and_capacities",
            {"EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}"},
            {"EndpointName": GROUP, "DesiredWeightsAndCapacities": weights},
        )
        assert aws.gateway.shift(share) == "started"


@pytest.mark.parametrize(
    ("message", "raised"),
    [('Cannot update in-progress endpoint "arn".', False), ("Variant(s) challenger do not exist.", True)],
)
def test_changing_endpoint_is_no_failure_an_unknown_variant_is(aws, message, raised):
    with Stubber(aws.clients.sagemaker) as sagemaker:
        sagemaker.add_client_error("update_endpoint_weights_and_capacities", "ValidationException", message)
        if raised:
            with pytest.raises(ClientError, match="do not exist"):
                aws.gateway.shift(25)
        else:
            assert aws.gateway.shift(25) == "busy"


def test_malformed_event_is_buried_with_its_reason_and_can_be_replayed(aws):
    aws.gateway.bury({"detail": "é"}, "detail: wrong")
    url = aws.gateway.settings.dead_letter_queue_url
    [letter] = aws.clients.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(letter["Body"]) == {"reason": "detail: wrong", "event": {"detail": "é"}}
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "detail: wrong"


def test_message_reaches_a_subscriber_in_the_text_of_its_protocol(aws):
    subscribed = aws.clients.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    queue = aws.clients.sqs.get_queue_attributes(QueueUrl=subscribed, AttributeNames=["QueueArn"])["Attributes"]
    topic = aws.gateway.settings.topic_arn
    aws.clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["QueueArn"])
    aws.gateway.publish("subject", json.dumps({"default": "plain", "https": "{}"}))
    [letter] = aws.clients.sqs.receive_message(QueueUrl=subscribed)["Messages"]
    assert json.loads(letter["Body"])["Subject"] == "subject"
    assert json.loads(letter["Body"])["Message"] == "plain"


def test_release_is_announced_on_the_default_bus(aws):
    entry = {"Source": "mlops.release", "DetailType": "Model Release Done", "Detail": '{"version": 2}'}
    with Stubber(aws.clients.events) as events:
        events.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [entry]})
        aws.gateway.announce({"version": 2})
        events.assert_no_pending_responses()


def test_event_that_the_bus_does_not_take_is_an_error(aws):
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]}
    with Stubber(aws.clients.events) as events:
        events.add_response("put_events", refused)
        with pytest.raises(aws.modules.gateway.EventLost, match="event Model Release Done: try again"):
            aws.gateway.announce({})


def test_figure_is_published_for_the_endpoint_where_the_alarm_looks(aws):
    aws.gateway.measure("overdue_hours", 1.5)
    [found] = aws.clients.cloudwatch.list_metrics(Namespace="mlops/release")["Metrics"]
    assert found["MetricName"] == "overdue_hours"
    assert found["Dimensions"] == [{"Name": "Endpoint", "Value": GROUP}]


def test_tests_are_started_without_waiting_for_them(aws):
    asked = {
        "FunctionName": "release-tests",
        "InvocationType": "Event",
        "Payload": json.dumps({"package": arn(2), "endpoint": GROUP}).encode(),
    }
    answer = {"StatusCode": 202, "Payload": StreamingBody(BytesIO(b""), 0)}
    with Stubber(aws.clients.lambda_) as function:
        function.add_response("invoke", answer, asked)
        aws.gateway.test(arn(2))
        function.assert_no_pending_responses()


def test_label_that_is_refused_is_a_configuration_error(parameters):
    with Stubber(parameters.clients.ssm) as ssm:
        asked = {"Name": f"{P}champion", "ParameterVersion": 1, "Labels": ["released"]}
        ssm.add_response("label_parameter_version", {"InvalidLabels": ["released"]}, asked)
        with pytest.raises(parameters.modules.environment.ConfigurationError, match="refused the label released"):
            parameters.gateway.label_released(1)


class TestRetirement:
    DESCRIBED: ClassVar = {
        "ModelPackageName": GROUP,
        "ModelPackageArn": arn(3),
        "ModelPackageVersion": 3,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {
            "Containers": [
                {"Image": "image", "ModelDataUrl": "s3://models/3/model.tar.gz"},
                {"Image": "image", "ModelDataUrl": "s3://models/3/model.tar.gz"},
                {"Image": "image"},
            ]
        },
    }

    @pytest.fixture
    def s3(self, aws):
        for bucket in ("models", "artifacts"):
            aws.clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        aws.clients.s3.put_object(Bucket="models", Key="3/model.tar.gz", Body=b"weights")
        return aws.clients.s3

    def retire(self, aws):
        with Stubber(aws.clients.sagemaker) as sagemaker:
            sagemaker.add_response("describe_model_package", self.DESCRIBED, {"ModelPackageName": arn(3)})
            sagemaker.add_response("delete_model_package", {}, {"ModelPackageName": arn(3)})
            aws.gateway.retire(arn(3))
            sagemaker.assert_no_pending_responses()

    def test_description_and_model_are_in_the_archive(self, aws, s3):
        self.retire(aws)
        archived = s3.get_object(Bucket="artifacts", Key="loan_approval/archive/3/model.tar.gz")["Body"].read()
        assert archived == b"weights"
        kept = s3.get_object(Bucket="artifacts", Key="loan_approval/archive/3/model-package.json")["Body"]
        assert json.load(kept)["ModelPackageArn"] == arn(3)
        assert s3.get_object(Bucket="models", Key="3/model.tar.gz")["Body"].read() == b"weights"

    def test_version_whose_model_data_is_gone_is_retired_all_the_same(self, aws, s3):
        s3.delete_object(Bucket="models", Key="3/model.tar.gz")
        self.retire(aws)
        listed = s3.list_objects_v2(Bucket="artifacts")["Contents"]
        assert [entry["Key"] for entry in listed] == ["loan_approval/archive/3/model-package.json"]

    def test_missing_model_data_are_known_by_the_list_where_s3_only_says_forbidden(self, aws, s3):
        # S3's answer to HeadObject of what is not there, for who may list the bucket below a prefix only.
        with Stubber(s3) as forbidding:
            forbidding.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
            another = {"Contents": [{"Key": "3/model.tar.gz.old"}]}
            forbidding.add_response(
                "list_objects_v2", another, {"Bucket": "models", "Prefix": "3/model.tar.gz", "MaxKeys": 1}
            )
            forbidding.add_response("put_object", {})
            self.retire(aws)
            forbidding.assert_no_pending_responses()

    def test_refused_copy_keeps_the_version(self, aws, s3):
        with Stubber(aws.clients.sagemaker) as sagemaker:
            sagemaker.add_response("describe_model_package", self.DESCRIBED)
            with Stubber(s3) as refusing:
                refusing.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
                refusing.add_response("list_objects_v2", {"Contents": [{"Key": "3/model.tar.gz"}]})
                with pytest.raises(ClientError, match="Forbidden"):
                    aws.gateway.retire(arn(3))

    def test_version_that_is_gone_is_retired_already(self, aws):
        with Stubber(aws.clients.sagemaker) as sagemaker:
            message = f"ModelPackage {arn(3)} does not exist."
            sagemaker.add_client_error("describe_model_package", "ValidationException", message)
            aws.gateway.retire(arn(3))
