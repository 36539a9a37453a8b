"""`mlops doctor`: what is wrong with this machine, the configuration or the account, and how to mend it."""

from collections.abc import Iterator

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlops import doctor
from mlops.commands.options import LOCAL, Env, Json
from mlops.commands.output import Output
from mlops.console import console
from mlops.doctor import Finding, Level, Section

_MARKS = {Level.OK: ("✓", "green"), Level.WARN: ("!", "yellow"), Level.BAD: ("✗", "red")}


def add(app: typer.Typer) -> None:
    app.command("doctor")(run)


def run(env: Env = LOCAL, json: Json = False) -> int:
    """What is wrong with this machine, the configuration or the account, and how to mend it.

    Exit code 1 if anything is bad; what is only worth knowing leaves it at 0.
    """
    output, sections = Output(json), list[Section]()
    for section in doctor.examine(env):
        sections.append(section)
        if not json:
            _show(section)
    found = [(section.about, each) for section in sections for each in section.findings]
    counts = {level: sum(each.level is level for _, each in found) for level in Level}
    findings = [
        {"about": about, "level": each.level, "what": each.what, "remedy": each.remedy} for about, each in found
    ]
    end = f"{counts[Level.BAD]} bad, {counts[Level.WARN]} worth knowing, {counts[Level.OK]} well"
    output.answer({"environment": env, "counts": counts, "findings": findings}, [end])
    return 1 if counts[Level.BAD] else 0


def _show(section: Section) -> None:
    console.print(Text(section.about, "bold"))
    for each in section.findings:
        for part in _drawn(each) if console.is_terminal else _plain(each):
            console.print(part, soft_wrap=not console.is_terminal)


def _plain(each: Finding) -> Iterator[Text]:
    """What is wrong and its remedy on one line, for grep."""
    yield Text(f"  {each.level.value:<5} {each.what}" + (f": {each.remedy}" if each.remedy else ""))


def _drawn(each: Finding) -> Iterator[RenderableType]:
    mark, style = _MARKS[each.level]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(mark, style), Text(each.what, "" if each.level is Level.OK else style))
    if each.remedy:
        table.add_row("", Text(f"→ {each.remedy}", "bold"))
    yield Padding(table, (0, 0, 0, 2))
