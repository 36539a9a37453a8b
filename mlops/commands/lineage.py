"""`mlops lineage`: what a version was made from, what used some data, what a version answered."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mlops import evidence, lineage, lineage_data, lineage_page, lineage_predictions, registry, target
from mlops.audit_look import utc_now
from mlops.commands import options
from mlops.errors import CommandError, UsageError
from mlops.lineage_data import Found
from mlops.lineage_predictions import Answer, Count
from mlops.target import Target
from monitoring.figures import plural


def add(commands: "options.Commands") -> None:
    parser = options.command(
        commands,
        "lineage",
        run,
        "what a version was made from and what became of it; which versions used some data",
        models="default: the only one; with --data: all",
    )
    parser.add_argument("version", type=options.positive, nargs="?", metavar="VERSION")
    parser.add_argument("--html", metavar="FILE", help="write a page with the picture there")
    parser.add_argument("--data", metavar="URI|SHA256", help="which versions used this data, of all models")
    parser.add_argument("--predictions", action="store_true", help="count what the version answered, by day")
    parser.add_argument(
        "--from", type=day, dest="first", metavar="DAY", help="with --predictions (default: registered)"
    )
    parser.add_argument("--to", type=day, dest="last", metavar="DAY", help="with --predictions (default: today)")
    parser.add_argument("--csv", metavar="FILE", help="with --predictions: write every record's id there")


def day(text: str) -> date:
    """A day as in 2026-11-21."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write 2026-11-21") from None


def run(arguments: argparse.Namespace) -> int:
    if (arguments.version is None) == (arguments.data is None):
        raise UsageError("lineage: give a version, or --data with an address or a SHA-256; one of both")
    if (arguments.csv or arguments.first or arguments.last) and not arguments.predictions:
        raise UsageError("--csv, --from, --to: say which predictions are meant; give --predictions too")
    if arguments.data:
        return _data(arguments)
    model = target.find(arguments.env, arguments.model)
    return _predictions(arguments, model) if arguments.predictions else _graph(arguments, model)


def _graph(arguments: argparse.Namespace, model: Target) -> int:
    found = lineage.observe(model, arguments.version)
    title = f"{model.title}, version {arguments.version}"
    lines = lineage.tree(title, found.graph, found.missing)
    if arguments.html:
        facts = _facts(model, found.manifest)
        page = lineage_page.html(title, facts, found.graph, found.missing, lineage.links(model))
        Path(arguments.html).write_text(page, encoding="utf-8")
        lines.append(f"saved as {arguments.html}; open it in a browser")
    data = {"graph": lineage.document(found.graph), "missing": found.missing, "manifest": found.manifest}
    options.answer(arguments, options.of(model, version=arguments.version, **data), lines)
    return 0


def _facts(model: Target, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = manifest.get("governance") or {}
    return [
        ("Environment", model.environment),
        ("Registered", str(manifest.get("registered_at") or "")),
        ("Owner", str(told.get("owner") or "")),
        ("Risk rating", str(told.get("risk_rating") or "")),
        ("Manifest", f"revision {manifest.get('revision')} of {manifest.get('written_at')}"),
    ]


def _data(arguments: argparse.Namespace) -> int:
    found = lineage_data.find(target.find_all(arguments.env, arguments.model), arguments.data)
    data = {
        "environment": arguments.env,
        "data": arguments.data,
        "versions_looked_at": found.versions,
        "used_by": list(found.uses),
        "known_to_sagemaker": found.known,
        "disagreements": list(found.disagreements),
    }
    options.answer(arguments, data, _used(arguments.data, found))
    return 0


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


def _predictions(arguments: argparse.Namespace, model: Target) -> int:
    now = utc_now()
    since = arguments.first or _registered(model, arguments.version)
    first, last = since.date() if isinstance(since, datetime) else since, arguments.last or now.date()
    if first > last:
        raise UsageError(f"--from {first}: is after --to {last}; exchange them")
    rows, answer = lineage_predictions.counts(model, arguments.version, since, last, now)
    lines = list(_counted(model.title, arguments.version, (first, last), rows, answer))
    if arguments.csv:
        with Path(arguments.csv).open("w", encoding="utf-8", newline="") as file:
            written, _ = lineage_predictions.records(model, arguments.version, since, last, now, file)
        lines.append(f"saved {written:,} records as {arguments.csv}")
    data = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "predictions": sum(each.predictions for each in rows),
        "days": rows,
        "scanned_bytes": answer.scanned,
        "query": answer.query,
        "csv": arguments.csv,
    }
    options.answer(arguments, options.of(model, version=arguments.version, **data), lines)
    return 0


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
