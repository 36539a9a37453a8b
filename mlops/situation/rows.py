"""One model's page as labelled rows of styled cells, for a terminal and for plain lines. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from mlops import people, words
from mlops.ledger import ENDED
from mlops.situation.facts import Alarm, Look, Model, Monitor, Run, Situation, Step, Variant, Version
from mlops.target import command

GOOD, WARN, BAD, DIM, STRONG = "green", "yellow", "red", "dim", "bold"

VERSIONS = 5
"""How many of the newest versions the page lists."""

_REASON = 160
"""Characters of the newest decision's reason."""

STATES = {
    "Succeeded": GOOD, "Completed": GOOD, "Approved": GOOD, "InService": GOOD, "OK": GOOD,
    "Executing": WARN, "Stopping": WARN, "Updating": WARN, "Creating": WARN, "PendingManualApproval": WARN,
    "Failed": BAD, "Rejected": BAD, "ALARM": BAD, "RollingBack": BAD, "UpdateRollbackFailed": BAD,
}  # fmt: skip
INFORMATION = "Information: nobody is called"
"""What the description of an alarm says that asks nobody for anything (constructs: monitor_alarms)."""
TRAINING_FAILED = "TrainingFailed"
"""The last word of the alarm's name (constructs: monitoring_alarms)."""
MARKS = {"Succeeded": "✓", "Failed": "✗", "Executing": "…", "Starting": "…", "Stopped": "■"}
_APPROVALS = {"PendingManualApproval": "pending"}


@dataclass(frozen=True)
class Row:
    """Cells beside a label; rows of the same label that follow each other line up."""

    label: str
    cells: tuple[Text, ...]


def row(label: str, *cells: Text | str) -> Row:
    return Row(label, tuple(Text(each) if isinstance(each, str) else each for each in cells))


def of(model: Model, seen: Situation) -> Iterator[Row]:
    """What serves, what is on its way, how it does, and last what waits for somebody."""
    yield from _serving(model, seen.at)
    yield from _versions(model, seen.at)
    yield from _experiment(model, seen.at)
    yield from _monitors(model)
    for purpose in ("training", "monitoring"):
        if found := model.run(purpose):
            yield from _run(found, seen.at)
    if model.alarms or not any(each.startswith("alarms: ") for each in model.unread):
        yield from _alarms(model.alarms, model.name, model.run("training"))
    yield from _steering(model, seen)
    yield from (row("unread", Text(each, WARN)) for each in model.unread)
    for each in model.waiting:
        remedy = Text(each.remedy, "bold cyan" if each.command else DIM)
        yield row("waiting", Text.assemble((each.what, WARN), ": ", remedy))


def of_environment(seen: Situation) -> Iterator[Row]:
    """What belongs to none of the models, where it wants somebody."""
    yield from (each for each in _alarms(seen.alarms, "") if any(alarm.state == "ALARM" for alarm in seen.alarms))


def _serving(model: Model, now: datetime) -> Iterator[Row]:
    champion, candidate, endpoint = model.champion, model.candidate, model.endpoint
    if champion:
        text = Text.assemble(
            (f"version {champion.version}", STRONG), f" since {_when(champion.since, now)}",
            f", approved by {people.name(champion.approved_by[0])}" if champion.approved_by else "",
            f", released by {people.name(champion.released_by)}" if champion.released_by else "",
        )  # fmt: skip
        yield row("champion", text)
    else:
        yield row("champion", Text("none: nothing serves", DIM))
    if candidate:
        planned = f", to have {candidate.share} % of the requests" if candidate.stage == "challenger" else ""
        since = f", {candidate.stage} since {_when(candidate.since, now)}{planned}"
        yield row("candidate", Text.assemble((f"version {candidate.version}", STRONG), since))
    else:
        yield row("candidate", Text("none", DIM))
    status = Text(endpoint.status, STATES.get(endpoint.status, DIM))
    stack = Text(endpoint.stack_status, _stack_style(endpoint.stack_status))
    yield row("endpoint", Text.assemble(f"{endpoint.name} ", status, ", stack ", stack))
    if endpoint.variants:
        yield row("requests", Text(", ").join(_variant(each) for each in endpoint.variants))


