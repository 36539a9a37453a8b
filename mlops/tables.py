"""What commands draw on a terminal in place of their lines: tables with colour by meaning. Pure."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from mlops import words
from mlops.console import BAD, GOOD, WARN, meant
from mlops.ledger import Entry

_KINDS = {
    "done": GOOD,
    "succeeded": GOOD,
    "review": GOOD,
    "lost": BAD,
    "revert": BAD,
    "failed": BAD,
    "refused": BAD,
    "hold": WARN,
    "command": WARN,
}
_STEP = "dim"


def history(entries: Iterable[Entry]) -> Table:
    """The ledger: a decision a row; what only carries one out is dim."""
    table = _table("when (UTC)", "what", "version", "stage")
    table.add_column("why", ratio=1, overflow="fold")  # names are there to be copied
    for each in entries:
        table.add_row(
            Text(words.moment(each.at), _STEP),
            Text(each.happened, _KINDS.get(each.kind, _STEP if each.is_step else "")),
            str(each.version or "-"),
            each.stage,
            meant("\n".join(words.because(each))),
            style=_STEP if each.is_step else None,
        )
    return table


def costs(sections: Iterable[tuple[str, Sequence[tuple[str, str, str, str]]]], total: tuple[str, str]) -> Table:
    """Rows of name, size, price an hour and a month below their section's title, and the sums."""
    table = _table("", "size")
    table.add_column("an hour", justify="right", no_wrap=True)
    table.add_column("a month", justify="right", no_wrap=True)
    for title, rows in sections:
        table.add_row(Text(title, "bold"))
        for name, size, hourly, monthly in rows:
            table.add_row(f"  {name}", size, meant(hourly), monthly)
        table.add_section()
    table.add_row(Text("together", "bold"), "", Text(total[0], "bold"), Text(total[1], "bold"))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for each in columns:
        table.add_column(each, no_wrap=each not in ("", "size"))
    return table
