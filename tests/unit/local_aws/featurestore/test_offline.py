"""The offline store: where rows go, when, and that none is lost or written twice."""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local_aws import checkpoints
from local_aws.athena.engine import Answer
from local_aws.core import store
from local_aws.core.api import Context
from local_aws.featurestore import offline
from tests.unit.local_aws.featurestore.conftest import BUCKET, Aws, Call, definitions, record, waiting

GROUP = "bank-history"


@pytest.fixture
def put(records: Call) -> Callable[..., None]:
    def of(known_from: str = "2026-11-02T10:20:30Z", bank: str = "a", **values: object) -> None:
        records("PutRecord", FeatureGroupName=GROUP, Record=record(bank=bank, known_from=known_from, **values))

    return of


def test_files_lie_in_the_hour_of_the_event_time_named_after_their_newest(
    create: Call, put: Callable[..., None], aws: Aws, ctx: Context
) -> None:
    config = create()["OfflineStoreConfig"]
    for known_from in (
        "2026-11-02T10:20:30Z",
        "2026-11-02T10:59:59.999Z",
        "2026-11-02T11:00:00Z",
        "1999-01-02T03:04:05Z",
    ):
        put(known_from)
    offline.flush()
    folder = config["S3StorageConfig"]["ResolvedOutputS3Uri"].removeprefix(f"s3://{BUCKET}/")
    found = sorted(aws.objects)
    assert [re.sub(r"_[A-Za-z0-9]{16}\.parquet$", "", key) for key in found] == [
        f"{folder}/year=1999/month=01/day=02/hour=03/19990102T030405Z",
        f"{folder}/year=2026/month=11/day=02/hour=10/20261102T105959Z",
        f"{folder}/year=2026/month=11/day=02/hour=11/20261102T110000Z",
    ]


def test_seconds_are_event_times_too(create: Call, put: Callable[..., None], aws: Aws) -> None:
    create(FeatureDefinitions=definitions({"bank": "String", "known_from": "Fractional"}))
    put("1700000000.5")
    offline.flush()
    [key] = aws.objects
    assert "/year=2023/month=11/day=14/hour=22/20231114T221320Z_" in key


def test_a_row_holds_typed_values_and_the_times_of_the_call_and_of_writing(
    create: Call, put: Callable[..., None], records: Call, query: Callable[[str], Answer]
) -> None:
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    begun = datetime.now(UTC)
    put(approvals=12, share="1e-1")
    records("DeleteRecord", FeatureGroupName=GROUP, RecordIdentifierValueAsString="a", EventTime="2026-11-03T00:00:00Z")
    answer = query(f"SELECT * FROM {table} ORDER BY known_from")
    assert dict(zip(answer.columns, answer.types, strict=True)) == {
        "bank": "varchar",
        "known_from": "varchar",
        "approvals": "bigint",
        "share": "double",
        "write_time": "timestamp",
        "api_invocation_time": "timestamp",
        "is_deleted": "boolean",
        **dict.fromkeys(("year", "month", "day", "hour"), "varchar"),
    }
    first, second = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    assert (first["approvals"], first["share"], first["is_deleted"], first["hour"]) == ("12", "0.1", "false", "10")
    assert (second["approvals"], second["share"], second["is_deleted"], second["day"]) == (None, None, "true", "03")
    for row in (first, second):
        called, written = (
            datetime.fromisoformat(f"{row[name]}+00:00") for name in ("api_invocation_time", "write_time")
        )
        assert begun - timedelta(milliseconds=1) <= called <= written + timedelta(milliseconds=2)
    assert str(first["api_invocation_time"]) < str(second["api_invocation_time"])


def test_a_feature_that_was_added_is_null_in_older_files(
    create: Call, call: Call, put: Callable[..., None], query: Callable[[str], Answer]
) -> None:
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    put("2026-11-01T00:00:00Z")
    offline.flush()
    call("UpdateFeatureGroup", FeatureGroupName=GROUP, FeatureAdditions=definitions({"Age": "Fractional"}))
    put("2026-11-02T00:00:00Z", Age=3)
    assert query(f"SELECT known_from, age FROM {table} ORDER BY 1").rows == [
        ["2026-11-01T00:00:00Z", None],
        ["2026-11-02T00:00:00Z", "3.0"],
    ]


