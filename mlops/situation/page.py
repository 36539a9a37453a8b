"""`mlops status` as a page: drawn on a terminal, in plain lines anywhere else. Pure."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mlops import words
from mlops.situation import rows
from mlops.situation.facts import Model, Situation
from mlops.situation.rows import Row

_LABEL = 11
"""Columns of the labels: the longest, and a blank."""


def lines(seen: Situation) -> list[str]:
    """Each fact on one line that is never broken, its label before it: for files, pipes and grep."""
    return [line for title, found in _sections(seen) for line in (title, *_plain(found), "")]


def render(seen: Situation) -> RenderableType:
    """The same with colours, in the width of the terminal."""
    return Group(*(part for title, found in _sections(seen) for part in (_heading(title), _drawn(found), Text())))


def _sections(seen: Situation) -> Iterator[tuple[str, list[Row]]]:
    for model in seen.models:
        yield _title(model, seen), list(rows.of(model, seen))
    if shared := list(rows.of_environment(seen)):
        yield f"environment {seen.environment}", shared


def _title(model: Model, seen: Situation) -> str:
    off = "" if model.enabled else " (switched off)"
    return f"{model.name} in {seen.environment}, {words.moment(seen.at)} UTC{off}"


def _heading(title: str) -> Rule:
    name, _, rest = title.partition(", ")
    return Rule(Text.assemble((name, "bold"), f", {rest}" if rest else ""), align="left", style="dim")


def _plain(found: Iterable[Row]) -> Iterator[str]:
    for label, together in rows.grouped(found):
        widths = [
            max(cell.cell_len for cell in column) for column in zip(*(row.cells for row in together), strict=True)
        ]
        for row in together:
            cells = (cell.plain.ljust(width) for cell, width in zip(row.cells, widths, strict=True))
            yield f"  {label:<{_LABEL}}{'  '.join(cells)}".rstrip()


def _drawn(found: Iterable[Row]) -> Table:
    page = Table.grid(padding=(0, 1))
    page.add_column(style="dim", no_wrap=True, min_width=_LABEL - 1)
    page.add_column(ratio=1)
    before = ""
    for label, together in rows.grouped(found):
        inner = Table.grid(padding=(0, 2))
        for number in range(len(together[0].cells)):
            last = number == len(together[0].cells) - 1
            inner.add_column(overflow="fold" if last else "ellipsis", no_wrap=not last)
        for row in together:
            inner.add_row(*row.cells)
        page.add_row("" if label == before else label, inner)
        before = label
    return page
