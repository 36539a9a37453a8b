"""One version from what is seen of it to what is written down, in an order that lets a run end after any call.

Card and lineage first, since the manifest names them; both are looked up before they are made. Then the revision,
which is written once. Then the version's link to it, and last the entry of the index, which is the memory that all of
it is done: without it the version is looked at again, finds everything there, and only what is missing is done.

What AWS refuses of card and lineage becomes a gap of the manifest, which is tried again at the version's next looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import card as cards
from gateway import Gateway
from lineage import PACKAGE, Lineage, lineage
from manifest import SCHEMA, build
from refusals import Refusals, told
from revisions import BrokenRevision, Revision, following
from state import Json, Known, Seen, Subject


def record(gateway: Gateway, subject: Subject, known: Known | None) -> Json:
    """Returns the version's manifest.

    Raises BrokenRevision if the newest revision is not the one that the index has, RevisionTaken if somebody else
    writes at the same time.
    """
    newest = gateway.newest(subject.version)
    _check(subject.version, newest, known)
    before = newest.document if newest else {}
    seen = gateway.observer.look(subject, before)
    manifest = build(seen, before, gateway.settings)
    refusals = Refusals(before.get("missing", []))
    manifest = _with_card(gateway, seen, manifest, refusals)
    manifest = _with_lineage(gateway, before, manifest, refusals)
    manifest = refusals.added_to(manifest)
    revision = following(manifest, newest, gateway.clock())
    if revision:
        gateway.write(subject.version, revision)
    current = revision or newest
    assert current is not None  # without a newest one there is always a next one
    if gateway.settings.makes and subject.arn and seen.package:
        gateway.link(seen.package)
    gateway.ledger.record(subject, current, current.document, gateway.clock())
    return current.document


def _check(version: int, newest: Revision | None, known: Known | None) -> None:
    """The bucket against the index, which whoever writes into the bucket cannot change."""
    number = newest.number if newest else 0
    if known is None or number > known.revision:
        return  # the run that wrote it ended before it noted that
    if number < known.revision:
        raise BrokenRevision(f"version {version}: revision {known.revision} was recorded and is not there any more")
    if newest and newest.sha256 != known.sha256:
        raise BrokenRevision(
            f"version {version}: revision {number} has SHA-256 {newest.sha256}, recorded was {known.sha256}"
        )


def _with_card(gateway: Gateway, seen: Seen, manifest: Json, refusals: Refusals) -> Json:
    """The manifest with its card, as far as it is known: a card that cannot be looked at stays as it was told."""
    written, trouble = _written(seen)
    card = manifest["card"]
    with refusals.noted("card"):
        card = _card(gateway, manifest, written, refusals, readable=not trouble)
    return {**manifest, "card": card, "missing": [*manifest["missing"], *([f"card: {trouble}"] if trouble else [])]}


def _card(
    gateway: Gateway,
    manifest: Json,
    written: Mapping[str, Mapping[str, str]],
    refusals: Refusals,
    *,
    readable: bool,
) -> Json | None:
    """The version's card, which is made, rewritten and moved as the manifest wants it; None if there is none.

    written: card.toml by section, empty if it is not readable.
    """
    name = cards.name(gateway.settings.base, manifest["version"])
    there, wanted = gateway.card(name), cards.status(manifest)
    content = cards.content(manifest, written)
    # What people wrote is not taken back because it cannot be read today, and an archived card is not edited.
    keeps = there is not None and ((not readable and there.content) or {there.status, wanted} == {"Archived"})
    if there is None:
        with refusals.noted("card"):
            gateway.make_card(name, content, wanted)
    elif there.content != content and not keeps:
        with refusals.noted("card"):
            gateway.rewrite_card(name, content)
    elif there.status == wanted:
        return there.document
    if there and there.status != wanted:
        with refusals.noted("card"):
            gateway.move_card(name, wanted)
    now = gateway.card(name)
    return now.document if now else None


def _written(seen: Seen) -> tuple[Mapping[str, Mapping[str, str]], str]:
    """card.toml by section, and why there is none."""
    if not seen.bundle.card:
        return {}, seen.bundle.trouble or "the version's code has no card.toml"
    try:
        return cards.read(seen.bundle.card), ""
    except cards.BadCard as error:
        return {}, str(error)


def _with_lineage(gateway: Gateway, before: Mapping[str, Any], manifest: Json, refusals: Refusals) -> Json:
    """The manifest with its place in SageMaker's lineage, drawn once the pipeline has ended and anew if it changed."""
    pipeline, settings = manifest["pipeline"], gateway.settings
    if (pipeline and not pipeline["ended_at"]) or not manifest["package"]:
        return manifest
    wanted = lineage(manifest, settings.base, settings.endpoint_arn)
    drawn = before.get("lineage") and before["schema"] == SCHEMA and not told(before, "lineage")
    if drawn and lineage(before, settings.base, settings.endpoint_arn) == wanted:
        return manifest
    package = _drawn(gateway, wanted, refusals).get(PACKAGE)
    return {**manifest, "lineage": {"package_artifact": package}} if package else manifest


def _drawn(gateway: Gateway, wanted: Lineage, refusals: Refusals) -> Mapping[str, str]:
    """ARNs by the entities' keys, of those that are there; one that is refused keeps no other from being drawn."""
    arns: dict[str, str] = {}
    for entity in wanted.entities:
        with refusals.noted("lineage"):
            arns[entity.key] = gateway.entity(entity)
    for each in wanted.associations:
        if each.source in arns and each.destination in arns:
            with refusals.noted("lineage"):
                gateway.associate(arns[each.source], arns[each.destination], each.type)
    return arns
