"""The pipeline's own code of features on a real server: ingested online, joined offline, joined again as of then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from features import offline
from features.describe import described
from features.group import FeatureGroup
from features.ingest import ingest
from features.offline import OfflineStore
from features.online import OnlineStore

BUCKET, DATABASE, GROUP = "joined-data", "mlops_test_features", "mlops-test-bank-history"
FEATURES = {"approvals_12m": "Integral", "charge_off_share_12m": "Fractional", "rating": "String"}
BANKS, MONTHS = 30, 8


@pytest.fixture(scope="module")
def clients(local_aws: Any) -> Iterator[dict[str, Any]]:
    made = {name: local_aws.client(name) for name in ("athena", "s3", "sagemaker")}
    made["s3"].create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": local_aws.server.region})
    columns = [{"Name": name, "Type": "string"} for name in ("row", "record", "event_time")]
    serde = {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "\t"},
    }
    glue = local_aws.client("glue")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    glue.create_table(
        DatabaseName=DATABASE,
        TableInput={
            "Name": "loan_rows",
            "PartitionKeys": [{"Name": "run", "Type": "string"}],
            "Parameters": {
                "projection.enabled": "true",
                "projection.run.type": "injected",
                "storage.location.template": f"s3://{BUCKET}/rows/${{run}}/",
            },
            "StorageDescriptor": {"Columns": columns, "Location": f"s3://{BUCKET}/rows/", "SerdeInfo": serde},
        },
    )
    types = {"bank": "String", "known_from": "String", **FEATURES}
    made["sagemaker"].create_feature_group(
        FeatureGroupName=GROUP,
        RecordIdentifierFeatureName="bank",
        EventTimeFeatureName="known_from",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in types.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/feature-store"}},
        RoleArn="arn:aws:iam::111122223333:role/feature-store",
    )
    deadline = time.monotonic() + 30
    while made["sagemaker"].describe_feature_group(FeatureGroupName=GROUP)["FeatureGroupStatus"] != "Created":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield made


@pytest.fixture(scope="module")
def group(clients: dict[str, Any]) -> FeatureGroup:
    return described(clients["sagemaker"], GROUP, "bank_history")


@pytest.fixture(scope="module")
def online(local_aws: Any) -> OnlineStore:
    return OnlineStore(local_aws.client("sagemaker-featurestore-runtime"))


@pytest.fixture(scope="module")
def store(clients: dict[str, Any]) -> OfflineStore:
    return OfflineStore(
        **clients,
        workgroup="primary",
        rows_table=f"{DATABASE}.loan_rows",
        rows_uri=f"s3://{BUCKET}/rows",
        results_uri=f"s3://{BUCKET}/results",
    )


def record(bank: int, month: int, approvals: int | None) -> dict[str, Any]:
    share = None if approvals is None else approvals / 7
    at = f"2026-{month:02d}-01T00:00:00Z"
    rating = ["", 'good, "so far"', None][bank % 3]
    return {
        "bank": f"bank {bank}",
        "known_from": at,
        "approvals_12m": approvals,
        "charge_off_share_12m": share,
        "rating": rating,
    }


def features_of(values: dict[str, Any] | None) -> dict[str, Any]:
    return {name: values[name] if values else None for name in FEATURES}


def test_training_sees_what_was_known_then_and_a_request_what_is_known_now(
    group: FeatureGroup,
    online: OnlineStore,
    store: OfflineStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    year = {
        (bank, month): record(bank, month, None if month == 3 else 10 * bank + month)
        for bank in range(BANKS)
        for month in range(1, MONTHS)
    }
    done = ingest(online, group, year.values(), only_newer=False)
    assert done.written == len(year)
    assert ingest(online, group, year.values()).written == 0
    store.wait_for(group, done.awaited, 30)
    now = online.get(group, [f"bank {bank}" for bank in range(BANKS)])
    assert {values["known_from"] for values in now.values()} == {f"2026-{MONTHS - 1:02d}-01T00:00:00Z"}

    rows = [
        (f"{bank}-{month}", f"bank {bank}", f"2026-{month:02d}-{day}")
        for bank in range(BANKS + 1)
        for month, day in [(1, "01"), (3, "01T00:00:00Z"), (6, "15T12:00:00.5Z"), (12, "31")]
    ] + [("0-0", "bank 0", "2025-12-31T23:59:59.999Z")]

    def expected(known: dict[tuple[int, int], dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
        found = {}
        for row, _, _ in rows:
            bank, month = map(int, row.split("-"))
            before = [at for of, at in known if of == bank and at <= month]
            found[row] = features_of(known[bank, max(before)] if before else None)
        return found

    for paged in (10_000, 0):
        monkeypatch.setattr(offline, "PAGED_ROWS", paged)
        assert store.join(rows, group, run="first", as_of=None) == expected(year)  # type: ignore[arg-type]
    then = datetime.now(UTC)
    time.sleep(0.02)

    late, corrected = record(1, 9, 999), record(2, 6, 888)
    ingest(online, group, [late, corrected], only_newer=False)
    online.delete(group, "bank 3", "2026-10-01T00:00:00Z")
    changed: dict[tuple[int, int], dict[str, Any] | None] = {**year, (1, 9): late, (2, 6): corrected, (3, 10): None}
    store.wait_for(group, {"bank 1": [late["known_from"]], "bank 3": ["2026-10-01T00:00:00Z"]}, 30)
    assert store.join(rows, group, run="again", as_of=None) == expected(changed)
    assert store.join(rows, group, run="again", as_of=then) == expected(year)  # type: ignore[arg-type]
    assert "bank 3" not in online.get(group, ["bank 3"])
