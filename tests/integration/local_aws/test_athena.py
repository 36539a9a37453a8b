"""Tables over captured files, the query that joins them with outcomes, and the events that go with both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError

from mlops import outcomes
from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.lambdas.release_controller.captured import answer, capture

FOLDER, ENDPOINT, DATABASE, WORKGROUP = "loan_approval", "tables-endpoint", "tables_database", "tables-group"
Found = TypeVar("Found")

SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
HOURS = {
    "projection.hour.type": "date",
    "projection.hour.format": "yyyy/MM/dd/HH",
    "projection.hour.range": "2026/01/01/00,NOW",
    "projection.hour.interval": "1",
    "projection.hour.interval.unit": "HOURS",
}
VARIANTS = {"projection.variant.type": "enum", "projection.variant.values": "champion,challenger,shadow"}


def eventually(look: Callable[[], Found | None], what: str, seconds: float = 15) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def table(name: str, location: str, keys: list[str], projection: dict[str, str]) -> dict[str, Any]:
    template = {"Fn::Join": ["", ["s3://", {"Ref": "Bucket"}, f"/{location}/"]]}
    return {
        "Type": "AWS::Glue::Table",
        "DependsOn": ["Database"],
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": DATABASE,
            "TableInput": {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"projection.enabled": "true", **projection, "storage.location.template": template},
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
                "StorageDescriptor": {
                    "Columns": [{"Name": "line", "Type": "string"}],
                    "Location": {"Fn::Join": ["", ["s3://", {"Ref": "Bucket"}, f"/{FOLDER}/"]]},
                    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    "SerdeInfo": {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1"}},
                },
            },
        },
    }


def rule(pattern: dict[str, Any]) -> dict[str, Any]:
    target = {"Id": "Queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern, "Targets": [target]}}


TEMPLATE = {
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
                "VersioningConfiguration": {"Status": "Enabled"},
            },
        },
        "Database": {
            "Type": "AWS::Glue::Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": DATABASE,
                "DatabaseInput": {"Name": DATABASE},
            },
        },
        "Captured": table(
            "captured", f"{FOLDER}/{ENDPOINT}/${{variant}}/${{hour}}", ["variant", "hour"], {**VARIANTS, **HOURS}
        ),
        "Outcomes": table("outcomes", f"{FOLDER}/ground-truth/${{hour}}", ["hour"], HOURS),
        "Workgroup": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {
                "Name": WORKGROUP,
                "RecursiveDeleteOption": True,
                "WorkGroupConfiguration": {
                    "EnforceWorkGroupConfiguration": True,
                    "BytesScannedCutoffPerQuery": 10_000_000,
                    "ResultConfiguration": {
                        "OutputLocation": {"Fn::Join": ["", ["s3://", {"Ref": "Bucket"}, f"/{FOLDER}/queries/"]]},
                        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
                    },
                },
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "OutcomesArrived": rule(
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [{"Ref": "Bucket"}]},
                    "object": {"key": [{"prefix": f"{FOLDER}/ground-truth/"}]},
                },
            }
        ),
        "ParameterChanged": rule(
            {
                "source": ["aws.ssm"],
                "detail-type": ["Parameter Store Change"],
                "detail": {"name": ["/tables/command"], "operation": ["Update", "Create", "Delete"]},
            }
        ),
        "QueryEnded": rule(
            {
                "source": ["aws.athena"],
                "detail-type": ["Athena Query State Change"],
                "detail": {"workgroupName": [WORKGROUP], "currentState": ["SUCCEEDED", "FAILED", "CANCELLED"]},
            }
        ),
    },
    "Outputs": {"Bucket": {"Value": {"Ref": "Bucket"}}, "Queue": {"Value": {"Ref": "Queue"}}},
}


class Deployed:
    """The stack of the tables, and what a client does with it."""

    def __init__(self, local_aws: Any, outputs: dict[str, str]) -> None:
        self.bucket, self._queue = outputs["Bucket"], outputs["Queue"]
        self.client = local_aws.client
        self.athena = local_aws.client("athena")

    def write(self, key: str, *lines: str) -> None:
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body="".join(f"{line}\n" for line in lines))

    def start(self, sql: str, **more: Any) -> str:
        arguments = {"WorkGroup": WORKGROUP, "QueryExecutionContext": {"Database": DATABASE}, **more}
        return str(self.athena.start_query_execution(QueryString=sql, **arguments)["QueryExecutionId"])

    def ended(self, execution: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            return found if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        return eventually(look, f"end of query {execution}")

    def rows(self, sql: str, **more: Any) -> list[list[str | None]]:
        execution = self.start(sql, **more)
        ended = self.ended(execution)
        assert ended["Status"]["State"] == "SUCCEEDED", ended["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        return [
            [cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]

    def event(self, detail_type: str, **detail: str) -> dict[str, Any]:
        """The next event of this type with these details; others are dropped."""

        def look() -> dict[str, Any] | None:
            sqs = self.client("sqs")
            for message in sqs.receive_message(QueueUrl=self._queue).get("Messages", ()):
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                body: dict[str, Any] = json.loads(message["Body"])
                if body["detail-type"] == detail_type and detail.items() <= body["detail"].items():
                    return body
            return None

        return eventually(look, f"{detail_type} with {detail}")


@pytest.fixture
def deployed(local_aws: Any) -> Iterator[Deployed]:
    yield from deploy(local_aws)


def deploy(local_aws: Any) -> Iterator[Deployed]:
    cloudformation = local_aws.client("cloudformation")
    cloudformation.create_stack(StackName="tables", TemplateBody=json.dumps(TEMPLATE))
    wait = {"Delay": 0.1, "MaxAttempts": 200}
    cloudformation.get_waiter("stack_create_complete").wait(StackName="tables", WaiterConfig=wait)
    [stack] = cloudformation.describe_stacks(StackName="tables")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    yield Deployed(local_aws, outputs)
    for version in local_aws.client("s3").list_object_versions(Bucket=outputs["Bucket"]).get("Versions", ()):
        local_aws.client("s3").delete_object(
            Bucket=outputs["Bucket"], Key=version["Key"], VersionId=version["VersionId"]
        )
    cloudformation.delete_stack(StackName="tables")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="tables", WaiterConfig=wait)
    databases = [each["Name"] for each in local_aws.client("glue").get_databases()["DatabaseList"]]
    groups = [each["Name"] for each in local_aws.client("athena").list_work_groups()["WorkGroups"]]
    assert (DATABASE in databases, WORKGROUP in groups) == (False, False)


def hour(moment: datetime) -> str:
    return f"{moment:%Y/%m/%d/%H}"


def test_outcomes_meet_the_predictions_that_the_endpoint_captured(deployed: Deployed) -> None:
    """From files in AWS's layout to counts, by the text that Athena would run."""
    modules = load_folder(LAMBDAS / "release_controller", "athena_release_controller")
    since = datetime.now(UTC) - timedelta(hours=2)
    at = since + timedelta(hours=1)
    lines = {"champion": [], "challenger": []}  # type: dict[str, list[str]]
    for number in range(30):
        variant, version = (("champion", "1"), ("challenger", "2"))[number % 2]
        data = answer("JSON", [(0.1, "approve" if number % 3 else "decline", version)])
        lines[variant].append(capture(f"e{number}", f"r{number}", at, "JSON", data))
    for variant, captured in lines.items():
        deployed.write(f"{FOLDER}/{ENDPOINT}/{variant}/{hour(at)}/a.jsonl", *captured, '{"captureData": {"trun')
        deployed.write(f"{FOLDER}/{ENDPOINT}/{variant}/{hour(since - timedelta(hours=3))}/old.jsonl", *captured)
    s3, known = deployed.client("s3"), [(f"r{number}", "0") for number in range(24)]
    keys = outcomes.put(s3, deployed.bucket, FOLDER, known, at)
    outcomes.put(s3, deployed.bucket, FOLDER, known, at + timedelta(minutes=59))
    sql = modules.query.text(
        database=DATABASE,
        policy=modules.policy.Policy.read(json.dumps(POLICY)),
        stage="challenger",
        champion_version=1,
        candidate_version=2,
        since=since,
        weighted_since=since,
        until=datetime.now(UTC),
    )
    execution = deployed.start(sql)
    ended = deployed.ended(execution)
    assert ended["Status"]["State"] == "SUCCEEDED", ended["Status"]
    [header, *rows] = deployed.rows(sql)
    assert header == ["kind", "block", "variant", "n", "successes", "positives"]
    counts = modules.query.read(rows, "challenger", 10)
    assert counts.complete == 2
    assert [block.champion_n + block.candidate_n for block in counts.blocks] == [10, 10, 4]
    assert sum(block.champion_n for block in counts.blocks) == 12
    assert sum(block.champion_successes + block.candidate_successes for block in counts.blocks) == 16
    assert (counts.traffic.champion, counts.traffic.candidate) == (15, 15)
    assert modules.query.unreadable(rows) == {"captured": 2}
    read = sum(len(line) + 1 for captured in lines.values() for line in [*captured, '{"captureData": {"trun'])
    read += sum(s3.head_object(Bucket=deployed.bucket, Key=key)["ContentLength"] for key in set(s3_keys(deployed)))
    assert ended["Statistics"]["DataScannedInBytes"] == read
    assert deployed.event("Object Created", reason="PutObject")["detail"]["object"]["key"] == keys[0]


