"""`mlops card`: the model card of a version: in lines, as a page, as PDF."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlops import cards, evidence, target
from mlops.audit_look import utc_now
from mlops.commands.options import LOCAL, Env, Json, Model, Version
from mlops.commands.output import Output, of
from mlops.target import Target

EXPORTS = "model-cards"
"""Folder of exported cards in the model's folder of the artifacts bucket."""


def add(app: typer.Typer) -> None:
    app.command("card")(run)


def run(
    version: Version,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="write it there as a page")] = None,
    pdf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="let SageMaker export it as PDF, and save that there")
    ] = None,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """The model card of a version: what it is for, how good, its limits."""
    found = target.find(env, model)
    sagemaker = found.clients("sagemaker")
    name, card_version = _card(found, version)
    card = cards.read(sagemaker, name, card_version)
    told = cards.lines(card)
    if html:
        html.write_text(cards.html(card), encoding="utf-8")
        told.append(f"saved as {html}; open it in a browser")
    if pdf:
        bucket = found.output(found.foundation_stack, "ArtifactsBucket")
        output = f"s3://{bucket}/{found.names.folder}/{EXPORTS}/version-{version}"
        body = cards.export(sagemaker, found.clients("s3"), name, card["ModelCardVersion"], output, utc_now())
        pdf.write_bytes(body)
        told.append(f"saved as {pdf}, {len(body):,} bytes")
    data = {"card": card, "html": html and str(html), "pdf": pdf and str(pdf)}
    Output(json).answer(of(found, version=version, **data), told)


def _card(model: Target, version: int) -> tuple[str, int | None]:
    """Name of the version's card, by its manifest or as cards are named; its newest version."""
    try:
        manifest: dict[str, Any] = evidence.newest(model.clients("s3"), evidence.bucket(model), model.names, version)
    except evidence.NoManifest:
        return model.names.card(version), None
    named = (manifest.get("card") or {}).get("name")
    return str(named or model.names.card(version)), None
