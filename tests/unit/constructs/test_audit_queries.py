"""Each question finds what it asks for among records of CloudTrail's format, and nothing else."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from local_aws.athena.engine import connect
from mlops_constructs.audit_columns import COLUMNS, JSON_COLUMNS
from mlops_constructs.audit_queries import QUERIES
from tests.unit.constructs.trail_records import (
    ANN,
    ANN_OPERATES,
    BEN,
    CONTROLLER,
    DAY,
    EVE,
    KEEPER,
    SERVICE,
    Record,
    call,
    decision,
    denied,
    on_object,
    parameter,
    record_put,
    started,
    stopped,
)

DATA, EVIDENCE, FILES = (
    "mlops-local-foundation-data-1",
    "mlops-local-foundation-evidence-2",
    "mlops-local-access-files-3",
)
NAMES = {
    "base": "mlops-local",
    "parameters": "/mlops/local/",
    "groups": "'mlops-local-loan-approval'",
    "data": DATA,
    "evidence": EVIDENCE,
    "trail_files": FILES,
    "trail": "mlops-local-audit",
}


def shape(hive: str) -> Any:
    """A type of the catalog as DuckDB's from_json is told of it: objects, lists and names of types."""
    found, rest = _parsed(hive)
    assert not rest, rest
    return found


def _parsed(text: str) -> tuple[Any, str]:
    kind, _, rest = text.partition("<")
    if kind == "struct":
        fields = {}
        while not rest.startswith(">"):
            name, _, rest = rest.removeprefix(",").partition(":")
            fields[name], rest = _parsed(rest)
        return fields, rest[1:]
    if kind == "array":
        inner, rest = _parsed(rest)
        return [inner], rest[1:]
    if text.startswith("map<string,string>"):
        return "MAP(VARCHAR, VARCHAR)", text.removeprefix("map<string,string>")
    assert text.startswith("string"), text
    return "VARCHAR", text.removeprefix("string")


def row(record: Record) -> dict[str, Any]:
    """A record as Hive's JSON SerDe reads it: names in lower case, texts for what is text in the catalog."""
    found = {key.lower(): value for key, value in record.items()}
    columns = {name: found.get(name) for name in COLUMNS}
    for name, value in columns.items():
        if name in JSON_COLUMNS:
            columns[name] = None if value is None else json.dumps(value)
        elif COLUMNS[name] == "string":
            columns[name] = value if value is None or isinstance(value, str) else json.dumps(value)
        else:
            columns[name] = lowered(value)
    return columns


def lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): lowered(each) for key, each in value.items()}
    return [lowered(each) for each in value] if isinstance(value, list) else value


@pytest.fixture
def ask() -> Iterator[Any]:
    """`ask("approvals", records)`: the answer's rows by column, for the records' day."""
    connection = connect()
    columns = ", ".join(
        f"json_extract_string(line, '$.{name}') AS {name}"
        if kind == "string"
        else f"from_json(json_extract(line, '$.{name}'), '{json.dumps(shape(kind))}') AS {name}"
        for name, kind in COLUMNS.items()
    )
    read = f"SELECT {columns}, ? AS region, ? AS day FROM (SELECT ?::JSON AS line)"
    connection.execute(f"CREATE TABLE trail AS {read} LIMIT 0", ["", "", "{}"])

    def ask(name: str, records: Sequence[Record], first: str = DAY, last: str = DAY) -> list[dict[str, Any]]:
        for record in records:
            day = record["eventTime"][:10].replace("-", "/")
            connection.execute(f"INSERT INTO trail {read}", [record["awsRegion"], day, json.dumps(row(record))])
        [query] = [each for each in QUERIES if each.name == name]
        result = connection.execute(query.sql(NAMES), [first, last])
        names = [column[0] for column in result.description]
        return [dict(zip(names, each, strict=True)) for each in result.fetchall()]

    yield ask
    connection.close()


def test_approvals_are_decisions_about_versions_of_this_registry(ask: Any) -> None:
    records = [
        decision(ANN, 3, "Approved", "09:00:00"),
        decision(ANN, 2, "Rejected", "10:00:00"),
        decision(KEEPER, 3, None, "09:05:00"),  # metadata only
        decision(ANN, 3, "Approved", "11:00:00", group="mlops-prod-loan-approval"),
        denied(decision(EVE, 3, "Approved", "12:00:00"), "not authorized"),
    ]
    found = ask("approvals", records)
    assert [(each["version"], each["decision"]) for each in found] == [
        ("mlops-local-loan-approval/2", "Rejected"),
        ("mlops-local-loan-approval/3", "Approved"),
    ]
    assert found[0]["who"].endswith("/ann@example.com")
    assert found[0]["reason"] == "reviewed with the risk office"


