"""`mlops teardown`: remove an environment, and say what stays."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from mlops import aws, cdk, target, teardown
from mlops.commands import options
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import EnvironmentNames, ModelNames
from stacks.settings import DELIVERY, EnvironmentSettings

_STOP_SECONDS = 600
_POLL_SECONDS = 2.0


def add(commands: "options.Commands") -> None:
    parser = commands.add_parser(
        "teardown",
        help="remove an environment, and say what stays",
        description="Says which stacks go and what stays of them, and why; then, when told to, stops what runs, takes "
        "the protection away, and lets CDK destroy the stacks.",
    )
    parser.add_argument("--env", required=True, help="an environment of config/")
    parser.add_argument("--confirm", metavar="ENV", help="the environment's name once more: do it without asking")
    parser.add_argument("--plan", action="store_true", help="only say what would go and what would stay")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings, clients, environment = _access(arguments.env)
    names = EnvironmentNames(settings.project, settings.environment)
    models = [names.model(folder) for folder in settings.models]
    known = teardown.stack_names(names, models)
    inventory = teardown.observe(clients("cloudformation"), known)
    strangers = teardown.strangers(clients("cloudformation"), names, known)
    logs = teardown.container_logs(clients("logs"), names)
    for text in (*teardown.lines(inventory, logs, retain=settings.retain), *map(_in_the_way, strangers)):
        options.say(arguments, text)
    left = bool(inventory.stacks) or bool(logs and not settings.retain)
    if strangers and not arguments.plan:
        raise CommandError(_in_the_way(strangers[0]))
    done = left and not arguments.plan and _confirmed(arguments)
    if done and inventory.stacks:
        _stop(arguments, clients("sagemaker"), models)
        teardown.unprotect(clients("cloudformation"), inventory.protected)
        cdk.cdk(
            "destroy",
            "--all",
            "--force",
            environment=environment,
            stage=arguments.env,
            each_line=lambda text: options.say(arguments, text),
        )
    if done and not settings.retain:
        teardown.remove_logs(clients("logs"), teardown.container_logs(clients("logs"), names))
    data = {
        "environment": arguments.env,
        "done": done,
        "stacks": inventory.stacks,
        "kept": inventory.kept,
        "in_the_way": strangers,
    }
    options.answer(arguments, data, [f"{arguments.env} is gone" if done else "nothing was done"])
    return 0


def _access(environment: str) -> tuple[EnvironmentSettings, aws.Clients, Mapping[str, str]]:
    if environment == DELIVERY:
        raise UsageError(
            f"--env {DELIVERY}: is the pipeline and no environment; docs/teardown.md says how it is removed"
        )
    settings, clients = target.reach(environment)
    if environment == target.LOCAL:
        return settings, clients, aws.local_variables()
    return settings, clients, dict(os.environ) | ({"AWS_REGION": settings.region} if settings.region else {})


def _in_the_way(stack: str) -> str:
    return (
        f"stack {stack}: is of this environment, and not in its configuration (a model that was taken out?): "
        f"it goes first: aws cloudformation delete-stack --stack-name {stack}"
    )


def _confirmed(arguments: argparse.Namespace) -> bool:
    if arguments.confirm is not None:
        if arguments.confirm != arguments.env:
            raise UsageError(f"--confirm {arguments.confirm}: must be {arguments.env}, the environment that goes")
        return True
    if arguments.json or not sys.stdin.isatty():
        raise UsageError(f"--confirm {arguments.env}: not given, and nobody is there to be asked; or --plan to look")
    return options.ask(f"Type {arguments.env} to remove it: ") == str(arguments.env)


def _stop(arguments: argparse.Namespace, sagemaker: Any, models: list[ModelNames]) -> None:
    """Pipelines that run, and wait for their end."""
    pipelines = [name for each in models for name in (each.pipeline, each.monitoring_pipeline)]
    for arn in teardown.stop_executions(sagemaker, pipelines):
        options.say(arguments, f"stopping {arn}")
    deadline = time.monotonic() + _STOP_SECONDS
    while left := teardown.running(sagemaker, pipelines):
        if time.monotonic() > deadline:
            raise CommandError(f"{left[0]}: still runs after {_STOP_SECONDS} s; try again when it has stopped")
        time.sleep(_POLL_SECONDS)
