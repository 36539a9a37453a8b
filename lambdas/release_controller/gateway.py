"""AWS as the controller changes it: each effect a single call. What is observed comes from `observe`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Literal

import archive
import settings as environment
from botocore.exceptions import ClientError
from ledger import Ledger
from observe import RELEASED, Observer, message_of
from settings import Clients, Settings
from shared import outlets
from shared.environment import ConfigurationError
from shared.lock import Lock

EVENT_SOURCE = "mlops.release"
EVENT_TYPE = "Model Release Done"
METRICS = "mlops/release"
"""Namespace of what is published; the alarm looks there, and the role may write nowhere else."""

_REFUSED = re.compile(r"is in (\w+) state and can ?not be updated")

Update = Literal["started", "busy", "unchanged"]


class EventLost(Exception):
    """EventBridge did not take the event: a retry may mend it."""


@cache
def gateway() -> Gateway:
    """The one gateway of an execution environment of the function."""
    return Gateway(environment.settings(), environment.clients())


class Gateway:
    """Errors of AWS that are no answer in themselves (throttling, faults, refused permission) are raised.

    Lambda then retries the event, and what still fails goes to the function's on-failure destination.
    """

    def __init__(
        self,
        settings: Settings,
        clients: Clients,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings, self.clock = settings, clock
        self._aws = clients
        self.ledger = Ledger(clients.dynamodb, settings.ledger_table, settings.model)
        self.lock = Lock(clients.dynamodb, settings.ledger_table, settings.model, clock)
        self.observer = Observer(settings, clients, self.ledger, clock, sleep)

    def put(self, name: str, value: str) -> int:
        """Write a release parameter. Returns the version that holds the value now."""
        answer = self._aws.ssm.put_parameter(
            Name=self.settings.parameter(name), Value=value, Type="String", Overwrite=True
        )
        return int(answer["Version"])

    def label_released(self, version: int) -> None:
        answer = self._aws.ssm.label_parameter_version(
            Name=self.settings.parameter("champion"), ParameterVersion=version, Labels=[RELEASED]
        )
        if answer.get("InvalidLabels"):
            raise ConfigurationError(f"SSM refused the label {RELEASED} on version {version}")

    def update_stack(self, token: str, parameters: tuple[str, ...]) -> Update:
        """Update the serving stack with its own template; CloudFormation fetches the parameters anew.

        "busy": another operation got there first. "unchanged": the stack holds these values already.
        """
        try:
            self._aws.cloudformation.update_stack(
                StackName=self.settings.serving_stack,
                UsePreviousTemplate=True,
                Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in parameters],
                Capabilities=["CAPABILITY_IAM"],
                ClientRequestToken=token,
            )
        except ClientError as error:
            if "No updates are to be performed" in message_of(error):
                return "unchanged"
            if _REFUSED.search(message_of(error)):
                return "busy"
            raise
        return "started"

    def shift(self, share: int) -> Update:
        """Percent of the requests for the challenger. "busy": the endpoint is changing already."""
        weights = {"champion": (100 - share) / 100, "challenger": share / 100}
        try:
            self._aws.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=self.settings.endpoint_name,
                DesiredWeightsAndCapacities=[
                    {"VariantName": variant, "DesiredWeight": weight} for variant, weight in weights.items()
                ],
            )
        except ClientError as error:
            if "in-progress" in message_of(error):
                return "busy"
            raise
        return "started"

    def publish(self, subject: str, message: str) -> None:
        """message: by protocol, as JSON."""
        outlets.publish(self._aws.sns, self.settings.topic_arn, subject, message)

    def announce(self, detail: dict[str, object]) -> None:
        """An event of the project's own: a release is done. Raises EventLost."""
        entry = {"Source": EVENT_SOURCE, "DetailType": EVENT_TYPE, "Detail": json.dumps(detail)}
        answer = self._aws.events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise EventLost(f"event {EVENT_TYPE}: {answer['Entries'][0].get('ErrorMessage', 'not taken')}")

    def measure(self, name: str, value: float) -> None:
        """Publish a figure of the endpoint's releases."""
        dimensions = [{"Name": "Endpoint", "Value": self.settings.endpoint_name}]
        datum = {"MetricName": name, "Dimensions": dimensions, "Value": value}
        self._aws.cloudwatch.put_metric_data(Namespace=METRICS, MetricData=[datum])

    def test(self, package: str) -> None:
        """Start the tests of the version that the endpoint serves; they note their result on the package."""
        self._aws.lambda_.invoke(
            FunctionName=self.settings.tests_function,
            InvocationType="Event",
            Payload=json.dumps({"package": package, "endpoint": self.settings.endpoint_name}).encode(),
        )

    def retire(self, package: str) -> None:
        archive.retire(package, self._aws, self.settings)

    def bury(self, event: object, reason: str) -> None:
        """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
        outlets.bury(self._aws.sqs, self.settings.dead_letter_queue_url, event, reason)
