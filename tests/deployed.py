"""The platform deployed to a local AWS by the real command line, and what tests do with it."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops import pipelines, releases
from mlops.cdk import ROOT, cdk
from mlops_constructs.naming import EnvironmentNames, ModelNames, ReleaseParameter
from tests.local_aws_fixture import LocalAws

NAMES = EnvironmentNames("mlops", "local")
MODEL = NAMES.model("loan_approval")
CHAMPION = MODEL.release_parameter(ReleaseParameter.CHAMPION)
_NOT_COPIED = (".git", ".venv*", "build", "node_modules", "tests", "__pycache__", "cdk.out")


class Platform:
    """The deployed platform, and what these tests do with it."""

    def __init__(self, local_aws: LocalAws) -> None:
        self._local_aws = local_aws
        self.client: Callable[[str], Any] = local_aws.client
        self.said: list[tuple[str, str]] = []

    def cdk(self, *arguments: str, folder: Path = ROOT) -> list[str]:
        lines: list[str] = []
        output = () if arguments[0] == "bootstrap" else ("--output", str(self._local_aws.home / "cdk.out"))
        cdk(
            *arguments,
            *output,
            # tests/infra validates the templates; here it would only cost seconds.
            environment=self._local_aws.environment | {"CDK_VALIDATION": "false"},
            stage="local",
            each_line=lines.append,
            folder=folder,
        )
        return lines

    def bootstrap(self) -> None:
        server = self._local_aws.server
        # From a folder without an app: bootstrapping needs no synthesis.
        self.cdk("bootstrap", f"aws://{server.account}/{server.region}", folder=self._local_aws.home)

    def outputs(self, stack: str) -> dict[str, str]:
        return releases.outputs(self.client("cloudformation"), stack)

    @property
    def data_bucket(self) -> str:
        return self.outputs(NAMES.foundation_stack)["DataBucket"]

    def start(self, uri: str, model: ModelNames = MODEL) -> str:
        parameters = [{"Name": "InputDataUri", "Value": uri}]
        arn: str = self.client("sagemaker").start_pipeline_execution(
            PipelineName=model.pipeline, PipelineParameters=parameters
        )["PipelineExecutionArn"]
        return arn

    def follow(self, arn: str) -> dict[str, Any]:
        follower = pipelines.Follower(
            self.client("sagemaker"),
            self.client("logs"),
            arn,
            lambda who, text: self.said.append((who, text)),
        )
        return follower.follow()

    def versions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.client("sagemaker").list_model_packages(
            ModelPackageGroupName=MODEL.package_group, SortBy="CreationTime", SortOrder="Ascending"
        )["ModelPackageSummaryList"]
        return listed

    def approve(self, arn: str) -> releases.Serving:
        releases.approve(self.client("sagemaker"), arn, "tested")
        return releases.wait_until_served(self.client, MODEL.serving_stack, arn, lambda *_: None, 60)

    def release_state(self) -> tuple[int, str, str]:
        """(version of the champion parameter, its value, configuration that the endpoint serves)."""
        parameter = self.client("ssm").get_parameter(Name=CHAMPION)["Parameter"]
        endpoint = self.client("sagemaker").describe_endpoint(EndpointName=MODEL.endpoint)
        return parameter["Version"], parameter["Value"], endpoint["EndpointConfigName"]


def checkout(folder: Path) -> Path:
    """A copy of the app that a test may change; its Python is the one that runs the test."""
    copy = shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(*_NOT_COPIED))
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


def change_setting(copy: Path, setting: str, line: str) -> None:
    """Let each line of config/ that begins with `setting` read `line`; fails if there is none."""
    changed = 0
    for file in sorted((copy / "config").glob("*.toml")):
        lines = file.read_text().splitlines()
        new = [line if text.startswith(setting) else text for text in lines]
        changed += new != lines
        file.write_text("\n".join(new) + "\n")
    assert changed, f"no line of config/ begins with {setting!r}"
