"""Records: what is put, read and deleted, and what the online store keeps of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.core.api import AwsError, ValidationException
from tests.unit.local_aws.featurestore.conftest import FEATURES, Call, definitions, record, waiting

GROUP = "bank-history"
EARLY, MIDDLE, LATE = (f"2026-11-{day:02d}T00:00:00Z" for day in (1, 2, 3))


@pytest.fixture
def put(records: Call) -> Call:
    def of(known_from: str = MIDDLE, bank: str = "a", **more: Any) -> None:
        named = {name: more.pop(name) for name in list(more) if name not in ("TargetStores", "TtlDuration")}
        values = record(bank=bank, known_from=known_from, **named)
        assert records("PutRecord", FeatureGroupName=GROUP, Record=values, **more) == {}

    return of  # type: ignore[return-value]


@pytest.fixture
def delete(records: Call) -> Call:
    def of(event_time: str, bank: str = "a", **more: Any) -> None:
        place = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": bank}
        assert records("DeleteRecord", **place, EventTime=event_time, **more) == {}

    return of  # type: ignore[return-value]


@pytest.fixture
def get(records: Call) -> Call:
    def of(bank: str = "a", **more: Any) -> dict[str, str]:
        answer = records("GetRecord", FeatureGroupName=GROUP, RecordIdentifierValueAsString=bank, **more)
        return {value["FeatureName"]: value["ValueAsString"] for value in answer.get("Record", [])}

    return of  # type: ignore[return-value]


def test_a_record_is_read_as_it_was_put_in_the_order_of_the_definitions(create: Call, records: Call, get: Call) -> None:
    told = create()
    values = record(share="0.50", known_from=MIDDLE, bank="a")
    records("PutRecord", FeatureGroupName=told["FeatureGroupArn"], Record=[*values, {"FeatureName": "approvals"}])
    assert list(get().items()) == [("bank", "a"), ("known_from", MIDDLE), ("share", "0.50")]
    assert get(FeatureNames=["share", "approvals"]) == {"share": "0.50"}
    assert get("b") == {}


@pytest.mark.parametrize(("second", "kept"), [(EARLY, "1"), (MIDDLE, "1"), ("2026-11-02T00:00:00.001Z", "2")])
def test_only_a_greater_event_time_overwrites_and_wholly(
    second: str, kept: str, create: Call, put: Call, get: Call
) -> None:
    create()
    put(MIDDLE, approvals=1, share=0.5)
    put(second, approvals=2)
    assert get()["approvals"] == kept
    assert ("share" in get()) == (kept == "1")
    assert waiting() == 2


def test_a_soft_delete_leaves_a_mark_that_older_puts_do_not_overwrite(
    create: Call, put: Call, delete: Call, get: Call
) -> None:
    create()
    put(EARLY)
    delete(MIDDLE)
    assert get() == {}
    put(EARLY)
    put(MIDDLE)
    assert get() == {}
    put(LATE)
    assert get()["known_from"] == LATE


@pytest.mark.parametrize("at", [EARLY, MIDDLE])
def test_a_soft_delete_that_is_not_later_leaves_the_record_and_is_marked_in_the_offline_store(
    at: str, create: Call, put: Call, delete: Call, get: Call
) -> None:
    create()
    put(MIDDLE)
    delete(at)
    assert get()["known_from"] == MIDDLE
    assert waiting() == 2


@pytest.mark.parametrize("at", [EARLY, MIDDLE])
def test_a_hard_delete_that_is_not_later_fails_and_leaves_no_mark(
    at: str, create: Call, put: Call, delete: Call, get: Call
) -> None:
    create()
    put(MIDDLE)
    with pytest.raises(ValidationException, match=at):
        delete(at, DeletionMode="HardDelete")
    assert get()["known_from"] == MIDDLE
    assert waiting() == 1


def test_a_hard_delete_leaves_nothing_that_a_put_would_be_measured_by(
    create: Call, put: Call, delete: Call, get: Call
) -> None:
    create()
    put(MIDDLE)
    delete(LATE, DeletionMode="HardDelete")
    assert get() == {}
    put(EARLY)
    assert get()["known_from"] == EARLY
    assert waiting() == 3


def test_what_was_never_there_can_be_deleted(create: Call, put: Call, delete: Call, get: Call) -> None:
    create()
    delete(MIDDLE, "never")
    put(EARLY, "never")
    assert get("never") == {}
    delete(MIDDLE, "neither", DeletionMode="HardDelete")
    put(EARLY, "neither")
    assert get("neither")["known_from"] == EARLY


def moment(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_record_expires_its_time_to_live_after_its_event_time(create: Call, call: Call, put: Call, get: Call) -> None:
    create(OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Minutes", "Value": 1}})
    put(moment(-59.7), "soon")
    put(moment(-61), "gone")
    put(moment(-61), "own", TtlDuration={"Unit": "Hours", "Value": 1})
    assert (bool(get("soon")), bool(get("gone")), bool(get("own"))) == (True, False, True)
    call("UpdateFeatureGroup", FeatureGroupName=GROUP, OnlineStoreConfig={"TtlDuration": {}})
    put(moment(-3600), "for ever")
    time.sleep(0.4)
    assert (bool(get("soon")), bool(get("for ever"))) == (False, True)


def test_an_expired_record_is_as_none(create: Call, put: Call, delete: Call, get: Call) -> None:
    create()
    put(LATE, TtlDuration={"Unit": "Seconds", "Value": 1})
    put(EARLY)
    assert get()["known_from"] == EARLY


def test_the_expiry_is_told_when_it_is_asked_for(create: Call, put: Call, records: Call) -> None:
    create()
    put("2999-01-01T00:00:00Z", "a", TtlDuration={"Unit": "Days", "Value": 1})
    put("2999-01-01T00:00:00Z", "b")
    place = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": "a"}
    assert records("GetRecord", **place, ExpirationTimeResponse="Enabled")["ExpiresAt"] == "2999-01-02T00:00:00Z"
    assert "ExpiresAt" not in records("GetRecord", **place)
    asked = [{"FeatureGroupName": GROUP, "RecordIdentifiersValueAsString": ["a", "b"]}]
    found = records("BatchGetRecord", Identifiers=asked, ExpirationTimeResponse="Enabled")["Records"]
    assert [entry.get("ExpiresAt") for entry in found] == ["2999-01-02T00:00:00Z", None]


def test_a_store_can_be_left_out(create: Call, put: Call, delete: Call, get: Call) -> None:
    create()
    put(MIDDLE, TargetStores=["OfflineStore"])
    assert (get(), waiting()) == ({}, 1)
    put(MIDDLE, TargetStores=["OnlineStore"])
    assert (get()["known_from"], waiting()) == (MIDDLE, 1)
    delete(LATE, TargetStores=["OfflineStore"])
    assert (get()["known_from"], waiting()) == (MIDDLE, 2)
    delete(LATE, TargetStores=["OnlineStore"])
    assert (get(), waiting()) == ({}, 2)


def test_a_batch_reads_records_of_several_groups_and_says_what_it_cannot(create: Call, records: Call) -> None:
    create("one")
    create("two", FeatureDefinitions=definitions({**FEATURES, "bank": "Integral"}))
    create("offline", OnlineStoreConfig=None)
    for group, banks in (("one", ("a", "b")), ("two", ("1",))):
        for bank in banks:
            records("PutRecord", FeatureGroupName=group, Record=record(bank=bank, known_from=EARLY, approvals=7))
    answer = records(
        "BatchGetRecord",
        Identifiers=[
            {"FeatureGroupName": "one", "RecordIdentifiersValueAsString": ["a", "missing", "b", "a"]},
            {"FeatureGroupName": "two", "RecordIdentifiersValueAsString": ["1"], "FeatureNames": ["approvals"]},
            {"FeatureGroupName": "nowhere", "RecordIdentifiersValueAsString": ["x", "y"]},
            {"FeatureGroupName": "offline", "RecordIdentifiersValueAsString": ["z"]},
            {"FeatureGroupName": "one", "RecordIdentifiersValueAsString": ["a"], "FeatureNames": ["other"]},
        ],
    )
    assert [(each["FeatureGroupName"], each["RecordIdentifierValueAsString"]) for each in answer["Records"]] == [
        ("one", "a"),
        ("one", "b"),
        ("two", "1"),
    ]
    assert answer["Records"][2]["Record"] == [{"FeatureName": "approvals", "ValueAsString": "7"}]
    assert [(each["RecordIdentifierValueAsString"], each["ErrorCode"]) for each in answer["Errors"]] == [
        ("x", "ResourceNotFound"),
        ("y", "ResourceNotFound"),
        ("z", "ValidationError"),
        ("a", "ValidationError"),
    ]
    assert answer["UnprocessedIdentifiers"] == []


def test_a_batch_reads_at_most_a_hundred(create: Call, records: Call) -> None:
    create()
    asked = [{"FeatureGroupName": GROUP, "RecordIdentifiersValueAsString": [str(n) for n in range(101)]}]
    with pytest.raises(ValidationException, match="less than or equal to 100"):
        records("BatchGetRecord", Identifiers=asked)


def test_a_batch_writes_what_it_can(create: Call, records: Call, get: Call) -> None:
    create()
    good = {"FeatureGroupName": GROUP, "Record": record(bank="a", known_from=EARLY)}
    bad = {"FeatureGroupName": GROUP, "Record": record(bank="a")}
    none = {"FeatureGroupName": "nowhere", "Record": record(bank="a", known_from=EARLY)}
    answer = records("BatchWriteRecord", Entries=[bad, good, none])
    assert [(each["Entry"], each["ErrorCode"]) for each in answer["Errors"]] == [
        (bad, "ValidationError"),
        (none, "ResourceNotFound"),
    ]
    assert answer["UnprocessedEntries"] == []
    assert get()["known_from"] == EARLY


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (record(bank="a", known_from=EARLY, other="1"), "Feature 'other' is not defined in FeatureGroup"),
        (record(bank="a", known_from=EARLY) * 2, "Feature 'bank' occurs more than once"),
        (record(known_from=EARLY), "no value of its record identifier feature 'bank'"),
        (record(bank="", known_from=EARLY), "no value of its record identifier feature 'bank'"),
        (record(bank="a"), "no value of its event time feature 'known_from'"),
        ([*record(bank="a"), {"FeatureName": "known_from"}], "no value of its event time feature"),
        (record(bank="a", known_from="2026-11-01"), "is not in the format yyyy-MM-dd'T'HH:mm:ssZ or"),
        (record(bank="a", known_from=EARLY, approvals="1.5"), "Feature 'approvals': '1.5' is not an Integral value"),
        (record(bank="a", known_from=EARLY, share="much"), "Feature 'share': 'much' is not a Fractional value"),
        (record(bank="x" * 358_390, known_from=EARLY), "larger than 350 KB"),
        (record(bank="x" * 358_401, known_from=EARLY), "less than or equal to 358400"),
        ([], "greater than or equal to 1"),
        (
            [*record(bank="a", known_from=EARLY), {"FeatureName": "share", "ValueAsStringList": ["1"]}],
            "is no collection",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_refused_and_written_nowhere(
    values: list[dict[str, Any]], says: str, create: Call, records: Call, get: Call
) -> None:
    create()
    with pytest.raises(ValidationException, match=says):
        records("PutRecord", FeatureGroupName=GROUP, Record=values)
    assert (get(), waiting()) == ({}, 0)


def test_event_times_may_be_seconds(create: Call, records: Call, get: Call) -> None:
    create(FeatureDefinitions=definitions({**FEATURES, "known_from": "Fractional"}))
    for seconds, kept in (("1700000000.5", "1700000000.5"), ("1.6e9", "1700000000.5"), ("1700000001", "1700000001")):
        records("PutRecord", FeatureGroupName=GROUP, Record=record(bank="a", known_from=seconds))
        assert get()["known_from"] == kept
    with pytest.raises(ValidationException, match="is not a Fractional value"):
        records("PutRecord", FeatureGroupName=GROUP, Record=record(bank="a", known_from=EARLY))


def test_what_the_group_does_not_have_is_refused(create: Call, records: Call) -> None:
    create("online", OfflineStoreConfig=None, RoleArn=None)
    create("offline", OnlineStoreConfig=None)
    values = record(bank="a", known_from=EARLY)
    with pytest.raises(ValidationException, match="OfflineStore is not enabled for FeatureGroup online"):
        records("PutRecord", FeatureGroupName="online", Record=values, TargetStores=["OfflineStore"])
    with pytest.raises(ValidationException, match="OnlineStore is not enabled for FeatureGroup offline"):
        records("PutRecord", FeatureGroupName="offline", Record=values, TargetStores=["OnlineStore", "OfflineStore"])
    with pytest.raises(ValidationException, match="OnlineStore is not enabled"):
        records("GetRecord", FeatureGroupName="offline", RecordIdentifierValueAsString="a")
    with pytest.raises(ValidationException, match="'other' is not defined"):
        records("GetRecord", FeatureGroupName="online", RecordIdentifierValueAsString="a", FeatureNames=["other"])


def test_a_group_that_is_not_there_is_told_as_each_operation_declares_it(records: Call) -> None:
    text = "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name nowhere"
    place = {"FeatureGroupName": "nowhere", "RecordIdentifierValueAsString": "a"}
    for operation, request, code, status in (
        ("GetRecord", place, "ResourceNotFound", 404),
        ("DeleteRecord", {**place, "EventTime": EARLY}, "ValidationException", 400),
        ("PutRecord", {"FeatureGroupName": "nowhere", "Record": record(bank="a")}, "ValidationException", 400),
    ):
        with pytest.raises(AwsError) as refusal:
            records(operation, **request)
        assert (refusal.value.code, refusal.value.message, refusal.value.status) == (code, text, status)
