"""`mlops bootstrap`: prepare an account for deployments, after saying what that will do."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from mlops import aws, cdk, target
from mlops.bootstrap import Plan, prepare
from mlops.commands import options
from mlops.errors import CommandError, UsageError
from stacks.settings import DELIVERY, EnvironmentSettings, SettingsError, load, load_delivery


def add(commands: "options.Commands") -> None:
    parser = commands.add_parser(
        "bootstrap",
        help="prepare an account for deployments",
        description="Says what it will do in the account of an environment, and does it when told to: policies for "
        "CloudFormation in place of an administrator's, CDK's bootstrap with them, trust in the pipeline's account. "
        "Doing it again changes nothing.",
    )
    parser.add_argument(
        "--env", default=target.LOCAL, help=f"an environment of config/, or {DELIVERY} (default: local)"
    )
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--plan", action="store_true", help="only say what it would do")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    clients, environment = _access(arguments.env)
    plan = _plan(arguments.env, clients)
    for text in plan.lines():
        options.say(arguments, text)
    if arguments.plan or not (arguments.yes or _confirmed(arguments)):
        options.answer(arguments, {**asdict(plan), "done": False}, ["nothing was done"])
        return 0
    with tempfile.TemporaryDirectory() as empty:  # without an app CDK synthesizes nothing, which would be for nothing
        prepare(
            plan,
            clients("cloudformation"),
            lambda words: cdk.cdk(
                *words,
                environment=environment,
                stage=arguments.env,
                each_line=lambda text: options.say(arguments, text),
                folder=Path(empty),
            ),
            lambda text: options.say(arguments, text),
            time.sleep,
        )
    following = f"next: make synth ENV={arguments.env}, then make deploy ENV={arguments.env}"
    options.answer(arguments, {**asdict(plan), "done": True}, [following])
    return 0


def _confirmed(arguments: argparse.Namespace) -> bool:
    if arguments.json or not sys.stdin.isatty():
        raise UsageError("--yes: not given, and nobody is there to be asked: add it to go on, or --plan to look")
    return options.ask("Do this? [y/N] ").lower() in ("y", "yes")


def _access(environment: str) -> tuple[aws.Clients, Mapping[str, str]]:
    """Clients, and the variables with which CDK reaches the same account."""
    if environment == target.LOCAL:
        return aws.local_clients(), aws.local_variables()
    region = _settings(environment)[1]
    return aws.account_clients(region), dict(os.environ) | ({"AWS_REGION": region} if region else {})


def _settings(environment: str) -> tuple[str | None, str | None]:
    """Account and region of an environment, or of the pipeline."""
    try:
        if environment == DELIVERY:
            pipeline = load_delivery(target.CONFIG).settings
            return pipeline.account, pipeline.region
        settings = load(target.CONFIG, environment)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    return settings.account, settings.region


def _plan(environment: str, clients: aws.Clients) -> Plan:
    account, region = _settings(environment)
    actual = clients("sts").get_caller_identity()["Account"]
    if account and actual != account:
        raise CommandError(
            f"credentials are for account {actual}, config/{environment}.toml names {account}: use the other profile"
        )
    place = {"account": actual, "region": region or str(clients("cloudformation").meta.region_name)}
    if environment == DELIVERY:
        delivery = load_delivery(target.CONFIG)
        # The pipeline lives in its own account and is trusted by the others, not the other way round.
        return Plan(
            delivery.project,
            "the pipeline",
            qualifier=delivery.settings.qualifier,
            boundary=delivery.settings.permissions_boundary,
            **place,
        )
    settings = load(target.CONFIG, environment)
    return Plan(
        settings.project,
        f"the environment {environment}",
        qualifier=settings.deployment.qualifier,
        trusted=_trusted(settings, actual),
        boundary=settings.deployment.permissions_boundary,
        **place,
    )


def _trusted(settings: EnvironmentSettings, account: str) -> tuple[str, ...]:
    pipeline = settings.delivery.account if settings.delivery else None
    return (pipeline,) if pipeline and pipeline != account else ()
