"""The join finds what was known: what a slow, obvious reading of the same history finds, and never more."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from features import as_of, moments
from features.errors import FeatureError
from tests.unit.features.histories import (
    CUTS,
    NOON,
    NOTHING,
    ROWS,
    RUN,
    STORE,
    Known,
    Row,
    Store,
    Stored,
    expected,
    histories,
    history,
    records_of,
    reference,
    rows_of,
)

HISTORIES = 150


@pytest.fixture(scope="module", params=["String", "Fractional"])
def store(request: pytest.FixtureRequest) -> Store:
    return Store(request.param)


@pytest.fixture(scope="module")
def texts() -> Store:
    return Store()


def stored(number: int, seconds: float, *, record: str = "a", after: float = 0, deleted: bool = False) -> Stored:
    """Record number so-and-so, of so many seconds after noon, written so many after all were known."""
    at = NOON + timedelta(seconds=seconds)
    invoked = NOON + timedelta(days=1, seconds=after)
    values = (None, None, None) if deleted else (number, number / 2, f"n{number}")
    return Stored(record, moments.text(at), at.timestamp(), invoked, invoked, deleted, values)


def known(it: Stored) -> Known:
    return (*it.values, it.event_time)


def asks(seconds: float, record: str = "a", name: str = "row") -> Row:
    return name, record, moments.text(NOON + timedelta(seconds=seconds))


def test_it_finds_what_a_look_at_each_record_finds(store: Store) -> None:
    """Of many histories at once, each of records of its own, and of some that are alone in the store."""
    many = histories(HISTORIES, store.group.event_time_type)
    for some in (many, *([it] for it in many[:10])):
        store.fill(records_of(some), rows_of(some))
        for cut in (None, *CUTS):
            assert store.ask(store.sql(cut)) == expected(some, cut), f"as of {cut}"
    assert sum(found != NOTHING for found in expected(many).values()) > HISTORIES


def test_a_record_that_does_not_say_whether_it_is_deleted_is_there(texts: Store) -> None:
    # A backfill by Glue or Spark may leave Feature Store's own column empty.
    here = stored(1, 0)
    texts.fill([here], [asks(1)])
    texts.connection.execute(f"UPDATE {STORE} SET is_deleted = NULL")
    assert texts.ask(texts.sql()) == {"row": known(here)}


def test_the_order_in_which_records_came_into_the_store_changes_nothing(store: Store) -> None:
    some = histories(20, store.group.event_time_type)
    records = records_of(some)
    for again in range(3):
        random.Random(again).shuffle(records)
        store.fill(records, rows_of(some))
        for cut in CUTS:
            assert store.ask(store.sql(cut)) == expected(some, cut)


def test_what_comes_after_a_row_s_time_changes_nothing_in_it(store: Store) -> None:
    some = histories(20, store.group.event_time_type)
    before, later = [], []
    for records, rows, _ in some:
        last = max(moments.seconds(time) for _, _, time in rows)
        for it in records:
            (later if it.at > last else before).append(it)
    assert later
    store.fill(before, rows_of(some))
    without = store.ask(store.sql())
    store.fill([*later, *records_of(some)], rows_of(some))
    assert store.ask(store.sql()) == without


def test_a_join_as_of_a_moment_is_the_one_that_was_made_then(store: Store) -> None:
    some = histories(20, store.group.event_time_type)
    records, rows = records_of(some), rows_of(some)
    then = []
    for cut in CUTS:
        store.fill([it for it in records if it.invoked <= cut], rows)
        then.append(store.ask(store.sql()))
    store.fill(records, rows)
    assert [store.ask(store.sql(cut)) for cut in CUTS] == then


MUTANTS: dict[str, Callable[[str], str]] = {
    "newest record of all": lambda sql: sql.replace(
        "ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", ""
    ),
    "not of the row's own time": lambda sql: sql.replace(
        "ORDER BY moment RANGE", "ORDER BY moment, known NULLS FIRST ROWS"
    ),
    "the copy that came first": lambda sql: sql.replace("stored.invoked DESC", "stored.invoked"),
    "the written before the invoked": lambda sql: sql.replace(
        "stored.invoked DESC, stored.written DESC", "stored.written, stored.invoked"
    ),
    "without write_time": lambda sql: sql.replace("stored.invoked DESC, stored.written DESC", "stored.invoked DESC"),
    "all copies": lambda sql: sql.replace(" AND taken.place = 1", ""),
    "deletions are records": lambda sql: sql.replace("NOT taken.deleted", "TRUE"),
    "what was deleted comes back": lambda sql: sql.replace("WHERE TRUE", "WHERE NOT is_deleted"),
    "rows of all runs": lambda sql: sql.replace(f"\"run\" = '{RUN}'", "TRUE"),
    "rows without a record are lost": lambda sql: sql.replace("LEFT JOIN taken", "JOIN taken"),
    "records of all": lambda sql: sql.replace('PARTITION BY "record" ORDER', "ORDER"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_join_is_found_out(mutant: str, texts: Store) -> None:
    wrong = MUTANTS[mutant](texts.sql())
    assert wrong != texts.sql()

    def differs(seed: int) -> bool:
        records, rows, _ = history(seed)
        texts.fill(records, rows)
        try:
            return texts.ask(wrong) != reference(records, rows)
        except AssertionError:  # a row came back twice
            return True

    assert any(differs(seed) for seed in range(HISTORIES))


def test_a_join_that_sees_what_came_later_is_found_out(texts: Store) -> None:
    def differs(seed: int) -> bool:
        records, rows, cut = history(seed)
        texts.fill(records, rows)
        return texts.ask(texts.sql()) != reference(records, rows, cut)

    assert any(differs(seed) for seed in range(HISTORIES))


def test_a_record_of_the_row_s_own_time_is_known(texts: Store) -> None:
    early, own = stored(1, 0), stored(2, 60)
    texts.fill([own, early], [asks(60, name="at"), asks(59.999, name="before")])
    assert texts.ask(texts.sql()) == {"at": known(own), "before": known(early)}


def test_a_late_record_counts_from_its_event_time_on(texts: Store) -> None:
    late = stored(1, 0, after=9999)
    texts.fill([stored(2, 60), late], [asks(30)])
    assert texts.ask(texts.sql()) == {"row": known(late)}


def test_a_correction_of_the_same_time_takes_the_place_of_what_it_corrects(texts: Store) -> None:
    wrong, right = stored(1, 0), stored(2, 0, after=1)
    texts.fill([right, wrong], [asks(5)])
    assert texts.ask(texts.sql()) == {"row": known(right)}
    assert texts.ask(texts.sql(wrong.invoked)) == {"row": known(wrong)}


def test_of_what_was_called_at_once_the_one_written_last_counts(texts: Store) -> None:
    first = stored(1, 0)
    second = replace(stored(2, 0), written=first.written + timedelta(milliseconds=1))
    texts.fill([second, first], [asks(5)])
    assert texts.ask(texts.sql()) == {"row": known(second)}


def test_a_deleted_record_is_unknown_until_it_comes_again(texts: Store) -> None:
    before, gone, again = stored(1, 0), stored(0, 10, deleted=True), stored(2, 20)
    texts.fill([again, before, gone], [asks(at, name=str(at)) for at in (9, 10, 19, 20)])
    assert texts.ask(texts.sql()) == {
        "9": known(before),
        "10": NOTHING,
        "19": NOTHING,
        "20": known(again),
    }


def test_a_deletion_of_the_same_time_counts_if_it_came_later(texts: Store) -> None:
    it, gone = stored(1, 0), stored(0, 0, after=1, deleted=True)
    texts.fill([gone, it], [asks(0)])
    assert texts.ask(texts.sql()) == {"row": NOTHING}
    texts.fill([replace(gone, invoked=it.invoked - timedelta(seconds=1)), it], [asks(0)])
    assert texts.ask(texts.sql()) == {"row": known(it)}


def test_a_missing_value_is_not_taken_from_an_older_record(texts: Store) -> None:
    newer = replace(stored(2, 10), values=(None, 1.0, None))
    texts.fill([stored(1, 0), newer], [asks(20)])
    assert texts.ask(texts.sql()) == {"row": (None, 1.0, None, newer.event_time)}


def test_times_with_and_without_milliseconds_compare_as_times(texts: Store) -> None:
    """As texts, 12:00:00.500Z would come before 12:00:00Z."""
    whole, half = stored(1, 0), stored(2, 0.5)
    texts.fill([half, whole], [asks(at, name=str(at)) for at in (0, 0.499, 0.5, 1)])
    assert texts.ask(texts.sql()) == {
        "0": known(whole),
        "0.499": known(whole),
        "0.5": known(half),
        "1": known(half),
    }


def test_seconds_finer_than_rows_are_not_seen_too_early() -> None:
    store = Store("Fractional")
    at = NOON.timestamp() + 0.0004
    it = replace(stored(1, 0), event_time=at, at=at)
    store.fill([it], [asks(0, name="before"), asks(0.001, name="after")])
    assert store.ask(store.sql()) == {"before": NOTHING, "after": known(it)}


def test_many_rows_of_one_record_and_time_are_each_answered(texts: Store) -> None:
    it = stored(1, 0)
    texts.fill([it], [asks(5, name=f"row-{number}") for number in range(1000)] + [asks(5, "stranger", "stranger")])
    found = texts.ask(texts.sql())
    assert found.pop("stranger") == NOTHING
    assert found == {f"row-{number}": known(it) for number in range(1000)}


def test_the_columns_are_the_row_the_features_and_the_time_of_their_record(texts: Store) -> None:
    texts.fill([], [])
    result = texts.connection.execute(texts.sql())
    assert [column[0] for column in result.description] == ["row", "approvals", "share", "note", "known"]
    assert result.fetchall() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": "x' OR '1'='1"},
        {"run": ""},
        {"run": ".."},
        {"rows": 'a."b'},
        {"rows": "a.b.c.d"},
        {"store": "a.b; DROP"},
        {"as_of": datetime(2026, 1, 1)},
    ],
)
def test_nothing_else_can_be_made_of_the_query(wrong: dict[str, object], texts: Store) -> None:
    arguments = {"rows": ROWS, "store": STORE, "run": RUN, "as_of": None} | wrong
    with pytest.raises(FeatureError, match=r"run|table|zone"):
        as_of.sql(texts.group, **arguments)  # type: ignore[arg-type]


def test_as_of_is_a_moment_in_any_zone(texts: Store) -> None:
    assert "TIMESTAMP '2026-11-21 15:00:00.250000'" in texts.sql(
        datetime.fromisoformat("2026-11-21T16:00:00.250+01:00")
    )
    assert texts.sql(datetime(2026, 11, 21, 15, tzinfo=UTC)) != texts.sql()


def test_what_has_not_arrived_is_counted_and_named(store: Store) -> None:
    records, _, _ = history(1, store.group.event_time_type)
    there = {it.record: it for it in records}
    rows = [(name, name, moments.text(moments.of_seconds(it.at))) for name, it in there.items()]
    sql = as_of.arrived_sql(store.group, rows=ROWS, store=STORE, run=RUN)
    store.fill(records, rows)
    assert store.connection.execute(sql).fetchall() == [(0, None)]
    first = min(there)
    store.fill([it for it in records if (it.record, it.at) != (first, there[first].at)], rows)
    assert store.connection.execute(sql).fetchall() == [(1, first)]
    store.fill([], rows)
    assert store.connection.execute(sql).fetchall() == [(len(there), first)]
