"""`mlops batch`: let the champion score a file or a prefix by a transform job."""

import argparse
import json
import time
from typing import Any

from mlops import target
from mlops.commands import options
from mlops.errors import CommandError, NotYet, UsageError

POLL_SECONDS = 5.0
LOGS = "/aws/sagemaker/TransformJobs"
_ENDED_BADLY = ("Failed", "Stopped")


def add(commands: "options.Commands") -> None:
    parser = options.command(
        commands, "batch", run, "let the champion score a file or a prefix in S3 by a transform job"
    )
    parser.add_argument("input", metavar="INPUT_URI", help="s3://bucket/key or s3://bucket/prefix/")
    parser.add_argument("--output", metavar="URI", help="a prefix in S3 (default: the configured one)")
    options.waits(parser)


def run(arguments: argparse.Namespace) -> int:
    payload = {"input": arguments.input} | ({"output": arguments.output} if arguments.output else {})
    for name, uri in payload.items():
        if not uri.startswith("s3://") or not uri.removeprefix("s3://").partition("/")[0]:
            raise UsageError(f"{name} {uri!r}: not an S3 address; give s3://<bucket>/<key or prefix>")
    model = target.find(arguments.env, arguments.model)
    if not model.settings.batch.enabled:
        raise CommandError(f"{model.title}: batch scoring is switched off; set batch.enabled = true and deploy")
    function = model.output(model.names.release_stack, "BatchFunctionName")
    started = start(model.clients("lambda"), function, payload)
    job, where = started["job"], started.get("output", "")
    options.say(arguments, f"transform job {job} has started" + (f"; it writes to {where}" if where else ""))
    status = "InProgress"
    if arguments.wait:
        ended = wait(model.clients("sagemaker"), job, lambda text: options.say(arguments, text), arguments.timeout)
        status, where = ended["TransformJobStatus"], ended["TransformOutput"]["S3OutputPath"]
        options.say(arguments, f"transform job {job} is {status}: {where}")
    options.answer(arguments, options.of(model, job=job, status=status, output=where), [])
    return 0


def start(functions: Any, name: str, payload: dict[str, str]) -> dict[str, str]:
    """Call the batch function; raises CommandError with its reason if it started nothing."""
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    result = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        raise CommandError(f"function {name}: {result.get('errorMessage', 'failed without a word; see its log')}")
    if not result.get("job"):
        raise CommandError(f"batch: {result.get('reason') or 'no job was started; see the log of function ' + name}")
    return dict(result)


def wait(
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
