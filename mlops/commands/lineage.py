"""`mlops lineage`: what a version was made from, what used some data, what a version answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops import evidence, lineage, lineage_data, lineage_page, lineage_predictions, registry, target
from mlops.audit_look import utc_now
from mlops.commands.options import LOCAL, Env, Json, day, models, positive
from mlops.commands.output import Output, of
from mlops.errors import CommandError, UsageError
from mlops.lineage_data import Found
from mlops.lineage_predictions import Answer, Count
from mlops.target import Target
from monitoring.figures import plural

Day = date | None


@dataclass(frozen=True)
class Counted:
    """Which predictions are counted: from and to a day (none: since it was registered, until today), and the file."""

    first: Day
    last: Day
    csv: Path | None


def add(app: typer.Typer) -> None:
    app.command("lineage")(run)


def run(
    version: Annotated[
        int | None, typer.Argument(parser=positive, metavar="VERSION", help="a version's number in the registry")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="write a page with the picture there")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="URI|SHA256", help="which versions used this data, of all models")
    ] = None,
    predictions: Annotated[bool, typer.Option("--predictions", help="count what the version answered, by day")] = False,
    first: Annotated[
        Day, typer.Option("--from", parser=day, metavar="DAY", help="with --predictions (default: registered)")
    ] = None,
    last: Annotated[
        Day, typer.Option("--to", parser=day, metavar="DAY", help="with --predictions (default: today)")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --predictions: write every record's id there")
    ] = None,
    env: Env = LOCAL,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            autocompletion=models,
            help="a model of the environment (default: the only one; with --data: all)",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """What a version was made from and what became of it; which versions used some data."""
    out = Output(json)
    if (csv or first or last) and not predictions:
        raise UsageError("--csv, --from, --to: say which predictions are meant; give --predictions too")
    if data is not None and version is None:
        _data(out, env, model, data)
    elif data is None and version is not None:
        about = target.find(env, model)
        if predictions:
            _predictions(out, about, version, Counted(first, last, csv))
        else:
            _graph(out, about, version, html)
    else:
        raise UsageError("lineage: give a version, or --data with an address or a SHA-256; one of both")


def _graph(out: Output, model: Target, version: int, html: Path | None) -> None:
    found = lineage.observe(model, version)
    title = f"{model.title}, version {version}"
    lines = lineage.tree(title, found.graph, found.missing)
    if html:
        page = lineage_page.html(title, _facts(model, found.manifest), found.graph, found.missing, lineage.links(model))
        html.write_text(page, encoding="utf-8")
        lines.append(f"saved as {html}; open it in a browser")
    data = {"graph": lineage.document(found.graph), "missing": found.missing, "manifest": found.manifest}
    out.answer(of(model, version=version, **data), lines)


def _facts(model: Target, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = manifest.get("governance") or {}
    return [
        ("Environment", model.environment),
        ("Registered", str(manifest.get("registered_at") or "")),
        ("Owner", str(told.get("owner") or "")),
        ("Risk rating", str(told.get("risk_rating") or "")),
        ("Manifest", f"revision {manifest.get('revision')} of {manifest.get('written_at')}"),
    ]


def _data(out: Output, env: str, model: str | None, data: str) -> None:
    found = lineage_data.find(target.find_all(env, model), data)
    answer = {
        "environment": env,
        "data": data,
        "versions_looked_at": found.versions,
        "used_by": list(found.uses),
        "known_to_sagemaker": found.known,
        "disagreements": list(found.disagreements),
    }
    out.answer(answer, _used(data, found))


def _used(data: str, found: Found) -> Iterator[str]:
    models = {use.model for use in found.uses}
    of = f"of {plural(found.versions, 'version')}"
    if found.uses:
        yield f"{data}: used by {len(found.uses)} {of}, in {plural(len(models), 'model')}"
    else:
        yield f"{data}: used by none {of}"
    for use in found.uses:
        yield f"  {use.model:<20} version {use.version}"
        yield from (f"  {'':<20}   {place}" for place in use.places[:5])
        if len(use.places) > 5:
            yield f"  {'':<20}   and {len(use.places) - 5} more"
    if not found.known:
        yield "SageMaker's lineage knows no artifact of this data, so it can neither agree nor disagree"
    elif found.disagreements:
        yield from (f"DISAGREES: {each}" for each in found.disagreements)
    else:
        yield "SageMaker's lineage agrees"


def _predictions(out: Output, model: Target, version: int, asked: Counted) -> None:
    now = utc_now()
    since = asked.first or _registered(model, version)
    first, last = since.date() if isinstance(since, datetime) else since, asked.last or now.date()
    if first > last:
        raise UsageError(f"--from {first}: is after --to {last}; exchange them")
    rows, answer = lineage_predictions.counts(model, version, since, last, now)
    lines = list(_counted(model.title, version, (first, last), rows, answer))
    if asked.csv:
        with asked.csv.open("w", encoding="utf-8", newline="") as file:
            written, _ = lineage_predictions.records(model, version, since, last, now, file)
        lines.append(f"saved {written:,} records as {asked.csv}")
    data = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "predictions": sum(each.predictions for each in rows),
        "days": rows,
        "scanned_bytes": answer.scanned,
        "query": answer.query,
        "csv": asked.csv and str(asked.csv),
    }
    out.answer(of(model, version=version, **data), lines)


def _registered(model: Target, version: int) -> datetime:
    """The moment of its registration: by the manifest, or by the registry."""
    try:
        manifest = evidence.newest(model.clients("s3"), evidence.bucket(model), model.names, version)
        told = manifest.get("registered_at")
    except evidence.NoManifest:
        told = registry.version(model.clients("sagemaker"), model.package_group, version).get("CreationTime")
    if isinstance(told, str):
        told = datetime.fromisoformat(told)
    if not isinstance(told, datetime):
        raise CommandError(f"version {version}: nobody tells when it was registered; give --from")
    return told.astimezone(UTC)


def _counted(title: str, version: int, days: tuple[date, date], rows: Sequence[Count], answer: Answer) -> Iterator[str]:
    total = sum(each.predictions for each in rows)
    yield f"{title}, version {version}: {total:,} predictions from {days[0]} to {days[1]}"
    if rows:
        yield f"  first {min(each.first for each in rows)}, last {max(each.last for each in rows)} UTC"
    for each in rows:
        decision = each.decision or "-"
        yield f"  {each.day}  {each.variant:<11} {decision:<12} {each.predictions:>12,}"
    yield f"  query {answer.query} read {answer.scanned / 1e6:,.1f} MB"
