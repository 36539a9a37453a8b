"""What commands print: coloured by meaning on a terminal, the same text plain anywhere else."""

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from mlops import console as shared
from mlops import tables
from mlops.__main__ import main
from mlops.commands import cost, output
from mlops.commands.output import Output
from mlops.costs import Item
from mlops.ledger import Entry
from mlops.prices import Prices
from tests.unit.mlops.world import LOOK, World

LONG_NAME = "mlops-local-loan-approval-serving-champion-ServerErrors-" + "x" * 60


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a person sees on a terminal that has colours."""
    written = io.StringIO()
    monkeypatch.setenv("TERM", "xterm")  # nothing moves on a dumb one, as that of a build
    drawn = Console(
        file=written, force_terminal=True, color_system="standard", width=100, highlight=False, soft_wrap=True
    )
    monkeypatch.setattr(output, "console", drawn)
    return written


@pytest.mark.parametrize(
    ("text", "part", "colour"),
    [
        ("endpoint x InService, stack UPDATE_COMPLETE", "InService", shared.GOOD),
        ("endpoint x InService, stack UPDATE_COMPLETE", "UPDATE_COMPLETE", shared.GOOD),
        ("stack UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", shared.BAD),
        ("version 2 is registered, PendingManualApproval", "PendingManualApproval", shared.WARN),
        ("  alarms  3 of 24 in ALARM", "3 of 24 in ALARM", shared.BAD),
        ("x  breached (600 rows)", "breached", shared.BAD),
        ("data_drift     CONFIRMED: 3 of 4", "CONFIRMED", shared.BAD),
        ("    GAP  approval", "GAP", shared.BAD),
        ("so mlops monitor run --env prod goes on", "mlops monitor run --env prod", "cyan"),
        ("is paused; mlops resume goes on", "mlops resume", "cyan"),
    ],
)
def test_a_state_has_the_colour_of_what_it_means(text: str, part: str, colour: str) -> None:
    marked = shared.meant(text)
    assert (part, colour) in [(marked.plain[span.start : span.end], span.style) for span in marked.spans]


@pytest.mark.parametrize(
    "text",
    [
        "  alarms  0 of 24 in ALARM",
        "  alarms     none in ALARM",
        "not confirmed: 0 of the newest 4 judged windows breached",
        "FailedRequests and ApprovedLoans are names",
    ],
)
def test_what_only_contains_the_word_of_a_state_stays_plain(text: str) -> None:
    assert shared.meant(text).spans == []


def test_without_a_terminal_there_is_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.say("endpoint [x] InService")
    with out.busy("waiting"):
        out.answer({}, ["3 of 24 in ALARM"], lambda: "drawn")
    assert capsys.readouterr().out == "endpoint [x] InService\n3 of 24 in ALARM\n"


def test_on_a_terminal_a_line_says_what_is_waited_for(terminal: io.StringIO) -> None:
    with Output().busy("waiting for [it]"):
        pass
    assert "waiting for [it]" in terminal.getvalue()


def test_json_is_plain_on_a_terminal_too(terminal: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(json=True)
    out.say("on the way")
    with out.busy("waiting"):
        out.answer({"status": "InService"}, ["InService"], lambda: "drawn")
    assert terminal.getvalue() == ""
    assert json.loads(capsys.readouterr().out) == {"status": "InService"}


def test_the_history_is_a_table_on_a_terminal(world: World, terminal: io.StringIO) -> None:
    world.note(8, "begin#4#shadow", 4, stage="shadow", reason="it is the newest approved version")
    world.note(9, "revert#4", 4, minutes=5, stage="shadow", reason="alarm Errors went into ALARM")
    assert main(["history"]) == 0
    drawn = terminal.getvalue()
    assert "\x1b[31mrolled back" in drawn
    assert drawn.index("rolled back") < drawn.index("begin"), "newest first"


def test_a_long_name_in_the_history_is_folded_and_not_cut() -> None:
    entry = Entry("1#end", datetime(2026, 11, 21, tzinfo=UTC), "end", "", 4, "shadow", f"{LONG_NAME} rang", LOOK)
    written = io.StringIO()
    Console(file=written, width=80).print(tables.history([entry]))
    assert LONG_NAME in "".join(part for line in written.getvalue().splitlines() for part in line.split())


def test_the_costs_are_a_table_with_their_sums() -> None:
    prices = Prices("eu-west-1", "2026-11-21", {}, {})
    items = [
        Item("endpoint", "x champion", "ml.m5.large", 2, 0.1),
        Item("job", "training", "ml.m5.large", 1, 0.1),
        Item("storage", "bucket", "GB", None, 0.1),
    ]
    written = io.StringIO()
    Console(file=written, width=120).print(cost.drawn("prod", "eu-west-1", prices, items))
    rows = {line.split("  ")[0 if not line.startswith(" ") else 1]: line for line in written.getvalue().splitlines()}
    assert rows["x champion"].split()[-2:] == ["$0.2000", "$146.00"]
    assert rows["training"].split()[-1] == "$0.1000", "a job ends: nothing a month"
    assert "not measured yet" in rows["bucket"]
    assert rows["together"].split()[-2:] == ["$0.3000", "$146.00"]
