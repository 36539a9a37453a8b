"""Two environments in two accounts: what the first one trained and tested, a second person lets into the second one.

The tests of this module run in their order: each goes on from the state that the one before it left.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from loan_approval.schema import INPUTS
from mlops import pipelines, registry, traffic
from mlops.cdk import ROOT
from mlops.demo import loans
from mlops.demo.story import SLIP
from mlops_constructs.naming import ReleaseParameter
from tests.assembly import synthesize
from tests.deployed import Platform, configuration, run_trained, until
from tests.local_aws_fixture import LocalAws

ACCOUNT, THIRD = "444455556666", "777788889999"
"""Of the second environment, and of nobody."""
SAMPLES = ROOT / "pipeline_code" / "loan_approval" / "samples"
ALLOWED = "of parameter"
"""Why the controller looks when a person has let a version in."""
EVIDENCE = "local-tests"

FIRST = 'strategy = ["replace"]\ntests = true\nkeep_versions = 0\n'
SECOND = 'strategy = ["replace"]\ntakes_from = "local"\nrequires = ["local"]\nsecond_person = true\nkeep_versions = 0\n'


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own; the local environment, which trained version 1 there, is the first one of these tests."""
    yield from run_trained(tmp_path_factory)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with one more environment: the local one's settings in another account and in a VPC, which takes
    what the local one has tested, and whose degradation the local one hears of. It looks by itself once a day only."""
    copy = configuration(tmp_path_factory.mktemp("accounts"))
    local = (copy / "config" / "local.toml").read_text()
    one_fleet = changed(local, "daily_instances = 2", "daily_instances = 0")  # no challenger, so nothing to count
    release, retraining = "[model_defaults.release]\n", "[model_defaults.retraining]\n"
    first = changed(one_fleet, release, release + FIRST)
    first = changed(first, retraining, f'{retraining}degradation_in = ["second"]\n')
    second = changed(one_fleet, release, release + SECOND)
    second = changed(second, "schedule_minutes = 1\n", "schedule_minutes = 1440\n")
    second = changed(second, 'account = "111122223333"', f'account = "{ACCOUNT}"')
    second += '\n[network]\nmode = "vpc"\n'
    for name, text in (("local", first), ("second", second)):
        (copy / "config" / f"{name}.toml").write_text(text)
    return copy


@pytest.fixture(scope="module")
def first(local_aws: LocalAws, app: Path) -> Platform:
    deployed = Platform(local_aws, "local", app)
    deployed.deploy_directly(assembly=synthesize(app / "first", deployed.environment_settings))
    return deployed


@pytest.fixture(scope="module")
def second(first: Platform, local_aws: LocalAws, app: Path) -> Platform:
    deployed = Platform(local_aws.of(ACCOUNT), "second", app)
    deployed.bootstrap_like(first)
    deployed.deploy_directly(assembly=synthesize(app / "second", deployed.environment_settings))
    return deployed


def test_each_account_has_the_stacks_of_its_own_environment(first: Platform, second: Platform) -> None:
    for platform in (first, second):
        pages = platform.client("cloudformation").get_paginator("list_stacks").paginate()
        stacks = {each["StackName"] for page in pages for each in page["StackSummaries"]} - {"CDKToolkit"}
        assert stacks
        assert all(each.startswith(f"{platform.names.base}-") for each in stacks), stacks


def test_what_runs_in_the_second_account_runs_in_its_private_network(first: Platform, second: Platform) -> None:
    vpc = second.outputs(second.names.network_stack)["VpcId"]
    subnets = {each["SubnetId"] for each in second.client("ec2").describe_subnets(Filters=vpc_filter(vpc))["Subnets"]}
    assert len(subnets) == 2
    assert placed(first) == {first.model.release_stack: [], first.model.governance_stack: []}
    for stack, functions in placed(second).items():
        assert functions, stack
        assert all(each == subnets for each in functions), stack


def test_nothing_is_released_in_the_second_account_before_the_tests_of_the_first(
    first: Platform, second: Platform
) -> None:
    functions = first.client("lambda")
    tests = first.resource(first.model.release_stack, "AWS::Lambda::Function", "Tests")
    functions.put_function_concurrency(FunctionName=tests, ReservedConcurrentExecutions=0)  # its events wait
    approve(first, 1, "alice")
    until(lambda: served(first), "version 1 serves in the first account")
    state = second.parameters()
    assert (state.champion, state.candidate) == ("none", None)
    refused = second.mlops("release", "1", person="alice")
    assert refused.returncode == 1
    assert "version 1 was approved by you (alice); a second person releases it" in refused.stderr
    with second.looked_at(ALLOWED):
        allowed = second.mlops("release", "1", person="bob")
    assert allowed.returncode == 0, allowed
    assert "goes to second once the tests of local have passed" in allowed.stdout
    assert second.parameters().champion == "none"
    functions.put_function_concurrency(FunctionName=tests, ReservedConcurrentExecutions=1)


def test_what_the_first_account_tested_is_released_in_the_second_by_the_event_that_it_forwards(
    first: Platform, second: Platform
) -> None:
    until(lambda: metadata(first, 1).get(EVIDENCE) == "passed", "the tests of version 1 have passed")
    until(lambda: served(second) == served(first), "version 1 serves in the second account")
    samples = len((SAMPLES / "requests.jsonl").read_text().splitlines())
    sent = samples + first.settings.release.test.requests
    until(lambda: first.metric_sum("Invocations") == sent, f"{sent} requests of the tests are counted", 10)
    reasons = second.woken(second.model.release_stack, "Controller")
    assert any(each.startswith("version 1 is Approved") and "CustomerMetadataProperties" in each for each in reasons)
    assert "schedule" not in reasons
    assert "approved by alice, released by bob" in second.mlops("status").stdout


def test_it_serves_there_from_the_artifacts_of_the_first_account(first: Platform, second: Platform) -> None:
    applications = list(loans.applications(2003, 2))
    answer = traffic.replay(second.client("sagemaker-runtime"), second.model.endpoint, applications)
    assert answer.versions == {"1": len(applications)}
    sagemaker = second.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=second.model.endpoint)
    assert endpoint["EndpointArn"].split(":")[4] == ACCOUNT
    model = sagemaker.describe_model(ModelName=second.outputs(second.model.serving_stack)["ModelName"])
    package = model["PrimaryContainer"]["ModelPackageName"]
    assert package == served(first)
    assert artifact(second, package).startswith(f"s3://{artifacts(first)}/")


def test_captures_land_in_the_account_that_serves(first: Platform, second: Platform) -> None:
    bucket = second.outputs(second.names.foundation_stack)["CaptureBucket"]
    keys = until(lambda: captured(second, bucket), "the requests are captured")
    assert all(f"/{second.model.endpoint}/" in key for key in keys)
    other = first.outputs(first.names.foundation_stack)["CaptureBucket"]
    assert not any(second.model.endpoint in key for key in captured(first, other))


def test_a_third_account_reads_neither_the_registry_nor_the_artifacts(
    first: Platform, second: Platform, local_aws: LocalAws
) -> None:
    stranger, package = local_aws.of(THIRD).client, served(first)
    bucket, _, key = artifact(first, package).removeprefix("s3://").partition("/")
    assert second.client("s3").get_object(Bucket=bucket, Key=key)["ContentLength"]
    group = first.client("sagemaker").describe_model_package_group(ModelPackageGroupName=first.model.package_group)
    forbidden: tuple[Callable[[], Any], ...] = (
        lambda: stranger("sagemaker").describe_model_package(ModelPackageName=package),
        lambda: stranger("sagemaker").list_model_packages(ModelPackageGroupName=group["ModelPackageGroupArn"]),
        lambda: stranger("s3").get_object(Bucket=bucket, Key=key),
        # Nor does the one that may read decide or write.
        lambda: second.client("s3").put_object(Bucket=bucket, Key=key, Body=b""),
        lambda: second.client("sagemaker").update_model_package(
            ModelPackageArn=package, ModelApprovalStatus="Rejected"
        ),
    )
    for attempt in forbidden:
        with pytest.raises(ClientError, match=r"\(AccessDenied(Exception)?\)"):
            attempt()


def test_degradation_in_the_second_account_starts_a_training_in_the_first(first: Platform, second: Platform) -> None:
    alarm, cloudwatch = second.model.degradation_alarm, second.client("cloudwatch")
    before = trainings(first)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="outcomes got worse")
    started = until(lambda: trainings(first) - before, "the alarm starts a training", 90)
    assert len(started) == 1
    reason = f"alarm {alarm} went off"  # a function's log comes when its run is over
    until(lambda: reason in first.woken(first.model.monitoring_stack, "Retraining"), "the alarm woke the controller")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="tested")
    pipelines.stop_running(first.client("sagemaker"), first.model.pipeline)


def test_a_version_whose_tests_fail_never_reaches_the_second_account(
    first: Platform, second: Platform, tmp_path: Path
) -> None:
    sagemaker = first.client("sagemaker")
    good = sagemaker.describe_model_package(ModelPackageName=served(first))
    first.story(tmp_path / "summary.json").register_by_hand(good, SLIP, "an error in its code")
    assert first.mlops("approve", "2", "--wait", "--timeout", "60").returncode == 0
    evidence = until(lambda: metadata(first, 2).get(EVIDENCE), "the result of the tests")
    assert evidence.startswith("failed: sample ")
    assert evidence.endswith(": 500: RevLineCr")
    with second.looked_at(ALLOWED):
        assert second.mlops("release", "2", person="bob").returncode == 0
    assert "version 2 has not passed the tests of local" in second.mlops("status").stdout
    state = second.parameters()
    assert (state.version(ReleaseParameter.CHAMPION), state.candidate) == (1, None)


def test_mlops_batch_scores_a_file_as_the_endpoint_does(second: Platform) -> None:
    rows = csv_of([application for _, application in loans.applications(2003, 3)])
    uri = f"s3://{second.data_bucket}/{second.model.folder}/batch/input/november.csv"
    put(second, uri, rows)
    done = second.mlops("batch", uri, "--wait", "--timeout", "60", "--json")
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    assert answer["status"] == "Completed"
    scored = get(second, f"{answer['output'].rstrip('/')}/november.csv.out")
    asked = second.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=second.model.endpoint, ContentType="text/csv", Accept="text/csv", Body=rows
    )
    lines = asked["Body"].read().decode().split()
    assert len(lines) == len(rows.splitlines())
    assert scored.split() == lines


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def approve(platform: Platform, version: int, person: str) -> None:
    """As `mlops approve` does it; in the local environment, that one runs as the account's root."""
    clients = platform.acting_as(person)
    sagemaker = clients("sagemaker")
    package = registry.version(sagemaker, platform.model.package_group, version)
    by = clients("sts").get_caller_identity()["Arn"]
    registry.approve(sagemaker, package, reason="tested", by=by, strategy=None)


