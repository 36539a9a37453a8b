"""The environment's table as the keeper uses it: the releases and reviews in it, and an index of what was recorded.

The index is a partition of its own, appended and never changed. An entry is written when everything about a revision
is done (manifest, link, card, lineage), so a version whose run ended half-way is looked at again:

    version-00003#0002#4f0c…    revision 2 of version 3, and the fingerprint of what was cheap to know then
    pass#2026-11-21             a run of that day found nothing left to do
    run#9f2k1c8d7b6a#0001       that execution of the pipeline is a run in MLflow

It also has the revision's SHA-256, out of reach of whoever could write into the evidence bucket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import refusals
from revisions import Revision
from settings import Settings
from shared.entries import Entries
from state import Known, Release, Review, Subject, Tracked

DECISIONS = frozenset(
    {"begin", "lost", "failed", "rejected", "inconclusive", "rollback", "done", "revert"}
)  # fmt: skip
"""Kinds of the release controller's entries that belong into a manifest; the others only carry these out."""

DONE = "done"
RETIRE = "retire"
"""A version that leaves the registry, which may be all that is known of it."""
OVERLAP = timedelta(days=1)
"""Releases are read again so far before the last day on which everything was recorded."""

_REVISION = re.compile(r"version-(\d+)#(\d+)#(\w+)")
_RUN = re.compile(r"run#(\w+)#(\d+)")
_EVERYTHING = "pass#"
_MEMBERS = (
    *("sha256", "released", "served", "open", "refused"),
    *("execution", "tracking", "experiment", "run", "package", "version", "state"),
)


class Ledger:
    """The three partitions of one model: its releases and its reviews, which are others' to write, and the index."""

    def __init__(self, dynamodb: Any, settings: Settings) -> None:
        table = settings.ledger_table
        self._releases = Entries(dynamodb, table, settings.model)
        self._reviews = Entries(dynamodb, table, settings.reviews)
        self._index = Entries(dynamodb, table, settings.partition)

    def recorded(self) -> tuple[dict[int, Known], frozenset[str], dict[str, Tracked]]:
        """By version its newest revision, the days on which everything was recorded, and by execution its run."""
        known: dict[int, Known] = {}
        passed = set()
        tracked: dict[str, Tracked] = {}
        for item in self._index.newest_first(*_MEMBERS):
            if match := _RUN.fullmatch(item["entry"]):
                tracked.setdefault(match[1], _tracked(item, int(match[2])))
            elif item["entry"].startswith(_EVERYTHING):
                passed.add(item["entry"].removeprefix(_EVERYTHING))
            elif match := _REVISION.fullmatch(item["entry"]):
                _add(known, _known(item, int(match[1]), int(match[2]), match[3]))
        return known, frozenset(passed), tracked

    def releases(self, passed: frozenset[str]) -> list[Release]:
        """Decisions, their ends and retirements, oldest first, back to a day before the last that is done with."""
        last = max(passed, default="")
        since = datetime.fromisoformat(f"{last}T00:00:00+00:00") - OVERLAP if last else datetime.min.replace(tzinfo=UTC)
        found = []
        for item in self._releases.newest_first("at", "kind", "version", "stage", "reason"):
            # Entries stand in the order of decisions, and each is noted within minutes of it.
            if datetime.fromisoformat(item["at"]) < since:
                break
            if item["kind"] in DECISIONS or item["kind"] == RETIRE:
                version = int(item["version"] or 0)
                found.append(Release(version, item["stage"], item["kind"], item["at"], item["reason"]))
        return sorted(found, key=lambda each: each.at)

    def reviews(self) -> Iterator[Review]:
        for item in self._reviews.newest_first("at", "by", "version", "reason"):
            yield Review(int(item["version"] or 0), item["by"], item["at"], item["reason"])

    def record(self, subject: Subject, revision: Revision, manifest: Mapping[str, Any], now: datetime) -> None:
        """Everything about this revision is done. An entry that is there already stays as it is."""
        releases = manifest["releases"]
        pipeline = manifest["pipeline"]
        self._index.append(
            f"version-{subject.version:05d}#{revision.number:04d}#{subject.fingerprint}",
            {
                "at": _stamp(now),
                "kind": "recorded",
                "package": manifest["package"],
                "version": subject.version,
                "stage": "",
                "reason": manifest["reason"],
                "sha256": revision.sha256,
                "released": max((each["at"] for each in releases), default=""),
                "served": served(releases),
                "open": bool(pipeline and not pipeline["ended_at"]),
                "refused": bool(refusals.told(manifest)),
                "told": False,
            },
        )

    def track(self, tracked: Tracked, now: datetime) -> None:
        """Everything about this run is told to MLflow. An entry that is there already stays as it is."""
        self._index.append(
            f"run#{tracked.id}#{tracked.number:04d}",
            {
                "at": _stamp(now),
                "kind": "tracked",
                "package": tracked.package,
                "version": tracked.version,
                "stage": "",
                "reason": f"its run is in experiment {tracked.experiment}",
                "execution": tracked.execution,
                "tracking": tracked.tracking,
                "experiment": tracked.experiment,
                "run": tracked.run,
                "state": tracked.state,
                "told": False,
            },
        )

    def note_pass(self, now: datetime) -> None:
        values = {"at": _stamp(now), "kind": "pass", "package": "", "version": 0, "stage": "", "told": False}
        self._index.append(f"{_EVERYTHING}{now:%Y-%m-%d}", {**values, "reason": "everything is recorded"})


def served(releases: list[Mapping[str, str]]) -> str:
    """When the version became champion last; "" for never."""
    return max((each["at"] for each in releases if each["outcome"] == DONE), default="")


def _known(item: Mapping[str, str], version: int, revision: int, fingerprint: str) -> Known:
    return Known(
        version=version,
        revision=revision,
        sha256=item["sha256"],
        fingerprints=frozenset({fingerprint}),
        released=item["released"],
        served=item["served"],
        open=item["open"] == "True",
        refused=item["refused"] == "True",
    )


def _tracked(item: Mapping[str, str], number: int) -> Tracked:
    return Tracked(
        execution=item["execution"],
        number=number,
        tracking=item["tracking"],
        experiment=item["experiment"],
        run=item["run"],
        package=item["package"],
        version=int(item["version"] or 0),
        state=item["state"],
    )


def _add(known: dict[int, Known], each: Known) -> None:
    """Of each version the newest revision; several entries of one are taken together."""
    newest = known.setdefault(each.version, each)
    if newest.revision < each.revision:
        known[each.version] = each
    elif newest.revision == each.revision:
        fingerprints = newest.fingerprints | each.fingerprints
        known[each.version] = replace(newest, fingerprints=fingerprints)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