def s3_keys(deployed: Deployed) -> list[str]:
    found = deployed.client("s3").list_objects_v2(Bucket=deployed.bucket, Prefix=f"{FOLDER}/ground-truth/")
    return [item["Key"] for item in found["Contents"]]


POLICY = {
    "enabled": True,
    "stages": ["challenger"],
    "experiment": {
        "rule": "planned", "allocation": "fixed", "error_rate": 0.05, "power": 0.8, "baseline": 0.8, "effect": 0.02,
        "discordance": 0.1, "share_percent": 50, "step_percent": 10, "step_seconds": 0, "look_seconds": 1,
        "settle_seconds": 0, "max_hours": 1, "block_size": 10, "inconclusive": "keep", "max_positive_change": 0.1,
    },
    "metric": {
        "fields": ["probability", "decision"],
        "success": "(decision = 'approve') = (outcome = '0')",
        "positive": "decision = 'approve'",
    },
    "evidence": [], "second_person": False, "tests": False, "evidence_key": "", "keep_versions": 0,
}  # fmt: skip


def test_a_result_lies_where_the_workgroup_wants_it_whatever_the_client_says(deployed: Deployed) -> None:
    elsewhere = {"OutputLocation": "s3://elsewhere/"}
    execution = deployed.start(
        "SELECT 'a\"b' AS text, NULL AS nothing, '' AS empty, 1 AS number", ResultConfiguration=elsewhere
    )
    ended = deployed.ended(execution)
    location = f"s3://{deployed.bucket}/{FOLDER}/queries/{execution}.csv"
    assert ended["ResultConfiguration"]["OutputLocation"] == location
    key = location.split("/", 3)[3]
    found = deployed.client("s3").get_object(Bucket=deployed.bucket, Key=key)
    assert found["Body"].read().decode() == '"text","nothing","empty","number"\n"a""b",,"","1"\n'
    assert found["ServerSideEncryption"] == "AES256"
    told = deployed.event("Athena Query State Change", queryExecutionId=execution)
    assert told["source"] == "aws.athena"
    assert (told["detail"]["previousState"], told["detail"]["currentState"]) == ("RUNNING", "SUCCEEDED")


