"""AWS as the translator sees and changes it: the only module with boto3, each method a call or two."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import settings as environment
from botocore.exceptions import ClientError
from executions import Execution
from settings import Clients, Settings
from shared import outlets
from shared.lock import Lock
from telling import DETAIL_TYPE, NAMESPACE, SOURCE

NONE = "none"
DEPLOYED = "MonitoredPackage"
"""Output of the monitors' stack: the package that its job definitions are for."""
PAGE = 100
METRICS_A_CALL = 500  # half of what PutMetricData takes, since its limit of 1 MB counts too

_CAPABILITIES = ["CAPABILITY_IAM"]


class EventLost(Exception):
    """EventBridge did not take an event."""


@dataclass(frozen=True)
class Stack:
    """The monitors' stack. deployed: the package of its job definitions, or `none`."""

    status: str
    deployed: str
    parameters: tuple[str, ...]
    updated: datetime


@cache
def gateway() -> Gateway:
    """The one gateway of an execution environment of the function."""
    return Gateway(environment.settings(), environment.clients())


class Gateway:
    """Errors of AWS that are no answer in themselves (throttling, faults, refused permission) are raised.

    Lambda then retries the event, and what still fails goes to the function's on-failure destination.
    """

    def __init__(
        self, settings: Settings, clients: Clients, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.settings, self.clock, self._aws = settings, clock, clients
        self.lock = Lock(clients.dynamodb, settings.ledger_table, settings.partition, clock)

    def champion(self) -> str:
        """ARN of the champion's package, or `none`."""
        return str(self._aws.ssm.get_parameter(Name=self.settings.champion_parameter)["Parameter"]["Value"])

    def package(self, arn: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._aws.sagemaker.describe_model_package(ModelPackageName=arn)
        return found

    def model(self) -> str:
        """Name of the SageMaker model behind the champion; "" while there is no endpoint."""
        [found] = self._aws.cloudformation.describe_stacks(StackName=self.settings.serving_stack)["Stacks"]
        return _outputs(found).get("ModelName", "")

    def stack(self) -> Stack:
        [found] = self._aws.cloudformation.describe_stacks(StackName=self.settings.stack)["Stacks"]
        return Stack(
            found["StackStatus"],
            _outputs(found).get(DEPLOYED, NONE),
            tuple(parameter["ParameterKey"] for parameter in found.get("Parameters", [])),
            found.get("LastUpdatedTime", found["CreationTime"]),
        )

    def update_stack(self, parameters: tuple[str, ...]) -> str:
        """Update the monitors' stack with its own template; CloudFormation fetches its parameters anew.

        "busy": another operation got there first. "unchanged": the stack holds these values already.
        """
        try:
            self._aws.cloudformation.update_stack(
                StackName=self.settings.stack,
                UsePreviousTemplate=True,
                Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in parameters],
                Capabilities=_CAPABILITIES,
            )
        except ClientError as error:
            if "No updates are to be performed" in _message(error):
                return "unchanged"
            if "_IN_PROGRESS state" in _message(error):
                return "busy"
            raise
        return "started"

    def executions(self, kind: str) -> list[Execution]:
        """Those of a schedule, newest first; none while it is not there."""
        try:
            answer = self._aws.sagemaker.list_monitoring_executions(
                MonitoringScheduleName=self.settings.schedules[kind].name,
                SortBy="ScheduledTime",
                SortOrder="Descending",
                MaxResults=PAGE,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return []
            raise
        return [Execution.read(kind, each) for each in answer["MonitoringExecutionSummaries"]]

    def job(self, arn: str) -> Mapping[str, Any] | None:
        """The processing job; None for one that SageMaker does not know any more."""
        try:
            found: Mapping[str, Any] = self._aws.sagemaker.describe_processing_job(
                ProcessingJobName=arn.rpartition("/")[2]
            )
        except ClientError as error:
            if "Could not find" in _message(error) or error.response["Error"]["Code"] == "ResourceNotFound":
                return None
            raise
        return found

    def script(self) -> str:
        place = {"Bucket": self.settings.script_bucket, "Key": self.settings.script_key}
        return str(self._aws.s3.get_object(**place)["Body"].read().decode())

    def read(self, bucket: str, key: str) -> bytes | None:
        """The object's content; None where there is none. Whoever may list the bucket is told the difference."""
        try:
            content: bytes = self._aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return content

    def finding(self, key: str) -> bytes | None:
        """The same of a key below the findings."""
        return self.read(self.settings.artifacts_bucket, f"{self.settings.findings}/{key}")

    def write(self, key: str, document: object) -> None:
        self.write_text(key, json.dumps(document, indent=1, allow_nan=False) + "\n", "application/json")

    def write_text(self, key: str, text: str, content_type: str) -> None:
        self._aws.s3.put_object(
            Bucket=self.settings.artifacts_bucket,
            Key=f"{self.settings.findings}/{key}",
            Body=text.encode(),
            ContentType=content_type,
        )

    def uri(self, key: str) -> str:
        return f"s3://{self.settings.artifacts_bucket}/{self.settings.findings}/{key}"

    def put_metrics(self, values: Mapping[str, float]) -> None:
        dimensions = [
            {"Name": "Endpoint", "Value": self.settings.endpoint},
            {"Name": "MonitoringSchedule", "Value": self.settings.dimension},
        ]
        data = [{"MetricName": name, "Dimensions": dimensions, "Value": values[name]} for name in sorted(values)]
        for start in range(0, len(data), METRICS_A_CALL):
            self._aws.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + METRICS_A_CALL])

    def announce(self, detail: Mapping[str, Any]) -> None:
        """The event of a run. Raises EventLost."""
        entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail, allow_nan=False)}
        answer = self._aws.events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise EventLost(f"event {DETAIL_TYPE}: {answer['Entries'][0].get('ErrorMessage', 'not taken')}")

    def bury(self, event: object, reason: str) -> None:
        """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
        outlets.bury(self._aws.sqs, self.settings.dead_letter_queue_url, event, reason)


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
