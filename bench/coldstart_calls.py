"""One ordinary first call of each Lambda handler: its environment, its event, and what AWS says to it.

Controllers find the loop at rest: they take their lock, look at everything, and find nothing to do. The others do what
they are there for: start a job or a build, test a version, empty a bucket. Names and environments are those of the
handlers' unit tests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.lambdas.batch_scoring import conftest as batch_scoring
from tests.unit.lambdas.monitor_translator import conftest as monitor_translator
from tests.unit.lambdas.record_keeper import names as record_keeper
from tests.unit.lambdas.release_controller import names as release_controller
from tests.unit.lambdas.release_tests import conftest as release_tests
from tests.unit.lambdas.retraining_controller import names as retraining_controller

NOW = datetime.now(UTC)
EARLIER = NOW - timedelta(days=30)
LOOK = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}, "time": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
LOCKED = {"dynamodb.UpdateItem": {"Attributes": {}}, "dynamodb.DeleteItem": {}, "dynamodb.Query": {"Items": []}}
"""The lock is free, and the ledger is empty."""


@dataclass(frozen=True)
class Call:
    """environ: the function's variables; answers: as coldstart_child.py takes them, as boto3 gives them."""

    environ: Mapping[str, str]
    event: Any
    answers: Mapping[str, Any]


def calls(answer_url: str) -> dict[str, Call]:
    """By handler. answer_url: takes what a custom resource answers to CloudFormation."""
    return {
        "batch_scoring": _batch_scoring(),
        "custom_resources": _custom_resources(answer_url),
        "monitor_translator": _monitor_translator(),
        "project_controller": _project_controller(answer_url),
        "record_keeper": _record_keeper(),
        "release_controller": _release_controller(),
        "release_tests": _release_tests(),
        "retraining_controller": _retraining_controller(),
    }


def _stack(outputs: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "CreationTime": EARLIER, "Outputs": listed}]}


def _versions(arn: str) -> dict[str, Any]:
    summary = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ModelPackageStatus": "Completed"}
    return {"ModelPackageSummaryList": [summary | {"CreationTime": EARLIER}]}


def _parameters(values: Mapping[str, str]) -> dict[str, Any]:
    common = {"Version": 1, "LastModifiedDate": EARLIER}
    return {"Parameters": [{"Name": name, "Value": value, **common} for name, value in values.items()]}


def _batch_scoring() -> Call:
    return Call(
        batch_scoring.ENVIRON,
        LOOK,
        {
            "cloudformation.DescribeStacks": _stack({"ModelName": "m", "ChampionPackage": batch_scoring.PACKAGE}),
            "s3.ListObjectsV2": {"Contents": [{"Key": "loan_approval/batch/input/2026-11.csv"}]},
            "sagemaker.CreateTransformJob": {"TransformJobArn": "arn"},
        },
    )


def _request(kind: str, answer_url: str, resource: str, properties: Mapping[str, str]) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResourceType": resource,
        "ResponseURL": answer_url,
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1",
        "RequestId": "request-1",
        "LogicalResourceId": "It",
        "PhysicalResourceId": "it",
        "ResourceProperties": dict(properties),
    }


def _custom_resources(answer_url: str) -> Call:
    """The stack goes, and its bucket with everything in it."""
    event = _request("Delete", answer_url, "Custom::Emptied", {"Kind": "bucket", "Name": "data"})
    return Call({}, event, {"s3.ListObjectVersions": {}})


def _project_controller(answer_url: str) -> Call:
    properties = {
        "ModelName": "churn-risk",
        "Owner": "a@example.com",
        "SageMakerProjectId": "p-abc123",
        "SageMakerProjectName": "churn",
    }
    return Call(
        {"BUILD_PROJECT": "new-models", "BUCKET": "projects"},
        _request("Create", answer_url, "Custom::NewModel", properties),
        {"codebuild.StartBuild": {"build": {"id": "new-models:0f8fad5b"}}, "s3.PutObject": {}},
    )


