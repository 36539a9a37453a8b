"""Endpoints through boto3, as a client of AWS meets them: real server, real serving processes.

The tests of this module run in their order on one endpoint.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .serving import Serving, Traffic, eventually

ENDPOINT = "serving-test"


@pytest.fixture(scope="module")
def serving(local_aws: Any) -> Iterator[Serving]:
    shared = Serving(local_aws, ENDPOINT)
    for version in ("first", "second", "failing"):
        shared.model(version)
    shared.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="first")
    described = shared.settled()
    assert described["EndpointStatus"] == "InService", described
    yield shared


def test_a_request_is_answered_and_captured(serving: Serving) -> None:
    answer = serving.predict(InferenceId="loan-1", CustomAttributes="source=test")
    assert answer["Prediction"] == {"version": "first", "decision": "approve"}
    assert answer["InvokedProductionVariant"] == "champion"
    assert answer["ContentType"] == "application/json"
    record = eventually(lambda: next(iter(serving.captured()), None))
    assert record["eventMetadata"]["inferenceId"] == "loan-1"
    assert record["eventMetadata"]["customAttributes"] == ["source=test"]
    assert json.loads(record["captureData"]["endpointInput"]["data"]) == {"instances": [{"income": 20}]}
    output = json.loads(record["captureData"]["endpointOutput"]["data"])
    assert output["predictions"] == [answer["Prediction"]]
    head = serving.s3.head_object(Bucket=serving.bucket, Key=serving.captured_keys()[0])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", serving.key_arn)


def test_a_bad_request_gets_400_with_the_field_named_and_is_counted(serving: Serving) -> None:
    with pytest.raises(ClientError) as raised:
        serving.predict("a lot")
    response: dict[str, Any] = dict(raised.value.response)
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    assert response["OriginalMessage"].startswith("instances[0].income: 'a lot' is not a number\n")
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{ENDPOINT}")

    def counted() -> float:
        now = time.time()
        found = serving.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocation4XXErrors",
            Dimensions=[
                {"Name": "EndpointName", "Value": ENDPOINT},
                {"Name": "VariantName", "Value": "champion"},
            ],
            StartTime=now - 300,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    assert eventually(counted) == 1
    group = f"/aws/sagemaker/Endpoints/{ENDPOINT}"
    lines = eventually(lambda: serving.logs.filter_log_events(logGroupName=group)["events"])
    assert all(line["logStreamName"].startswith("champion/i-") for line in lines)


def test_an_unknown_endpoint_is_a_validation_error(serving: Serving) -> None:
    with pytest.raises(ClientError) as raised:
        serving.runtime.invoke_endpoint(EndpointName="none", Body=b"")
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationError",
        "Endpoint none of account 111122223333 not found.",
    )


def test_a_canary_update_under_load_loses_no_request(serving: Serving) -> None:
    with Traffic(serving) as traffic:
        described = serving.update("second")
        time.sleep(0.2)
    assert described["EndpointConfigName"] == "second"
    assert traffic.errors == []
    assert Counter(traffic.versions).keys() == {"first", "second"}
    assert traffic.versions[-1] == "second"


def test_an_alarm_on_the_new_fleet_rolls_a_failing_model_back(serving: Serving) -> None:
    serving.cloudwatch.put_metric_alarm(
        AlarmName="serving-test-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": ENDPOINT},
            {"Name": "VariantName", "Value": "champion"},
            {"Name": "EndpointConfigName", "Value": "failing"},
        ],
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        Threshold=0.1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    with Traffic(serving) as traffic:
        described = serving.update("failing", "serving-test-errors", wait=20)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "second"
    assert "alarm(s) serving-test-errors went into ALARM" in described["FailureReason"]
    codes = {error.response["OriginalStatusCode"] for error in traffic.errors}  # type: ignore[attr-defined]
    assert codes == {500}
    assert serving.predict()["Prediction"]["version"] == "second"


def test_weights_move_the_traffic(serving: Serving) -> None:
    serving.config("both", [("champion", "first", 1.0), ("challenger", "second", 0.0)])
    serving.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="both")
    serving.settled()
    assert {serving.predict()["InvokedProductionVariant"] for _ in range(10)} == {"champion"}
    assert serving.predict(TargetVariant="challenger")["Prediction"]["version"] == "second"
    serving.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT,
        DesiredWeightsAndCapacities=[
            {"VariantName": "champion", "DesiredWeight": 1.0},
            {"VariantName": "challenger", "DesiredWeight": 1.0},
        ],
    )
    serving.settled()
    seen = Counter(serving.predict()["InvokedProductionVariant"] for _ in range(60))
    assert min(seen["champion"], seen["challenger"]) > 10


def test_everything_that_was_answered_is_captured_when_the_endpoint_is_deleted(serving: Serving) -> None:
    before = len(serving.captured())
    for _ in range(20):
        serving.predict()
    serving.sagemaker.delete_endpoint(EndpointName=ENDPOINT)

    def gone() -> bool:
        return not serving.sagemaker.list_endpoints(NameContains=ENDPOINT)["Endpoints"]

    eventually(gone)
    assert len(serving.captured()) >= before + 20
    with pytest.raises(ClientError, match="not found"):
        serving.predict()
    for name in ("first", "second", "failing", "both"):
        serving.sagemaker.delete_endpoint_config(EndpointConfigName=name)
