"""The offline store: what was known of records at given times, asked by SQL in Athena.

API: Athena's reference (StartQueryExecution, GetQueryExecution, GetQueryResults); a result's file is CSV in which a
NULL is nothing at all, and every other value stands in double quotes.
"""

from __future__ import annotations

import hashlib
import re
import time
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from features import as_of as queries
from features import moments
from features.errors import FeatureError
from features.group import FeatureGroup, Values
from monitoring import places
from monitoring.store import split

Row = Tuple[str, str, str]
"""A row's name, the record it asks for, and its event time."""

Cells = List[Optional[str]]

PAGED_ROWS = 5000
"""Results up to this are read page by page, of 1,000 rows each; larger ones from their file."""

QUERY_SECONDS = 3600.0
"""Longer than Athena lets a query run by default (30 minutes), and less than a step's time."""

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 10.0
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|)(?:,|\Z)', re.DOTALL)


class OfflineStore:
    """athena, s3, sagemaker: clients. rows_table: `database.table` of the rows that ask, whose run is below rows_uri.

    results_uri: where Athena writes results, unless the workgroup says so. sleep and clock: in seconds.
    """

    def __init__(
        self,
        athena: Any,
        s3: Any,
        sagemaker: Any,
        *,
        workgroup: str,
        rows_table: str,
        rows_uri: str,
        results_uri: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._athena, self._s3, self._sagemaker = athena, s3, sagemaker
        self._workgroup, self._rows_table = workgroup, rows_table
        self._rows_uri, self._results_uri = rows_uri.rstrip("/"), results_uri.rstrip("/")
        self._sleep, self._clock = sleep, clock

    def join(
        self, rows: Sequence[Row], group: FeatureGroup, *, run: str, as_of: Optional[datetime]
    ) -> Dict[str, Values]:
        """Every row's features as they were known at its event time; all None where nothing was.

        run: names what is asked, and takes the place of an earlier one of that name: another for each group. as_of:
        what was written to the group later counts as not yet there.

        Raises FeatureError for rows that cannot be asked, with the query's reason if Athena does not answer it, and
        if the answer does not hold each row once.
        """
        if not rows:
            return {}
        sql = queries.sql(group, rows=self._rows_table, store=self._table(group), run=run, as_of=as_of)
        self._write(rows, run)
        names = list(group.features)
        found: Dict[str, Values] = {}
        for cells in self._answer(sql, len(rows)):
            row, texts = str(cells[0]), cells[1 : len(names) + 1]
            if row in found:
                raise FeatureError(f"run {run}: row {row!r} came back twice")
            found[row] = {name: _value(group, name, text) for name, text in zip(names, texts)}
        if lost := [row for row, _, _ in rows if row not in found]:
            raise FeatureError(f"run {run}: {len(lost)} of {len(rows)} rows did not come back, such as {lost[0]!r}")
        return found

    def wait_for(self, group: FeatureGroup, awaited: Mapping[str, Sequence[Any]], seconds: float) -> None:
        """Return when the offline store shows of each record what came with those event times (`Ingested.awaited`).

        AWS writes within 15 minutes. Raises FeatureError if that takes longer than `seconds`.
        """
        times = [(record, _text(at)) for record, known in sorted(awaited.items()) for at in known]
        if not times:
            return
        rows = [(str(row), record, at) for row, (record, at) in enumerate(times)]
        run = "wait-" + hashlib.sha256(repr((group.physical, rows)).encode()).hexdigest()[:32]
        sql = queries.arrived_sql(group, rows=self._rows_table, store=self._table(group), run=run)
        self._write(rows, run)
        deadline, wait = self._clock() + seconds, _FIRST_WAIT
        while True:
            [[missing, first]] = self._answer(sql, 1)
            if missing == "0":
                return
            if self._clock() + wait > deadline:
                raise FeatureError(
                    f"feature group {group.physical}: the offline store does not show {missing} of {len(rows)} records "
                    f"after {seconds:.0f} s, such as one of {first!r}; AWS needs up to 15 minutes"
                )
            self._sleep(wait)
            wait = min(2 * wait, 3 * _LONGEST_WAIT)

    def _table(self, group: FeatureGroup) -> str:
        """The table that Feature Store made for the group; its name holds the time at which it did."""
        described = self._sagemaker.describe_feature_group(FeatureGroupName=group.physical)
        catalog = described.get("OfflineStoreConfig", {}).get("DataCatalogConfig")
        if not catalog:
            raise FeatureError(f"feature group {group.physical}: has no offline store with a table; make one with it")
        return f"{catalog['Database']}.{catalog['TableName']}"

    def _write(self, rows: Sequence[Row], run: str) -> None:
        seen = set()
        lines = []
        for row, record, event_time in rows:
            place = f"row {row!r}, record {record!r}"
            if row in seen:
                raise FeatureError(f"{place}: there was a row of that name; each needs its own")
            # A table of delimited text has no way to write these (LazySimpleSerDe, whose NULL is \N).
            if "\\N" in (row, record) or any(sign in row + record for sign in "\t\n\r\0"):
                raise FeatureError(f"{place}: a tab, a line end and \\N cannot be part of a name; leave them out")
            seen.add(row)
            lines.append(f"{row}\t{record}\t{moments.text(event_time)}\n")
        bucket, key = split(f"{self._rows_uri}/{run}/rows.tsv")
        self._s3.put_object(Bucket=bucket, Key=key, Body="".join(lines).encode(), ContentType="text/plain")

    def _answer(self, sql: str, expected_rows: int) -> Iterator[Cells]:
        """The rows of a query's result, without the header; raises FeatureError with the query's reason."""
        execution = self._athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self._workgroup,
            QueryExecutionContext={"Database": self._rows_table.split(".")[0]},
            ResultConfiguration={"OutputLocation": f"{self._results_uri}/"},
        )["QueryExecutionId"]
        location = self._finished(execution)
        return self._pages(execution) if expected_rows <= PAGED_ROWS else self._file(location)

    def _finished(self, execution: str) -> str:
        """Where the result is, once it is there."""
        deadline, wait = self._clock() + QUERY_SECONDS, _FIRST_WAIT
        while True:
            found = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            status = found["Status"]
            if status["State"] == "SUCCEEDED":
                return str(found["ResultConfiguration"]["OutputLocation"])
            if status["State"] not in ("QUEUED", "RUNNING"):
                reason = status.get("StateChangeReason", "without a reason")
                raise FeatureError(f"workgroup {self._workgroup}, query {execution} {status['State']}: {reason}")
            if self._clock() > deadline:
                raise FeatureError(
                    f"workgroup {self._workgroup}, query {execution}: {status['State']} after {QUERY_SECONDS:.0f} s"
                )
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _pages(self, execution: str) -> Iterator[Cells]:
        header = True
        for page in self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution):
            for row in page["ResultSet"]["Rows"]:
                if not header:
                    yield [cell.get("VarCharValue") for cell in row["Data"]]
                header = False

    def _file(self, location: str) -> Iterator[Cells]:
        bucket, key = split(location)
        records = _records(line.decode() for line in places.lines(self._s3, bucket, key))
        next(records, None)
        return records


def _records(lines: Iterator[str]) -> Iterator[Cells]:
    """The records of Athena's CSV; one goes on over lines while a quote is open."""
    begun = ""
    for line in lines:
        begun = f"{begun}\n{line}" if begun else line
        if begun.count('"') % 2 == 0:
            yield _cells(begun)
            begun = ""
    if begun:
        raise FeatureError(f"result: ends within {begun[:100]!r}")


def _cells(line: str) -> Cells:
    cells: Cells = []
    position = 0
    while position <= len(line):
        cell = _CELL.match(line, position)
        if cell is None:
            raise FeatureError(f"result: {line[:100]!r} is not how Athena writes a row")
        cells.append(None if cell[1] is None else cell[1].replace('""', '"'))
        position = cell.end() if cell[0].endswith(",") else len(line) + 1
    return cells


def _value(group: FeatureGroup, name: str, text: Optional[str]) -> Any:
    """Nothing, where a number should be, is a NULL too, in whatever way it was written."""
    return None if text == "" and group.features[name] != "String" else group.value_of(name, text)


def _text(at: Any) -> str:
    return moments.text(at if isinstance(at, (str, datetime)) else moments.of_seconds(at))
