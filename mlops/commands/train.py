"""`mlops train`: run a model's training pipeline on its newest data, where anything has changed."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from mlops import checkout, pipelines, releases, target, train
from mlops.cdk import ROOT
from mlops.commands.options import LOCAL, Env, Json, Model, day
from mlops.commands.output import Output, of
from mlops.errors import CommandError, UsageError
from mlops.target import Target
from mlops.train import Training

_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*=.*", re.DOTALL)


def _parameter(text: Any) -> tuple[str, str]:
    if not _PARAMETER.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no parameter; write Name=Value")
    name, _, value = text.partition("=")
    return name, value


def add(app: typer.Typer) -> None:
    app.command("train")(run)


def run(
    everything: Annotated[bool, typer.Option("--all", help="every model that is trained in the environment")] = False,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="a folder to upload and learn from, or s3://bucket/prefix/ (default: the newest that was uploaded)",
        ),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            parser=day, metavar="DATE", help="with a folder: the last day that its data know (default: today)"
        ),
    ] = None,
    parameter: Annotated[
        list[Any] | None,
        typer.Option(parser=_parameter, metavar="NAME=VALUE", help="a parameter of the pipeline; may be repeated"),
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(metavar="SHA", help="the commit to note with the version (default: the checkout's)"),
    ] = None,
    if_changed: Annotated[
        bool,
        typer.Option(
            "--if-changed",
            help="start nothing that has been, or is being, made by the same definition, parameters and data",
        ),
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="start it and leave it; mlops status tells the rest")
    ] = False,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Run a model's training pipeline, and follow it until its version is registered."""
    if everything and (model or data or parameter):
        raise UsageError("--all: trains every model as it is; --model, --data and --parameter are of one model")
    if until and (not data or data.startswith("s3://")):
        raise UsageError("--until: says how new the files of a folder are; give --data FOLDER too")
    models = _all(env) if everything else [target.find(env, model)]
    until, commit = until or datetime.now(UTC).date(), commit or checkout.commit(ROOT)
    trainings = [train.of(each, data, until, dict(parameter or ()), commit) for each in models]
    out = Output(json)
    answers = [_start(out, each, if_changed) for each in trainings]
    failures: list[str] = []
    for training, answer in zip(trainings, answers, strict=True):
        if answer["started"] and not no_wait:
            with out.busy(f"pipeline {training.pipeline} runs"):
                failures += _follow(out, training, answer, named=len(models) > 1)
    if failures:
        raise CommandError("; ".join(failures))
    out.answer({"trained": answers} if everything else answers[0], [])


def _all(env: str) -> list[Target]:
    trained = [each for each in target.find_all(env, None) if each.settings.trains]
    if not trained:
        raise UsageError(f"--all: no model is trained in {env}")
    return trained


def _start(out: Output, training: Training, if_changed: bool) -> dict[str, Any]:
    model = training.target
    if if_changed and (same := training.already()):
        arn, status = same["PipelineExecutionArn"], same["PipelineExecutionStatus"]
        does = "runs already" if status == "Executing" else "has made it"
        out.say(f"{model.title}: unchanged definition, parameters and data: {arn} {does}")
        return of(model, started=False, execution=arn, status=status)
    arn = training.start()
    out.say(f"{model.title}: {arn} has started")
    for name, value in training.parameters.items():
        out.say(f"  {name} = {value}")
    return of(model, started=True, execution=arn, status="Executing", parameters=dict(training.parameters))


def _follow(out: Output, training: Training, answer: dict[str, Any], named: bool) -> Iterator[str]:
    """Follow an execution to its end and note it in the answer; yields why it failed, if it did."""
    model = training.target
    begin = f"{model.names.public}  " if named else ""

    def say(step: str, text: str) -> None:
        out.say(f"{begin}{step:<16} {text}")

    sagemaker = model.clients("sagemaker")
    follower = pipelines.Follower(sagemaker, model.clients("logs"), answer["execution"], say)
    execution = follower.follow()
    answer["status"] = execution["PipelineExecutionStatus"]
    if answer["status"] != "Succeeded":
        yield f"pipeline {training.pipeline}: {answer['status']}: {follower.failure(execution)}"
        return
    package = releases.newest_version(sagemaker, model.package_group)
    number, status = package["ModelPackageVersion"], package["ModelApprovalStatus"]
    answer |= {"version": number, "approval": status}
    waits = f"; {model.command('approve', number)}" if status == "PendingManualApproval" else ""
    out.say(f"{model.title}: version {number} is registered, {status}{waits}")