def test_the_same_token_is_the_same_query(deployed: Deployed) -> None:
    token = "t" * 32
    first = deployed.start("SELECT 1", ClientRequestToken=token)
    assert deployed.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        deployed.start("SELECT 2", ClientRequestToken=token)
    assert deployed.start("SELECT 1") != first


def test_a_long_result_comes_in_pages(deployed: Deployed) -> None:
    deployed.write(f"{FOLDER}/ground-truth/{hour(datetime.now(UTC))}/a.jsonl", *(str(number) for number in range(2500)))
    rows = deployed.rows("SELECT line FROM outcomes ORDER BY CAST(line AS bigint)")
    assert [row[0] for row in rows] == ["line", *(str(number) for number in range(2500))]


@pytest.mark.parametrize(
    ("sql", "state", "reason"),
    [
        ("SELECT nothing FROM captured", "FAILED", "nothing"),
        ("SELEC 1", "FAILED", "SELEC"),
        ("SELECT * FROM read_text('/etc/hostname'), outcomes", "FAILED", "disabled"),
    ],
)
def test_a_query_that_cannot_run_fails_with_its_reason(sql: str, state: str, reason: str, deployed: Deployed) -> None:
    execution = deployed.start(sql)
    status = deployed.ended(execution)["Status"]
    assert status["State"] == state
    assert reason in status["StateChangeReason"]
    with pytest.raises(ClientError, match=r"Query did not finish successfully\. Final query state: FAILED"):
        deployed.athena.get_query_results(QueryExecutionId=execution)


