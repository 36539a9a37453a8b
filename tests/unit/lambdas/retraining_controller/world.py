# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""An AWS in memory, as far as the retraining controller sees it; and the rules that a retraining must keep.

Every call is checked against botocore's input shape, and may be made to fail, or to end the run after it took
effect. Time moves only by calls and by what the test says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from tests.unit.lambdas.checked_client import check, operation
from tests.unit.lambdas.release_controller.clients import Client
from tests.unit.lambdas.release_controller.fakes.clock import Clock
from tests.unit.lambdas.release_controller.fakes.outlets import Outlets
from tests.unit.lambdas.release_controller.fakes.table import Table
from tests.unit.lambdas.retraining_controller.names import (
    ALARM,
    DATA,
    ELSEWHERE,
    GROUP,
    HERE,
    LATEST,
    PARTITION,
    PIPELINE,
    PIPELINE_ARN,
    PREFIX,
    THERE,
    arn,
    number,
    refused,
)  # fmt: skip

PLACES = {ALARM: HERE, ELSEWHERE: THERE}
A_CALL = timedelta(seconds=0.05)
RUNNING = ("Executing", "Stopping")


class CrashError(Exception):
    """The run ends here: the call before it took effect."""


@dataclass
class Execution:
    """A run of the training pipeline. by_us: whether it was started under a token of the controller's kind."""

    name: str
    token: str
    started: datetime
    parameters: dict[str, str] = field(default_factory=dict)
    description: str = ""
    status: str = "Executing"
    reason: str = ""

    @property
    def arn(self) -> str:
        return f"{PIPELINE_ARN}/execution/{self.token[:12]}"


