"""The whole loop against the local AWS: deploy, train, approve, release, predict, change, destroy.

The tests of this module run in their order: each goes on from the state that the one before it left.
"""

import csv
import gzip
import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops import costs, monitoring, outcomes, pipelines, prices, registry, releases, traffic
from mlops.demo import loans
from mlops.demo.months import CAPTURE_SECONDS, History, Months
from monitoring.findings import DATA_DRIFT
from tests.assembly import synthesize
from tests.deployed import BOOK, MODEL, NAMES, Platform, change_setting, configuration, run_trained, until
from tests.local_aws_fixture import LocalAws

QUIET_SECONDS = 3
NOBODY: dict[str, Any] = dict.fromkeys(("tell", "export", "watch", "said")) | {"known": lambda month: None}
"""Months of which nothing is told or asked; only their applications are sent."""


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own."""
    yield from run_trained(tmp_path_factory)


@pytest.fixture(scope="module")
def platform(local_aws: LocalAws) -> Platform:
    return Platform(local_aws)


@pytest.fixture(scope="module")
def applications() -> list[tuple[str, dict[str, Any]]]:
    return list(loans.applications(2003, 5))


def corrupt(change: Callable[[list[list[str]]], list[list[str]]]) -> bytes:
    """A tenth of the bank's loans, with what `change` makes of them."""
    with gzip.open(loans.DATA_FILE, "rt", newline="") as file:
        header, *every = csv.reader(file)
    rows = [header, *every[::10]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(change(rows))
    return gzip.compress(buffer.getvalue().encode(), compresslevel=1)


def without_column(rows: list[list[str]]) -> list[list[str]]:
    at = rows[0].index("GrAppv")
    return [row[:at] + row[at + 1 :] for row in rows]


def text_in_a_number(rows: list[list[str]]) -> list[list[str]]:
    at = rows[0].index("NoEmp")
    return [
        rows[0],
        *([*row[:at], "many", *row[at + 1 :]] if n == 7 else row for n, row in enumerate(rows[1:])),
    ]


def doubled(rows: list[list[str]]) -> list[list[str]]:
    return rows + rows[1:]


def empty(rows: list[list[str]]) -> list[list[str]]:
    return rows[:1]


def test_an_environment_without_an_approved_version_has_no_endpoint(platform: Platform) -> None:
    assert platform.outputs(MODEL.serving_stack)["ChampionPackage"] == "none"
    with pytest.raises(ClientError, match="Could not find endpoint"):
        platform.client("sagemaker").describe_endpoint(EndpointName=MODEL.endpoint)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without_column, ["GrAppv: columns: not in the header"]),
        (text_in_a_number, ["NoEmp: number", "many"]),
        (doubled, ["duplicates"]),
        (empty, ["rows"]),
    ],
)
def test_corrupt_loans_fail_at_validation_with_the_rule_named(
    platform: Platform, change: Callable[[list[list[str]]], list[list[str]]], named: list[str]
) -> None:
    key = f"{MODEL.folder}/corrupt/{change.__name__}/loans.csv.gz"
    platform.client("s3").put_object(Bucket=platform.data_bucket, Key=key, Body=corrupt(change))
    execution = platform.follow(
        platform.start(f"s3://{platform.data_bucket}/{MODEL.folder}/corrupt/{change.__name__}/")
    )
    assert execution["PipelineExecutionStatus"] == "Failed"
    steps = platform.client("sagemaker").list_pipeline_execution_steps(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineExecutionSteps"]
    reasons = {step["StepName"]: step.get("FailureReason", "") for step in steps}
    assert list(reasons) == ["ValidateData"]
    assert all(word in reasons["ValidateData"] for word in named), reasons
    assert len(platform.versions()) == 1  # the one below


def test_the_pipeline_registers_a_version_that_waits_for_approval(platform: Platform) -> None:
    package = releases.newest_version(platform.client("sagemaker"), MODEL.package_group)
    assert (package["ModelPackageVersion"], package["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert 0.68 <= float(package["CustomerMetadataProperties"]["test_auc"]) <= 0.74
    assert any(who == "TrainModel" and "validation-auc" in text for who, text in platform.said_in_training())


def test_approval_alone_makes_the_endpoint_serve_it(
    platform: Platform, applications: list[tuple[str, dict[str, Any]]]
) -> None:
    arn = platform.versions()[0]["ModelPackageArn"]
    serving = platform.approve(arn)
    assert serving.champion_package_arn == arn
    answer = traffic.replay(platform.client("sagemaker-runtime"), serving.endpoint, applications)
    assert answer.versions == {"1": len(applications)}
    kept = traffic.captured(
        platform.client("s3"),
        platform.outputs(NAMES.foundation_stack)["CaptureBucket"],
        f"{MODEL.folder}/{serving.endpoint}/",
        {inference_id for inference_id, _ in applications},
        timeout_seconds=20,
    )
    assert kept.records == len(applications)


def test_a_bad_request_gets_400_with_the_field_named_and_is_counted(
    platform: Platform, applications: list[tuple[str, dict[str, Any]]]
) -> None:
    bad = applications[0][1] | {"GrAppv": "a lot"}
    answer = traffic.bad_request(platform.client("sagemaker-runtime"), MODEL.endpoint, bad)
    assert answer.startswith("400: instances[0].GrAppv")
    until(lambda: platform.metric_sum("Invocation4XXErrors") == 1, "one refused request is counted", 10)


def test_an_edit_of_metadata_changes_nothing(platform: Platform) -> None:
    before = platform.release_state()
    arn = platform.versions()[0]["ModelPackageArn"]
    with platform.looked_at("version 1 is Approved"):
        platform.client("sagemaker").update_model_package(
            ModelPackageArn=arn, CustomerMetadataProperties={"ticket": "R-17"}
        )
    assert platform.release_state() == before


def test_a_malformed_event_waits_in_the_dead_letter_queue_with_its_reason(platform: Platform) -> None:
    release = platform.outputs(MODEL.release_stack)
    platform.client("lambda").invoke(
        FunctionName=release["FunctionName"],
        InvocationType="Event",
        Payload=json.dumps({"detail-type": "what?"}),
    )
    messages = platform.client("sqs").receive_message(
        QueueUrl=release["DeadLetterQueueUrl"], WaitTimeSeconds=15, MessageAttributeNames=["All"]
    )["Messages"]
    assert "what?" in messages[0]["Body"]
    assert "expected one of" in json.dumps(messages[0])


def test_an_unchanged_app_has_no_difference(platform: Platform) -> None:
    # What a second synthesis would come to is the same, byte for byte: tests/infra/test_synth.py.
    lines = platform.cdk("diff", "--all", "--fail", assembly=platform.assembly)
    assert any("Number of stacks with differences: 0" in text for text in lines)


def test_a_changed_setting_is_deployed_in_place_and_does_not_touch_the_release(
    platform: Platform, local_aws: LocalAws, tmp_path: Path
) -> None:
    before = platform.release_state()
    changed = Platform(local_aws, folder=configuration(tmp_path))
    change_setting(changed.folder, "schedule_minutes = ", "schedule_minutes = 7")
    assembly = synthesize(tmp_path / "cdk.out", changed.environment_settings)
    platform.deploy_directly(MODEL.release_stack, assembly=assembly)
    rules = platform.client("events").list_rules(NamePrefix=MODEL.release_stack)["Rules"]
    assert "rate(7 minutes)" in {each.get("ScheduleExpression") for each in rules}
    assert platform.release_state() == before


def test_a_model_that_is_switched_off_comes_back_with_the_same_champion(
    platform: Platform, local_aws: LocalAws, applications: list[tuple[str, dict[str, Any]]], tmp_path: Path
) -> None:
    before = platform.release_state()
    switched_off = Platform(local_aws, folder=configuration(tmp_path))
    with (switched_off.folder / "config" / "local.toml").open("a") as config:
        config.write("\n[models.loan_approval]\nenabled = false\n")
    stacks = (MODEL.serving_stack, MODEL.release_stack, MODEL.monitoring_stack)
    assembly = synthesize(tmp_path / "cdk.out", switched_off.environment_settings)
    switched_off.deploy_directly(*stacks, assembly=assembly)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        platform.release_state()
    assert "loan-approval in local" in (page := switched_off.mlops("status").stdout)
    assert "(switched off)" in page
    assert platform.parameters().champion == before[1]
    platform.deploy_directly(*stacks, assembly=platform.assembly)
    assert platform.release_state()[:2] == before[:2]
    answer = traffic.replay(platform.client("sagemaker-runtime"), MODEL.endpoint, applications)
    assert answer.versions == {"1": len(applications)}


def test_the_next_version_reuses_cached_steps(platform: Platform) -> None:
    platform.said.clear()
    version = platform.train()
    # From there on nothing is: what the feature store holds is no function of the input's address.
    assert ("ValidateData", "succeeded (cached: same arguments as an earlier run)") in platform.said
    assert any(who == "IngestFeatures" and text.startswith("succeeded in") for who, text in platform.said)
    assert version["ModelPackageVersion"] == 2


def test_what_the_environment_costs_is_listed_with_the_instances_that_run(platform: Platform) -> None:
    told = json.loads(platform.mlops_process("cost", "--json").stdout)
    running = [each for each in told["items"] if each["kind"] == "endpoint"]
    assert [(each["name"], each["unit"], each["count"]) for each in running] == [
        (f"{MODEL.endpoint} champion", "ml.m5.large", 1)
    ]
    shared = costs.of_environment(platform.names, platform.client, prices.of("us-east-1"))
    assert {each.kind for each in shared} >= {"key", "storage"}


def test_a_version_approved_while_the_endpoint_is_stopped_serves_once_it_is_back(
    platform: Platform, applications: list[tuple[str, dict[str, Any]]]
) -> None:
    first, arn = (each["ModelPackageArn"] for each in platform.versions())
    sagemaker, parameters = platform.client("sagemaker"), platform.parameters()
    assert platform.mlops("stop", "--wait").returncode == 0
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName=MODEL.endpoint)
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    with platform.looked_at("version 2 is Approved"):
        registry.approve(sagemaker, package, reason="tested", by="tests", strategy="replace")
        platform.cdk("deploy", MODEL.serving_stack, "--exclusively", "--force", assembly=platform.assembly)
    assert platform.outputs(MODEL.serving_stack)["RunningNow"] == "off"
    assert (platform.parameters().champion, parameters.champion) == (first, first)
    assert "the endpoint is stopped" in platform.mlops("status").stdout

    assert platform.mlops("start", "--wait").returncode == 0
    stack = MODEL.serving_stack
    serving = releases.wait_until_served(platform.client, stack, arn, lambda *_: None, 60)
    answer = traffic.replay(platform.client("sagemaker-runtime"), serving.endpoint, applications)
    assert answer.versions == {"2": len(applications)}


def test_inputs_that_drift_start_nothing_and_outcomes_that_worsen_start_one_training(platform: Platform) -> None:
    began = datetime.now(UTC)
    past = History.of("2004-09", "2004-12")
    bank = Months(past, platform.client("sagemaker-runtime"), MODEL.endpoint, "watched-", **NOBODY)
    for month in past.months.values():
        bank.apply(month)
    time.sleep(CAPTURE_SECONDS)
    windows = list(past.by_window())

    seen = monitoring.run(platform.target, windows)
    assert seen.version == "2"
    assert DATA_DRIFT in seen.confirmed and not seen.degradation
    rows = {each.window: each.rows for each in seen.judgements if each.monitor == DATA_DRIFT}
    assert rows == dict.fromkeys(windows, 600)

    known = [(past.decisions[loan.name].record, "1") for loan in past.charged_off("2006-12", "")]
    outcomes.put(
        platform.client("s3"), platform.outputs(NAMES.foundation_stack)["CaptureBucket"], MODEL.folder, known,
        outcomes.utc_now(),
    )  # fmt: skip
    assert trainings(platform, began) == []  # a drift of the inputs was confirmed long enough ago
    assert monitoring.run(platform.target, (), windows).degradation
    (started,) = until(lambda: trainings(platform, began), "the alarm starts a training", 90)
    assert started["PipelineExecutionDisplayName"].startswith("retraining-")
    pages = platform.client("sagemaker").get_paginator("list_pipeline_parameters_for_execution")
    listed = pages.paginate(PipelineExecutionArn=started["PipelineExecutionArn"])
    given = {each["Name"]: each["Value"] for page in listed for each in page["PipelineParameters"]}
    assert f"/until={BOOK}/" in given["InputDataUri"]
    assert (given["TrainFrom"], given["TestTo"]) == ("2005-01-01", "2006-12-31")

    time.sleep(QUIET_SECONDS)
    assert len(trainings(platform, began)) == 1
    # Nothing is left that could start another one when this one is stopped.
    cloudwatch = platform.client("cloudwatch")
    pages = cloudwatch.describe_alarms(AlarmNamePrefix=MODEL.monitoring_stack, AlarmTypes=["CompositeAlarm"])
    for page in pages["CompositeAlarms"]:
        cloudwatch.delete_alarms(AlarmNames=[page["AlarmName"]])
    cloudwatch.delete_alarms(AlarmNames=[MODEL.degradation_alarm])
    pipelines.stop_running(platform.client("sagemaker"), MODEL.pipeline)


def trainings(platform: Platform, since: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.client("sagemaker").list_pipeline_executions(
        PipelineName=MODEL.pipeline, CreatedAfter=since
    )["PipelineExecutionSummaries"]
    return found


def test_destroy_leaves_no_stack_behind(platform: Platform) -> None:
    platform.cdk("destroy", "--all", "--force", assembly=platform.assembly)
    stacks = platform.client("cloudformation").list_stacks()["StackSummaries"]
    left = {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"}
    assert {name for name in left if name.startswith(NAMES.base)} == set()
