"""Queries over projected tables: what they read, what they return, and how they are stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import duckdb
import pytest

from local_aws.athena import engine, pruning
from local_aws.athena.engine import Answer, Query, QueryCancelled
from local_aws.athena.tables import Table
from tests.unit.local_aws.athena.conftest import record

BASE = "loans/endpoint"
HOURS = [f"2026/11/21/{hour:02d}" for hour in range(8, 14)]
VARIANTS = ("challenger", "champion")
OBJECTS = {f"{BASE}/{variant}/{hour}/a": f"{variant} {hour}\n" for variant in VARIANTS for hour in HOURS}


@pytest.fixture
def run(table: Callable[..., Table]) -> Callable[..., Answer | None]:
    def of(sql: str, objects: dict[str, str] = OBJECTS, most_bytes: int | None = None) -> Answer | None:
        known = {("loans", "captured"): table(objects)}
        return Query(sql, "loans").run(lambda database, name: known.get((database, name)), most_bytes)

    return of


@pytest.mark.parametrize(
    ("where", "hours", "variants"),
    [
        ("hour = '2026/11/21/09'", ["09"], VARIANTS),
        ("hour BETWEEN '2026/11/21/09' AND '2026/11/21/10'", ["09", "10"], VARIANTS),
        ("hour >= '2026/11/21/12' AND variant IN ('champion', 'shadow')", ["12", "13"], ["champion"]),
        ("hour > '2026/11/21/12' AND line <> ''", ["13"], VARIANTS),
        ("(hour < '2026/11/21/09' AND (variant = 'champion' AND length(line) > 0))", ["08"], ["champion"]),
        ("captured.hour <= '2026/11/21/08'", ["08"], VARIANTS),
        ("HOUR <= '2026/11/21/08'", ["08"], VARIANTS),
        # What need not hold for all rows, or is no comparison with a text, drops nothing before it is read.
        ("hour = '2026/11/21/09' OR variant = 'champion'", None, VARIANTS),
        ("NOT hour = '2026/11/21/09'", None, VARIANTS),
        ("hour <> '2026/11/21/09'", None, VARIANTS),
        ("'2026/11/21/09' = hour", None, VARIANTS),
        ("substr(hour, 12) = '09'", None, VARIANTS),
        ("hour = line", None, VARIANTS),
        ("line = '2026/11/21/09'", None, VARIANTS),
    ],
)
def test_only_partitions_that_the_conditions_leave_are_read(
    where: str,
    hours: list[str] | None,
    variants: list[str],
    run: Callable[..., Answer],
    read: list[str],
) -> None:
    answer = run(f"SELECT line FROM captured WHERE {where} ORDER BY line")
    wanted = HOURS if hours is None else [f"2026/11/21/{hour}" for hour in hours]
    assert read == [f"{BASE}/{variant}/{hour}/a" for variant in variants for hour in wanted]
    assert answer.scanned_bytes == sum(len(OBJECTS[key]) for key in read)
    plain = duckdb.connect()
    plain.execute("CREATE TABLE captured (line VARCHAR, variant VARCHAR, hour VARCHAR)")
    plain.executemany(
        "INSERT INTO captured VALUES (?, ?, ?)", [[f"{v} {hour}", v, hour] for v in VARIANTS for hour in HOURS]
    )
    assert answer.rows == [
        list(row) for row in plain.execute(f"SELECT line FROM captured WHERE {where} ORDER BY line").fetchall()
    ]


def test_each_mention_of_a_table_gets_the_partitions_that_it_needs(run: Callable[..., Answer], read: list[str]) -> None:
    answer = run(
        "WITH morning AS (SELECT line FROM captured WHERE hour = '2026/11/21/08' AND variant = 'champion') "
        "SELECT count(*) AS n, (SELECT count(*) FROM morning) AS early FROM loans.captured AS c "
        "JOIN (VALUES ('x')) AS other (hour) ON TRUE WHERE c.hour = '2026/11/21/12'"
    )
    assert answer.rows == [["2", "1"]]
    wanted = [("challenger", "12"), ("champion", "08"), ("champion", "12")]
    assert read == [f"{BASE}/{variant}/2026/11/21/{hour}/a" for variant, hour in wanted]


def test_a_column_of_another_table_prunes_nothing(run: Callable[..., Answer], read: list[str]) -> None:
    run("SELECT 1 FROM captured AS c JOIN captured AS d ON c.line = d.line WHERE d.variant = 'champion'")
    assert len(read) == len(OBJECTS)


def test_a_with_of_the_query_hides_a_table_of_the_same_name(run: Callable[..., Answer | None]) -> None:
    assert run("WITH captured AS (SELECT 1 AS one) SELECT one FROM captured") is None


def test_a_query_of_other_tables_is_not_ours(run: Callable[..., Answer | None]) -> None:
    assert run("SELECT 1") is None
    assert run("SELECT * FROM elsewhere.captured") is None
    assert run("CREATE TABLE x (y int)") is None


def test_values_come_as_text_with_athenas_types(run: Callable[..., Answer]) -> None:
    answer = run(
        "SELECT count(*) AS n, sum(1) AS total, min(line) AS least, true AS yes, NULL AS nothing, 0.5e0 AS half "
        "FROM captured"
    )
    assert answer.columns == ("n", "total", "least", "yes", "nothing", "half")
    assert answer.types[:4] == ("bigint", "bigint", "varchar", "boolean")
    assert answer.rows == [["12", "12", "challenger 2026/11/21/08", "true", None, "0.5"]]


def test_lines_are_taken_as_they_are(run: Callable[..., Answer]) -> None:
    lines = ["", '{"a": "x\\"y, z"}', "\u00fc\u00e4", "'", "last"]
    answer = run("SELECT line FROM captured", {f"{BASE}/champion/2026/11/21/12/a": "\n".join(lines) + "\n"})
    assert [row[0] for row in answer.rows] == lines


def test_hives_delimiter_ends_a_column(table: Callable[..., Table]) -> None:
    known = table({f"{BASE}/champion/2026/11/21/12/a": "one\x01two\x01three"}, record(columns=("a", "b")))
    answer = Query("SELECT a, b FROM captured", "loans").run(lambda _database, _name: known)
    assert answer is not None
    assert answer.rows == [["one", "two"]]


def test_a_tab_ends_a_column_where_the_table_says_so(table: Callable[..., Table]) -> None:
    glue = record(columns=("a", "b"))
    glue["StorageDescriptor"]["SerdeInfo"]["Parameters"] = {"field.delim": "\t"}
    known = table({f"{BASE}/champion/2026/11/21/12/a": "one\ttwo, 'three'\n\t\n"}, glue)
    answer = Query("SELECT a, b FROM captured", "loans").run(lambda _database, _name: known)
    assert answer is not None
    assert answer.rows == [["one", "two, 'three'"], ["", ""]]


INJECTED = record(**{"projection.variant.type": "injected"})


@pytest.mark.parametrize(
    ("where", "variants"),
    [
        ("variant = 'champion'", ["champion"]),
        ("variant IN ('champion', 'shadow') AND hour = '2026/11/21/08'", ["champion"]),
        ("captured.variant = 'challenger' AND line <> ''", ["challenger"]),
        ("variant = 'none'", []),
    ],
)
def test_an_injected_partition_is_the_one_that_the_query_names(
    where: str, variants: list[str], table: Callable[..., Table]
) -> None:
    known = table(OBJECTS, INJECTED)
    answer = Query(f"SELECT DISTINCT variant FROM captured WHERE {where}", "loans").run(lambda _database, _name: known)
    assert answer is not None
    assert answer.rows == [[variant] for variant in variants]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM captured",
        "SELECT * FROM captured WHERE hour = '2026/11/21/08'",
        "SELECT * FROM captured WHERE variant > 'a'",
        "SELECT * FROM captured WHERE variant > 'a' AND variant = 'champion'",
        "SELECT * FROM captured WHERE variant = line",
        "SELECT * FROM captured WHERE variant = 'champion' OR line = ''",
        "WITH one AS (SELECT * FROM captured WHERE variant = 'champion') SELECT * FROM one, captured",
    ],
)
def test_a_query_that_names_no_value_of_an_injected_partition_fails_as_on_aws(
    sql: str, table: Callable[..., Table], read: list[str]
) -> None:
    known = table(OBJECTS, INJECTED)
    with pytest.raises(pruning.ConstraintViolation) as refusal:
        Query(sql, "loans").run(lambda _database, name: known if name == "captured" else None)
    assert str(refusal.value) == (
        "CONSTRAINT_VIOLATION: For the injected projected partition column variant, the WHERE clause must contain only "
        "static equality conditions, and at least one such condition must be present."
    )
    assert read == []


@pytest.mark.parametrize(
    ("expression", "kind", "text"),
    [
        ("CAST(0.5 AS DOUBLE)", "double", "0.5"),
        ("CAST(1 AS DOUBLE)", "double", "1.0"),
        ("CAST(12345678 AS DOUBLE)", "double", "1.2345678E7"),
        ("CAST(-0.00025 AS DOUBLE)", "double", "-2.5E-4"),
        ("CAST(1e300 AS DOUBLE)", "double", "1.0E300"),
        ("CAST('nan' AS DOUBLE)", "double", "NaN"),
        ("CAST('-inf' AS DOUBLE)", "double", "-Infinity"),
        ("CAST(2.50 AS DECIMAL(10, 3))", "decimal", "2.500"),
        ("CAST(3 AS BIGINT)", "bigint", "3"),
        ("TIMESTAMP '2026-11-21 10:00:00'", "timestamp", "2026-11-21 10:00:00.000"),
        ("DATE '2026-11-21'", "date", "2026-11-21"),
        ("from_iso8601_timestamp('2026-11-21T10:00:00.125Z')", "timestamp", "2026-11-21 10:00:00.125"),
        ("from_unixtime(1700000000.5)", "timestamp", "2023-11-14 22:13:20.500"),
        ("to_unixtime(TIMESTAMP '2023-11-14 22:13:20.5')", "double", "1.7000000005E9"),
    ],
)
def test_values_of_other_types_have_athenas_form(
    expression: str, kind: str, text: str, run: Callable[..., Answer]
) -> None:
    answer = run(f"SELECT {expression} AS value FROM captured LIMIT 1")
    assert (answer.types, answer.rows) == ((kind,), [[text]])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("json_extract_scalar(json_parse('{\"a\": 1.5}'), '$.a')", "1.5"),
        ("json_extract_scalar(json_parse('{\"a\": \"x\"}'), '$.a')", "x"),
        ("json_extract_scalar(json_parse('{\"a\": true}'), '$.a')", "true"),
        ("json_extract_scalar(json_parse('{\"a\": null}'), '$.a')", None),
        ("json_extract_scalar(json_parse('{\"a\": {}}'), '$.a')", None),
        ("json_extract_scalar(json_parse('{\"a\": []}'), '$.a')", None),
        ("json_extract_scalar(json_parse('\"x\"'), '$')", "x"),
        ("TRY(json_parse('{'))", None),
        ("TRY(json_parse(''))", None),
    ],
)
def test_trinos_functions_do_what_they_do_there(expression: str, value: str | None, run: Callable[..., Answer]) -> None:
    assert run(f"SELECT {expression} FROM captured LIMIT 1").rows == [[value]]


def test_a_query_reaches_no_file(run: Callable[..., Answer]) -> None:
    with pytest.raises(duckdb.Error, match="disabled"):
        run("SELECT * FROM captured, read_text('/etc/hostname')")


def test_a_query_that_would_read_too_much_is_cancelled_before_it_does(
    run: Callable[..., Answer], read: list[str]
) -> None:
    with pytest.raises(QueryCancelled, match="Bytes scanned limit was exceeded"):
        run("SELECT * FROM captured", most_bytes=1)
    assert read == []


def test_a_running_query_can_be_stopped(table: Callable[..., Table]) -> None:
    known = table(OBJECTS)
    query = Query("SELECT count(*) FROM captured, range(100000000000) AS numbers", "loans")
    timer = threading.Timer(0.3, query.stop)
    timer.start()
    started = time.monotonic()
    with pytest.raises(QueryCancelled):
        query.run(lambda _database, name: known if name == "captured" else None)
    assert time.monotonic() - started < 10


def test_a_query_that_was_stopped_before_does_not_run(table: Callable[..., Table]) -> None:
    query = Query("SELECT * FROM captured", "loans")
    query.stop()
    with pytest.raises(QueryCancelled):
        query.run(lambda _database, _name: table(OBJECTS))


@pytest.mark.parametrize("most", [1, 20, 10**6])
def test_many_small_files_are_read_as_their_lines_each_in_its_partition(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However many are put in at once, and whether or not the last line of a file ends."""
    monkeypatch.setattr(engine, "_INSERT_CHARACTERS", most)
    objects = {f"{BASE}/{variant}/{HOURS[0]}/{n}": f"{variant} {n}\nand{chr(10) * (n % 2)}"
               for variant in VARIANTS for n in range(9)}  # fmt: skip
    answer = run("SELECT variant, line FROM captured ORDER BY 1, 2", objects)
    expected = [[variant, line] for variant in VARIANTS for n in range(9) for line in (f"{variant} {n}", "and")]
    assert answer.rows == sorted(expected)
