"""The platform deployed to a local AWS by the real command line, and what tests do with it."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from mlops import aws, commands, evidence, pipelines, registry, releases, target
from mlops.cdk import ROOT, cdk
from mlops.demo import loans
from mlops.demo.history import bank_months
from mlops.demo.phases import Run
from mlops.demo.story import Story
from mlops.release_state import ReleaseState
from mlops.release_state import read as read_parameters
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames, ModelNames, ReleaseParameter
from stacks.settings import EnvironmentSettings, ModelSettings, load
from tests.assembly import bootstrap as bootstrap_like
from tests.assembly import deploy as deploy_assembly
from tests.local_aws_fixture import LocalAws, run_local_aws
from tests.once import once

NAMES = EnvironmentNames("mlops", "local")
MODEL = NAMES.model("loan_approval")
SECOND = "mortgage_approval"
"""The other model of the local environment: it is deployed, and no test looks at it further."""
BOOK = "2008-12-31"
"""Up to this day the loans go that tests train on: all of them."""
HISTORY = "2002-12-31"
"""Up to this day the banks' history goes: past what a training looks at. Each record of it is a request."""
_NOT_COPIED = (".git", ".venv*", "build", "node_modules", "tests", ".*_cache", "cdk.out")
_OF_ONE_SERVER = ("lock", "port", "server.*", "ministack", "tmp", "permissions.jsonl")
"""What a state directory holds besides the state: the port, for one, that two servers cannot share."""
_SAID = "training.json"
_STAMP = "installed"
"""The file by which the Makefile knows that packages are there."""