def test_a_question_is_about_its_days(ask: Any) -> None:
    before = decision(ANN, 1, "Approved", "09:00:00") | {"eventTime": "2026-11-20T23:59:59Z"}
    records = [before, decision(ANN, 2, "Approved", "09:00:00")]
    assert [each["version"][-1] for each in ask("approvals", records)] == ["2"]
    assert [each["version"][-1] for each in ask("approvals", [], first="2026/11/01")] == ["2", "1"]


def test_releases_tell_people_from_the_controller(ask: Any) -> None:
    elsewhere = parameter(BEN, "allowed", 1, "08:00:00")
    elsewhere["requestParameters"] |= {"name": "/mlops/prod/loan-approval/release/allowed"}
    records = [parameter(BEN, "allowed", 7, "09:00:00"), parameter(CONTROLLER, "champion", 12, "09:01:00"), elsewhere]
    assert [(each["who"].rpartition("/")[2], each["model"], each["parameter"], each["number"])
            for each in ask("releases", records)] == [
        ("mlops-local-loan-approval-release", "loan-approval", "champion", "12"),
        ("ben@example.com", "loan-approval", "allowed", "7"),
    ]  # fmt: skip


def test_one_person_who_approved_and_let_in_is_found_whatever_the_role(ask: Any) -> None:
    """As people.same: by the name of the session, which single sign-on makes the person's."""
    approved = decision(ANN, 3, "Approved", "09:00:00")
    assert ask("one_person", [approved, parameter(BEN, "allowed", 1, "10:00:00")]) == []
    assert ask("one_person", [parameter(ANN_OPERATES, "command", 1, "11:00:00")]) == []
    assert ask("one_person", [denied(parameter(ANN_OPERATES, "allowed", 1, "11:30:00"), "no")]) == []
    [found] = ask("one_person", [parameter(ANN_OPERATES, "allowed", 2, "12:00:00")])
    assert found == {
        "person": "ann@example.com",
        "version": "mlops-local-loan-approval/3",
        "approved_at": "2026-11-21T09:00:00Z",
        "let_in_at": "2026-11-21T12:00:00Z",
    }


def test_training_data_are_objects_and_records(ask: Any) -> None:
    pipeline = {**EVE, "arn": "arn:aws:sts::111122223333:assumed-role/mlops-local-loan-approval-training/SageMaker"}
    records = [
        on_object(pipeline, "GetObject", DATA, "loan_approval/loans.csv.gz", "09:00:00"),
        on_object(EVE, "PutObject", DATA, "loan_approval/loans.csv.gz", "10:00:00"),
        on_object(EVE, "GetObject", EVIDENCE, "loan_approval/version-1/revision-0001.json", "11:00:00"),
        record_put(pipeline, "mlops-local-bank-history", "12:00:00"),
        record_put(pipeline, "mlops-prod-bank-history", "13:00:00"),
    ]
    assert [(each["eventname"], each["what"], each["how"], each["version_id"])
            for each in ask("training_data", records)] == [
        ("PutRecord", "mlops-local-bank-history", "changed", None),
        ("PutObject", "loan_approval/loans.csv.gz", "changed", "3sL4kqtJlcpXroDTDmJ"),
        ("GetObject", "loan_approval/loans.csv.gz", "read", None),
    ]  # fmt: skip


def test_evidence_that_somebody_tried_to_remove_stands_out(ask: Any) -> None:
    revision = "loan_approval/version-1/revision-0001.json"
    refused = {"errorCode": "AccessDenied", "errorMessage": "Access Denied"}
    records = [
        on_object(KEEPER, "PutObject", EVIDENCE, revision, "09:00:00"),
        on_object(EVE, "GetObject", EVIDENCE, revision, "10:00:00"),
        on_object(EVE, "DeleteObject", EVIDENCE, revision, "11:00:00", **refused),
        on_object(EVE, "DeleteObject", FILES, "AWSLogs/x.json.gz", "12:00:00"),
        on_object(EVE, "DeleteObject", DATA, "loan_approval/loans.csv.gz", "13:00:00"),
    ]
    assert [(each["bucket"], each["eventname"], each["how"], each["errorcode"])
            for each in ask("evidence", records)] == [
        (FILES, "DeleteObject", "unusual", None),
        (EVIDENCE, "DeleteObject", "unusual", "AccessDenied"),
        (EVIDENCE, "PutObject", "written", None),
    ]  # fmt: skip


