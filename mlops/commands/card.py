"""`mlops card`: the model card of a version: in lines, as a page, as PDF."""

import argparse
from pathlib import Path
from typing import Any

from mlops import cards, evidence, target
from mlops.audit_look import utc_now
from mlops.commands import options
from mlops.target import Target

EXPORTS = "model-cards"
"""Folder of exported cards in the model's folder of the artifacts bucket."""


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "card", run, "the model card of a version: what it is for, how good, its limits")
    parser.add_argument("version", type=options.positive, metavar="VERSION")
    parser.add_argument("--html", metavar="FILE", help="write it there as a page")
    parser.add_argument("--pdf", metavar="FILE", help="let SageMaker export it as PDF, and save that there")


def run(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    sagemaker = model.clients("sagemaker")
    name, version = _card(model, arguments.version)
    card = cards.read(sagemaker, name, version)
    told = cards.lines(card)
    if arguments.html:
        Path(arguments.html).write_text(cards.html(card), encoding="utf-8")
        told.append(f"saved as {arguments.html}; open it in a browser")
    if arguments.pdf:
        bucket = model.output(model.foundation_stack, "ArtifactsBucket")
        output = f"s3://{bucket}/{model.names.folder}/{EXPORTS}/version-{arguments.version}"
        body = cards.export(sagemaker, model.clients("s3"), name, card["ModelCardVersion"], output, utc_now())
        Path(arguments.pdf).write_bytes(body)
        told.append(f"saved as {arguments.pdf}, {len(body):,} bytes")
    data = {"card": card, "html": arguments.html, "pdf": arguments.pdf}
    options.answer(arguments, options.of(model, version=arguments.version, **data), told)
    return 0


def _card(model: Target, version: int) -> tuple[str, int | None]:
    """Name of the version's card, by its manifest or as cards are named; its newest version."""
    try:
        manifest: dict[str, Any] = evidence.newest(model.clients("s3"), evidence.bucket(model), model.names, version)
    except evidence.NoManifest:
        return model.names.card(version), None
    named = (manifest.get("card") or {}).get("name")
    return str(named or model.names.card(version)), None
