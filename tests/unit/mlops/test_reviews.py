"""`mlops review`: noted once, by whoever runs it, of what serves; and in the history beside retrainings."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime

import pytest

from mlops import reviews
from mlops.__main__ import main
from mlops.cdk import ROOT
from mlops.commands import review
from tests.unit.mlops.world import ALICE, TABLE, World

NOW = datetime(2026, 11, 21, 9, 30, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def reviewed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(review, "utc_now", lambda: NOW)
    world.serve(3)
    return world


def test_a_review_is_noted_and_the_next_one_named(reviewed: World, capsys: pytest.CaptureFixture[str]) -> None:
    days = reviewed.target.settings.governance.review_days
    assert main(["review", "3", "--note", "  looked at   drift: fine ", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (found,) = reviews.reviews(reviewed.target)
    assert found == reviews.Review(3, ALICE, NOW, "looked at drift: fine")
    assert answer["by"] == ALICE
    due = reviews.due(NOW, days)
    assert answer["due"] == (due.isoformat() if due else None)


def test_an_entry_is_as_the_record_keeper_reads_it(reviewed: World) -> None:
    """The shape of lambdas/shared/entries: newest_first, by key, with its members as texts."""
    main(["review", "3", "--note", "fine"])
    spec = importlib.util.spec_from_file_location("shared_entries", ROOT / "lambdas/shared/entries.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entries = module.Entries(reviewed.dynamodb, TABLE, "loan-approval#reviews")
    (item,) = entries.newest_first("at", "by", "version", "reason")
    assert item == {
        "entry": f"{int(NOW.timestamp()):010d}#review#3",
        "at": "2026-11-21T09:30:00.123Z",
        "by": ALICE,
        "version": "3",
        "reason": "fine",
    }


def test_a_review_is_never_overwritten(reviewed: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "3", "--note", "first"]) == 0
    assert main(["review", "3", "--note", "second"]) == 1
    assert [each.note for each in reviews.reviews(reviewed.target)] == ["first"]


@pytest.mark.parametrize(("version", "why"), [("2", "version 3 does"), ("4", "version 3 does")])
def test_only_what_serves_is_reviewed(
    reviewed: World, capsys: pytest.CaptureFixture[str], version: str, why: str
) -> None:
    assert main(["review", version, "--note", "x"]) == 1
    assert f"does not serve, {why}" in capsys.readouterr().err
    assert reviews.reviews(reviewed.target) == []


@pytest.mark.parametrize("note", ["", "  ", "x" * 2001])
def test_a_note_says_something_and_is_no_book(reviewed: World, note: str) -> None:
    assert main(["review", "3", "--note", note]) == 2


def test_no_review_is_due_where_none_is_asked_for() -> None:
    assert reviews.due(NOW, 0) is None
    assert reviews.due(NOW, 30) == datetime(2026, 12, 21, 9, 30, 0, 123_000, tzinfo=UTC)


def test_the_history_has_retrainings_and_reviews_when_asked(
    reviewed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewed.note(8, "done#3", 3)
    main(["review", "3", "--note", "looked"])
    for key, kind, minute in (("started", "started", 40), ("start", "start", 39), ("ended", "succeeded", 50)):
        reviewed.dynamodb.put_item(
            TableName=TABLE,
            Item={
                "model": {"S": "loan-approval#retraining"}, "entry": {"S": f"1795255200#{key}"},
                "at": {"S": f"2026-11-21T09:{minute}:00.000Z"}, "kind": {"S": kind}, "reason": {"S": "drift"},
                "stage": {"S": "alarm"}, "package": {"S": ""},
            },
        )  # fmt: skip
    capsys.readouterr()
    assert main(["history", "--all"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == [
        "succeeded", "started", "review", "done",
    ]  # fmt: skip
    assert main(["history", "--all", "--limit", "2", "--json"]) == 0
    assert [each["kind"] for each in json.loads(capsys.readouterr().out)["entries"]] == ["succeeded", "started"]
    assert main(["history"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == ["done"]
