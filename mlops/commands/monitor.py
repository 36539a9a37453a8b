"""`mlops monitor run`, `status`, `report`: the monitors of a model, started for any window and read at any time."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops import monitoring, monitoring_overview, monitoring_windows, target
from mlops.commands.options import LOCAL, Env, Json, Model, positive
from mlops.commands.output import Output, of
from mlops.monitoring_windows import Asked


def _parsed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A parser of an option; Click would leave out why it refuses."""

    def parser(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parser


_windows, _moment = _parsed(monitoring_windows.windows), _parsed(monitoring_windows.moment)


def add(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What the monitors say of a model, and runs of them on demand.")
    group.command("run")(run)
    group.command("status")(status)
    group.command("report")(report)
    app.add_typer(group, name="monitor")


def run(
    named: Annotated[
        Any, typer.Option("--windows", parser=_windows, metavar="A/B,C/D", help="windows of inputs, each start/end")
    ] = None,
    outcome_windows: Annotated[
        Any, typer.Option(parser=_windows, metavar="A/B,C/D", help="windows whose outcomes have matured")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="windows of inputs from here to now, one after the other"),
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
    inputs = monitoring_windows.inputs(Asked(named or (), since, hours), about)
    matured = outcome_windows or []
    monitoring_windows.check(inputs, matured, one_run=not follow)
    if not follow:
        execution = monitoring.start(about, inputs, matured)
        out.say(f"{execution} has started; {about.command('monitor status')} shows what it finds")
        out.answer(of(about, executions=[execution], windows=list(map(str, inputs))), [])
        return
    with out.busy("judging"):
        watched = monitoring.run(about, inputs, matured, lambda step, text: out.say(f"{step:<14} {text}"))
    out.answer(of(about, **monitoring_overview.facts(watched)), monitoring_overview.result(watched, about))


def status(env: Env = LOCAL, model: Model = None, json: Json = False) -> None:
    """The newest judgements, confirmations, alarms, retrainings and the schedule."""
    about = target.find(env, model)
    found = monitoring_overview.read(about)
    Output(json).answer(of(about, **found.facts()), monitoring_overview.lines(found, about, datetime.now(UTC)))


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
    told = monitoring_overview.confirmed(concluded["confirmed"])
    lines = [f"version {concluded['version']}, {told}: {concluded['report']}"]
    if save:
        Path(save).write_bytes(page)
        lines.append(f"saved as {save}; open it in a browser")
    else:
        lines.append(f"{about.command('monitor report', '--save', 'report.html')} fetches it")
    Output(json).answer(of(about, **concluded, saved=save), lines)