def test_a_query_over_the_workgroups_limit_is_cancelled(deployed: Deployed) -> None:
    deployed.write(f"{FOLDER}/ground-truth/{hour(datetime.now(UTC))}/big.jsonl", "x" * 10_000_001)
    status = deployed.ended(deployed.start("SELECT count(*) FROM outcomes"))["Status"]
    assert (status["State"], status["StateChangeReason"][:33]) == (
        "CANCELLED",
        "Bytes scanned limit was exceeded:",
    )


def test_a_running_query_can_be_stopped(deployed: Deployed) -> None:
    deployed.write(f"{FOLDER}/ground-truth/{hour(datetime.now(UTC))}/a.jsonl", "x")
    execution = deployed.start("SELECT count(*) FROM outcomes, range(100000000000) AS numbers")
    deployed.athena.stop_query_execution(QueryExecutionId=execution)
    assert deployed.ended(execution)["Status"]["State"] == "CANCELLED"
    assert execution in deployed.athena.list_query_executions(WorkGroup=WORKGROUP)["QueryExecutionIds"]


def test_what_does_not_exist_is_refused(deployed: Deployed) -> None:
    with pytest.raises(ClientError, match="WorkGroup none is not found"):
        deployed.start("SELECT 1", WorkGroup="none")
    with pytest.raises(ClientError, match="was not found"):
        deployed.athena.get_query_execution(QueryExecutionId="none")


def test_other_statements_and_operations_are_ministacks(deployed: Deployed) -> None:
    location = f"s3://{deployed.bucket}/plain/"
    made = deployed.ended(deployed.start(f"CREATE EXTERNAL TABLE plain (a string) LOCATION '{location}'"))
    assert made["Status"]["State"] == "SUCCEEDED", made["Status"]
    assert deployed.athena.get_work_group(WorkGroup=WORKGROUP)["WorkGroup"]["Name"] == WORKGROUP
    found = deployed.client("glue").get_table(DatabaseName=DATABASE, Name="plain")["Table"]
    assert found["StorageDescriptor"]["Columns"] == [{"Name": "a", "Type": "string"}]
    deployed.client("glue").delete_table(DatabaseName=DATABASE, Name="plain")


def test_a_changed_parameter_is_told(deployed: Deployed) -> None:
    ssm = deployed.client("ssm")
    ssm.put_parameter(Name="/tables/command", Value="none", Type="String", Description="What to do")
    created = deployed.event("Parameter Store Change", operation="Create")
    assert created["resources"] == ["arn:aws:ssm:eu-west-1:111122223333:parameter/tables/command"]
    assert created["detail"] == {
        "operation": "Create",
        "name": "/tables/command",
        "type": "String",
        "description": "What to do",
    }
    ssm.put_parameter(Name="/tables/command", Value="pause", Overwrite=True)
    deployed.event("Parameter Store Change", operation="Update")
    with pytest.raises(ClientError):
        ssm.put_parameter(Name="/tables/command", Value="other", Type="String")
    ssm.delete_parameter(Name="/tables/command")
    deployed.event("Parameter Store Change", operation="Delete", name="/tables/command")
