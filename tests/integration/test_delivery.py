"""What the machines of a stage run, taken from the pipeline's template, against the deployed platform.

CodePipeline and CodeBuild themselves are only recorded here. The commands run in a checkout that holds an assembly, as
the build leaves it, with the session of the role that the stage's project has.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import load, load_delivery
from tests.assembly import synthesize
from tests.deployed import Platform, checkout, run_trained, with_one_model
from tests.local_aws_fixture import LocalAws

ACCOUNT, REGION = "111122223333", "eu-west-1"


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own."""
    yield from run_trained(tmp_path_factory)


@pytest.fixture(scope="module")
def platform(local_aws: LocalAws) -> Platform:
    """Version 1 serves."""
    made = Platform(local_aws)
    made.approve(made.versions()[0]["ModelPackageArn"])
    return made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose pipeline delivers to the local environment, with the assemblies that its build leaves."""
    copy = with_one_model(checkout(tmp_path_factory.mktemp("delivery")))
    file = copy / "config" / "delivery.toml"
    text = file.read_text().replace('order = ["dev", "staging", "prod"]', 'order = ["local"]')
    text = text.replace("retain = true", f'account = "{ACCOUNT}"\nregion = "{REGION}"\nretain = true')
    file.write_text(text.partition("[stages.prod]")[0])
    for environment, settings in (
        ("delivery", load_delivery(copy / "config")),
        ("local", load(copy / "config", "local")),
    ):
        synthesize(copy / "build" / "cdk.out" / environment, settings)
    return copy


@pytest.fixture(scope="module")
def stage(app: Path, platform: Platform, local_aws: LocalAws) -> "Stage":
    """The pipeline is deployed, by the same words as by hand."""
    environment = local_aws.environment | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["make", "deploy", "ENV=delivery"], cwd=app, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Stage(app, local_aws)


class Stage:
    """Runs what the projects of the local environment's stages run."""

    def __init__(self, app: Path, local_aws: LocalAws) -> None:
        self._app, self._local_aws = app, local_aws
        template = app / "build" / "cdk.out" / "delivery" / "mlops-delivery.template.json"
        self._resources: Mapping[str, Any] = json.loads(template.read_text())["Resources"]

    def run(self, action: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        project = self._project(action)
        commands = json.loads(project["Source"]["BuildSpec"])["phases"]["build"]["commands"]
        assert commands[0] == "make install"  # which the tests' own Python stands for
        given = {each["Name"]: each["Value"] for each in project["Environment"].get("EnvironmentVariables", [])}
        return subprocess.run(
            ["bash", "-ec", "\n".join(commands[1:])],
            cwd=self._app,
            # Without the Makefile's own way to the local AWS, whose credentials would take the place of the role's.
            env=self._local_aws.environment | self._session(project) | given | {"MAKEFLAGS": "REACH="} | variables,
            capture_output=True,
            text=True,
            timeout=200,
        )

    def _project(self, action: str) -> Mapping[str, Any]:
        [found] = [
            each["Properties"]
            for name, each in self._resources.items()
            if each["Type"] == "AWS::CodeBuild::Project" and name.startswith(f"Deliverylocal{action}")
        ]
        return dict(found)

    def _session(self, project: Mapping[str, Any]) -> dict[str, str]:
        [role, _] = project["ServiceRole"]["Fn::GetAtt"]
        name = self._resources[role]["Properties"]["RoleName"]
        keys = self._local_aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="build"
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "LOCAL_AWS_HOME": str(self._local_aws.home),
        }


def test_a_delivery_changes_nothing_that_was_released(stage: Stage, platform: Platform) -> None:
    before = platform.release_state()
    done = stage.run("Deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert platform.release_state() == before
    role = platform.client("iam").get_role(RoleName="mlops-local-delivery")["Role"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/mlops-delivery-local"}
    }


def test_what_was_trained_from_the_same_is_not_trained_again(stage: Stage, platform: Platform) -> None:
    versions = len(platform.versions())
    done = stage.run("Train", COMMIT="0123456")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unchanged definition, parameters and data" in done.stdout
    assert len(platform.versions()) == versions


def test_a_deployment_that_works_is_verified(stage: Stage) -> None:
    done = stage.run("Verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "samples are answered as the schema says, by version 1" in done.stdout
    assert done.stdout.splitlines()[-1] == "all is well"


def test_a_broken_endpoint_fails_the_verification_with_a_line_that_names_it(stage: Stage, platform: Platform) -> None:
    endpoint = platform.model.endpoint
    platform.client("sagemaker").delete_endpoint(EndpointName=endpoint)
    done = stage.run("Verify")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert (done.returncode, failed) == (1, [f"FAILED endpoint {endpoint}: is not there"])
