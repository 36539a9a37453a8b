"""`mlops train`: run a model's training pipeline on its newest data, where anything has changed."""

import argparse
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from mlops import checkout, pipelines, releases, target, train
from mlops.cdk import ROOT
from mlops.commands import options
from mlops.errors import CommandError, UsageError
from mlops.target import Target
from mlops.train import Training

_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*=.*", re.DOTALL)


def add(commands: "options.Commands") -> None:
    parser = options.command(
        commands, "train", run, "run a model's training pipeline, and follow it until its version is registered"
    )
    parser.add_argument("--all", action="store_true", help="every model that is trained in the environment")
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="a folder to upload and learn from, or s3://bucket/prefix/ (default: the newest that was uploaded)",
    )
    parser.add_argument(
        "--until", type=_day, metavar="DATE", help="with a folder: the last day that its data know (default: today)"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        type=_parameter,
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the pipeline; may be repeated",
    )
    parser.add_argument("--commit", metavar="SHA", help="the commit to note with the version (default: the checkout's)")
    parser.add_argument(
        "--if-changed",
        action="store_true",
        help="start nothing that has been, or is being, made by the same definition, parameters and data",
    )
    parser.add_argument("--no-wait", action="store_true", help="start it and leave it; mlops status tells the rest")


def run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    models = _models(arguments)
    trainings = [_training(arguments, each) for each in models]
    answers = [_start(arguments, each) for each in trainings]
    failures: list[str] = []
    for training, answer in zip(trainings, answers, strict=True):
        if answer["started"] and not arguments.no_wait:
            failures += _follow(arguments, training, answer, named=len(models) > 1)
    if failures:
        raise CommandError("; ".join(failures))
    data: Any = {"trained": answers} if arguments.all else answers[0]
    options.answer(arguments, data, [])
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.all and (arguments.model or arguments.data or arguments.parameter):
        raise UsageError("--all: trains every model as it is; --model, --data and --parameter are of one model")
    if arguments.until and (not arguments.data or arguments.data.startswith("s3://")):
        raise UsageError("--until: says how new the files of a folder are; give --data FOLDER too")


def _models(arguments: argparse.Namespace) -> list[Target]:
    if not arguments.all:
        return [target.find(arguments.env, arguments.model)]
    trained = [each for each in target.find_all(arguments.env, None) if each.settings.trains]
    if not trained:
        raise UsageError(f"--all: no model is trained in {arguments.env}")
    return trained


def _training(arguments: argparse.Namespace, model: Target) -> Training:
    until = arguments.until or datetime.now(UTC).date()
    commit = arguments.commit or checkout.commit(ROOT)
    return train.of(model, arguments.data, until, dict(arguments.parameter), commit)


def _start(arguments: argparse.Namespace, training: Training) -> dict[str, Any]:
    model = training.target
    if arguments.if_changed and (same := training.already()):
        arn, status = same["PipelineExecutionArn"], same["PipelineExecutionStatus"]
        does = "runs already" if status == "Executing" else "has made it"
        options.say(arguments, f"{model.title}: unchanged definition, parameters and data: {arn} {does}")
        return options.of(model, started=False, execution=arn, status=status)
    arn = training.start()
    options.say(arguments, f"{model.title}: {arn} has started")
    for name, value in training.parameters.items():
        options.say(arguments, f"  {name} = {value}")
    return options.of(model, started=True, execution=arn, status="Executing", parameters=dict(training.parameters))


def _follow(arguments: argparse.Namespace, training: Training, answer: dict[str, Any], named: bool) -> Iterator[str]:
    """Follow an execution to its end and note it in the answer; yields why it failed, if it did."""
    model = training.target
    begin = f"{model.names.public}  " if named else ""

    def say(step: str, text: str) -> None:
        options.say(arguments, f"{begin}{step:<16} {text}")

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
    options.say(arguments, f"{model.title}: version {number} is registered, {status}{waits}")


def _parameter(text: str) -> tuple[str, str]:
    if not _PARAMETER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no parameter; write Name=Value")
    name, _, value = text.partition("=")
    return name, value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write 2026-11-21") from None
