"""`mlops features`: what the groups are, what a record is now, and files that are written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from features.group import FeatureGroup
from mlops import aws, feature_files, feature_groups
from mlops.__main__ import main
from mlops.errors import UsageError
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import load
from tests.unit.features.runtime import Runtime, refusal

CONFIG = Path(__file__).parents[3] / "config"
HEADER = "bank,known_from,approvals_12m,charge_off_share_12m\n"


class SageMaker:
    """DescribeFeatureGroup; deployed: whether there is a group."""

    def __init__(self, group: FeatureGroup) -> None:
        self.group, self.deployed, self.more = group, True, {}
        self.without = ""

    def describe_feature_group(self, **request: Any) -> dict[str, Any]:
        if not self.deployed or request["FeatureGroupName"] != self.group.physical:
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "not there"}}, "DescribeFeatureGroup")
        types = {**self.group.types, "added_by_hand": "String"}
        types.pop(self.without, None)
        definitions = [{"FeatureName": name, "FeatureType": kind} for name, kind in types.items()]
        start = int(request.get("NextToken", 0))
        catalog = {"Catalog": "AwsDataCatalog", "Database": "sagemaker_featurestore", "TableName": "bank_history_17"}
        return {
            "FeatureGroupName": self.group.physical,
            "FeatureGroupStatus": "Created",
            "FeatureDefinitions": definitions[start : start + 3],
            "NextToken": str(start + 3) if start + 3 < len(definitions) else "",
            "OnlineStoreTotalSizeBytes": 12_345,
            "OfflineStoreStatus": {"Status": "Active"},
            "OfflineStoreConfig": {
                "S3StorageConfig": {"S3Uri": "s3://data/x", "ResolvedOutputS3Uri": "s3://data/x/1/data"},
                "DataCatalogConfig": catalog,
            },
            **self.more,
        }


@pytest.fixture
def group() -> FeatureGroup:
    settings = load(CONFIG, "local")
    names = EnvironmentNames(settings.project, "local")
    return feature_groups.group_of(names, "bank_history", settings.feature_groups["bank_history"])


@pytest.fixture
def sagemaker(group: FeatureGroup) -> SageMaker:
    return SageMaker(group)


@pytest.fixture
def runtime(group: FeatureGroup, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime(group)
    clients = {"sagemaker": sagemaker, "sagemaker-featurestore-runtime": made}
    monkeypatch.setattr(aws, "local_clients", lambda: clients.__getitem__)
    return made


def told(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> str:
    assert main(["features", *command]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def test_the_list_names_each_group_with_its_status(
    runtime: Runtime, sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "list").splitlines()[0] == (
        "bank_history  Created       online and offline  3 features  loan-approval"
    )
    sagemaker.deployed = False
    found = json.loads(told(capsys, "list", "--json"))
    assert found["environment"] == "local"
    assert [(each["group"], each["status"]) for each in found["groups"]] == [("bank_history", "not deployed")]


def test_a_group_is_shown_with_its_stores_and_with_what_differs_from_the_configuration(
    runtime: Runtime, sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.without = "charge_offs_12m"
    shown = told(capsys, "show", "bank-history")
    for line in (
        "name        mlops-local-bank-history",
        "status      Created",
        "online      each record's newest, until a newer one comes, 12,345 bytes",
        "offline     Active, sagemaker_featurestore.bank_history_17, s3://data/x/1/data",
        "record      bank",
        "event time  known_from (String)",
        "feature     approvals_12m (Integral)\n",
        "feature     charge_offs_12m (Integral), not deployed yet",
        "feature     added_by_hand (String), not in config",
    ):
        assert line in shown
    sagemaker.more = {"FeatureGroupStatus": "CreateFailed", "FailureReason": "no bucket"}
    assert json.loads(told(capsys, "show", "bank_history", "--json"))["status"] == "CreateFailed: no bucket"


def test_a_record_is_what_the_online_store_has(
    runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "banks.csv"
    file.write_text(HEADER + "First Bank,2002-10-01,7,\n")
    told(capsys, "ingest", "bank_history", str(file))
    record = {"bank": "First Bank", "known_from": "2002-10-01T00:00:00Z", "approvals_12m": 7}
    nothing = {"charge_offs_12m": None, "charge_off_share_12m": None}
    found = json.loads(told(capsys, "get", "bank_history", "First Bank", "--json"))
    assert found["record"] == record | nothing
    assert "approvals_12m         7\ncharge_offs_12m       -\n" in told(capsys, "get", "bank_history", "First Bank")
    assert "bank 'Other': the online store of bank_history has no such record" in told(
        capsys, "get", "bank_history", "Other", code=1
    )


def test_a_file_is_ingested_once_and_with_all_again(
    runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "banks.csv"
    file.write_text("\ufeff" + HEADER + "a,2002-10-01,7,0.5\na,2002-11-01T00:00:00Z,8,\n\nb,2002-10-01,1,1e-3\n")
    first = told(capsys, "ingest", "bank_history", str(file))
    assert f"3 records of {file} written to bank_history" in first
    again = told(capsys, "ingest", "bank_history", str(file))
    assert "0 records" in again
    assert "3 are not newer than what the online store has, and were left out; --all writes them too" in again
    whole = json.loads(told(capsys, "ingest", "bank_history", str(file), "--all", "--json"))
    assert (whole["written"], whole["older"]) == (3, 0)
    assert len(runtime.offline) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column bank"),
        ("bank,approvals_12m\n", "line 1: no column known_from"),
        ("bank,known_from,colour\n", "line 1: 'colour' is no feature of bank_history; it has bank,"),
        ("bank,known_from,bank\n", "line 1: column bank is there twice"),
        (HEADER, "holds no record"),
        (HEADER + "a,2002-10-01,7.5,\n", "line 2: feature group bank_history, approvals_12m '7.5': not a whole number"),
        (HEADER + "a,2002-10-01,7,x\n", "charge_off_share_12m 'x': not a number; give one like 0.25"),
        (HEADER + "a,yesterday,7,\n", "line 2: time 'yesterday': not ISO 8601"),
        (HEADER + ",2002-10-01,7,\n", "a record without bank"),
        (HEADER + "a,2002-10-01\nb,,1,1\n", "line 3: feature group bank_history: a record without known_from"),
        (HEADER + "a,2002-10-01,7,,9\n", "['9'] is beyond the header's columns"),
        (HEADER + "a,2002-10-01,7,\na,2002-10-01T00:00:00Z,8,\n", "line 3: 'a' at 2002-10-01T00:00:00Z is in line 2 "),
        (HEADER + '"a,2002-10-01,7,\n', "not CSV"),
        (HEADER + "a,x,7,\nb,x,7,\nc,x,7,\nd,x,7,\ne,x,7,\n", "; and 2 more lines; nothing was written"),
    ],
)
def test_a_file_with_a_wrong_line_is_refused_whole(
    text: str, message: str, runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "banks.csv"
    file.write_text(text + ("good,2002-12-01,1,0.1\n" if text.startswith(HEADER) and text != HEADER else ""))
    error = told(capsys, "ingest", "bank_history", str(file), code=2)
    assert error.startswith(f"mlops: {file}")
    assert message in error
    assert error.count("\n") == 1
    assert runtime.calls == []


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, group: FeatureGroup) -> None:
    with pytest.raises(UsageError, match=r"none.csv: cannot be read \(No such file"):
        feature_files.read(tmp_path / "none.csv", group)
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\xe4,2002-10-01,1,\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        feature_files.read(tmp_path / "latin.csv", group)


def test_what_aws_refuses_is_told_with_the_record(
    runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime.trouble = lambda operation: refusal("AccessForbidden") if operation == "PutRecord" else None
    file = tmp_path / "banks.csv"
    file.write_text(HEADER + "a,2002-10-01,7,\n")
    assert "record 'a' at 2002-10-01T00:00:00Z: " in told(capsys, "ingest", "bank_history", str(file), code=1)


def test_an_unknown_group_is_refused_with_those_that_there_are(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "feature group 'banks': not in config/local.toml; use bank_history" in told(capsys, "show", "banks", code=2)
