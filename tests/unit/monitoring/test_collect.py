"""Rows in batches."""

from monitoring import collect


def test_batches_hold_every_row_once_and_the_last_is_shorter():
    rows = [{"n": number} for number in range(7)]
    made = list(collect.batches(iter(rows), 3))
    assert [len(batch) for batch in made] == [3, 3, 1]
    assert [row for batch in made for row in batch] == rows
    assert list(collect.batches([], 3)) == []


def test_columns_are_those_of_any_row_and_missing_where_a_row_has_none():
    assert collect.columns([{"a": 1}, {"b": 2, "a": 3}]) == {"a": [1, 3], "b": [None, 2]}
    assert collect.columns([]) == {}


def test_rows_that_each_bring_names_of_their_own_make_no_more_columns_than_that(monkeypatch):
    monkeypatch.setattr(collect, "MOST_COLUMNS", 3)
    rows = [{"a": number, f"own{number}": 1} for number in range(9)]
    found = collect.columns(rows)
    assert list(found) == ["a", "own0", "own1"]
    assert found["a"] == list(range(9))