class World:
    """failing: the training itself fails. lag: seconds until a list shows an execution that was started."""

    def __init__(self, *, lag: float = 0, checked: bool = True) -> None:
        self.clock = Clock()
        self.table, self.outlets = Table(), Outlets()
        self._players = {"dynamodb": self.table, "sns": self.outlets, "sqs": self.outlets}
        self.alarms = dict.fromkeys(PLACES, (False, self.clock.now))
        self.parameters = {
            place + name: ("none", self.clock.now) for place in PLACES.values() for name in ("champion", "failed")
        }
        self.packages: dict[int, str] = {}
        self.metadata: dict[int, dict[str, str]] = {}
        self.executions: list[Execution] = []
        self.objects: dict[str, datetime] = {}
        self.latest: dict[str, Any] | str | None = None
        self.deployed, self.refuses = True, ""
        self.lends: set[str] = set()
        self.lag, self.checked = lag, checked
        self.events: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.before_call: Callable[[str], object] = _nothing
        self.after_call: Callable[[str], object] = _nothing

    # What people, time and other parts of the platform do.

    def degrade(self, alarm: str = ALARM) -> None:
        """The monitor confirms that the champion got worse."""
        self.alarms[alarm] = (True, self.clock.now)
        detail = {"alarmName": alarm, "state": {"value": "ALARM"}}
        self._event("aws.cloudwatch", "CloudWatch Alarm State Change", detail)

    def recover(self, alarm: str = ALARM) -> None:
        self.alarms[alarm] = (False, self.clock.now)

    def release(self, version: int, place: str = HERE) -> None:
        """The version serves; the monitor's next run finds nothing wrong with it yet."""
        self.parameters[place + "champion"] = (arn(version), self.clock.now)
        self.recover(next(alarm for alarm, prefix in PLACES.items() if prefix == place))

    def fail(self, version: int, place: str = HERE) -> None:
        """The version lost its verdict, or its release failed."""
        self.parameters[place + "failed"] = (arn(version), self.clock.now)

    def register(self, version: int, approval: str = "PendingManualApproval", **metadata: str) -> None:
        self.packages[version] = approval
        self.metadata.setdefault(version, {}).update(metadata)
        detail = {
            "ModelPackageGroupName": GROUP, "ModelPackageVersion": version, "ModelPackageArn": arn(version),
            "ModelPackageStatus": "Completed", "ModelApprovalStatus": approval,
        }  # fmt: skip
        self._event("aws.sagemaker", "SageMaker Model Package State Change", detail)

    def export(self, until: str, folder: str = "export", file: str = "loans.csv") -> None:
        key = f"{PREFIX}/until={until}/{folder}/{file}" if folder else f"{PREFIX}/until={until}/{file}"
        self.objects[key] = self.clock.now
        self._event("aws.s3", "Object Created", {"bucket": {"name": DATA}, "object": {"key": key}})

    def ask(self) -> None:
        """The retraining's own schedule."""
        self.events.append({"trigger": "schedule", "time": f"{self.clock.now:%Y-%m-%dT%H:%M:00Z}"})

    def start_by_hand(self) -> Execution:
        made = Execution(f"by-hand-{len(self.executions)}", f"{len(self.executions):032d}", self.clock.now)
        self.executions.append(made)
        return made

    def end(self, status: str = "Succeeded", reason: str = "") -> None:
        """The execution that runs ends; a good one registers a version, which waits for approval."""
        running = self.running()
        assert running is not None
        running.status, running.reason = status, reason
        detail = {"pipelineArn": PIPELINE_ARN, "currentPipelineExecutionStatus": status}
        self._event("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change", detail)
        if status == "Succeeded":
            days = {f"{name[:-4].lower()}_from": name for name in ("TrainFrom", "TestFrom")}
            days |= {f"{name[:-2].lower()}_to": name for name in ("TrainTo", "TestTo")}
            learned = {key: running.parameters[name] for key, name in days.items() if name in running.parameters}
            data = running.parameters.get("InputDataUri", "s3://elsewhere/")
            self.register(max(self.packages, default=0) + 1, data_uri=data, **learned)

    def running(self) -> Execution | None:
        return next((each for each in self.executions if each.status in RUNNING), None)

    @property
    def retrainings(self) -> list[Execution]:
        return [each for each in self.executions if each.name.startswith("retraining-")]

    @property
    def told(self) -> list[str]:
        return [subject.removeprefix("[test] loan-approval: ") for subject in self.outlets.told]

    def ledger(self) -> list[dict[str, Any]]:
        """The entries in the table's order, plain values."""
        entries = [item for key, item in sorted(self.table.items.items()) if key[0] == PARTITION]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in entries]

    def final(self) -> dict[str, Any]:
        """What must come out the same whatever went wrong on the way."""
        return {
            "retrainings": [(each.parameters, each.status) for each in self.retrainings],
            "told": set(self.told),
            "ledger": sorted(entry["kind"] for entry in self.ledger()),
            "locked": [key for key in self.table.items if key[0].startswith("lock#")],
        }

    # What the controller calls.

    def client(self, service: str, dead: Callable[[], bool]) -> Any:
        """dead: whether the run that calls has ended, so that nothing it still does has an effect."""

        def call(service: str, method: str, parameters: dict[str, Any]) -> Any:
            if dead():
                raise CrashError("this run has ended")
            return self.call(service, method, parameters)

        return Client(call, service)

    def call(self, service: str, method: str, parameters: dict[str, Any]) -> Any:
        name, shape = operation(service, method)
        if self.checked:
            check(parameters, shape)
        self.clock.now += A_CALL
        self.before_call(name)
        self.calls.append(name)
        answer = getattr(self._players.get(service, self), method)(**parameters)
        self.after_call(name)
        return answer

    def assume_role(self, RoleArn: str, RoleSessionName: str, DurationSeconds: int) -> dict[str, Any]:
        """Roles of other accounts are there from the deployment of those on."""
        if RoleArn not in self.lends:
            raise refused("AccessDenied", f"not authorized to perform: sts:AssumeRole on {RoleArn}", "AssumeRole")
        return {"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}}

    def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:
        assert AlarmTypes == ["MetricAlarm"]
        found = [
            {
                "AlarmName": name,
                "StateValue": "ALARM" if ringing else "OK",
                "StateReason": "Threshold Crossed",
                "StateTransitionedTimestamp": since,
            }
            for name, (ringing, since) in self.alarms.items()
            if name in AlarmNames
        ]
        return {"MetricAlarms": found}

    def get_parameters(self, Names: list[str]) -> dict[str, Any]:
        assert 0 < len(Names) <= 10
        known = {name: self.parameters[name] for name in Names if name in self.parameters}
        return {
            "Parameters": [{"Name": n, "Value": value, "LastModifiedDate": at} for n, (value, at) in known.items()],
            "InvalidParameters": [name for name in Names if name not in known],
        }

    def list_model_packages(
        self, ModelPackageGroupName: str, SortBy: str, SortOrder: str, MaxResults: int, NextToken: str = "0"
    ) -> dict[str, Any]:
        assert (ModelPackageGroupName, SortBy, SortOrder) == (GROUP, "CreationTime", "Descending")
        assert self.deployed, "the group comes with the pipeline"
        start, versions = int(NextToken), sorted(self.packages, reverse=True)
        stop = start + min(MaxResults, 2)
        summaries = [
            {
                "ModelPackageArn": arn(version),
                "ModelPackageStatus": "Failed" if self.packages[version] == "Broken" else "Completed",
                "ModelApprovalStatus": self.packages[version],
            }
            for version in versions[start:stop]
        ]
        more = {"NextToken": str(stop)} if stop < len(versions) else {}
        return {"ModelPackageSummaryList": summaries, **more}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        return {"CustomerMetadataProperties": self.metadata[number(ModelPackageName)]}

    def list_pipeline_executions(
        self,
        PipelineName: str,
        CreatedAfter: datetime,
        SortBy: str,
        SortOrder: str,
        MaxResults: int,
        NextToken: str = "0",
    ) -> dict[str, Any]:
        assert (SortBy, SortOrder) == ("CreationTime", "Descending")
        self._check_pipeline(PipelineName, "ListPipelineExecutions")
        listed = [each for each in reversed(self.executions) if CreatedAfter <= each.started and not self.is_new(each)]
        start = int(NextToken)
        stop = start + min(MaxResults, 2)
        more = {"NextToken": str(stop)} if stop < len(listed) else {}
        return {"PipelineExecutionSummaries": [self._summary(each) for each in listed[start:stop]], **more}

    def _summary(self, each: Execution) -> dict[str, Any]:
        return {
            "PipelineExecutionArn": each.arn,
            "PipelineExecutionDisplayName": each.name,
            "PipelineExecutionStatus": each.status,
            **({"PipelineExecutionFailureReason": each.reason} if each.reason else {}),
        }

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:
        for each in self.executions:
            if each.arn == PipelineExecutionArn:
                return self._summary(each)
        raise refused("ResourceNotFound", f"{PipelineExecutionArn} does not exist.", "DescribePipelineExecution")

    def list_pipeline_execution_steps(self, PipelineExecutionArn: str, MaxResults: int) -> dict[str, Any]:
        found = next(each for each in self.executions if each.arn == PipelineExecutionArn)
        steps: list[dict[str, Any]] = [{"StepName": "ValidateData", "StepStatus": "Succeeded"}]
        if found.reason:
            steps.append({"StepName": "GateModel", "StepStatus": "Failed", "FailureReason": found.reason})
        return {"PipelineExecutionSteps": steps}

    def start_pipeline_execution(
        self,
        PipelineName: str,
        PipelineExecutionDisplayName: str,
        PipelineExecutionDescription: str,
        PipelineParameters: list[dict[str, str]],
        ClientRequestToken: str,
    ) -> dict[str, Any]:
        self._check_pipeline(PipelineName, "StartPipelineExecution")
        if self.refuses:
            raise refused("ValidationException", self.refuses, "StartPipelineExecution")
        for each in self.executions:
            if each.token == ClientRequestToken:
                return {"PipelineExecutionArn": each.arn}
        parameters = {entry["Name"]: entry["Value"] for entry in PipelineParameters}
        made = Execution(
            PipelineExecutionDisplayName, ClientRequestToken, self.clock.now, parameters, PipelineExecutionDescription
        )
        self.started(made)
        self.executions.append(made)
        return {"PipelineExecutionArn": made.arn}

    def is_new(self, each: Execution) -> bool:
        """Lists do not show it yet."""
        return each.started > self.clock.now - timedelta(seconds=self.lag)

    def started(self, made: Execution) -> None:
        """What must be true of every start; tests of histories add to it."""
        assert self.running() is None, "two at once"

    def _check_pipeline(self, name: str, operation: str) -> None:
        assert name == PIPELINE
        if not self.deployed:
            raise refused("ResourceNotFound", f"Pipeline {name} does not exist.", operation)

    def list_objects_v2(self, Bucket: str, Prefix: str, Delimiter: str = "", MaxKeys: int = 1000) -> dict[str, Any]:
        if Bucket == "artifacts":
            return {"Contents": [{"Key": LATEST}]} if self.latest is not None else {}
        found = {key: at for key, at in self.objects.items() if key.startswith(Prefix)}
        if not Delimiter:
            return {"Contents": [{"Key": key, "LastModified": at} for key, at in sorted(found.items())]}
        ends = {key: key.find(Delimiter, len(Prefix)) for key in found}
        folders = sorted({key[: end + 1] for key, end in ends.items() if end >= 0})
        return {"CommonPrefixes": [{"Prefix": folder} for folder in folders]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        assert (Bucket, Key) == ("artifacts", LATEST)
        text = self.latest if isinstance(self.latest, str) else json.dumps(self.latest)
        return {"Body": BytesIO(text.encode())}

    def _event(self, source: str, kind: str, detail: dict[str, Any]) -> None:
        self.events.append({"source": source, "detail-type": kind, "detail": detail})


def month(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m}"


def _nothing(_name: str) -> None:
    """The hook that does nothing."""
