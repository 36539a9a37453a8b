"""Outcomes become files of ground truth, each once; a file of outcomes is read or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from mlops import outcomes
from mlops.errors import UsageError

BUCKET, FOLDER = "capture", "loan_approval"
AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def content(s3: Any, key: str) -> list[dict[str, Any]]:
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    assert body.endswith("\n")
    return [json.loads(line) for line in body.splitlines()]


def all_keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_an_outcome_is_a_line_of_ground_truth_in_the_hour_of_its_receipt(s3: Any) -> None:
    [key] = outcomes.put(s3, BUCKET, FOLDER, [("loan-1", "1"), ("loan-2#3", "paid")], AT)
    assert key.startswith("loan_approval/ground-truth/2026/11/21/12/")
    assert key.endswith(".jsonl")
    assert content(s3, key) == [
        {
            "groundTruthData": {"data": data, "encoding": "CSV"},
            "eventMetadata": {"eventId": record, "receivedAt": "2026-11-21T12:00:00.123Z"},
            "eventVersion": "0",
        }
        for record, data in (("loan-1", "1"), ("loan-2#3", "paid"))
    ]


def test_hours_are_those_of_utc(s3: Any) -> None:
    [key] = outcomes.put(s3, BUCKET, FOLDER, [("a", "1")], AT.astimezone(timezone(timedelta(hours=13))))
    assert "/2026/11/21/12/" in key


def test_the_same_outcomes_again_within_the_hour_change_nothing(s3: Any) -> None:
    first = outcomes.put(s3, BUCKET, FOLDER, [("a", "1")], AT)
    before = content(s3, first[0])
    assert outcomes.put(s3, BUCKET, FOLDER, iter([("a", "1")]), AT + timedelta(minutes=59)) == first
    assert content(s3, first[0]) == before
    assert all_keys(s3) == first


def test_other_outcomes_or_another_hour_make_another_file(s3: Any) -> None:
    keys = [
        *outcomes.put(s3, BUCKET, FOLDER, [("a", "1")], AT),
        *outcomes.put(s3, BUCKET, FOLDER, [("a", "0")], AT),
        *outcomes.put(s3, BUCKET, FOLDER, [("a", "1")], AT + timedelta(hours=1)),
    ]
    assert len(set(keys)) == 3


def test_many_outcomes_are_several_files_with_each_outcome_once(s3: Any) -> None:
    many = [(f"r{number}", str(number % 2)) for number in range(outcomes.FILE_OUTCOMES + 1)]
    keys = outcomes.put(s3, BUCKET, FOLDER, many, AT)
    lines = [content(s3, key) for key in keys]
    assert [len(each) for each in lines] == [outcomes.FILE_OUTCOMES, 1]
    written = [(each["eventMetadata"]["eventId"], each["groundTruthData"]["data"]) for some in lines for each in some]
    assert written == many


def test_no_outcomes_write_nothing(s3: Any) -> None:
    assert outcomes.put(s3, BUCKET, FOLDER, [], AT) == []
    assert all_keys(s3) == []


@pytest.mark.parametrize("outcome", [("", "1"), ("a", ""), ("a\n", "1"), ("ä", "1"), ("x" * 80, "1")])
def test_an_outcome_that_no_query_could_count_is_refused(outcome: tuple[str, str], s3: Any) -> None:
    with pytest.raises(UsageError, match=r"^outcome 2: "):
        outcomes.put(s3, BUCKET, FOLDER, [("a", "1"), outcome], AT)
    assert all_keys(s3) == []


def test_what_s3_refuses_is_raised(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        outcomes.put(s3, "elsewhere", FOLDER, [("a", "1")], AT)


def file(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "record,outcome\nr1,1\nr2#2,0\n"),
        ("a.csv", "outcome,note,record\n1,x,r1\n0,,r2#2\n\n"),
        ("a.csv", "\ufeffrecord,outcome\r\nr1,1\r\nr2#2,0\r\nr1,1\r\n"),
        ("a.jsonl", '{"record": "r1", "outcome": 1}\n\n{"outcome": "0", "record": "r2#2", "more": {}}\n'),
    ],
)
def test_a_file_gives_its_outcomes(name: str, text: str, tmp_path: Path) -> None:
    assert outcomes.read(file(tmp_path, name, text)) == [("r1", "1"), ("r2#2", "0")]


@pytest.mark.parametrize(
    ("name", "text", "place", "value"),
    [
        ("a.txt", "x", "a.txt: ", ".csv"),
        ("a.csv", b"record,outcome\n\xff,1\n", "a.csv: ", "byte 15"),
        ("a.csv", "", "a.csv, line 1: ", "no column outcome and no column record"),
        ("a.csv", "record,label\nr,1\n", "a.csv, line 1: ", "no column outcome"),
        ("a.csv", "record,outcome\n", "a.csv: ", "no outcome"),
        ("a.csv", "record,outcome\nr,1\n,0\n", "a.csv, line 3: ", "''"),
        ("a.csv", "record,outcome\nr\n", "a.csv, line 2: ", "'r'"),
        ("a.csv", "record,outcome\nr,1\nr,0\n", "a.csv, line 3: ", "'1' above and '0' here"),
        ("a.jsonl", '{"record": "r", "outcome": 1}\n{"rec', "a.jsonl, line 2: ", "not JSON"),
        ("a.jsonl", '["r", 1]', "a.jsonl, line 1: ", "lacks record or outcome"),
        ("a.jsonl", '{"record": "r"}', "a.jsonl, line 1: ", "lacks record or outcome"),
        ("a.jsonl", '{"record": "r", "outcome": null}', "a.jsonl, line 1: ", "no outcome"),
        ("a.jsonl", '{"record": ["r"], "outcome": 1}', "a.jsonl, line 1: ", "record ''"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_with_place_value_and_fix(
    name: str, text: str | bytes, place: str, value: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        outcomes.read(file(tmp_path, name, text))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}/{place}")
    assert value in message
    assert "\n" not in message


def test_a_file_that_is_not_there_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        outcomes.read(tmp_path / "none.csv")