def _monitor_translator() -> Call:
    """The champion's baselines are published and deployed, and no schedule has run since."""
    environ, champion, script = monitor_translator.ENVIRON, monitor_translator.package(3), b"SETTINGS = {}\n"
    payload = {**json.loads(environ["PAYLOAD"]), "looked_up": []}
    published = {
        "package": champion,
        "model": "m",
        "script": hashlib.sha256(script).hexdigest(),
        "payload": json.dumps(payload, sort_keys=True),
        "missing": {},
    }
    return Call(
        environ,
        LOOK,
        {
            **LOCKED,
            "ssm.GetParameter": {"Parameter": {"Value": champion}},
            "cloudformation.DescribeStacks": _stack({"MonitoredPackage": champion, "ModelName": "m"}),
            "s3.GetObject script.py": {"Body": script},
            "s3.GetObject published.json": {"Body": json.dumps(published).encode()},
            "sagemaker.ListMonitoringExecutions": {"MonitoringExecutionSummaries": []},
        },
    )


def _record_keeper() -> Call:
    """Nothing is registered that is not written down."""
    return Call(
        record_keeper.ENVIRON,
        LOOK,
        {
            **LOCKED,
            "dynamodb.PutItem": {},
            "sagemaker.ListModelPackages": {"ModelPackageSummaryList": []},
            "ssm.GetParameters": {"Parameters": []},
        },
    )


def _release_controller() -> Call:
    names, champion = release_controller, release_controller.arn(2)
    values = dict.fromkeys((names.P + name for name in names.PARAMETERS), "none")
    values |= {names.P + "champion": champion, names.P + "challenger-weight": "0", names.P + "previous": names.arn(1)}
    outputs = {"ChampionPackage": champion, "EndpointConfigName": "c", "ChampionAlarms": "a"}
    return Call(
        names.ENVIRON,
        LOOK,
        {
            **LOCKED,
            "ssm.GetParameters": _parameters(values) | {"InvalidParameters": []},
            "cloudformation.DescribeStacks": _stack(outputs),
            "sagemaker.ListModelPackages": _versions(champion),
            "sagemaker.DescribeEndpoint": {"EndpointStatus": "InService", "EndpointConfigName": "c"},
            "cloudwatch.PutMetricData": {},
        },
    )


def _release_tests() -> Call:
    requests = (release_tests.SAMPLES / "requests.jsonl").read_text().splitlines(keepends=True)[:3]
    prediction = {"probability": 0.1, "decision": "approve", "model_version": "3"}
    files = {path.name: path.read_text() for path in release_tests.SAMPLES.iterdir()}
    return Call(
        release_tests.ENVIRON | {"LIMITS": '{"requests":3,"concurrency":3,"max_error_percent":2.0,"max_p95_ms":500}'},
        release_tests.EVENT,
        {
            "sagemaker.DescribeModelPackage": {"ModelApprovalStatus": "Approved"},
            "sagemaker.UpdateModelPackage": {},
            "s3.GetObject": {"Body": release_tests.packed({**files, "requests.jsonl": "".join(requests)})},
            "sagemaker-runtime.InvokeEndpoint": {"Body": json.dumps({"predictions": [prediction]}).encode()},
        },
    )


def _retraining_controller() -> Call:
    names, champion = retraining_controller, retraining_controller.arn(2)
    return Call(
        names.ENVIRON,
        LOOK,
        {
            **LOCKED,
            "cloudwatch.DescribeAlarms": {"MetricAlarms": []},
            "ssm.GetParameters": _parameters({f"{names.HERE}champion": champion, f"{names.HERE}failed": "none"}),
            "sagemaker.ListPipelineExecutions": {"PipelineExecutionSummaries": []},
            "sagemaker.ListModelPackages": _versions(champion),
            "sagemaker.DescribeModelPackage": {"CustomerMetadataProperties": {}},
            "s3.ListObjectsV2": {},
        },
    )