class Platform:
    """One environment of the deployed platform, and what these tests do with it.

    `folder` holds the checkout, or of one that is only configured otherwise the configuration.
    """

    def __init__(self, local_aws: LocalAws, environment: str = "local", folder: Path = ROOT) -> None:
        self._local_aws, self.environment, self.folder = local_aws, environment, folder
        self.names = EnvironmentNames("mlops", environment)
        self.model = self.names.model("loan_approval")
        self.client: Callable[[str], Any] = local_aws.client
        self.said: list[tuple[str, str]] = []

    @property
    def assembly(self) -> Path:
        """What the app of this checkout came to the last time that it was synthesized."""
        return self._synthesized(self.folder)

    def _synthesized(self, folder: Path) -> Path:
        return (self._local_aws.home if folder == ROOT else folder) / "cdk.out"

    def cdk(self, *arguments: str, folder: Path | None = None, assembly: Path | None = None) -> list[str]:
        """Run the command line on the app of a checkout, or on what was synthesized before: seconds less."""
        lines: list[str] = []
        folder = folder or self.folder
        if assembly is not None:
            arguments += ("--app", str(assembly))
        elif arguments[0] != "bootstrap":
            arguments += ("--output", str(self._synthesized(folder)))
        cdk(
            *arguments,
            # tests/infra validates the templates; here it would only cost seconds.
            environment=self._local_aws.environment | {"CDK_VALIDATION": "false"},
            stage=self.environment,
            each_line=lines.append,
            folder=folder,
        )
        return lines

    def bootstrap(self) -> None:
        place = f"aws://{self._local_aws.account}/{self._local_aws.server.region}"
        # From a folder without an app: bootstrapping needs no synthesis.
        self.cdk("bootstrap", place, folder=self._local_aws.home)

    def bootstrap_like(self, other: "Platform") -> None:
        """The same without the command line, as the other one's account has been prepared."""
        bootstrap_like(self.client, other.client)

    def deploy(self, *stacks: str, assembly: Path | None = None) -> None:
        self.cdk("deploy", *(stacks or ("--all",)), "--require-approval", "never", assembly=assembly)
        self._forget_the_clock()

    def deploy_directly(self, *stacks: str, assembly: Path) -> None:
        """Deploy what was synthesized, without the command line."""
        deploy_assembly(self.client, assembly, *stacks)
        self._forget_the_clock()

    def _forget_the_clock(self) -> None:
        """Schedules of monitors rest: tests that run at one in the morning would have their alarms reset by one."""
        scheduler = self.client("scheduler")
        for page in scheduler.get_paginator("list_schedules").paginate(NamePrefix=self.names.base):
            for each in page["Schedules"]:
                schedule = scheduler.get_schedule(Name=each["Name"])
                kept = ("Name", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
                scheduler.update_schedule(**{name: schedule[name] for name in kept}, State="DISABLED")

    def rest(self, model: ModelNames) -> None:
        """Nothing of a model runs by the clock any more: each run of a function costs a process."""
        events = self.client("events")
        for page in events.get_paginator("list_rules").paginate(NamePrefix=f"{model.base}-"):
            for each in page["Rules"]:
                if "ScheduleExpression" in each:
                    events.disable_rule(Name=each["Name"])

    def mlops(self, *arguments: str, person: str = "") -> "subprocess.CompletedProcess[str]":
        """Run the command line, with the session of a person, or as the account's root.

        In this process, which has imported it, but with nothing of this process's environment.
        """
        command = self._about_me(arguments)
        out, error = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
            patch.setattr(os, "environ", self._environment(person))
            patch.setattr(target, "CONFIG", self.folder / "config")
            for each in (target.find, target.find_all, target.reach):
                patch.setattr(each, "__defaults__", (self.folder / "config",))
            code = commands.run(command)
        return subprocess.CompletedProcess(command, code, out.getvalue(), error.getvalue())

    def mlops_process(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the checkout's command line in a process of its own, as the account's root."""
        return subprocess.run(
            [sys.executable, "-m", "mlops", *self._about_me(arguments)],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=100,
        )

    def _about_me(self, arguments: Sequence[str]) -> list[str]:
        return [*arguments, "--env", self.environment, "--model", self.model.public]

    def _environment(self, person: str = "") -> dict[str, str]:
        environment = self._local_aws.environment | {"LOCAL_AWS_HOME": str(self._local_aws.home)}
        return environment | (self.session(person) if person else {})

    def session(self, person: str) -> dict[str, str]:
        """Credentials of a person, as the environment of a process has them."""
        role = f"arn:aws:iam::{self._local_aws.account}:role/people"
        keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName=person)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def acting_as(self, person: str) -> Callable[[str], Any]:
        """Clients with the credentials of a person."""
        return aws.clients_of(self._local_aws.environment | self.session(person))

    def outputs(self, stack: str) -> dict[str, str]:
        return releases.outputs(self.client("cloudformation"), stack)

    @property
    def data_bucket(self) -> str:
        return self.outputs(self.names.foundation_stack)["DataBucket"]

    def start(self, uri: str, model: ModelNames | None = None) -> str:
        return pipelines.start(self.client("sagemaker"), (model or self.model).pipeline, {"InputDataUri": uri})

    def follow(self, arn: str) -> dict[str, Any]:
        follower = pipelines.Follower(
            self.client("sagemaker"),
            self.client("logs"),
            arn,
            lambda who, text: self.said.append((who, text)),
        )
        return follower.follow()

    def train(self) -> dict[str, Any]:
        """Run the pipeline on the bank's loans; DescribeModelPackage's answer for the version it registers."""
        uri = loans.upload(self.client("s3"), self.data_bucket, self.model.folder, BOOK, bank_months(HISTORY))
        execution = self.follow(self.start(uri))
        assert execution["PipelineExecutionStatus"] == "Succeeded", self.said[-20:]
        return releases.newest_version(self.client("sagemaker"), self.model.package_group)

    def said_in_training(self) -> list[tuple[str, str]]:
        """What the pipeline run of `run_trained` said: (step, text)."""
        return [(who, text) for who, text in json.loads((self._local_aws.home / _SAID).read_text())]

    def versions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.client("sagemaker").list_model_packages(
            ModelPackageGroupName=self.model.package_group, SortBy="CreationTime", SortOrder="Ascending"
        )["ModelPackageSummaryList"]
        return listed

    def approve(self, arn: str) -> releases.Serving:
        """Approve a version to replace the champion, without an experiment, and wait until it serves."""
        sagemaker = self.client("sagemaker")
        package = sagemaker.describe_model_package(ModelPackageName=arn)
        registry.approve(sagemaker, package, reason="tested", by="tests", strategy="replace")
        return releases.wait_until_served(self.client, self.model.serving_stack, arn, lambda *_: None, 60)

    @property
    def environment_settings(self) -> EnvironmentSettings:
        return load(self.folder / "config", self.environment)

    @property
    def settings(self) -> ModelSettings:
        return self.environment_settings.models[self.model.folder]

    @property
    def target(self) -> Target:
        return Target(self.model, self.settings, self.model.package_group, self.client)

    def story(self, summary: Path, **given: Any) -> Story:
        """Versions registered by hand, and customers whose failed requests are not retried."""
        outputs = self.outputs(self.names.foundation_stack)
        return Story(
            run=Run(summary),
            target=self.target,
            endpoint=self.model.endpoint,
            capture_bucket=outputs["CaptureBucket"],
            artifacts_bucket=outputs["ArtifactsBucket"],
            runtime=aws.clients_of(self._local_aws.environment, attempts=1)("sagemaker-runtime"),
            **given,
        )

    def metric_sum(self, metric: str) -> float:
        """Of the champion's variant, over the last ten minutes."""
        now = time.time()
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[
                {"Name": "EndpointName", "Value": self.model.endpoint},
                {"Name": "VariantName", "Value": "champion"},
            ],
            StartTime=now - 600,
            EndTime=now + 60,
            Period=600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    def parameters(self) -> ReleaseState:
        return read_parameters(self.client("ssm"), self.model)

    def resources(self, stack: str) -> list[dict[str, Any]]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return [each for page in pages for each in page["StackResourceSummaries"]]

    def resource(self, stack: str, kind: str, logical_id: str) -> str:
        """The name of the resource of a stack whose logical id begins so."""
        (name,) = (
            each["PhysicalResourceId"]
            for each in self.resources(stack)
            if each["ResourceType"] == kind and each["LogicalResourceId"].startswith(logical_id)
        )
        return str(name)

    def woken(self, stack: str, controller: str) -> list[str]:
        """Why a controller of a stack has looked so far, by its log, which comes when its run is over."""
        return self._reasons(self._log_group(stack, controller))

    def _log_group(self, stack: str, controller: str) -> str:
        return self.resource(stack, "AWS::Logs::LogGroup", controller)

    def _reasons(self, group: str) -> list[str]:
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        said = [each["message"] for page in pages for each in page["events"] if '"woken"' in each["message"]]
        return [str(json.loads(each[each.index("{") :])["reason"]) for each in said]

    @contextmanager
    def looked_at(self, reason: str) -> Iterator[None]:
        """Wait at the end until the release controller has looked for what the context did, whose `reason` holds this
        text, and nobody looks any more."""
        group = self._log_group(self.model.release_stack, "Controller")

        def looks() -> int:
            return sum(reason in each for each in self._reasons(group))

        before = looks()
        yield
        until(lambda: looks() > before and not self.lock_owner(), f"the controller has looked: {reason}")

    @cached_property
    def lock(self) -> dict[str, Any]:
        """Table and key of the item that a run of the controller holds."""
        table = self.outputs(self.names.foundation_stack)["LedgerTable"]
        return {"TableName": table, "Key": {"model": {"S": f"lock#{self.model.public}"}, "entry": {"S": "lock"}}}

    def lock_owner(self) -> str:
        """The run of the controller that is under way."""
        item = self.client("dynamodb").get_item(**self.lock, ConsistentRead=True).get("Item", {})
        return str(item.get("owner", {}).get("S", ""))

    def release_state(self) -> tuple[int, str, str]:
        """(version of the champion parameter, its value, configuration that the endpoint serves)."""
        parameter = self.parameters()[ReleaseParameter.CHAMPION]
        endpoint = self.client("sagemaker").describe_endpoint(EndpointName=self.model.endpoint)
        return parameter.version, parameter.value, endpoint["EndpointConfigName"]


def run_deployed(factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server of its own for one module, on a copy of the state in which `cdk deploy` left a new account.

    The app is deployed once a test run, as a user does it; the environment is the local one.
    """
    yield from run_local_aws(_copied(_deployed(factory), factory.mktemp("deployed") / "local_aws"))


def run_trained(factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """As run_deployed, but a pipeline run has registered version 1 there, which waits for approval."""
    yield from run_local_aws(_copied(_trained(factory), factory.mktemp("trained") / "local_aws"))


def _deployed(factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        with contextmanager(run_local_aws)(folder) as local_aws:
            platform = Platform(local_aws)
            platform.bootstrap()
            platform.deploy()
            platform.rest(NAMES.model(SECOND))

    return once(factory, "deployed", make)


def _trained(factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        with contextmanager(run_local_aws)(_copied(_deployed(factory), folder)) as local_aws:
            platform = Platform(local_aws)
            platform.train()
            (folder / _SAID).write_text(json.dumps(platform.said))
            # What still works on the version when the server stops would be lost, and its lock kept.
            place = evidence.bucket(platform.target)
            until(lambda: evidence.versions(local_aws.client("s3"), place, MODEL) == [1], "version 1 is recorded")
            until(lambda: not platform.lock_owner(), "the controller has looked at version 1")

    return once(factory, "trained", make)


def _copied(state: Path, home: Path) -> Path:
    """The state that a server left when it stopped, for another one."""
    return Path(shutil.copytree(state, home, ignore=shutil.ignore_patterns(*_OF_ONE_SERVER)))


def checkout(folder: Path) -> Path:
    """A copy of the app that a test may change; its Python is the one that runs the test.

    `make` finds all installed. What it needs are folders of links: behind a link to the whole folder, `npm ci` would
    empty the one of the repository.
    """
    copy = shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(*_NOT_COPIED))
    for name, installed in {"node_modules": ROOT / "node_modules", ".venv": Path(sys.prefix)}.items():
        (copy / name).mkdir()
        for each in installed.iterdir():
            if each.name != _STAMP:
                (copy / name / each.name).symlink_to(each)
        (copy / name / _STAMP).touch()  # newer than any list of packages
    return copy


def configuration(folder: Path) -> Path:
    """A folder with a copy of the configuration, for tests that change nothing else; the environment has one model."""
    shutil.copytree(ROOT / "config", folder / "config")
    return with_one_model(folder)


def with_one_model(copy: Path) -> Path:
    """Leave out the second model of the local environment: to synthesize it costs seconds, and says nothing new."""
    file = copy / "config" / "local.toml"
    kept, second, _ = file.read_text().partition(f"[models.{SECOND}]")
    assert second, "config/local.toml has no second model any more"
    file.write_text(kept)
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


def until(look: Callable[[], Any], what: str, timeout_seconds: float = 60) -> Any:
    """Wait for the first true value of `look`, and return it."""
    deadline = time.monotonic() + timeout_seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not in {timeout_seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found
