"""`mlops batch`: let the champion score a file or a prefix by a transform job."""

import json as documents
import time
from typing import Annotated, Any

import typer

from mlops import target
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, Model, Timeout, Wait
from mlops.commands.output import Output, of
from mlops.errors import CommandError, NotYet, UsageError

POLL_SECONDS = 5.0
LOGS = "/aws/sagemaker/TransformJobs"
_ENDED_BADLY = ("Failed", "Stopped")


def add(app: typer.Typer) -> None:
    app.command("batch")(run)


def run(
    source: Annotated[
        str, typer.Argument(metavar="INPUT_URI", help="s3://bucket/key or s3://bucket/prefix/", show_default=False)
    ],
    output: Annotated[
        str | None, typer.Option(metavar="URI", help="a prefix in S3 (default: the configured one)")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Let the champion score a file or a prefix in S3 by a transform job."""
    out = Output(json)
    payload = {"input": source} | ({"output": output} if output else {})
    for name, uri in payload.items():
        if not uri.startswith("s3://") or not uri.removeprefix("s3://").partition("/")[0]:
            raise UsageError(f"{name} {uri!r}: not an S3 address; give s3://<bucket>/<key or prefix>")
    about = target.find(env, model)
    if not about.settings.batch.enabled:
        raise CommandError(f"{about.title}: batch scoring is switched off; set batch.enabled = true and deploy")
    function = about.output(about.names.release_stack, "BatchFunctionName")
    started = start(about.clients("lambda"), function, payload)
    job, where = started["job"], started.get("output", "")
    out.say(f"transform job {job} has started" + (f"; it writes to {where}" if where else ""))
    status = "InProgress"
    if wait:
        with out.busy(f"waiting for transform job {job}"):
            ended = follow(about.clients("sagemaker"), job, out.say, timeout)
        status, where = ended["TransformJobStatus"], ended["TransformOutput"]["S3OutputPath"]
        out.say(f"transform job {job} is {status}: {where}")
    out.answer(of(about, job=job, status=status, output=where), [])


def start(functions: Any, name: str, payload: dict[str, str]) -> dict[str, str]:
    """Call the batch function; raises CommandError with its reason if it started nothing."""
    answer = functions.invoke(FunctionName=name, Payload=documents.dumps(payload).encode())
    result = documents.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        raise CommandError(f"function {name}: {result.get('errorMessage', 'failed without a word; see its log')}")
    if not result.get("job"):
        raise CommandError(f"batch: {result.get('reason') or 'no job was started; see the log of function ' + name}")
    return dict(result)


def follow(
    sagemaker: Any, job: str, say: Any, timeout_seconds: float, poll_seconds: float = POLL_SECONDS
) -> dict[str, Any]:
    """Follow a transform job to its end; raises CommandError if that is a bad one, NotYet when the time is over."""
    deadline, before = time.monotonic() + timeout_seconds, ""
    while True:
        found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=job)
        status = found["TransformJobStatus"]
        if status == "Completed":
            return found
        if status in _ENDED_BADLY:
            raise CommandError(
                f"transform job {job}: {status}: {found.get('FailureReason', 'no reason given')}; its log: "
                f"{LOGS}, streams {job}/…"
            )
        if status != before:
            say(f"transform job {job} is {status}")
            before = status
        if time.monotonic() > deadline:
            raise NotYet(f"transform job {job}: {status} after {timeout_seconds:.0f} s; it goes on by itself")
        time.sleep(poll_seconds)
