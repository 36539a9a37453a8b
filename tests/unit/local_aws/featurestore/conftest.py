"""Feature Store over an S3 and a Glue of this file, and Athena's engine over both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.athena.engine import Answer, Query
from local_aws.athena.tables import Table
from local_aws.core import api, store
from local_aws.core.api import FEATURESTORE_RUNTIME, Context
from local_aws.featurestore import groups, metadata, offline, runtime  # noqa: F401
from local_aws.featurestore.catalog import DATABASE

BUCKET = "data"
ROLE = "arn:aws:iam::111122223333:role/feature-store"
FEATURES = {"bank": "String", "known_from": "String", "approvals": "Integral", "share": "Fractional"}
Call = Callable[..., dict[str, Any]]


def refused(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} of the test"}}, operation)


class Aws:
    """What the offline store calls of S3 and Glue; `refuses` holds the operations that fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.options: list[dict[str, Any]] = []
        self.databases: set[str] = set()
        self.tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.refuses: set[str] = set()

    def head_bucket(self, Bucket: str) -> None:  # noqa: N803
        if Bucket != BUCKET:
            raise refused("HeadBucket", "404")

    def put_object(self, Bucket: str, Key: str, Body: bytes, **options: Any) -> None:  # noqa: N803
        if "PutObject" in self.refuses:
            raise refused("PutObject", "NoSuchBucket")
        self.objects[Key] = Body
        self.options.append(options)

    def create_database(self, DatabaseInput: dict[str, Any]) -> None:  # noqa: N803
        if DatabaseInput["Name"] in self.databases:
            raise refused("CreateDatabase", "AlreadyExistsException")
        self.databases.add(DatabaseInput["Name"])

    def create_table(self, DatabaseName: str, TableInput: dict[str, Any]) -> None:  # noqa: N803
        if (DatabaseName, TableInput["Name"]) in self.tables:
            raise refused("CreateTable", "AlreadyExistsException")
        self.tables[DatabaseName, TableInput["Name"]] = TableInput

    def update_table(self, DatabaseName: str, TableInput: dict[str, Any]) -> None:  # noqa: N803
        if "UpdateTable" in self.refuses:
            raise refused("UpdateTable", "EntityNotFoundException")
        self.tables[DatabaseName, TableInput["Name"]] = TableInput


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: fake)
    monkeypatch.setattr(offline, "_times", {})
    monkeypatch.setattr(offline, "_invoked", {})
    return fake


@pytest.fixture
def call(ctx: Context, aws: Aws) -> Call:
    """Call an operation of SageMaker with keyword arguments."""
    return lambda operation, **params: api.call(ctx, operation, params)


@pytest.fixture
def records(ctx: Context, aws: Aws) -> Call:
    """Call an operation of the Feature Store runtime."""
    return lambda operation, **params: api.call(ctx, operation, params, FEATURESTORE_RUNTIME)


def parameters(name: str = "bank-history", **changes: Any) -> dict[str, Any]:
    """The request for a group with both stores; members that are None are left out."""
    given = {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": "bank",
        "EventTimeFeatureName": "known_from",
        "FeatureDefinitions": definitions(FEATURES),
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/feature-store/"}},
        "RoleArn": ROLE,
        **changes,
    }
    return {member: value for member, value in given.items() if value is not None}


def definitions(types: dict[str, str]) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in types.items()]


def record(**values: object) -> list[dict[str, str]]:
    return [{"FeatureName": name, "ValueAsString": str(value)} for name, value in values.items()]


@pytest.fixture
def create(call: Call) -> Call:
    """Make a group; the request is that of `parameters`. Returns its description."""

    def of(name: str = "bank-history", **changes: Any) -> dict[str, Any]:
        call("CreateFeatureGroup", **parameters(name, **changes))
        return call("DescribeFeatureGroup", FeatureGroupName=name)

    return of


@pytest.fixture
def query(aws: Aws) -> Callable[[str], Answer]:
    """Run a query in Feature Store's database, as Athena does: what waits is written before."""

    def find(database: str, name: str) -> Table | None:
        offline.flush()
        if (database, name) not in aws.tables:
            return None

        def listing(bucket: str, prefix: str) -> dict[str, int]:
            assert bucket == BUCKET
            return {key: len(body) for key, body in aws.objects.items() if key.startswith(prefix)}

        return Table(aws.tables[database, name], listing, lambda _bucket, key: aws.objects[key])

    def run(sql: str) -> Answer:
        answer = Query(sql, DATABASE).run(find)
        assert answer is not None
        return answer

    return run


def waiting() -> int:
    """How many rows are still to be written."""
    queues = store.table("feature-records-waiting").values()
    return sum(len(queue["Rows"]) + sum(len(file["Rows"]) for file in queue["Files"]) for queue in queues)
