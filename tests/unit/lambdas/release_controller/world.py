# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""An AWS in memory, as far as the release controller sees it: registry, parameters, stack, endpoint, queues.

Every call is checked against botocore's input shape and may be made to fail, or to end the run after it took
effect. Time moves only by calls and steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from tests.unit.lambdas.release_controller.clients import Client

GROUP = "mlops-test-loan-approval"
STACK = "mlops-test-loan-approval-serving"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{STACK}/5f2c"
P = "/mlops/test/loan-approval/release"
ENVIRON = {
    "MODEL_PACKAGE_GROUP": GROUP,
    "SERVING_STACK": STACK,
    "ENDPOINT_NAME": GROUP,
    "CHAMPION_PARAMETER": f"{P}/champion",
    "FAILED_PARAMETER": f"{P}/failed",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:mlops-test",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
    "ENVIRONMENT": "test",
}
SCHEDULE = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
OPERATIONS = {
    "ssm": ("GetParameters", "PutParameter", "LabelParameterVersion"),
    "cloudformation": ("DescribeStacks", "DescribeStackEvents", "UpdateStack"),
    "sagemaker": ("ListModelPackages", "DescribeEndpoint"),
    "sns": ("Publish",),
    "sqs": ("SendMessage",),
}
READS = ("Get", "Describe", "List")
UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


class CrashError(Exception):
    """The run ends here: the call before it took effect."""


def arn(version: int, group: str = GROUP) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{group}/{version}"


@cache
def _operation(service: str, method: str) -> tuple[str, Any]:
    model = botocore.session.get_session().get_service_model(service)
    name = next(name for name in OPERATIONS[service] if xform_name(name) == method)
    return name, model.operation_model(name).input_shape


