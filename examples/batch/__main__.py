"""`python -m examples.batch`: each night's applications of a month are scored, and joined with the outcomes.

On AWS a bank's own system would put the file of each day below the input prefix, and the schedule would score it; here
this program puts the files there and asks for the job of each night itself, since nobody wants to wait for the night.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from examples.batch import nights
from mlops import target
from mlops.cdk import ROOT
from mlops.commands import batch, group
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, positive
from mlops.commands.output import Output

MODEL = "loan_approval"
POLL_SECONDS = 0.5


def run(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="whose applications are scored")] = "2008-03",
    count: Annotated[
        int, typer.Option("--nights", parser=positive, metavar="N", help="at most so many, from the month's first on")
    ] = 31,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Score a month of loan applications, night by night, and join the answers with what became of the loans."""
    out = Output(json)
    about = target.find(env, MODEL)
    files = dict(list(nights.read(month).items())[:count])
    bucket, prefix = about.output(about.foundation_stack, "DataBucket"), about.settings.batch.input_prefix
    function = about.output(about.names.release_stack, "BatchFunctionName")
    s3, scored = about.clients("s3"), list[nights.Scored]()
    for day, applications in files.items():
        key = f"{MODEL}/{prefix}/{day}/applications.csv"
        s3.put_object(Bucket=bucket, Key=key, Body=nights.body(applications))
        started = batch.start(about.clients("lambda"), function, {"input": f"s3://{bucket}/{key}"})
        with out.busy(f"{day}: transform job {started['job']}"):
            ended = batch.follow(about.clients("sagemaker"), started["job"], _quiet, DAY_SECONDS, POLL_SECONDS)
        answers = _read(s3, f"{ended['TransformOutput']['S3OutputPath'].rstrip('/')}/applications.csv.out")
        scored += nights.join(applications, answers)
        out.say(line(nights.summary(scored)[-1]) + f", by version {scored[-1].model_version}")
    found = nights.summary(scored)
    place = _write(month, scored)
    out.answer(
        {"month": month, "nights": [vars(each) for each in found], "file": str(place.relative_to(ROOT))},
        [line(nights.total(found)), f"joined with the outcomes, row by row: {place.relative_to(ROOT)}"],
    )


def line(night: nights.Night) -> str:
    """What one night came to, in words."""
    lost = f"{night.approved_charged_off} of the approved" if night.approved else "none approved"
    return (
        f"{night.day:<10}  {night.applications} applications, {night.approved} approved; charged off in the end "
        f"{night.charged_off} ({night.charged_off / night.applications:.0%}, foretold {night.expected:.0%}), {lost}"
    )


def _quiet(_line: str) -> None:
    """What a job is doing is not told night by night."""


def _read(s3: Any, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def _write(month: str, scored: Sequence[nights.Scored]) -> Path:
    place = ROOT / "build" / "batch" / f"{month}.csv"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(nights.table(scored))
    return place


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; what cannot be done is one line on standard error, as with every command."""
    return group.alone(run, "examples.batch", argv)


if __name__ == "__main__":
    sys.exit(main())