def test_rights_are_roles_keys_policies_of_buckets_and_the_trail(ask: Any) -> None:
    attached = {"roleName": "mlops-local-access-PeopleApproverRole", "policyArn": "arn:aws:iam::aws:policy/Admin"}
    records = [
        call("iam", "AttachRolePolicy", EVE, "09:00:00", awsRegion="us-east-1", requestParameters=attached),
        call("kms", "ScheduleKeyDeletion", EVE, "10:00:00", requestParameters={"keyId": "1234", "pendingWindow": 7}),
        call("kms", "CreateGrant", SERVICE, "10:30:00", requestParameters={"keyId": "1234"}),
        call("s3", "PutBucketPolicy", EVE, "11:00:00", requestParameters={"bucketName": EVIDENCE}),
        call("s3", "PutBucketPolicy", EVE, "11:30:00", requestParameters={"bucketName": "other"}),
        call("cloudtrail", "StopLogging", EVE, "12:00:00", requestParameters={"name": "mlops-local-audit"}),
        call("cloudtrail", "StopLogging", EVE, "12:30:00", requestParameters={"name": "mlops-prod-audit"}),
        call("iam", "GetRole", EVE, "13:00:00", readOnly=True, requestParameters=attached),
    ]
    assert [(each["eventname"], each["what"]) for each in ask("rights", records)] == [
        ("StopLogging", "mlops-local-audit"),
        ("PutBucketPolicy", EVIDENCE),
        ("ScheduleKeyDeletion", "1234"),
        ("AttachRolePolicy", "mlops-local-access-PeopleApproverRole"),
    ]


def test_executions_name_the_pipeline_and_who_started_it(ask: Any) -> None:
    training = "mlops-local-loan-approval-training"
    records = [
        started(EVE, training, "09:00:00"),
        stopped(BEN, training, "10:00:00"),
        started(EVE, "mlops-prod-loan-approval-training", "11:00:00"),
        call("sagemaker", "CreateTrainingJob", SERVICE, "09:30:00", requestParameters={"trainingJobName": "x"}),
    ]
    assert [(each["eventname"], each["who"].rpartition("/")[2], each["pipeline"], each["execution"])
            for each in ask("executions", records)] == [
        ("StopPipelineExecution", "ben@example.com", training, "abc123def456"),
        ("StartPipelineExecution", "eve@example.com", training, "abc123def456"),
    ]  # fmt: skip


def test_refusals_are_counted_by_who_and_what(ask: Any) -> None:
    message = (
        "User: arn:aws:sts::111122223333:assumed-role/X/eve@example.com is not authorized to perform: "
        "sagemaker:UpdateModelPackage on resource: arn:aws:sagemaker:eu-west-1:111122223333:model-package/"
        "mlops-local-loan-approval/3 with an explicit deny in an identity-based policy"
    )
    records = [
        denied(decision(EVE, 3, "Approved", "09:00:00"), message),
        denied(decision(EVE, 3, "Approved", "10:00:00"), message),
        denied(parameter(ANN, "allowed", 1, "11:00:00"), "on resource: arn:…:parameter/mlops-local-x/y"),
        denied(decision(EVE, 3, "Approved", "12:00:00"), "something about mlops-prod-loan-approval"),
        decision(ANN, 3, "Approved", "13:00:00"),
    ]
    found = ask("refusals", records)
    assert [(each["times"], each["eventname"], each["last_at"][11:16]) for each in found] == [
        (2, "UpdateModelPackage", "10:00"),
        (1, "PutParameter", "11:00"),
    ]
    assert "explicit deny" in found[0]["message"]


def test_a_call_of_a_service_names_the_service(ask: Any) -> None:
    [found] = ask("training_data", [on_object(SERVICE, "GetObject", DATA, "loan_approval/loans.csv.gz", "09:00:00")])
    assert found["who"] == "sagemaker.amazonaws.com"


def test_every_question_is_tested_here() -> None:
    asked = {each.name for each in QUERIES}
    assert asked == set(re.findall(r'ask\("(\w+)"', Path(__file__).read_text()))


def test_a_name_that_is_not_given_is_an_error() -> None:
    [query] = [each for each in QUERIES if each.name == "evidence"]
    with pytest.raises(KeyError, match="trail_files"):
        query.sql({"evidence": EVIDENCE})
