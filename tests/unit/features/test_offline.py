"""The offline store is asked through Athena: all rows come back, in pages or from a file, or the reason why not."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from features import moments, offline
from features.errors import FeatureError
from features.offline import OfflineStore
from tests.unit.features.histories import (
    CUTS,
    FEATURES,
    NOON,
    STORE,
    Row,
    Store,
    Stored,
    expected,
    histories,
    history,
    records_of,
    rows_of,
)

ROWS_URI, RESULTS_URI = "s3://artifacts/loan_approval/feature-rows", "s3://artifacts/loan_approval/feature-queries"


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **request: Any) -> None:
        self.objects[f"{request['Bucket']}/{request['Key']}"] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[f"{request['Bucket']}/{request['Key']}"])}


class SageMaker:
    def __init__(self, *, offline_store: bool = True) -> None:
        database, table = STORE.split(".")
        catalog = {"Catalog": "AwsDataCatalog", "Database": database, "TableName": table}
        self._answer = {"OfflineStoreConfig": {"DataCatalogConfig": catalog}} if offline_store else {}

    def describe_feature_group(self, **request: Any) -> dict[str, Any]:
        assert request["FeatureGroupName"] == "mlops-local-bank-history"
        return self._answer


class Athena:
    """Runs queries on DuckDB over the rows that lie in S3, and answers as Athena does: by pages, and as a CSV."""

    def __init__(self, store: Store, s3: S3) -> None:
        self.store, self.s3 = store, s3
        self.records: list[Stored] = []
        self.states = ["QUEUED", "RUNNING", "SUCCEEDED"]
        self.reason = ""
        self.polls = 0
        self.started: list[dict[str, Any]] = []
        self.forgets = 0
        self.pages = 0

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        self.polls = 0
        return {"QueryExecutionId": f"query-{len(self.started)}"}

    def get_query_execution(self, **request: Any) -> dict[str, Any]:
        state = self.states[min(self.polls, len(self.states) - 1)]
        self.polls += 1
        if state == "SUCCEEDED":
            self._run(request["QueryExecutionId"])
        location = f"{RESULTS_URI}/{request['QueryExecutionId']}.csv"
        status = {"State": state, **({"StateChangeReason": self.reason} if self.reason else {})}
        return {"QueryExecution": {"Status": status, "ResultConfiguration": {"OutputLocation": location}}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "get_query_results"
        return self

    def paginate(self, **request: Any) -> Any:
        cells = [self.names, *self.lines]
        for start in range(0, len(cells), 3):
            self.pages += 1
            rows = [
                {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in line]}
                for line in cells[start : start + 3]
            ]
            yield {"ResultSet": {"Rows": rows}}

    def _run(self, execution: str) -> None:
        sql = self.started[-1]["QueryString"]
        run = sql.split('"run" = \'')[1].split("'")[0]
        body = self.s3.objects[f"artifacts/loan_approval/feature-rows/{run}/rows.tsv"].decode()
        rows: list[Any] = [line.split("\t") for line in body.splitlines()]
        self.store.fill(self.records, rows)
        result = self.store.connection.execute(sql.replace(f"'{run}'", "'run-1'"))
        self.names = [column[0] for column in result.description]
        self.lines = [[None if cell is None else str(cell) for cell in line] for line in result.fetchall()]
        self.lines = self.lines[self.forgets :]
        csv = [self.names, *self.lines]
        text = "".join(
            ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in line) + "\n"
            for line in csv
        )
        self.s3.objects[f"artifacts/loan_approval/feature-queries/{execution}.csv"] = text.encode()


class Clock:
    """Time passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module", params=["String", "Fractional"])
def tables(request: pytest.FixtureRequest) -> Store:
    """Each query fills them anew."""
    return Store(request.param)


@pytest.fixture
def athena(tables: Store) -> Athena:
    return Athena(tables, S3())


@pytest.fixture
def store(athena: Athena, clock: Clock) -> OfflineStore:
    return made(athena, clock)


def made(athena: Athena, clock: Clock, sagemaker: Any = None) -> OfflineStore:
    return OfflineStore(
        athena,
        athena.s3,
        sagemaker or SageMaker(),
        workgroup="mlops-local-features",
        rows_table="asked.loan_rows",
        rows_uri=ROWS_URI,
        results_uri=RESULTS_URI,
        sleep=clock.sleep,
        clock=clock,
    )