def _stack_style(status: str) -> str:
    if status.endswith("FAILED"):
        return BAD
    return WARN if status.endswith("IN_PROGRESS") or "ROLLBACK" in status else ""


def _variant(each: Variant) -> Text:
    counted = "1 instance" if each.instances == 1 else f"{each.instances} instances"
    mirrored = " mirrored" if each.name == "shadow" else ""
    moving = f", moving to {each.desired_percent:g} %" if each.desired_percent != each.percent else ""
    return Text.assemble(each.name, (f" {each.percent:g} %", STRONG), f"{mirrored} ({counted}{moving})")


def _versions(model: Model, now: datetime) -> Iterator[Row]:
    for each in model.versions[:VERSIONS]:
        approval = _APPROVALS.get(each.approval, each.approval.lower())
        if each.status != "Completed":
            approval = f"{each.status.lower()}"
        yield row(
            "versions",
            Text(str(each.number), STRONG, justify="right"),
            Text(approval, STATES.get(each.approval, DIM) if each.status == "Completed" else BAD),
            Text(each.part, _PARTS.get(each.part, "")),
            Text(words.ago(each.created, now) if each.created else "", DIM),
            Text(_auc(each)),
            Text(_by(each), DIM),
        )


_PARTS = dict.fromkeys(ENDED.values(), BAD) | {"champion": GOOD, "candidate": WARN, "inconclusive": WARN}


def _auc(version: Version) -> str:
    auc = (version.metrics or {}).get("test_auc", "")
    try:
        return f"AUC {float(auc):.3f}"
    except ValueError:
        return ""


def _by(version: Version) -> str:
    who = f"by {people.name(version.approved_by[0])}: " if version.approved_by else ""
    return f"{who}{version.reason}" if version.reason else who.rstrip(": ")


def _experiment(model: Model, now: datetime) -> Iterator[Row]:
    compared = model.experiment
    if compared is None or (model.candidate and model.candidate.package != compared.package):
        return
    look = compared.latest
    text = f"version {compared.version} is {words.verdict(_figures(look))} ({words.ago(look.at, now)})"
    style = {"better": GOOD, "worse": BAD, "mismatch": BAD}.get(look.decision, "")
    yield row("verdict", Text(text, style))


def _figures(look: Look) -> dict[str, object]:
    figures = {name: getattr(look, name) for name in ("decision", "samples", "horizon", "low", "high", "estimate")}
    return {**figures, "progress": look.progress, "looks": look.number}


def _monitors(model: Model) -> Iterator[Row]:
    watched = model.monitoring
    if watched is None:
        return
    if not watched.enabled:
        yield row("monitors", Text("switched off", DIM))
        return
    if not watched.version:
        yield row("monitors", Text("have not run yet", DIM))
    for each in watched.monitors:
        said, style = _said(each)
        yield row("monitors", each.name.replace("_", " "), Text(said, style), Text(_subjects(each), DIM))
    yield from (row("left out", Text(each, WARN)) for each in watched.left_out)


def _said(each: Monitor) -> tuple[str, str]:
    """What it came to, and how that is to be taken: inputs may drift while the model holds."""
    if not each.judged:
        return (f"not judged: {each.skipped}" if each.skipped else "nothing judged yet"), DIM
    counted = f"{each.breached} of {each.judged} windows breached"
    if each.confirmed:
        return f"CONFIRMED, {counted}", BAD if each.degrading else WARN
    return counted, "" if each.breached else GOOD


