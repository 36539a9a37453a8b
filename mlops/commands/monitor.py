"""`mlops monitor run`, `status`, `report`: the monitors of a model, started for any window and read at any time."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops import monitoring, target, words
from mlops.commands.options import LOCAL, Env, Json, Model, positive
from mlops.commands.output import Output, of
from mlops.errors import UsageError
from mlops.ledger import Entry
from mlops.monitoring import Alarm, Watched
from mlops.target import Target
from monitoring import parts
from monitoring.findings import JUDGED, MONITORS, Confirmation, Judgement, Window

_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d")
RETRAININGS = 3
"""How many entries of the retraining controller `status` shows."""


def windows(text: str) -> list[Window]:
    """Windows, separated by commas; a date alone is its midnight, UTC."""
    return [_window(part.strip()) for part in text.split(",") if part.strip()] or _refuse(text)


def moment(text: str) -> datetime:
    """A time in UTC as in 2026-11-21T16:00:00Z, or a date for its midnight."""
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise typer.BadParameter(f"{text!r} is not a time in UTC; write 2026-11-21 or 2026-11-21T16:00:00Z")


def _window(text: str) -> Window:
    start, slash, end = text.partition("/")
    if not slash:
        return _refuse(text)[0]
    try:
        return Window(moment(start), moment(end))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _refuse(text: str) -> list[Window]:
    raise typer.BadParameter(f"{text!r} is no window; write 2026-11-20/2026-11-21, or times as 2026-11-20T16:00:00Z")


Windows = list[Window]


@dataclass(frozen=True)
class Inputs:
    """The windows of inputs that were asked for: named, or from a moment on, each of so many hours."""

    windows: Windows
    since: datetime | None = None
    hours: int | None = None


def add(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What the monitors say of a model, and runs of them on demand.")
    group.command("run")(run)
    group.command("status")(status)
    group.command("report")(report)
    app.add_typer(group, name="monitor")


def run(
    named: Annotated[
        Any, typer.Option("--windows", parser=windows, metavar="A/B,C/D", help="windows of inputs, each start/end")
    ] = None,
    outcome_windows: Annotated[
        Any, typer.Option(parser=windows, metavar="A/B,C/D", help="windows whose outcomes have matured")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="windows of inputs from here to now, one after the other"),
    ] = None,
    hours: Annotated[
        int | None,
        typer.Option(parser=positive, metavar="N", help="with --since: how long each is (default: as scheduled)"),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="follow the run to its end, and say what it found")] = False,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Judge windows of predictions now, whatever the schedule."""
    about, out = target.find(env, model), Output(json)
    inputs, matured = _inputs(Inputs(named or [], since, hours), about), outcome_windows or []
    now = monitoring.utc_now()
    for window in (*inputs, *matured):
        if window.start >= now:
            raise UsageError(f"window {window}: has not begun ({now:%Y-%m-%dT%H:%M:%SZ}); give one that is over")
    count = max(len(set(inputs)), len(set(matured)))
    if not follow and count > monitoring.MOST_WINDOWS:
        raise UsageError(
            f"{count} windows take more than one run, of {monitoring.MOST_WINDOWS} each, one after the other: "
            "add --follow, or name fewer"
        )
    if not follow:
        execution = monitoring.start(about, inputs, matured)
        out.say(f"{execution} has started; {about.command('monitor status')} shows what it finds")
        out.answer(of(about, executions=[execution], windows=list(map(str, inputs))), [])
        return
    with out.busy("judging"):
        watched = monitoring.run(about, inputs, matured, lambda step, text: out.say(f"{step:<14} {text}"))
    out.answer(of(about, **_facts(watched)), _found(about, watched))


