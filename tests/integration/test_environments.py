"""Two environments in one account: what the first one trained and tested, a second person lets into the second one.

The tests of this module run in their order: each goes on from the state that the one before it left.
"""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loan_approval.schema import INPUTS
from mlops import releases, traffic
from mlops.cdk import ROOT
from mlops.demo import loans
from mlops.demo.story import SLIP
from mlops_constructs.naming import ReleaseParameter
from tests.deployed import Platform, checkout, run_trained, until
from tests.local_aws_fixture import LocalAws

SAMPLES = ROOT / "pipeline_code" / "loan_approval" / "samples"
QUIET_SECONDS = 3
EVIDENCE = "local-tests"

FIRST = 'strategy = ["replace"]\ntests = true\nkeep_versions = 0\n'
SECOND = 'strategy = ["replace"]\ntakes_from = "local"\nrequires = ["local"]\nsecond_person = true\nkeep_versions = 0\n'


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own; the local environment, which trained version 1 there, is the first one of these tests."""
    yield from run_trained(tmp_path_factory)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one more environment: the local one's settings, and [model_defaults.release] of their own."""
    copy = checkout(tmp_path_factory.mktemp("environments"))
    local = (copy / "config" / "local.toml").read_text()
    section = "[model_defaults.release]\n"
    assert section in local
    for name, release in (("local", FIRST), ("second", SECOND)):
        one_fleet = local.replace("daily_instances = 2", "daily_instances = 0")  # no challenger, so nothing to count
        (copy / "config" / f"{name}.toml").write_text(one_fleet.replace(section, section + release))
    return copy


@pytest.fixture(scope="module")
def first(local_aws: LocalAws, app: Path) -> Platform:
    deployed = Platform(local_aws, "local", app)
    deployed.deploy()
    return deployed


@pytest.fixture(scope="module")
def second(first: Platform, local_aws: LocalAws, app: Path) -> Platform:
    deployed = Platform(local_aws, "second", app)
    deployed.deploy()
    return deployed


def test_what_the_first_environment_released_is_tested_there(first: Platform, second: Platform) -> None:
    package = releases.newest_version(first.client("sagemaker"), first.model.package_group)
    # Whatever runs in the local environment runs as the account's root; the second one has the same registry.
    approved = second.mlops("approve", "1", person="alice")
    assert approved.returncode == 0, approved
    until(lambda: served(first) == package["ModelPackageArn"], "version 1 serves")
    evidence = until(lambda: metadata(first, 1).get(EVIDENCE), "the result of the tests")
    assert evidence == "passed"
    samples = len((SAMPLES / "requests.jsonl").read_text().splitlines())
    sent = samples + first.settings.release.test.requests
    until(lambda: first.metric_sum("Invocations") == sent, f"{sent} requests of the tests are counted", 10)
    assert served(first) == package["ModelPackageArn"]


def test_the_second_environment_waits_for_a_second_person(first: Platform, second: Platform) -> None:
    time.sleep(QUIET_SECONDS)
    state = second.parameters()
    assert (state.champion, state.candidate) == ("none", None)
    assert "version 1 waits for a second person: mlops release 1" in second.mlops("status").stdout
    refused = second.mlops("release", "1", person="alice")
    assert refused.returncode == 1
    assert "version 1 was approved by you (alice); a second person releases it" in refused.stderr


def test_what_a_second_person_lets_in_serves_there_from_the_artifacts_of_the_first(
    first: Platform, second: Platform
) -> None:
    done = second.mlops("release", "1", "--wait", "--timeout", "60", person="bob")
    assert done.returncode == 0, done
    assert served(second) == served(first)
    applications = list(loans.applications(2003, 2))
    answer = traffic.replay(second.client("sagemaker-runtime"), second.model.endpoint, applications)
    assert answer.versions == {"1": len(applications)}
    sagemaker = second.client("sagemaker")
    model = sagemaker.describe_model(ModelName=second.outputs(second.model.serving_stack)["ModelName"])
    package = model["PrimaryContainer"]["ModelPackageName"]
    specification = sagemaker.describe_model_package(ModelPackageName=package)["InferenceSpecification"]
    artifacts = first.outputs(first.names.foundation_stack)["ArtifactsBucket"]
    assert specification["Containers"][0]["ModelDataUrl"].startswith(f"s3://{artifacts}/")
    assert "approved by alice, released by bob" in second.mlops("status").stdout


def test_a_version_whose_tests_fail_never_reaches_the_second_environment(
    first: Platform, second: Platform, tmp_path: Path
) -> None:
    sagemaker = first.client("sagemaker")
    good = sagemaker.describe_model_package(ModelPackageName=served(first))
    first.story(tmp_path / "summary.json").register_by_hand(good, SLIP, "an error in its code")
    assert first.mlops("approve", "2", "--wait", "--timeout", "60").returncode == 0
    evidence = until(lambda: metadata(first, 2).get(EVIDENCE), "the result of the tests")
    assert evidence.startswith("failed: sample ")
    assert evidence.endswith(": 500: RevLineCr")
    assert second.mlops("release", "2", person="bob").returncode == 0
    time.sleep(QUIET_SECONDS)
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


def served(platform: Platform) -> str:
    """The package that the endpoint serves."""
    return platform.outputs(platform.model.serving_stack)["ChampionPackage"]


def metadata(platform: Platform, version: int) -> dict[str, str]:
    package = platform.versions()[version - 1]["ModelPackageArn"]
    found = platform.client("sagemaker").describe_model_package(ModelPackageName=package)
    entries: dict[str, str] = found.get("CustomerMetadataProperties", {})
    return entries


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
