"""The comparison of a version with the champion, look by look, from the entries of the ledger. Pure."""

from collections.abc import Sequence
from statistics import NormalDist

from mlops.ledger import Entry
from mlops.release_state import Candidate
from mlops.situation.facts import Experiment, Look

_BEGINNINGS = ("begin", "rollback")
_BEFORE = {"challenger": "shadow", "promote": "challenger"}


def of(entries: Sequence[Entry], candidate: Candidate | None) -> Experiment | None:
    """The candidate's in its stage; without a candidate the last one that was decided. entries: newest first."""
    place = next((place for place, each in enumerate(entries) if _told(each, candidate)), None)
    if place is None:
        return None
    stay = _stay(entries[place:])
    newest, stage = stay[0], _stage(stay)
    looks = tuple(_looks(stay, stage))
    return Experiment(
        version=newest.version,
        package=newest.package,
        stage=stage,
        running=bool(candidate and candidate.stage == stage and looks[-1].decision in ("continue", "mismatch")),
        error_rate=_error_rate(looks[-1]),
        looks=looks,
    )


def _told(entry: Entry, candidate: Candidate | None) -> bool:
    """Whether an entry tells of the experiment that matters; looks at what has left without a decision do not."""
    if not entry.verdict:
        return False
    return entry.package == candidate.package if candidate else not entry.is_step


def _stay(entries: Sequence[Entry]) -> list[Entry]:
    """The first entry and those before it with a verdict on its version, back to when it came to its stage.

    A version comes to its next stage by what was seen in the one before: such an entry ends a stay, and begins one.
    """
    found = [entries[0]]
    for each in entries[1:]:
        if each.kind in _BEGINNINGS:
            break
        if each.verdict and each.package == entries[0].package:
            found.append(each)
    return found


def _stage(stay: Sequence[Entry]) -> str:
    looked = next((each.stage for each in stay if each.is_step), "")
    newest = stay[0]
    return looked or (_BEFORE.get(newest.stage, newest.stage) if newest.kind in _BEGINNINGS else newest.stage)


def _looks(stay: Sequence[Entry], stage: str) -> list[Look]:
    """Oldest first; of entries that tell the same look (the look, and what was decided by it) the decision."""
    by_number: dict[int, Look] = {}
    for entry in sorted(stay, key=lambda each: (each.at, each.generation, not each.is_step)):
        figures = entry.verdict or {}
        look = Look(
            at=entry.at,
            stage=stage,
            number=int(figures["looks"]),
            decision=str(figures["decision"]),
            rule=str(figures["rule"]),
            estimate=float(figures["estimate"]),
            low=float(figures["low"]),
            high=float(figures["high"]),
            samples=int(figures["samples"]),
            horizon=int(figures.get("horizon") or 0),
            progress=float(figures["progress"]),
            statistic=float(figures["statistic"]),
            boundary=float(figures["boundary"]),
            spent=float(figures["spent"]),
            explanation=str(figures.get("explanation", "")),
        )
        by_number[look.number] = look
    return [by_number[number] for number in sorted(by_number)]


def _error_rate(look: Look) -> float:
    """Of the whole experiment: the boundary is made from it (lambdas/release_controller/rules.py)."""
    if look.rule == "planned":
        return round(4 * (1 - NormalDist().cdf(look.boundary)), 6)
    return round(1 / look.boundary, 6) if look.boundary else 0.0
