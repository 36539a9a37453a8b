"""AWS as the controller sees it: the only module with boto3.

Errors of AWS that are no answer in themselves (throttling, faults, refused permission) are raised: Lambda
retries the event, and what still fails goes to the function's on-failure destination.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from plan import MISSING, NONE, Attempt, Endpoint, Look, Observed, Parameter, Stack, version_of

RELEASED = "released"
"""The label of the champion parameter's version whose release was confirmed and told."""

TOKEN = "release-{}"  # noqa: S105 - not a password: the client request token of a parameter version
CLOCK_SKEW = timedelta(minutes=1)
SUBJECT_LIMIT = 100  # of SNS

_REFUSED = re.compile(r"is in (\w+) state and can ?not be updated")
_OWN_TOKEN = re.compile(TOKEN.format(r"(\d+)"))


Update = Literal["started", "busy", "unchanged"]


class ConfigurationError(Exception):
    """The function's environment or what it points at is not as deployed: a person must mend it."""


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case."""

    model_package_group: str
    serving_stack: str
    endpoint_name: str
    champion_parameter: str
    failed_parameter: str
    topic_arn: str
    dead_letter_queue_url: str
    environment: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing."""
        names = [field.name for field in fields(cls)]
        if missing := [name.upper() for name in names if not environ.get(name.upper())]:
            raise ConfigurationError(f"environment of the function: {', '.join(missing)} not set")
        return cls(**{name: environ[name.upper()] for name in names})


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the controller calls."""

    ssm: Any
    cloudformation: Any
    sagemaker: Any
    sns: Any
    sqs: Any


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def gateway() -> Gateway:
    """Made at the first event that needs AWS, and kept while the execution environment lives."""
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    session = boto3.session.Session()
    services = (field.name for field in fields(Clients))
    return Gateway(settings(), Clients(**{name: session.client(name, config=config) for name in services}))


class Gateway:
    """Observations and effects, each a single call (list calls: as many pages as it takes)."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self.settings = settings
        self._aws = clients

    def observe(self, woken_by: str) -> Observed:
        """The stack, then the parameters: two calls.

        In this order, since a run beside this one writes the parameter first: an old stack with a new
        parameter is a release under way, while a new stack with an old parameter would look like one to undo.
        """
        stack = self._stack()
        champion_name, failed_name = self.settings.champion_parameter, self.settings.failed_parameter
        labelled = f"{champion_name}:{RELEASED}"
        answer = self._aws.ssm.get_parameters(Names=[champion_name, labelled, failed_name])
        invalid = set(answer.get("InvalidParameters", [])) - {labelled}
        if invalid:
            raise ConfigurationError(f"SSM parameter {', '.join(sorted(invalid))}: does not exist, deploy it")
        failed = next(p["Value"] for p in answer["Parameters"] if p["Name"] == failed_name)
        versions = [p for p in answer["Parameters"] if p["Name"] == champion_name]
        current = max(versions, key=lambda p: int(p["Version"]))
        released = min(versions, key=lambda p: int(p["Version"]))
        return Observed(
            stack=stack,
            champion=Parameter(current["Value"], current["Version"], current["LastModifiedDate"]),
            released=NONE if labelled in answer.get("InvalidParameters", []) else released["Value"],
            failed=failed,
            woken_by=woken_by,
        )

    def look(self, observed: Observed, look: Look) -> Observed:
        """The same observation with what was asked for filled in."""
        if look.at == "attempt":
            return replace(observed, attempt=self._attempt(observed.champion))
        if look.at == "approved":
            return replace(observed, approved=self._newest_approved())
        return replace(observed, endpoint=self._endpoint())

    def put_champion(self, package: str) -> int:
        """Returns the version of the parameter that holds the package now."""
        return self._put(self.settings.champion_parameter, package)

    def put_failed(self, package: str) -> None:
        self._put(self.settings.failed_parameter, package)

    def label_released(self, version: int) -> None:
        answer = self._aws.ssm.label_parameter_version(
            Name=self.settings.champion_parameter, ParameterVersion=version, Labels=[RELEASED]
        )
        if answer.get("InvalidLabels"):
            raise ConfigurationError(f"SSM refused the label {RELEASED} on version {version}")

    def update_stack(self, version: int, parameters: tuple[str, ...]) -> Update:
        """Update the serving stack with its own template; CloudFormation fetches the parameters anew.

        "busy": another operation got there first. "unchanged": the stack holds these values already.
        """
        try:
            self._aws.cloudformation.update_stack(
                StackName=self.settings.serving_stack,
                UsePreviousTemplate=True,
                Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in parameters],
                Capabilities=["CAPABILITY_IAM"],
                ClientRequestToken=TOKEN.format(version),
            )
        except ClientError as error:
            message = _message(error)
            if "No updates are to be performed" in message:
                return "unchanged"
            if _REFUSED.search(message):
                return "busy"
            raise
        return "started"

    def publish(self, subject: str, body: str) -> None:
        self._aws.sns.publish(TopicArn=self.settings.topic_arn, Subject=subject[:SUBJECT_LIMIT], Message=body)

    def bury(self, event: object, reason: str) -> None:
        """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
        self._aws.sqs.send_message(
            QueueUrl=self.settings.dead_letter_queue_url,
            MessageBody=json.dumps({"reason": reason, "event": event}),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def _put(self, name: str, value: str) -> int:
        answer = self._aws.ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        return int(answer["Version"])

    def _stack(self) -> Stack:
        try:
            answer = self._aws.cloudformation.describe_stacks(StackName=self.settings.serving_stack)
        except ClientError as error:
            if "does not exist" in _message(error):
                return Stack(MISSING)
            raise
        found = answer["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        return Stack(
            status=found["StackStatus"],
            champion=outputs.get("ChampionPackage", NONE),
            endpoint_config=outputs.get("EndpointConfigName", ""),
            parameters=tuple(parameter["ParameterKey"] for parameter in found.get("Parameters", [])),
        )

    def _attempt(self, champion: Parameter) -> Attempt:
        """The newest stack operation that tried the champion parameter's value.

        That is the one whose token names the parameter's version. Two runs at once may each have written the
        same value; then the token names an earlier version of that value, which is read only if it is there.
        """
        mine: dict[int, list[Mapping[str, Any]]] = {}
        for event in self._stack_events(since=champion.modified - CLOCK_SKEW):
            if token := _OWN_TOKEN.fullmatch(event.get("ClientRequestToken", "")):
                number = int(token[1])
                mine.setdefault(number, []).append(event)
                if number == champion.version and event.get("ResourceStatusReason") == "User Initiated":
                    break  # the operation's first event: all of it has been read
        version = champion.version
        while mine and version not in mine and version > min(mine):
            version -= 1
            if self._value_at(version) != champion.value:
                return Attempt()
        return _outcome(mine.get(version, []))

    def _value_at(self, version: int) -> str | None:
        answer = self._aws.ssm.get_parameters(Names=[f"{self.settings.champion_parameter}:{version}"])
        return next((parameter["Value"] for parameter in answer["Parameters"]), None)

    def _stack_events(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Newest first, as DescribeStackEvents gives them."""
        pages = self._aws.cloudformation.get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=self.settings.serving_stack):
            for event in page["StackEvents"]:
                if event["Timestamp"] < since:
                    return
                yield event

    def _newest_approved(self) -> str:
        """Versions are numbered as they are created, so the first page that has any holds the newest.

        A page may be empty and not the last: SageMaker filters after it pages.
        """
        pages = self._aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.settings.model_package_group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": 100},
        )
        for page in pages:
            found: list[str] = [
                package["ModelPackageArn"]
                for package in page["ModelPackageSummaryList"]
                if package["ModelPackageStatus"] == "Completed"
            ]
            if found:
                return max(found, key=version_of)
        return NONE

    def _endpoint(self) -> Endpoint:
        try:
            found = self._aws.sagemaker.describe_endpoint(EndpointName=self.settings.endpoint_name)
        except ClientError as error:
            if "Could not find" in _message(error):
                return Endpoint(MISSING)
            raise
        # An endpoint whose creation failed has no configuration.
        return Endpoint(found["EndpointStatus"], found.get("EndpointConfigName", ""))


def _outcome(events: list[Mapping[str, Any]]) -> Attempt:
    """Of one operation's events, newest first: its status, and the failure that came first."""
    of_stack = [event for event in events if event["LogicalResourceId"] == event["StackName"]]
    reasons = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event not in of_stack
        and event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return Attempt(of_stack[0]["ResourceStatus"] if of_stack else "", reasons[-1] if reasons else "")


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