@pytest.mark.parametrize("paged", [True, False])
def test_every_row_gets_what_was_known(
    paged: bool, athena: Athena, store: OfflineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = histories(25, athena.store.group.event_time_type)
    athena.records = records_of(some)
    monkeypatch.setattr(offline, "PAGED_ROWS", len(rows_of(some)) if paged else 0)
    for cut in (None, *CUTS):
        found = store.join(rows_of(some), athena.store.group, run="run.1", as_of=cut)
        assert found == {row: dict(zip(FEATURES, known, strict=False)) for row, known in expected(some, cut).items()}
    assert (athena.pages > 0) is paged


def test_texts_come_back_from_the_file_as_they_were(
    athena: Athena, store: OfflineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "PAGED_ROWS", 0)
    notes = ["", None, '"', 'a "b", c', "two\nlines", '\n",\n"', ",", "\r\n", "ä\u2028"]
    [like, *_] = [it for it in history(3, athena.store.group.event_time_type)[0] if not it.deleted]
    athena.records = [
        Stored(f"b{n}", like.event_time, like.at, like.invoked, like.written, False, (None, None, note))
        for n, note in enumerate(notes)
    ]
    late = moments.text(NOON + timedelta(days=10))
    rows = [(f"row-{n}", f"b{n}", late) for n in range(len(notes))]
    found = store.join(rows, athena.store.group, run="run", as_of=None)
    assert [found[row]["note"] for row, _, _ in rows] == notes


def test_the_query_is_started_in_the_workgroup_and_polled_with_growing_waits(
    athena: Athena, store: OfflineStore, clock: Clock
) -> None:
    athena.states = [*["RUNNING"] * 8, "SUCCEEDED"]
    store.join([("row", "a", "2020-03-01T12:00:00Z")], athena.store.group, run="run", as_of=None)
    [started] = athena.started
    assert started["WorkGroup"] == "mlops-local-features"
    assert started["ResultConfiguration"] == {"OutputLocation": f"{RESULTS_URI}/"}
    assert started["QueryExecutionContext"] == {"Database": "asked"}
    assert clock.slept == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    assert athena.s3.objects["artifacts/loan_approval/feature-rows/run/rows.tsv"] == b"row\ta\t2020-03-01T12:00:00Z\n"


def test_no_rows_ask_nothing(athena: Athena, store: OfflineStore) -> None:
    assert store.join([], athena.store.group, run="run", as_of=None) == {}
    assert athena.started == []


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_tells_its_reason(state: str, athena: Athena, store: OfflineStore) -> None:
    athena.states, athena.reason = ["RUNNING", state], "TABLE_NOT_FOUND: line 5:10"
    with pytest.raises(FeatureError, match=rf"mlops-local-features, query query-1 {state}: TABLE_NOT_FOUND"):
        store.join([("row", "a", "2020-03-01")], athena.store.group, run="run", as_of=None)


def test_a_query_that_does_not_end_is_given_up(athena: Athena, store: OfflineStore, clock: Clock) -> None:
    athena.states = ["RUNNING"]
    with pytest.raises(FeatureError, match="query-1: RUNNING after 3600 s"):
        store.join([("row", "a", "2020-03-01")], athena.store.group, run="run", as_of=None)


def test_a_row_that_does_not_come_back_is_an_error(athena: Athena, store: OfflineStore) -> None:
    athena.forgets = 1
    rows = [(f"row-{n}", "a", "2020-03-01") for n in range(3)]
    with pytest.raises(FeatureError, match="1 of 3 rows did not come back, such as 'row-"):
        store.join(rows, athena.store.group, run="run", as_of=None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("r", "a", "2020-03-01"), ("r", "b", "2020-03-01")], "row 'r', record 'b': there was a row of that name"),
        ([("r", "a\tb", "2020-03-01")], "a tab, a line end"),
        ([("r\n", "a", "2020-03-01")], "a tab, a line end"),
        ([("r", "\\N", "2020-03-01")], "a tab, a line end"),
        ([("r", "a", "yesterday")], "time 'yesterday'"),
    ],
)
def test_rows_that_cannot_be_asked_are_named(rows: list[Row], told: str, athena: Athena, store: OfflineStore) -> None:
    with pytest.raises(FeatureError, match=told):
        store.join(rows, athena.store.group, run="run", as_of=None)
    assert athena.started == []


def test_a_group_without_a_table_is_told(athena: Athena, clock: Clock) -> None:
    store = made(athena, clock, SageMaker(offline_store=False))
    with pytest.raises(FeatureError, match="mlops-local-bank-history: has no offline store with a table"):
        store.join([("row", "a", "2020-03-01")], athena.store.group, run="run", as_of=None)


def written(athena: Athena) -> dict[str, list[Any]]:
    times: dict[str, list[Any]] = {}
    for it in sorted(athena.records, key=lambda it: it.at):
        times.setdefault(it.record, []).append(it.event_time)
    return times


def test_waiting_ends_when_the_offline_store_shows_what_was_written(
    athena: Athena, store: OfflineStore, clock: Clock
) -> None:
    whole = history(2, athena.store.group.event_time_type)[0]
    athena.records = whole
    wanted = written(athena)
    # The newest of each are there first: files of other hours may come later.
    athena.records = list({it.record: it for it in sorted(whole, key=lambda it: it.at)}.values())
    assert len(athena.records) < len(whole)

    def arrives() -> float:
        if clock.now > 300:
            athena.records = whole
        return clock.now

    store._clock = arrives
    store.wait_for(athena.store.group, wanted, 900)
    assert 300 < clock.now < 400
    assert max(clock.slept) <= 30


def test_waiting_for_too_long_is_an_error_that_names_a_record(
    athena: Athena, store: OfflineStore, clock: Clock
) -> None:
    athena.records = history(2, athena.store.group.event_time_type)[0]
    wanted = written(athena)
    missing = min(wanted)
    athena.records = [it for it in athena.records if it.record != missing]
    of = f"{len(wanted[missing])} of {sum(map(len, wanted.values()))}"
    with pytest.raises(FeatureError, match=f"does not show {of} records after 900 s, such as one of") as told:
        store.wait_for(athena.store.group, wanted, 900)
    assert repr(missing) in str(told.value)
    assert clock.now <= 900


def test_waiting_for_nothing_asks_nothing(athena: Athena, store: OfflineStore) -> None:
    store.wait_for(athena.store.group, {}, 1)
    assert athena.started == []