def status(env: Env = LOCAL, model: Model = None, json: Json = False) -> None:
    """The newest judgements, confirmations, alarms, retrainings and the schedule."""
    about = target.find(env, model)
    settings, concluded = about.settings.monitoring, monitoring.latest(about)
    judged: list[Judgement] = []
    runs: list[monitoring.Run] = []
    if concluded:
        kept, watched = monitoring.store(about), str(concluded["version"])
        judged = monitoring.judgements(kept.s3, kept.bucket, kept.prefix, watched)
        runs = [monitoring.run_of(kept, watched, str(concluded.get("run")))]
    skipped, left_out = monitoring.skipped(runs), monitoring.left_out(runs)
    said = monitoring.confirmations(judged, settings.breaches, settings.of)
    alarms, retrained = monitoring.alarms(about), monitoring.retrainings(about, RETRAININGS)
    schedule, last = monitoring.schedule(about), monitoring.last_execution(about)
    now = datetime.now(UTC)
    version = f", version {concluded['version']}" if concluded else ""
    lines = [f"{about.title}{version}, {words.moment(now)} UTC"]
    lines += [f"  {name:<15}{text}" for name, text in _monitor_rows(judged, said, skipped)]
    lines += [f"  {'left out':<15}{text}" for text in left_out]
    lines += [f"  {'alarms':<15}{text}" for text in _alarms(alarms)]
    lines += [f"  {'retraining':<15}{_retraining(each)}" for each in retrained] or [f"  {'retraining':<15}none yet"]
    lines.append(f"  {'schedule':<15}{f'{schedule.name} {schedule.state}, {schedule.when}' if schedule else 'none'}")
    if last:
        lines.append(f"  {'last run':<15}{last.status} {words.ago(last.began, now)}: {last.arn}")
    lines.append(
        f"  {'report':<15}{concluded['report'] if concluded else 'none; ' + about.command('monitor run', '--follow')}"
    )
    data = {
        "version": concluded and concluded["version"],
        "report": concluded and concluded["report"],
        "skipped": skipped,
        "left_out": left_out,
        "monitors": {each.monitor: _monitor_facts(each, _newest(judged, each.monitor)) for each in said},
        "alarms": alarms,
        "retrainings": retrained,
        "schedule": schedule,
        "last_run": last,
    }
    Output(json).answer(of(about, **data), lines)


def report(
    save: Annotated[str | None, typer.Option(metavar="FILE", help="write it there; - for standard output")] = None,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """The newest report: an HTML page with pictures."""
    about = target.find(env, model)
    concluded, page = monitoring.report(about)
    if save == "-" and not json:
        sys.stdout.write(page.decode())
        return
    lines = [f"version {concluded['version']}, {_confirmed(concluded['confirmed'])}: {concluded['report']}"]
    if save:
        Path(save).write_bytes(page)
        lines.append(f"saved as {save}; open it in a browser")
    else:
        lines.append(f"{about.command('monitor report', '--save', 'report.html')} fetches it")
    Output(json).answer(of(about, **concluded, saved=save), lines)


def _inputs(asked: Inputs, model: Target) -> Windows:
    """The windows of inputs that were asked for; none for those of the schedule."""
    if asked.hours and not asked.since:
        raise UsageError("--hours: says how long the windows from --since on are; give --since too")
    if asked.since and asked.windows:
        raise UsageError("--since: names the windows already that --windows names; give one of both")
    if not asked.since:
        return asked.windows
    hours = timedelta(hours=asked.hours or model.settings.monitoring.window_hours)
    ready = monitoring.utc_now() - timedelta(minutes=model.settings.monitoring.delay_minutes)
    found = list(_since(asked.since, hours, ready))
    if not found:
        raise UsageError(
            f"--since {asked.since:%Y-%m-%dT%H:%M:%SZ}: no window of {hours.total_seconds() / 3600:g} h has ended "
            f"since, and been captured by {ready:%Y-%m-%dT%H:%M:%SZ}; begin earlier, or give --hours"
        )
    return found


def _since(start: datetime, length: timedelta, until: datetime) -> Iterator[Window]:
    while start + length <= until:
        yield Window(start, start + length)
        start += length


def _found(model: Target, watched: Watched) -> Iterator[str]:
    """What a run came to: each window in a line, what breached below it, and what is confirmed."""
    for each in sorted(watched.judgements, key=lambda each: (each.window, MONITORS.index(each.monitor))):
        yield f"{each.window}  {each.monitor:<14} {_judged(each)}"
        yield from (f"{'':43}{finding.text}" for finding in each.findings if finding.breaches)
    yield from (f"{monitor} was not judged: {why}" for monitor, why in watched.skipped.items())
    yield from (f"left out: {text}" for text in watched.left_out)
    yield f"version {watched.version}: {_confirmed(watched.confirmed)}"
    yield f"report: {watched.report} ({model.command('monitor report', '--save', 'report.html')})"


def _facts(watched: Watched) -> dict[str, Any]:
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


def _confirmed(monitors: Sequence[str]) -> str:
    return f"confirmed: {', '.join(monitors)}" if monitors else "nothing confirmed"


def _judged(each: Judgement) -> str:
    """A judgement in a word, with its rows."""
    state = (
        ("breached" if each.breached else "within limits") if each.status == JUDGED else each.status.replace("_", " ")
    )
    return f"{state} ({each.rows:,} rows)"


def _newest(judged: Sequence[Judgement], monitor: str) -> Judgement | None:
    return parts.newest(judged).get(monitor)


def _monitor_rows(
    judged: Sequence[Judgement], said: Sequence[Confirmation], skipped: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for each in said:
        newest = _newest(judged, each.monitor)
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


def _retraining(entry: Entry) -> str:
    return f"{words.moment(entry.at)} {entry.kind}: {entry.reason}"
