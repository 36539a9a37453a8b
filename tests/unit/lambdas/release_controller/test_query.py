"""The experiment's query counts what a slow, obvious count finds, and nothing else can be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.athena import engine
from tests.unit.lambdas.release_controller.captured import (
    CANDIDATE,
    CHAMPION,
    NOON,
    Lines,
    answer,
    capture,
    count,
    traffic,
)

SINCE, WEIGHTED, UNTIL = NOON - timedelta(minutes=75), NOON - timedelta(minutes=10), NOON + timedelta(minutes=65)
BLOCK = 7


@pytest.fixture
def policy(release_controller: SimpleNamespace) -> Any:
    modules = release_controller
    experiment = modules.policy.Experiment(
        rule="planned",
        allocation="fixed",
        error_rate=0.05,
        power=0.8,
        baseline=0.8,
        effect=0.02,
        discordance=0.1,
        share_percent=50,
        step_percent=10,
        step_seconds=600,
        look_seconds=3600,
        settle_seconds=900,
        max_hours=672,
        block_size=BLOCK,
        inconclusive="keep",
        max_positive_change=0.1,
    )
    metric = modules.policy.Metric(
        ("probability", "decision"), "(decision = 'approve') = (outcome = '0')", "decision = 'approve'"
    )
    return modules.policy.Policy(True, ("shadow", "challenger"), experiment, metric, (), False, False, "", 20)


@pytest.fixture
def text(release_controller: SimpleNamespace, policy: Any) -> Any:
    def of(stage: str = "challenger", *, metric: dict[str, Any] | None = None, **changed: Any) -> str:
        arguments = {
            "database": "mlops_local_loan_approval",
            "policy": replace(policy, metric=replace(policy.metric, **(metric or {}))),
            "champion_version": CHAMPION,
            "candidate_version": CANDIDATE,
            "since": SINCE,
            "weighted_since": WEIGHTED,
            "until": UNTIL,
        }
        return str(release_controller.query.text(stage=stage, **{**arguments, **changed}))

    return of


_connection = cache(engine.connect)
"""To make its functions takes longer than most queries here."""


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    _connection().close()
    _connection.cache_clear()


def run(sql: str, lines: Lines) -> list[list[str | None]]:
    """The rows of the query over these lines, as Athena returns them."""
    connection = _connection()
    connection.execute("DROP SCHEMA IF EXISTS mlops_local_loan_approval CASCADE")
    connection.execute("CREATE SCHEMA mlops_local_loan_approval")
    connection.execute("CREATE TABLE mlops_local_loan_approval.captured (line VARCHAR, variant VARCHAR, hour VARCHAR)")
    connection.execute("CREATE TABLE mlops_local_loan_approval.outcomes (line VARCHAR, hour VARCHAR)")
    for table, rows in (("captured", lines.captured), ("outcomes", lines.outcomes)):
        columns = list(zip(*rows, strict=True))
        if columns:
            places = ", ".join(["unnest(?::VARCHAR[])"] * len(columns))
            connection.execute(
                f"INSERT INTO mlops_local_loan_approval.{table} SELECT {places}", [list(values) for values in columns]
            )
    found = connection.execute(sql).fetchall()
    return [[None if value is None else str(value) for value in row] for row in found]


@pytest.mark.parametrize("stage", ["challenger", "shadow"])
@pytest.mark.parametrize("seed", range(8))
def test_the_query_counts_what_a_slow_count_finds(
    stage: str, seed: int, release_controller: SimpleNamespace, text: Any
) -> None:
    lines = traffic(seed, stage, requests=400)
    rows = run(text(stage), lines)
    counts = release_controller.query.read(rows, stage, BLOCK)
    expected = count(lines, stage, SINCE, WEIGHTED, UNTIL, BLOCK)
    verdict = release_controller.verdict
    if stage == "shadow":
        assert counts.pairs == tuple(
            verdict.Pairs(block["both"], block["champion"], block["candidate"]) for block in expected.blocks
        )
        assert counts.blocks == ()
    else:
        assert counts.blocks == tuple(
            verdict.Block(
                block["champion", True] + block["champion", False],
                block["champion", True],
                block["candidate", True] + block["candidate", False],
                block["candidate", True],
            )
            for block in expected.blocks
        )
        assert counts.pairs == ()
    assert counts.complete == sum(block.total() == BLOCK for block in expected.blocks)
    assert len(expected.blocks) > 5
    assert counts.traffic == verdict.Traffic(
        *(sum(n for (side, _), n in expected.traffic.items() if side == which) for which in ("champion", "candidate")),
        expected.traffic["champion", True],
        expected.traffic["candidate", True],
        expected.requests["champion"],
        expected.requests["candidate"],
    )
    assert release_controller.query.unreadable(rows) == dict(expected.unreadable)
    assert set(expected.unreadable) == {"captured", "outcomes"}


def test_nothing_at_all_is_counted_as_nothing(release_controller: SimpleNamespace, text: Any) -> None:
    rows = run(text(), Lines())
    assert release_controller.query.read(rows, "challenger", BLOCK) == release_controller.verdict.Counts()
    assert release_controller.query.unreadable(rows) == {}


def test_only_the_hours_of_the_window_and_the_variants_of_the_stage_are_read(
    release_controller: SimpleNamespace, text: Any
) -> None:
    """Records in folders where no record of that time belongs show which folders are read."""
    lines = Lines()
    folders = ["2026/11/21/09", "2026/11/21/10", "2026/11/21/13", "2026/11/21/14"]
    for number, folder in enumerate(folders):
        for variant in ("champion", "challenger", "shadow"):
            data = answer("JSON", [(0.1, "approve", str(CHAMPION))])
            lines.captured.append((capture(f"e{number}{variant}", None, NOON, "JSON", data), variant, folder))
    counts = release_controller.query.read(run(text(), lines), "challenger", BLOCK)
    assert counts.traffic.champion == 4


def one(text: Any, modules: SimpleNamespace, line: str, *outcomes: tuple[str, str, datetime], **change: Any) -> Any:
    """The first block when this is all that was captured."""
    lines = Lines()
    lines.add("champion", NOON, line)
    for record, value, at in outcomes:
        lines.tell(record, value, at)
    blocks = modules.query.read(run(text(**change), lines), "challenger", BLOCK).blocks
    return (blocks[0].champion_n, blocks[0].champion_successes) if blocks else None


RIGHT = answer("JSON", [(0.1, "approve", str(CHAMPION))])


def test_the_first_outcome_that_arrived_wins_whatever_its_place_in_the_files(
    release_controller: SimpleNamespace, text: Any
) -> None:
    line = capture("e", "r", NOON, "JSON", RIGHT)
    late, early = ("r", "1", NOON + timedelta(minutes=50)), ("r#1", "0", NOON + timedelta(minutes=1))
    assert one(text, release_controller, line, late, early) == (1, 1)
    assert one(text, release_controller, line, late) == (1, 0)


def test_an_outcome_counts_from_the_moment_it_arrived(release_controller: SimpleNamespace, text: Any) -> None:
    line = capture("e", "r", NOON, "JSON", RIGHT)
    result = ("r", "0", UNTIL)
    assert one(text, release_controller, line, result) == (1, 1)
    assert one(text, release_controller, line, result, until=UNTIL - timedelta(milliseconds=1)) is None


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", "{}", '{"predictions": {}}', '{"predictions": 1}', "null", '{"predictions": []}'],
)
def test_a_response_that_is_not_a_list_of_predictions_is_unreadable(
    data: str, release_controller: SimpleNamespace, text: Any
) -> None:
    lines = Lines()
    lines.add("champion", NOON, capture("e", "r", NOON, "JSON", data))
    assert release_controller.query.unreadable(run(text(), lines)) == {"captured": 1}


@pytest.mark.parametrize("item", ["1", "null", '"text"', "[]", "{}", '{"model_version": null}', '{"decision": {}}'])
def test_a_prediction_without_a_version_belongs_to_neither_side(
    item: str, release_controller: SimpleNamespace, text: Any
) -> None:
    line = capture("e", "r", NOON, "JSON", f'{{"predictions": [{item}]}}')
    assert one(text, release_controller, line, ("r", "0", NOON)) is None


def test_numbers_of_a_response_compare_as_numbers_after_a_cast(release_controller: SimpleNamespace, text: Any) -> None:
    metric = {"success": "(CAST(probability AS double) < 0.5) = (outcome = '0')"}
    for encoding in ("JSON", "CSV"):
        line = capture("e", "r", NOON, encoding, answer(encoding, [(9e-5, "approve", str(CHAMPION))]))
        assert one(text, release_controller, line, ("r", "0", NOON), metric=metric) == (1, 1)


@pytest.mark.parametrize(
    ("metric", "place"),
    [
        ({"success": "decision = 'approve'; DROP TABLE captured"}, "metric.success"),
        ({"success": "decision = 'a' -- '"}, "metric.success"),
        ({"success": "decision /* x */ = 'a'"}, "metric.success"),
        ({"success": "(SELECT 1) = 1"}, "metric.success"),
        ({"success": "decision = 'approve')) OR ((1 = 1"}, "metric.success"),
        ({"success": "decision = 'approve"}, "metric.success"),
        ({"success": "decision = 'it\\'s'"}, "metric.success"),
        ({"success": 'decision = "outcome"'}, "metric.success"),
        ({"success": ""}, "metric.success"),
        ({"success": "variant = 'champion'"}, "metric.success"),
        ({"success": "CAST(probability AS double) / 2 < 1"}, "metric.success"),
        ({"positive": "read_text('/etc/passwd') = ''"}, "metric.positive"),
        ({"positive": "{{since}} = 1"}, "metric.positive"),
        ({"fields": ("decision", "x'")}, "metric.fields"),
        ({"fields": ("decision", "DECISION")}, "metric.fields"),
        ({"fields": ("model_version",)}, "metric.fields"),
        ({"fields": ("outcome",)}, "metric.fields"),
        ({"fields": ()}, "metric.fields"),
    ],
)
def test_a_setting_that_would_be_more_than_a_condition_is_refused(
    metric: dict[str, Any], place: str, release_controller: SimpleNamespace, text: Any
) -> None:
    with pytest.raises(release_controller.query.QueryError, match=f"^{place}: ") as refused:
        text(metric=metric)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("stage", ["challenger", "shadow"])
def test_the_text_is_one_statement_to_whoever_splits_at_semicolons(stage: str, text: Any) -> None:
    assert ";" not in text(stage), "Athena: Only one sql statement is allowed"


@pytest.mark.parametrize(
    "changed",
    [
        {"database": 'x"; --'},
        {"database": ""},
        {"candidate_version": CHAMPION},
        {"since": datetime(2026, 11, 21)},
    ],
)
def test_what_is_no_name_no_other_version_or_no_time_is_refused(
    changed: dict[str, Any], release_controller: SimpleNamespace, text: Any
) -> None:
    with pytest.raises(release_controller.query.QueryError):
        text(**changed)


def test_a_field_may_be_called_like_a_column_of_the_query(release_controller: SimpleNamespace, text: Any) -> None:
    line = capture("e", "r", NOON, "JSON", f'{{"predictions": [{{"record": "r", "model_version": {CHAMPION}}}]}}')
    metric = {"fields": ("record", "variant"), "success": "Record = 'r' AND OUTCOME = '{{x}}'", "positive": "true"}
    assert one(text, release_controller, line, ("r", "{{x}}", NOON), metric=metric) == (1, 1)


@pytest.mark.parametrize(
    "rows",
    [
        [["outcome", "1", "champion", "3", "3", "0"]],
        [["outcome", "0", "champion", "many", "3", "0"]],
        [["outcome", "0", "champion"]],
    ],
)
def test_rows_that_the_query_does_not_return_are_an_error(rows: Any, release_controller: SimpleNamespace) -> None:
    with pytest.raises(release_controller.query.QueryError, match=r"^result: "):
        release_controller.query.read(rows, "challenger", BLOCK)
