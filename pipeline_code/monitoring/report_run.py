"""A run as its report reads it: judgements in order, what is confirmed, and how strong a finding is."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from monitoring import figures
from monitoring.findings import DATA_QUALITY, JUDGED, MONITORS, Finding, Judgement, Window


class Run:
    """The run's parts, ordered: judgements by time, the last one said of a window only."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        self.document = run
        self.windows = {str(each) for each in run.get("windows") or ()}
        last: Dict[Tuple[str, Window], Judgement] = {}
        for each in run.get("judgements") or ():
            judgement = Judgement.read(each)
            last[(judgement.monitor, judgement.window)] = judgement
        self.judgements = [last[key] for key in sorted(last, key=lambda key: (key[1], MONITORS.index(key[0])))]
        self.confirmations: Dict[str, Mapping[str, Any]] = {
            each["monitor"]: each for each in run.get("confirmations") or ()
        }
        self.skipped: Dict[str, str] = dict(run.get("skipped") or {})

    def text(self, name: str) -> str:
        value = self.document.get(name)
        return "" if value is None else str(value)

    def of(self, monitor: str) -> List[Judgement]:
        """All that were judged, oldest first."""
        return [each for each in self.judgements if each.monitor == monitor and each.status == JUDGED]

    @property
    def new(self) -> List[Judgement]:
        """Of this run."""
        return [each for each in self.judgements if str(each.window) in self.windows]

    @property
    def faulty(self) -> bool:
        """Whether the newest of this run's windows breaks rules of data quality, for which one is enough."""
        judged = [each for each in self.new if each.monitor == DATA_QUALITY and each.status == JUDGED]
        return bool(judged) and judged[-1].breached

    def confirmed(self, monitors: Collection[str] = MONITORS) -> List[str]:
        return [each for each in monitors if self.confirmations.get(each, {}).get("confirmed")]

    def how_often(self, monitor: str) -> str:
        """ "3 of the newest 4 judged windows breached"."""
        found = self.confirmations.get(monitor)
        if not found or not found["judged"]:
            return "no window judged yet"
        if found["judged"] == 1:
            return "the only judged window breached" if found["breached"] else "the only judged window did not breach"
        return f"{found['breached']} of the newest {found['judged']} judged windows breached"


def effect(one: Finding) -> str:
    said = f"{figures.number(one.value)}, limit {figures.number(one.threshold)}"
    times = figures.times(one.value, one.threshold)
    return f"{said} ({figures.number(times)} times)" if times is not None and times > 1.05 else said


def share(one: Finding) -> Optional[float]:
    """The value as a share of its limit; a breach is at least 1 whichever side is worse."""
    times = figures.times(one.value, one.threshold)
    if one.large and (times is None or times < 1):
        return 1.0 if not times else min(1 / times, 9.0)
    return times


def same(one: Finding, subject: str, check: str) -> bool:
    return one.subject == subject and one.check == check
