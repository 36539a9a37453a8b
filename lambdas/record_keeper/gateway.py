"""AWS as the keeper changes it. Every effect can be repeated: what is there already is found and left as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import review
import revisions
import settings as environment
from answers import is_missing
from botocore.exceptions import ClientError
from card import serialized
from ledger import Ledger
from lineage import Edge, Entity
from mlflow_client import Mlflow, Send
from registry import Observer
from revisions import Revision
from settings import Clients, Settings
from shared import outlets
from shared.lock import Lock
from state import Card, Json

LINK = "manifest"
"""Metadata of a version: where its manifest is."""

_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class RevisionTaken(Exception):
    """Somebody else wrote a revision of this number: look again."""


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
        sender: Callable[[str], Send] = environment.sender,
    ) -> None:
        self.settings, self.clock = settings, clock
        self._aws, self._sender = clients, sender
        self.ledger = Ledger(clients.dynamodb, settings)
        self.lock = Lock(clients.dynamodb, settings.ledger_table, settings.partition, clock)
        self.observer = Observer(settings, clients, self.ledger, clock)

    def mlflow(self, until: datetime) -> Mlflow:
        """The MLflow that keeps the runs; it asks nothing after that time."""
        return Mlflow(self._sender(self.settings.tracking), spent=lambda: self.clock() > until)

    def newest(self, version: int) -> Revision | None:
        """The newest revision of a version's manifest."""
        bucket, place = self.settings.evidence_bucket, self.settings.place(version)
        pages = self._aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=place)
        keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
        newest = max((revisions.number_of(key) for key in keys), default=0)
        if not newest:
            return None
        answer = self._aws.s3.get_object(Bucket=bucket, Key=revisions.key(place, newest))
        return Revision(newest, answer["Body"].read())

    def write(self, version: int, revision: Revision) -> None:
        """Raises RevisionTaken if there is one of that number: a revision is never written over."""
        try:
            self._aws.s3.put_object(
                Bucket=self.settings.evidence_bucket,
                Key=revisions.key(self.settings.place(version), revision.number),
                Body=revision.body,
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                raise RevisionTaken(f"revision {revision.number} of version {version} is there already") from error
            raise

    def link(self, package: Mapping[str, Any]) -> None:
        """Have the version name its manifest, unless it does: an edit of a version is an event that wakes again."""
        arn = package["ModelPackageArn"]
        uri = f"s3://{self.settings.evidence_bucket}/{self.settings.place(int(arn.rsplit('/', 1)[1]))}"
        if package.get("CustomerMetadataProperties", {}).get(LINK) != uri:
            self._aws.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={LINK: uri})

    def card(self, name: str) -> Card | None:
        """None if there is none of that name."""
        try:
            found = self._aws.sagemaker.describe_model_card(ModelCardName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        try:
            content = json.loads(found["Content"])
        except ValueError:
            content = None
        return Card(found["ModelCardArn"], name, int(found["ModelCardVersion"]), found["ModelCardStatus"], content)

    def make_card(self, name: str, content: Json, status: str) -> None:
        self._aws.sagemaker.create_model_card(
            ModelCardName=name,
            Content=serialized(content),
            ModelCardStatus=status,
            SecurityConfig={"KmsKeyId": self.settings.key_arn},
        )

    def rewrite_card(self, name: str, content: Json) -> None:
        self._aws.sagemaker.update_model_card(ModelCardName=name, Content=serialized(content))

    def move_card(self, name: str, status: str) -> None:
        """In a call of its own: SageMaker takes content and status one at a time (API reference: UpdateModelCard)."""
        self._aws.sagemaker.update_model_card(ModelCardName=name, ModelCardStatus=status)

    def entity(self, entity: Entity) -> str:
        """Have it in SageMaker's lineage; returns its ARN."""
        return self._found(entity) or self._made(entity)

    def associate(self, source: str, destination: str, edge: Edge) -> None:
        """Have two entities associated, given by their ARNs."""
        ends = {"SourceArn": source, "DestinationArn": destination}
        if not self._aws.sagemaker.list_associations(**ends)["AssociationSummaries"]:
            self._aws.sagemaker.add_association(**ends, AssociationType=edge)

    def _found(self, entity: Entity) -> str:
        """ARN of the entity with this source, "" if there is none."""
        sagemaker, uri = self._aws.sagemaker, entity.uri
        match entity.kind:
            case "artifact":
                summaries = sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"]
            case "action":
                summaries = sagemaker.list_actions(SourceUri=uri, ActionType=entity.type)["ActionSummaries"]
            case "context":
                summaries = sagemaker.list_contexts(SourceUri=uri, ContextType=entity.type)["ContextSummaries"]
        return str(summaries[0][f"{entity.kind.title()}Arn"]) if summaries else ""

    def _made(self, entity: Entity) -> str:
        sagemaker, source, properties = self._aws.sagemaker, {"SourceUri": entity.uri}, dict(entity.properties)
        match entity.kind:
            case "artifact":
                made = sagemaker.create_artifact(Source=source, ArtifactType=entity.type, Properties=properties)
            case "action":
                made = sagemaker.create_action(
                    ActionName=entity.name,
                    Source=source,
                    ActionType=entity.type,
                    Status="Completed",
                    Properties=properties,
                )
            case "context":
                made = sagemaker.create_context(
                    ContextName=entity.name, Source=source, ContextType=entity.type, Properties=properties
                )
        return str(made[f"{entity.kind.title()}Arn"])

    def measure(self, days: float) -> None:
        """Publish how long the review of the serving version is overdue."""
        dimensions = [{"Name": "Model", "Value": self.settings.base}]
        datum = {"MetricName": review.NAME, "Dimensions": dimensions, "Value": days}
        self._aws.cloudwatch.put_metric_data(Namespace=review.METRICS, MetricData=[datum])

    def bury(self, event: object, reason: str) -> None:
        """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
        outlets.bury(self._aws.sqs, self.settings.dead_letter_queue_url, event, reason)
