"""`mlops bootstrap`: prepare an account for deployments, after saying what that will do."""

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlops import aws, cdk, target
from mlops.bootstrap import Plan, prepare
from mlops.commands.options import LOCAL, Json, environments
from mlops.commands.output import Output, ask
from mlops.errors import CommandError, UsageError
from stacks.settings import DELIVERY, EnvironmentSettings, SettingsError, load, load_delivery


def add(app: typer.Typer) -> None:
    app.command("bootstrap")(run)


def run(
    env: Annotated[
        str,
        typer.Option(metavar="ENV", autocompletion=environments, help=f"an environment of config/, or {DELIVERY}"),
    ] = LOCAL,
    yes: Annotated[bool, typer.Option("--yes", help="do it without asking")] = False,
    only_plan: Annotated[bool, typer.Option("--plan", help="only say what it would do")] = False,
    json: Json = False,
) -> None:
    """Prepare an account for deployments.

    Says what it will do in the account of an environment, and does it when told to: policies for CloudFormation in
    place of an administrator's, CDK's bootstrap with them, trust in the pipeline's account. Doing it again changes
    nothing.
    """
    out = Output(json)
    clients, environment = _access(env)
    plan = _plan(env, clients)
    for text in plan.lines():
        out.say(text)
    if only_plan or not (yes or _confirmed(out)):
        out.answer({**asdict(plan), "done": False}, ["nothing was done"])
        return
    with tempfile.TemporaryDirectory() as empty:  # without an app CDK synthesizes nothing, which would be for nothing
        prepare(
            plan,
            clients("cloudformation"),
            lambda words: cdk.cdk(
                *words,
                environment=environment,
                stage=env,
                each_line=out.say,
                folder=Path(empty),
            ),
            out.say,
            time.sleep,
        )
    following = f"next: make synth ENV={env}, then make deploy ENV={env}"
    out.answer({**asdict(plan), "done": True}, [following])


def _confirmed(out: Output) -> bool:
    if out.json or not sys.stdin.isatty():
        raise UsageError("--yes: not given, and nobody is there to be asked: add it to go on, or --plan to look")
    return ask("Do this? [y/N] ").lower() in ("y", "yes")


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
