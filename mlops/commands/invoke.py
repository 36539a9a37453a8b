"""`mlops invoke`: ask the model, and see what it answers."""

import sys
import uuid
from typing import Annotated

import typer

from mlops import invoke, target
from mlops.commands.options import LOCAL, Env, Json, Model
from mlops.commands.output import Output, of
from mlops.errors import CommandError, UsageError
from mlops.invoke import Answer
from mlops.target import Target


def add(app: typer.Typer) -> None:
    app.command("invoke")(run)


def run(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="the request (default: the first of the model's samples)", show_default=False
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="one request a line, answers one a line; - for standard input"),
    ] = None,
    inference_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="the inference id, by which the outcome is told (default: test-…)"),
    ] = None,
    applicant: Annotated[
        str | None,
        typer.Option(metavar="ID", help="whose variant is to answer, where assignment is sticky"),
    ] = None,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Ask a model: one request to its endpoint, and the answer.

    The endpoint takes it for a request like any other: it is captured, and monitors and comparisons count it.
    """
    out = Output(json)
    if data is not None and file is not None:
        raise UsageError("--data, --file: give one of them, or none for the model's first sample")
    given = invoke.read(file) if file is not None else [data] if data is not None else None
    about = target.find(env, model)
    requests = given or [invoke.sample(invoke.samples(about))]
    name = invoke.endpoint(about)
    # As those of other tests, so that captured data tell it from a customer's.
    first = inference_id or f"test-invoke-{uuid.uuid4().hex[:8]}"
    answers: list[Answer] = []
    for number, request in enumerate(requests, 1):
        answers.append(_one(about, name, request, first, number if file else 0, applicant or ""))
        if file is not None:
            out.say(answers[-1].text)
    if file is not None and not json:
        print(invoke.counted(answers), file=sys.stderr)  # beside the answers, which go on to a file or a program
    told = [
        {"request": invoke.document(each.request), "answer": invoke.document(each.text), "variant": each.variant,
         "versions": each.versions, "inference_id": each.inference_id}
        for each in answers
    ]  # fmt: skip
    lines = [] if file is not None else _lines(about, answers[0], sampled=given is None)
    out.answer(of(about, endpoint=name, answers=told), lines)


def _one(about: Target, name: str, request: str, inference_id: str, number: int, applicant: str) -> Answer:
    """number: which line of a file it is, so that a refusal says which; 0 where there is only one."""
    if not number:
        return invoke.send(about, name, request, inference_id, applicant)
    try:
        return invoke.send(about, name, request, f"{inference_id}-{number}", applicant)
    except CommandError as error:
        raise CommandError(f"request {number}: {error}") from error


def _lines(about: Target, answer: Answer, sampled: bool) -> list[str]:
    source = [f"         the first of {invoke.short(invoke.samples(about))}"] if sampled else []
    return [
        f"request  {answer.request}",
        *source,
        f"answer   {answer.text}",
        f"by       {answer.by}; inference id {answer.inference_id}",
    ]