def served(platform: Platform) -> str:
    """The package that the endpoint serves; empty where there is none."""
    found = platform.outputs(platform.model.serving_stack)["ChampionPackage"]
    return "" if found == "none" else found


def metadata(platform: Platform, version: int) -> dict[str, str]:
    package = platform.versions()[version - 1]["ModelPackageArn"]
    found = platform.client("sagemaker").describe_model_package(ModelPackageName=package)
    entries: dict[str, str] = found.get("CustomerMetadataProperties", {})
    return entries


def artifacts(platform: Platform) -> str:
    return platform.outputs(platform.names.foundation_stack)["ArtifactsBucket"]


def artifact(platform: Platform, package: str) -> str:
    """Where the model of a version lies."""
    found = platform.client("sagemaker").describe_model_package(ModelPackageName=package)
    return str(found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])


def captured(platform: Platform, bucket: str) -> list[str]:
    pages = platform.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [each["Key"] for page in pages for each in page.get("Contents", []) if each["Key"].endswith(".jsonl")]


def trainings(platform: Platform) -> set[str]:
    """Executions that the retraining controller started."""
    listed = platform.client("sagemaker").list_pipeline_executions(PipelineName=platform.model.pipeline)
    return {
        each["PipelineExecutionArn"]
        for each in listed["PipelineExecutionSummaries"]
        if each["PipelineExecutionDisplayName"].startswith("retraining-")
    }


def vpc_filter(vpc: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


def placed(platform: Platform) -> dict[str, list[set[str]]]:
    """By stack, the subnets of each function that is in a VPC at all."""
    found: dict[str, list[set[str]]] = {}
    for stack in (platform.model.release_stack, platform.model.governance_stack):
        functions = [
            platform.client("lambda").get_function_configuration(FunctionName=each["PhysicalResourceId"])
            for each in platform.resources(stack)
            if each["ResourceType"] == "AWS::Lambda::Function"
        ]
        places = (set((each.get("VpcConfig") or {}).get("SubnetIds", [])) for each in functions)
        found[stack] = [subnets for subnets in places if subnets]
    return found


def csv_of(applications: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerows([application[field.name] for field in INPUTS] for application in applications)
    return buffer.getvalue()


def put(platform: Platform, uri: str, text: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    platform.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def get(platform: Platform, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content.decode()
