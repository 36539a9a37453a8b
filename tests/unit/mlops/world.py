"""An environment with one model, as the command line meets it: SSM, DynamoDB and S3 are moto's, the rest is played."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID

from mlops import target
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter

ACCOUNT, REGION = "111122223333", "eu-west-1"
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TABLE, ARTIFACTS = "ledger", "artifacts"
ALICE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver/alice@example.com"
BOB = f"arn:aws:sts::{ACCOUNT}:assumed-role/Releaser/bob@example.com"
LOOK = {
    "decision": "continue", "rule": "planned", "estimate": 0.0123, "low": -0.004, "high": 0.0286, "samples": 6120,
    "horizon": 24594, "progress": 0.25, "statistic": 0.9, "boundary": 2.24, "spent": 0.001, "looks": 12,
    "explanation": "Not decided yet.",
}  # fmt: skip


def refused(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@cache
def _client(service: str) -> Any:
    """One for all tests, made when moto is there already; what is behind it is new in each."""
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)
    return session.client(service)


def buckets() -> Any:
    """What is behind S3: what a test begins with is put there, and not through the API, which takes long."""
    from moto.s3.models import s3_backends  # as in World.set

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


@dataclass
class Registry:
    """SageMaker: model package groups with versions, an endpoint, transform jobs."""

    group: str
    versions: dict[int, dict[str, Any]] = field(default_factory=dict)
    endpoint: dict[str, Any] | None = None
    jobs: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def arn(self, number: int) -> str:
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{self.group}/{number}"

    def add(self, number: int, approval: str = "Approved", status: str = "Completed", **more: Any) -> str:
        self.versions[number] = {
            "ModelPackageArn": self.arn(number),
            "ModelPackageVersion": number,
            "ModelPackageStatus": status,
            "ModelApprovalStatus": approval,
            **more,
        }
        return self.arn(number)

    def describe_model_package_group(self, ModelPackageGroupName: str) -> dict[str, Any]:  # noqa: N803
        self._know(ModelPackageGroupName)
        return {"ModelPackageGroupArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{self.group}"}

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        self._know(request["ModelPackageGroupName"])
        assert (request["SortBy"], request["SortOrder"]) == ("CreationTime", "Descending")
        numbers = sorted(self.versions, reverse=True)[: request["MaxResults"]]
        return {"ModelPackageSummaryList": [self.versions[number] for number in numbers]}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        found = next((each for each in self.versions.values() if each["ModelPackageArn"] == ModelPackageName), None)
        if found is None:
            message = f"ModelPackage {ModelPackageName} does not exist."
            raise refused("DescribeModelPackage", "ValidationException", message)
        return found

    def update_model_package(self, ModelPackageArn: str, **changes: Any) -> None:  # noqa: N803
        package = self.describe_model_package(ModelPackageArn)
        metadata = package.get("CustomerMetadataProperties", {}) | changes.pop("CustomerMetadataProperties", {})
        for key in changes.pop("CustomerMetadataPropertiesToRemove", []):
            del metadata[key]
        package.update(changes, CustomerMetadataProperties=metadata)

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.endpoint is None:
            raise refused("DescribeEndpoint", "ValidationException", f'Could not find endpoint "{EndpointName}".')
        return self.endpoint

    def list_pipeline_executions(self, **request: Any) -> dict[str, Any]:
        return {"PipelineExecutionSummaries": self.executions.get(request["PipelineName"], [])[: request["MaxResults"]]}

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        return self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]

    def _know(self, group: str) -> None:
        if group != self.group:
            raise refused("DescribeModelPackageGroup", "ValidationException", f"{group} does not exist.")


@dataclass
class Stacks:
    """CloudFormation: stacks by name, with their outputs."""

    stacks: dict[str, dict[str, str]]

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName not in self.stacks:
            raise refused("DescribeStacks", "ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[StackName].items()]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}


@dataclass
class Person:
    """STS: who runs the command."""

    arn: str = ALICE

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.arn, "Account": ACCOUNT}


@dataclass
class Alarms:
    """CloudWatch: names of the alarms that are in ALARM; all that the environment has, as DescribeAlarms lists them."""

    alarming: list[str] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_alarms"
        return SimpleNamespace(
            paginate=lambda AlarmNamePrefix, **_: [  # noqa: N803
                {"MetricAlarms": [each for each in self.known if each["AlarmName"].startswith(AlarmNamePrefix)]}
            ]
        )

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        assert request["StateValue"] == "ALARM"
        return {"MetricAlarms": [{"AlarmName": name} for name in self.alarming if name in request["AlarmNames"]]}


@dataclass
class Functions:
    """Lambda: what the next call answers, and what was asked."""

    answer: Mapping[str, Any] = field(default_factory=dict)
    error: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.asked.append((FunctionName, json.loads(Payload)))
        failed = {"FunctionError": "Unhandled"} if self.error else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **failed}


class World:
    """One environment of the configuration. `clients` is what a command gets."""

    def __init__(self, environment: str, registry_of: str) -> None:
        self.environment = environment
        self.names = EnvironmentNames("mlops", environment).model("loan_approval")
        self.ssm, self.dynamodb, self.s3 = (_client(service) for service in ("ssm", "dynamodb", "s3"))
        self.registry = Registry(EnvironmentNames("mlops", registry_of).model("loan_approval").package_group)
        self.person, self.alarms, self.functions = Person(), Alarms(), Functions()
        self.stacks = Stacks(
            {
                EnvironmentNames("mlops", environment).foundation_stack: {
                    "LedgerTable": TABLE,
                    "CaptureBucket": "capture",
                    "ArtifactsBucket": ARTIFACTS,
                },
                self.names.release_stack: {"BatchFunctionName": "batch"},
                self.names.serving_stack: {"ChampionAlarms": "errors,latency", "EndpointName": self.names.endpoint},
            }
        )
        self.clients: Callable[[str], Any] = {
            "ssm": self.ssm, "dynamodb": self.dynamodb, "sagemaker": self.registry, "cloudwatch": self.alarms,
            "scheduler": _client("scheduler"),
            "cloudformation": self.stacks, "sts": self.person, "lambda": self.functions, "s3": self.s3,
        }.__getitem__  # fmt: skip
        buckets().create_bucket(ARTIFACTS, REGION)
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("model", "entry")],
        )
        for parameter in ReleaseParameter:
            self.set(parameter, "0" if parameter is ReleaseParameter.CHALLENGER_WEIGHT else "none")

    @property
    def target(self) -> target.Target:
        return target.find(self.environment, None)

    def set(self, parameter: ReleaseParameter, value: str) -> None:
        # Into moto and not through its API: each test begins with ten of them, which were a sixth of its time.
        from moto.ssm.models import ssm_backends  # half a second, which collecting the tests need not take

        store: Any = ssm_backends[DEFAULT_ACCOUNT_ID][REGION]
        name, none = self.names.release_parameter(parameter), None
        store.put_parameter(name, none, value, "String", none, none, True, [], "text", tier=none, policies=none)

    def get(self, parameter: ReleaseParameter) -> str:
        return str(self.ssm.get_parameter(Name=self.names.release_parameter(parameter))["Parameter"]["Value"])

    def serve(self, number: int, previous: int = 0) -> None:
        """A version is the champion, its release long done."""
        self.registry.versions.get(number) or self.registry.add(number)
        self.set(ReleaseParameter.CHAMPION, self.registry.arn(number))
        if previous:
            self.registry.versions.get(previous) or self.registry.add(previous)
            self.set(ReleaseParameter.PREVIOUS, self.registry.arn(previous))

    def note(self, generation: int, key: str, version: int, minutes: int = 0, **more: str) -> None:
        """An entry as the controller appends it, `minutes` after START."""
        at = (START + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        texts = {"at": at, "kind": key.partition("#")[0], "package": self.registry.arn(version), "reason": "so", **more}
        item: dict[str, Any] = {name: {"S": value} for name, value in texts.items()}
        item |= {"model": {"S": "loan-approval"}, "entry": {"S": f"{generation:010d}#{key}"}}
        self.dynamodb.put_item(TableName=TABLE, Item=item | {"version": {"N": str(version)}, "told": {"BOOL": False}})