def refused(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Operation:
    """A stack operation under way: what it deploys, under which token, and how it ends."""

    token: str
    champion: str
    ends: str
    steps: list[str]


@dataclass
class World:
    """Good versions deploy; `bad` ones roll back; `stuck` ones leave the stack in UPDATE_ROLLBACK_FAILED."""

    bad: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    packages: dict[int, str] = field(default_factory=dict)
    parameters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    labels: dict[tuple[str, str], int] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"
    stack_champion: str = "none"
    config: str = ""
    endpoint: dict[str, str] = field(default_factory=dict)
    operation: Operation | None = None
    stack_events: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    page_size: int = 3
    now: datetime = datetime(2026, 11, 21, tzinfo=UTC)
    before_call: Callable[[str], None] = lambda name: None
    after_call: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        for name in ("champion", "failed"):
            self._write(f"{P}/{name}", "none")

    # What people and time do.

    def register(self, version: int, approval: str = "PendingManualApproval") -> None:
        self.packages[version] = approval
        self._package_event(version, [])

    def approve(self, version: int, approval: str = "Approved") -> None:
        self.packages[version] = approval
        self._package_event(version, ["ModelApprovalStatus"])

    def edit_metadata(self, version: int) -> None:
        self._package_event(version, ["CustomerMetadataProperties"])

    def deploy(self, *, ends: str = "good", value: str = "") -> bool:
        """`cdk deploy` by a person; value: of the champion parameter when its change set was made."""
        if self.operation or self.status not in UPDATABLE:
            return False
        champion = value or self.value("champion")
        self._begin("cdk-deploy", champion, "bad" if ends == "bad" else self._fate(champion))
        return True

    def scale(self) -> None:
        """Autoscaling changes the endpoint, or is done with it; meanwhile SageMaker refuses other updates."""
        if self.endpoint and not self.operation and self.status in UPDATABLE:
            busy = self.endpoint["EndpointStatus"] == "InService"
            self.endpoint["EndpointStatus"] = "Updating" if busy else "InService"

    def continue_rollback(self) -> None:
        """A person repaired what kept the stack from rolling back."""
        assert self.status == "UPDATE_ROLLBACK_FAILED"
        self._end("continue", "UPDATE_ROLLBACK_COMPLETE")

    def step(self) -> None:
        """The stack's operation goes one status on."""
        operation = self.operation
        if operation is None:
            return
        status = operation.steps.pop(0)
        if status == "UPDATE_ROLLBACK_IN_PROGRESS":
            self._event(operation.token, "Endpoint", "UPDATE_FAILED", "alarm p99 fired during the canary")
            self._event(operation.token, "Scaling", "UPDATE_FAILED", "Resource update cancelled")
        if operation.steps:
            self._set(operation.token, status)
        else:
            self._end(operation.token, status)

    def value(self, name: str) -> str:
        return str(self.parameters[f"{P}/{name}"][-1]["Value"])

    @property
    def released(self) -> str:
        version = self.labels.get((f"{P}/champion", "released"))
        return "none" if version is None else str(self.parameters[f"{P}/champion"][version - 1]["Value"])

    def final(self) -> dict[str, Any]:
        """What must come out the same whatever went wrong on the way."""
        return {
            "champion": self.value("champion"),
            "failed": self.value("failed"),
            "released": self.released,
            "stack": (self.status, self.stack_champion, self.config),
            "endpoint": self.endpoint,
            "told": {subject for subject in self.told if "being released" not in subject},
        }

    # What the controller calls.

    def client(self, service: str) -> Any:
        return Client(self.call, service)

    def call(self, service: str, method: str, parameters: dict[str, Any]) -> Any:
        name, shape = _operation(service, method)
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), report.generate_report()
        self.now += timedelta(seconds=1)
        self.before_call(name)
        self.calls.append(name)
        answer = getattr(self, "_" + method)(**parameters)
        self.after_call(name)
        return answer

    def _get_parameters(self, Names: list[str]) -> dict[str, Any]:
        assert len(set(Names)) == len(Names)
        found, invalid = [], []
        for wanted in Names:
            name, _, selector = wanted.partition(":")
            versions = self.parameters.get(name, [])
            number = self.labels.get((name, selector), int(selector) if selector.isdigit() else 0)
            number = number if selector else len(versions)
            if 0 < number <= len(versions):
                found.append({**versions[number - 1], **({"Selector": f":{selector}"} if selector else {})})
            else:
                invalid.append(wanted)
        return {"Parameters": sorted(found, key=lambda p: p["Name"]), "InvalidParameters": invalid}

    def _put_parameter(self, Name: str, Value: str, Type: str, Overwrite: bool) -> dict[str, Any]:
        assert Type == "String" and Overwrite and Value
        return {"Version": self._write(Name, Value)}

    def _label_parameter_version(self, Name: str, ParameterVersion: int, Labels: list[str]) -> dict[str, Any]:
        assert ParameterVersion <= len(self.parameters[Name])
        self.labels.update({(Name, label): ParameterVersion for label in Labels})
        return {"InvalidLabels": [], "ParameterVersion": ParameterVersion}

    def _list_model_packages(
        self,
        ModelPackageGroupName: str,
        ModelApprovalStatus: str = "",
        SortBy: str = "CreationTime",
        SortOrder: str = "Ascending",
        MaxResults: int = 10,
        NextToken: str = "0",
    ) -> dict[str, Any]:
        assert ModelPackageGroupName == GROUP and SortBy == "CreationTime"
        start, versions = int(NextToken), sorted(self.packages, reverse=SortOrder == "Descending")
        stop = start + min(MaxResults, self.page_size)
        summaries = [
            {
                "ModelPackageGroupName": GROUP,
                "ModelPackageVersion": version,
                "ModelPackageArn": arn(version),
                "ModelPackageStatus": "Completed",
                "ModelApprovalStatus": self.packages[version],
            }
            for version in versions[start:stop]
            if ModelApprovalStatus in ("", self.packages[version])
        ]
        more = {"NextToken": str(stop)} if stop < len(versions) else {}
        return {"ModelPackageSummaryList": summaries, **more}

    def _describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if not self.endpoint:
            raise refused("ValidationException", f'Could not find endpoint "{EndpointName}".', "DescribeEndpoint")
        return {"EndpointName": EndpointName, **self.endpoint}

    def _describe_stacks(self, StackName: str) -> dict[str, Any]:
        if not self.status:
            raise refused("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        outputs = {"ChampionPackage": self.stack_champion}
        if self.config:
            outputs |= {"EndpointName": GROUP, "EndpointConfigName": self.config}
        stack = {
            "StackName": StackName,
            "StackStatus": self.status,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": f"{P}/{key}"} for key in ("ChampionPackage", "Weight")
            ],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        }
        return {"Stacks": [stack]}

    def _describe_stack_events(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        newest_first = self.stack_events[::-1]
        stop = int(NextToken) + self.page_size
        more = {"NextToken": str(stop)} if stop < len(newest_first) else {}
        return {"StackEvents": newest_first[int(NextToken) : stop], **more}

    def _update_stack(
        self,
        StackName: str,
        UsePreviousTemplate: bool,
        Parameters: list[dict[str, Any]],
        Capabilities: list[str],
        ClientRequestToken: str,
    ) -> dict[str, Any]:
        assert UsePreviousTemplate and Capabilities == ["CAPABILITY_IAM"]
        assert Parameters == [{"ParameterKey": key, "UsePreviousValue": True} for key in ("ChampionPackage", "Weight")]
        if self.status not in UPDATABLE:
            message = f"Stack:{STACK_ID} is in {self.status} state and can not be updated."
            raise refused("ValidationError", message, "UpdateStack")
        champion = self.value("champion")
        if champion == self.stack_champion:
            raise refused("ValidationError", "No updates are to be performed.", "UpdateStack")
        if any(event["ClientRequestToken"] == ClientRequestToken for event in self.stack_events):
            message = f"A client request token already exists: {ClientRequestToken}"
            raise refused("TokenAlreadyExistsException", message, "UpdateStack")
        self.attempts.append(champion)
        self._begin(ClientRequestToken, champion, self._fate(champion))
        return {"StackId": STACK_ID}

    def _publish(self, TopicArn: str, Subject: str, Message: str) -> dict[str, Any]:
        assert len(Subject) <= 100 and Subject.isascii() and "\n" not in Subject
        self.told.append(Subject)
        self.bodies.append(Message)
        return {"MessageId": "1"}

    def _send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> dict[str, Any]:
        body = json.loads(MessageBody)
        assert MessageAttributes["reason"]["StringValue"] == body["reason"]
        self.dead_letters.append(body)
        return {"MessageId": "1"}

    # How the stack goes on.

    def _write(self, name: str, value: str) -> int:
        versions = self.parameters.setdefault(name, [])
        versions.append({"Name": name, "Value": value, "Version": len(versions) + 1, "LastModifiedDate": self.now})
        return len(versions)

    def _fate(self, champion: str) -> str:
        if champion != self.stack_champion and self.endpoint.get("EndpointStatus") == "Updating":
            return "bad"
        version = int(champion.rsplit("/", 1)[1]) if champion != "none" else 0
        return "stuck" if version in self.stuck else "bad" if version in self.bad else "good"

    def _begin(self, token: str, champion: str, ends: str) -> None:
        steps = {
            "good": ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"],
            "bad": ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"],
            "stuck": ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"],
        }
        self.operation = Operation(token, champion, ends, steps[ends])
        if self.endpoint:
            self.endpoint["EndpointStatus"] = "Updating"
        self._set(token, "UPDATE_IN_PROGRESS", "User Initiated")
        self._event(token, "Endpoint", "UPDATE_IN_PROGRESS", "")

    def _end(self, token: str, status: str) -> None:
        if self.operation and self.operation.ends == "good":
            self.stack_champion = self.operation.champion
            version = self.stack_champion.rsplit("/", 1)[-1]
            self.config = "" if version == "none" else f"config-{version}"
            self.endpoint = {"EndpointConfigName": self.config} if self.config else {}
        self.operation = None
        if self.endpoint and status != "UPDATE_ROLLBACK_FAILED":
            self.endpoint["EndpointStatus"] = "InService"
        self._set(token, status)

    def _set(self, token: str, status: str, reason: str = "") -> None:
        self.status = status
        self._event(token, STACK, status, reason)
        self.events.append(
            {
                "source": "aws.cloudformation",
                "detail-type": "CloudFormation Stack Status Change",
                "detail": {
                    "stack-id": STACK_ID,
                    "status-details": {"status": status, "status-reason": reason},
                },
            }
        )

    def _event(self, token: str, logical_id: str, status: str, reason: str) -> None:
        self.now += timedelta(seconds=1)
        event = {
            "StackId": STACK_ID,
            "StackName": STACK,
            "LogicalResourceId": logical_id,
            "ResourceStatus": status,
            "Timestamp": self.now,
            "ClientRequestToken": token,
        }
        self.stack_events.append({**event, **({"ResourceStatusReason": reason} if reason else {})})

    def _package_event(self, version: int, updated: list[str]) -> None:
        detail = {
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn(version),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": self.packages[version],
        }
        if updated:
            detail["UpdatedModelPackageFields"] = updated
        self.events.append(
            {
                "source": "aws.sagemaker",
                "detail-type": "SageMaker Model Package State Change",
                "detail": detail,
            }
        )