def test_rows_wait_until_none_comes_any_more(
    create: Call, put: Callable[..., None], aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    create()
    monkeypatch.setattr(offline, "QUIET_SECONDS", 0.2)
    for number in range(50):
        put(bank=str(number))
        offline.write_due()
    assert aws.objects == {}
    time.sleep(0.25)
    offline.write_due()
    assert (len(aws.objects), waiting()) == (1, 0)


@pytest.mark.parametrize(("limit", "value"), [("LONGEST_SECONDS", 0.0), ("MOST_ROWS", 3)])
def test_but_not_for_ever(
    limit: str, value: float, create: Call, put: Callable[..., None], aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    create()
    monkeypatch.setattr(offline, limit, value)
    for _ in range(3):
        put()
    offline.write_due()
    assert (len(aws.objects), waiting()) == (1, 0)


def test_three_thousand_puts_make_few_files_and_no_row_is_lost(
    create: Call, put: Callable[..., None], aws: Aws, query: Callable[[str], Answer]
) -> None:
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    for number in range(3000):
        put(f"2026-{number % 6 + 1:02d}-01T00:00:00Z", str(number), approvals=number)
        offline.write_due()
    assert query(f"SELECT count(*), sum(approvals), count(DISTINCT bank) FROM {table}").rows == [
        ["3000", str(sum(range(3000))), "3000"]
    ]
    assert len(aws.objects) <= 18


def test_the_key_of_the_storage_encrypts_the_files(create: Call, put: Callable[..., None], aws: Aws) -> None:
    create(OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/x", "KmsKeyId": "alias/features"}})
    put()
    offline.flush()
    assert aws.options == [{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/features"}]


def test_a_bucket_that_refuses_blocks_the_store_until_it_takes_rows_again(
    create: Call, call: Call, put: Callable[..., None], aws: Aws
) -> None:
    create()
    aws.refuses.add("PutObject")
    put("2026-11-01T00:00:00Z")
    put("2026-11-02T00:00:00Z")
    offline.flush()
    status = call("DescribeFeatureGroup", FeatureGroupName=GROUP)["OfflineStoreStatus"]
    assert (status["Status"], "NoSuchBucket" in status["BlockedReason"]) == ("Blocked", True)
    assert (aws.objects, waiting()) == ({}, 2)
    aws.refuses.clear()
    offline.flush()
    assert call("DescribeFeatureGroup", FeatureGroupName=GROUP)["OfflineStoreStatus"] == {"Status": "Active"}
    assert (len(aws.objects), waiting()) == (2, 0)


def saved() -> bytes:
    """What a checkpoint would keep of the tables."""
    return pickle.dumps({name: table.raw() for name, table in store.tables().items()})


def restored(state: bytes) -> None:
    for table in store.tables().values():
        table.clear()
    checkpoints.restore_tables(pickle.loads(state))


def test_a_restored_checkpoint_has_in_both_stores_what_was_put_before_it(
    create: Call,
    put: Callable[..., None],
    records: Call,
    query: Callable[[str], Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    put(bank="before")
    state = saved()
    put(bank="after")
    restored(state)
    monkeypatch.setattr(offline, "_times", {})  # of a process that is gone
    offline.write_due()
    assert waiting() == 0
    assert query(f"SELECT bank FROM {table}").rows == [["before"]]
    place = {"FeatureGroupName": GROUP}
    assert records("GetRecord", **place, RecordIdentifierValueAsString="before")
    assert not records("GetRecord", **place, RecordIdentifierValueAsString="after")


def test_a_checkpoint_taken_while_files_are_written_writes_none_twice(
    create: Call, put: Callable[..., None], aws: Aws, query: Callable[[str], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    for day in (1, 2, 3):
        put(f"2026-11-{day:02d}T00:00:00Z")
    states: list[bytes] = []
    write = aws.put_object

    def put_object(**params: object) -> None:
        states.append(saved())
        write(**params)  # type: ignore[arg-type]
        states.append(saved())

    monkeypatch.setattr(aws, "put_object", put_object)
    offline.flush()
    monkeypatch.setattr(aws, "put_object", write)
    written = dict(aws.objects)
    assert len(states) == 6
    for state in states:
        restored(state)
        offline.flush()
        assert waiting() == 0
        assert aws.objects.keys() == written.keys()
        assert query(f"SELECT count(*) FROM {table}").rows == [["3"]]


def test_rows_that_no_bucket_takes_go_with_their_group(
    create: Call, call: Call, put: Callable[..., None], aws: Aws
) -> None:
    create()
    aws.refuses.add("PutObject")
    put()
    call("DeleteFeatureGroup", FeatureGroupName=GROUP)
    assert waiting() == 0
