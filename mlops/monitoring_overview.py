"""All that is known of a model's monitors, on one page: read at once, and put into words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops import monitoring, words
from mlops.ledger import Entry
from mlops.monitoring import Alarm, Execution, Schedule, Standing, Watched
from mlops.target import Target
from monitoring import parts
from monitoring.findings import JUDGED, MONITORS, Confirmation, Judgement

RETRAININGS = 3
"""How many entries of the retraining controller an overview has."""


@dataclass(frozen=True)
class Overview:
    """What the newest runs found, what rings, what was retrained, and what starts the monitors."""

    standing: Standing
    alarms: Sequence[Alarm]
    retrained: Sequence[Entry]
    schedule: Schedule | None
    last: Execution | None

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        standing, newest = self.standing, parts.newest(self.standing.judged)
        return {
            "version": standing.concluded and standing.concluded["version"],
            "report": standing.concluded and standing.concluded["report"],
            "skipped": standing.skipped,
            "left_out": standing.left_out,
            "monitors": {each.monitor: _monitor_facts(each, newest.get(each.monitor)) for each in standing.said},
            "alarms": self.alarms,
            "retrainings": self.retrained,
            "schedule": self.schedule,
            "last_run": self.last,
        }


def read(target: Target) -> Overview:
    return Overview(
        monitoring.standing(target),
        monitoring.alarms(target),
        monitoring.retrainings(target, RETRAININGS),
        monitoring.schedule(target),
        monitoring.last_execution(target),
    )


def lines(found: Overview, model: Target, now: datetime) -> Iterator[str]:
    """The overview for a person: what it is about, then a line or more a subject. Pure."""
    concluded, schedule, last = found.standing.concluded, found.schedule, found.last
    version = f", version {concluded['version']}" if concluded else ""
    yield f"{model.title}{version}, {words.moment(now)} UTC"
    for name, text in _rows(found):
        yield f"  {name:<15}{text}"
    yield f"  {'schedule':<15}{f'{schedule.name} {schedule.state}, {schedule.when}' if schedule else 'none'}"
    if last:
        yield f"  {'last run':<15}{last.status} {words.ago(last.began, now)}: {last.arn}"
    report = concluded["report"] if concluded else f"none; {model.command('monitor run', '--follow')}"
    yield f"  {'report':<15}{report}"


def result(watched: Watched, model: Target) -> Iterator[str]:
    """What a run came to: each window in a line, what breached below it, and what is confirmed. Pure."""
    for each in sorted(watched.judgements, key=lambda each: (each.window, MONITORS.index(each.monitor))):
        yield f"{each.window}  {each.monitor:<14} {_judged(each)}"
        yield from (f"{'':43}{finding.text}" for finding in each.findings if finding.breaches)
    yield from (f"{monitor} was not judged: {why}" for monitor, why in watched.skipped.items())
    yield from (f"left out: {text}" for text in watched.left_out)
    yield f"version {watched.version}: {confirmed(watched.confirmed)}"
    yield f"report: {watched.report} ({model.command('monitor report', '--save', 'report.html')})"


def facts(watched: Watched) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "executions": watched.executions,
        "version": watched.version,
        "judgements": [each.document() for each in watched.judgements],
        "skipped": watched.skipped,
        "left_out": watched.left_out,
        "confirmed": watched.confirmed,
        "degradation": watched.degradation,
        "report": watched.report,
    }


def confirmed(monitors: Sequence[str]) -> str:
    return f"confirmed: {', '.join(monitors)}" if monitors else "nothing confirmed"


def _rows(found: Overview) -> Iterator[tuple[str, str]]:
    standing = found.standing
    yield from _monitor_rows(standing.judged, standing.said, standing.skipped)
    yield from (("left out", text) for text in standing.left_out)
    yield from (("alarms", text) for text in _alarms(found.alarms))
    yield from (("retraining", f"{words.moment(each.at)} {each.kind}: {each.reason}") for each in found.retrained)
    if not found.retrained:
        yield "retraining", "none yet"


def _monitor_rows(
    judged: Sequence[Judgement], said: Sequence[Confirmation], skipped: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    found = parts.newest(judged)
    for each in said:
        newest = found.get(each.monitor)
        if each.monitor in skipped:
            yield each.monitor, f"not judged by the newest run: {skipped[each.monitor]}"
        if newest is None:
            if each.monitor not in skipped:
                yield each.monitor, "not judged yet"
            continue
        begin = "CONFIRMED" if each.confirmed else "not confirmed"
        yield (
            each.monitor,
            f"{begin}: {_how_often(each)}; newest: {newest.window} {_judged(newest)}",
        )
        for finding in newest.findings:
            if finding.breaches:
                yield "", f"  {finding.text}"


def _judged(each: Judgement) -> str:
    """A judgement in a word, with its rows."""
    state = (
        ("breached" if each.breached else "within limits") if each.status == JUDGED else each.status.replace("_", " ")
    )
    return f"{state} ({each.rows:,} rows)"


def _how_often(said: Confirmation) -> str:
    """`1 of the newest 4 judged windows breached`"""
    if said.judged == 0:
        return "no window has been judged"
    if said.judged == 1:
        return "the only judged window breached" if said.breached else "the only judged window did not breach"
    return f"{said.breached} of the newest {said.judged} judged windows breached"


def _monitor_facts(said: Confirmation, newest: Judgement | None) -> dict[str, Any]:
    return {
        "confirmed": said.confirmed,
        "breached": said.breached,
        "judged": said.judged,
        "newest": newest and newest.document(),
    }


def _alarms(alarms: Sequence[Alarm]) -> Iterator[str]:
    """Those that want somebody, each with its reason; the others are counted."""
    ringing = [each for each in alarms if each.state == "ALARM"]
    if not alarms:
        yield "none deployed"
        return
    blind = sum(each.state == "INSUFFICIENT_DATA" for each in alarms)
    waiting = f", {blind} without data yet" if blind else ""
    yield f"{len(ringing)} of {len(alarms)} in ALARM{waiting}"
    yield from (f"  {each.name}: {' '.join(each.reason.split())}" for each in ringing)
