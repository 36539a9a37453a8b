"""`mlops teardown`: remove an environment, and say what stays."""

import sys
import time
from typing import Annotated, Any

import typer

from mlops import cdk, target, teardown
from mlops.commands.options import Json, environments
from mlops.commands.output import Output, ask
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import EnvironmentNames, ModelNames
from stacks.settings import DELIVERY

_STOP_SECONDS = 600
_POLL_SECONDS = 2.0


def add(app: typer.Typer) -> None:
    app.command("teardown")(run)


def run(
    env: Annotated[str, typer.Option(metavar="ENV", autocompletion=environments, help="an environment of config/")],
    confirm: Annotated[
        str | None, typer.Option(metavar="ENV", help="the environment's name once more: do it without asking")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="only say what would go and what would stay")] = False,
    json: Json = False,
) -> None:
    """Remove an environment, and say what stays.

    Says which stacks go and what stays of them, and why; then, when told to, stops what runs, takes the protection
    away, and lets CDK destroy the stacks.
    """
    out = Output(json)
    if env == DELIVERY:
        raise UsageError(
            f"--env {DELIVERY}: is the pipeline and no environment; docs/teardown.md says how it is removed"
        )
    settings, clients = target.reach(env)
    environment = target.variables_in(env, settings.region)
    names = EnvironmentNames(settings.project, settings.environment)
    models = [names.model(folder) for folder in settings.models]
    known = teardown.stack_names(names, models)
    inventory = teardown.observe(clients("cloudformation"), known)
    strangers = teardown.strangers(clients("cloudformation"), names, known)
    logs = teardown.container_logs(clients("logs"), names)
    for text in (*teardown.lines(inventory, logs, retain=settings.retain), *map(_in_the_way, strangers)):
        out.say(text)
    left = bool(inventory.stacks) or bool(logs and not settings.retain)
    if strangers and not plan:
        raise CommandError(_in_the_way(strangers[0]))
    done = left and not plan and _confirmed(env, confirm, out)
    if done and inventory.stacks:
        _stop(clients("sagemaker"), models, out)
        teardown.unprotect(clients("cloudformation"), inventory.protected)
        cdk.cdk(
            "destroy",
            "--all",
            "--force",
            environment=environment,
            stage=env,
            each_line=out.say,
        )
    if done and not settings.retain:
        teardown.remove_logs(clients("logs"), teardown.container_logs(clients("logs"), names))
    data = {
        "environment": env,
        "done": done,
        "stacks": inventory.stacks,
        "kept": inventory.kept,
        "in_the_way": strangers,
    }
    out.answer(data, [f"{env} is gone" if done else "nothing was done"])


def _in_the_way(stack: str) -> str:
    return (
        f"stack {stack}: is of this environment, and not in its configuration (a model that was taken out?): "
        f"it goes first: aws cloudformation delete-stack --stack-name {stack}"
    )


def _confirmed(env: str, confirm: str | None, out: Output) -> bool:
    if confirm is not None:
        if confirm != env:
            raise UsageError(f"--confirm {confirm}: must be {env}, the environment that goes")
        return True
    if out.json or not sys.stdin.isatty():
        raise UsageError(f"--confirm {env}: not given, and nobody is there to be asked; or --plan to look")
    return ask(f"Type {env} to remove it: ") == env


def _stop(sagemaker: Any, models: list[ModelNames], out: Output) -> None:
    """Pipelines that run, and wait for their end."""
    pipelines = [name for each in models for name in (each.pipeline, each.monitoring_pipeline)]
    for arn in teardown.stop_executions(sagemaker, pipelines):
        out.say(f"stopping {arn}")
    deadline = time.monotonic() + _STOP_SECONDS
    while left := teardown.running(sagemaker, pipelines):
        if time.monotonic() > deadline:
            raise CommandError(f"{left[0]}: still runs after {_STOP_SECONDS} s; try again when it has stopped")
        time.sleep(_POLL_SECONDS)
