"""AWS as the controller changes it: each effect a single call. What is observed comes from `observe`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import settings as environment
from botocore.exceptions import ClientError
from ledger import Ledger
from observe import Observer
from places import Reach, there
from settings import Clients, Settings
from shared import outlets
from shared.lock import Lock
from shared.messages import Message
from state import Run

DESCRIPTION_LIMIT = 3072  # API reference: StartPipelineExecution, PipelineExecutionDescription

_NEVER = ("ValidationException", "ResourceNotFound")


class NotStarted(Exception):
    """SageMaker refuses the request itself: no repetition can help."""


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
        reach: Reach = there,
    ) -> None:
        self.settings, self.clock = settings, clock
        self._aws = clients
        self.ledger = Ledger(clients.dynamodb, settings.ledger_table, settings.partition)
        self.lock = Lock(clients.dynamodb, settings.ledger_table, settings.partition, clock)
        self.observer = Observer(settings, clients, self.ledger, clock, reach)

    def start(self, run: Run) -> str:
        """Start the training pipeline, or find it started under the run's token; returns the execution's ARN.

        Raises NotStarted with SageMaker's reason.
        """
        try:
            answer = self._aws.sagemaker.start_pipeline_execution(
                PipelineName=self.settings.pipeline,
                PipelineExecutionDisplayName=run.name,
                PipelineExecutionDescription=" ".join(run.reason.split())[:DESCRIPTION_LIMIT],
                PipelineParameters=[{"Name": name, "Value": value} for name, value in run.parameters.items()],
                ClientRequestToken=run.token(self.settings.pipeline),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NEVER:
                raise NotStarted(str(error.response["Error"].get("Message", ""))) from error
            raise
        return str(answer["PipelineExecutionArn"])

    def tell(self, message: Message) -> None:
        outlets.publish(self._aws.sns, self.settings.topic_arn, message.subject, message.by_protocol())

    def bury(self, event: object, reason: str) -> None:
        """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
        outlets.bury(self._aws.sqs, self.settings.dead_letter_queue_url, event, reason)
