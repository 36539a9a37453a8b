"""Look at all versions, record those that changed; one run at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError
from gateway import Gateway, RevisionTaken
from ledger import served
from recording import record
from refusals import ChangeRefused, told
from review import days_overdue
from revisions import BrokenRevision
from shared.lock import Hold
from shared.logs import say
from shared.turns import Busy, in_turn
from state import Json, Overview, Subject
from tracking import track

BUDGET = timedelta(seconds=30)
"""A run begins with no further version after it: one takes seconds, and the function has 60."""

ATTEMPTS = 3
"""For a version that somebody else writes at the same time, which nobody should."""


@dataclass(frozen=True)
class Look:
    """What a run did. recorded: versions; left: how many wait for the next run; tracked: ids of executions."""

    recorded: tuple[int, ...] = ()
    left: int = 0
    tracked: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        done = ", ".join(str(version) for version in self.recorded)
        waiting = f"; {self.left} more in the next run" if self.left else ""
        runs = f"; tracked {', '.join(self.tracked)}" if self.tracked else ""
        return (f"versions {done}" if done else "nothing changed") + waiting + runs


def reconcile(gateway: Gateway) -> Look | Busy:
    """What is raised may be mended by a retry; the lock is free then."""
    return in_turn(gateway.lock, lambda hold: _look(gateway, hold))


def _look(gateway: Gateway, _hold: Hold) -> Look:
    """A version that cannot be recorded does not keep the others from it; its error is raised at the end.

    So is what AWS refused of versions that are recorded, since nobody would hear of it: it stands in their manifests.
    """
    overview, tracked = track(gateway, gateway.observer.overview())
    due = overview.due
    manifests: dict[int, Json] = {}
    troubles: list[Exception] = []
    for subject in due:
        if gateway.clock() - overview.now > BUDGET:
            break
        try:
            manifests[subject.version] = _recorded(gateway, subject, overview)
        except (ClientError, BrokenRevision, RevisionTaken) as error:
            say("not recorded", version=subject.version, error=str(error))
            troubles.append(error)
    left = len(due) - len(manifests) - len(troubles)
    _measure(gateway, overview, manifests)
    if troubles:
        raise troubles[0]
    if not left and f"{overview.now:%Y-%m-%d}" not in overview.passed:
        gateway.ledger.note_pass(overview.now)
    refused = [f"version {version}: {text}" for version, each in manifests.items() for text in told(each)]
    if refused:
        raise ChangeRefused("; ".join(refused))
    return Look(tuple(manifests), left, tracked)


def _recorded(gateway: Gateway, subject: Subject, overview: Overview) -> Json:
    known = overview.known.get(subject.version)
    for _ in range(ATTEMPTS - 1):
        try:
            return _told(gateway, subject, record(gateway, subject, known))
        except RevisionTaken as error:
            say("again", version=subject.version, error=str(error))
    return _told(gateway, subject, record(gateway, subject, known))


def _told(gateway: Gateway, subject: Subject, manifest: Json) -> Json:
    say(
        "recorded",
        model=gateway.settings.base,
        version=subject.version,
        revision=manifest["revision"],
        reason=manifest["reason"],
        missing=manifest["missing"],
    )
    return manifest


def _measure(gateway: Gateway, overview: Overview, manifests: dict[int, Json]) -> None:
    """How long a review of what serves here is overdue; nothing is published where nothing serves, or none is due."""
    champion, days = overview.champion, gateway.settings.governance.review_days
    if not champion or not days or overview.serving is None:
        return
    known = overview.known.get(champion)
    at = served(manifests[champion]["releases"]) if champion in manifests else known.served if known else ""
    since = datetime.fromisoformat(at) if at else overview.serving
    reviews = [each.at for subject in overview.subjects if subject.version == champion for each in subject.reviews]
    gateway.measure(days_overdue(since, reviews, days, overview.now))