def _subjects(each: Monitor) -> str:
    newest = next((window for window in reversed(each.windows) if window.status == "judged"), None)
    found = newest.subjects if newest and newest.breached else ()
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def _run(run: Run, now: datetime) -> Iterator[Row]:
    took = f" in {seconds_in_words((run.ended - run.began).total_seconds())}" if run.ended else ""
    text = Text.assemble((run.status, STATES.get(run.status, "")), f"{took}, {words.ago(run.began, now)}: {run.name}")
    if run.reason:
        text.append(f": {run.reason}", BAD)
    yield row(run.purpose, text)
    shown = [each for each in run.steps if each.status not in ("NotRun",)]
    if shown:
        yield row(run.purpose, Text(" ").join(_step(each) for each in shown))


def _step(each: Step) -> Text:
    return Text(f"{MARKS.get(each.status, '·')} {each.name}", STATES.get(each.status, DIM))


def outlived(alarm: Alarm, training: Run | None) -> str:
    """Why an alarm that rings tells of the past, or "". training: the newest run of its model.

    The alarm counts runs by the minute, and a run that succeeds in the minute of a failed one does not end it.
    """
    if training is None or training.status != "Succeeded" or not alarm.name.endswith(f"-{TRAINING_FAILED}"):
        return ""
    return f"the newest run ({training.name}) has succeeded since"


def _alarms(alarms: Sequence[Alarm], model: str, training: Run | None = None) -> Iterator[Row]:
    ringing = [each for each in alarms if each.state == "ALARM"]
    if not alarms:
        yield row("alarms", Text("none deployed", DIM))
        return
    blind = sum(each.state == "INSUFFICIENT_DATA" for each in alarms)
    waiting = f", {blind} without data yet" if blind else ""
    count = f"{len(ringing)} of {len(alarms)} in ALARM" if ringing else f"none of {len(alarms)} in ALARM"
    past = {each.name: outlived(each, training) for each in ringing}
    styles = {each.name: WARN if INFORMATION in each.about or past[each.name] else BAD for each in ringing}
    worst = BAD if BAD in styles.values() else WARN
    yield row("alarms", Text(f"{count}{waiting}", worst if ringing else GOOD))
    for each in ringing:
        why = f" ({past[each.name]})" if past[each.name] else ""
        yield row("alarms", Text.assemble((_short(each.name, model), styles[each.name]), f": {_about(each)}{why}"))


def _short(name: str, model: str) -> str:
    """Without the project, the environment and the model, which the page is about anyway."""
    return name.partition(f"-{model}-")[2] or name if model else name


def _about(alarm: Alarm) -> str:
    return alarm.about.replace("What to do:", "See") or alarm.reason


def _steering(model: Model, seen: Situation) -> Iterator[Row]:
    if model.command:
        by = f" by {model.commanded_by}" if model.commanded_by else ""
        since = f" since {words.moment(model.commanded)}" if model.commanded else ""
        yield row("command", Text(f"{model.command}{by}{since}", WARN))
    if model.failed:
        yield row("barred", f"version {model.failed} and older ones are not tried again")
    if model.previous:
        back = command("rollback", environment=seen.environment, model=model.name if seen.many else "")
        yield row("previous", f"version {model.previous}; {back} goes back to it")
    if last := model.last:
        version = f" version {last.version}" if last.version else ""
        yield row(
            "last",
            Text.assemble(
                f"{words.moment(last.at)}  {ENDED.get(last.kind, last.kind)}{version}",
                (f" {_short_of(last.reason)}", DIM),
            ),
        )


def _short_of(reason: str) -> str:
    """The whole is in `mlops history`."""
    return reason if len(reason) <= _REASON else f"{reason[:_REASON].rsplit(' ', 1)[0]} …"


def _when(at: datetime, now: datetime) -> str:
    return f"{words.moment(at)} ({words.ago(at, now)})"


def seconds_in_words(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def grouped(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows that follow each other under one label, with as many cells."""
    together: list[Row] = []
    for each in rows:
        if together and (each.label, len(each.cells)) != (together[0].label, len(together[0].cells)):
            yield together[0].label, together
            together = []
        together.append(each)
    if together:
        yield together[0].label, together
