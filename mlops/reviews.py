"""Reviews of versions that serve: somebody looked, and says so. Entries of the ledger, appended and never changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, people
from mlops.errors import CommandError
from mlops.target import Target

KIND = "review"
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class Review:
    """Who looked at a version, when, and what they found."""

    version: int
    by: str
    at: datetime
    note: str


def partition(public: str) -> str:
    """The ledger's partition of a model's reviews."""
    return f"{public}#reviews"


def put(target: Target, package: str, version: int, note: str, now: datetime) -> Review:
    """Note a review by whoever runs this; raises CommandError for one within the same second."""
    by = people.caller(target.clients("sts"))
    at = now.astimezone(UTC)
    item: dict[str, Any] = {
        name: {"S": text}
        for name, text in {
            "model": partition(target.names.public),
            "entry": f"{int(at.timestamp()):010d}#{KIND}#{version}",
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "kind": KIND,
            "package": package,
            "stage": "",
            "reason": note,
            "by": by,
        }.items()
    }
    try:
        target.clients("dynamodb").put_item(
            TableName=target.ledger,
            Item=item | {"version": {"N": str(version)}, "told": {"BOOL": False}},
            ConditionExpression="attribute_not_exists(#entry)",
            ExpressionAttributeNames={"#entry": "entry"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise CommandError(f"version {version}: was reviewed in this very second; one review is enough") from error
        raise
    return Review(version, by, at, note)


def reviews(target: Target) -> list[Review]:
    """All reviews of a model's versions, oldest first."""
    pages = target.clients("dynamodb").get_paginator("query").paginate(
        TableName=target.ledger,
        KeyConditionExpression="#model = :model",
        ExpressionAttributeNames={"#model": "model"},
        ExpressionAttributeValues={":model": {"S": partition(target.names.public)}},
        ConsistentRead=True,
    )  # fmt: skip
    try:
        return [_review(item) for page in pages for item in page["Items"]]
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFoundException"):
            raise CommandError(f"table {target.ledger}: does not exist; deploy the foundation") from error
        raise


def due(last: datetime, review_days: int) -> datetime | None:
    """When the next review is due after one; None where none is asked for. Pure."""
    return last + timedelta(days=review_days) if review_days else None


def _review(item: Any) -> Review:
    return Review(
        version=int(item["version"]["N"]),
        by=item["by"]["S"],
        at=datetime.fromisoformat(item["at"]["S"]),
        note=item["reason"]["S"],
    )
