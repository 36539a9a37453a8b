"""What a version answered: counted by day and decision, or record by record, by one query over captured requests."""

import csv
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any, TextIO

from mlops.errors import CommandError, NotYet
from mlops.target import Target
from mlops_constructs.release_settings import VERSION

DECISION = "decision"
"""The field of a response that says what was decided, where the model's metric has one."""
POLL_SECONDS, PATIENCE_SECONDS = 1.0, 900.0

_SQL = Path(__file__).with_name("lineage_predictions.sql")
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_SELECTS = {
    "counts by day": (
        "SELECT substr(answered, 1, 10) AS day, variant, decision, count(*) AS n, min(answered) AS first, "
        "max(answered) AS last\nFROM first_predictions WHERE copy = 1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3\n"
    ),
    "every record": (
        "SELECT record, answered, variant, decision\nFROM first_predictions WHERE copy = 1 ORDER BY answered, record\n"
    ),
}


@dataclass(frozen=True)
class Count:
    """Predictions of one day. decision: "" where responses have none; first, last: times in UTC."""

    day: str
    variant: str
    decision: str
    predictions: int
    first: str
    last: str


@dataclass(frozen=True)
class Answer:
    """What a query said. scanned: bytes that it read, which are what Athena charges for."""

    query: str
    location: str
    scanned: int


def text(
    *, what: str, database: str, version: int, fields: Sequence[str], first: date, last: date, until: datetime
) -> str:
    """The query. what: "counts by day" or "every record"; fields: those of the model's metric, in their order.

    first, last: days, UTC, both included; the first may be a moment in it, before which the version did not exist.
    until: nothing later has been captured. Settings have checked the names.
    """
    begin = first.astimezone(UTC) if isinstance(first, datetime) else datetime.combine(first, clock(), UTC)
    end = min(datetime.combine(last, clock.max, UTC), until.astimezone(UTC))
    lower = [name.lower() for name in fields]
    values = {
        "what": what,
        "database": database,
        "number": str(int(version)),
        # A file may hold requests of the hour before.
        "first_hour": f"{begin:%Y/%m/%d/%H}",
        "last_hour": f"{end + timedelta(hours=1):%Y/%m/%d/%H}",
        "since": _moment(begin),
        "until": _moment(end),
        "version": _value(VERSION, len(fields) + 1),
        "decision": _value(DECISION, lower.index(DECISION) + 1) if DECISION in lower else "CAST(NULL AS varchar)",
    }
    return _PLACE.sub(lambda place: values[place[1]], _SQL.read_text()) + _SELECTS[what]


def counts(target: Target, version: int, first: date, last: date, until: datetime) -> tuple[list[Count], Answer]:
    """Counts by day, variant and decision, with what the query read."""
    answer = _ask(target, _text(target, "counts by day", version, first, last, until))
    rows = read_counts(_rows(target, answer))
    return rows, answer


def records(target: Target, version: int, first: date, last: date, until: datetime, file: TextIO) -> tuple[int, Answer]:
    """Write record, answered, variant, decision of every prediction as CSV; returns how many they are."""
    answer = _ask(target, _text(target, "every record", version, first, last, until))
    writer = csv.writer(file)
    written = 0
    for row in _rows(target, answer):
        writer.writerow(row)
        written += 1
    return max(0, written - 1), answer  # without the header


def read_counts(rows: Iterable[Sequence[str]]) -> list[Count]:
    """Counts from the result's rows, the header first. Pure."""
    lines = iter(rows)
    next(lines, None)
    return [
        Count(day, variant, decision, int(n), *(_readable(each) for each in (first, last)))
        for day, variant, decision, n, first, last in lines
    ]


def _text(target: Target, what: str, version: int, first: date, last: date, until: datetime) -> str:
    fields = target.settings.release.metric.fields
    database = target.names.database
    return text(what=what, database=database, version=version, fields=fields, first=first, last=last, until=until)


def _ask(target: Target, sql: str) -> Answer:
    """Run a query in the model's workgroup, which says where results go and how much may be read."""
    athena = target.clients("athena")
    started = athena.start_query_execution(QueryString=sql, WorkGroup=target.names.workgroup)
    query, deadline = str(started["QueryExecutionId"]), time.monotonic() + PATIENCE_SECONDS
    while True:
        found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        status = found["Status"]
        if status["State"] == "SUCCEEDED":
            scanned = int(found.get("Statistics", {}).get("DataScannedInBytes", 0))
            return Answer(query, str(found["ResultConfiguration"]["OutputLocation"]), scanned)
        if status["State"] in ("FAILED", "CANCELLED"):
            raise CommandError(
                f"query {query} in workgroup {target.names.workgroup}: {status['State']}: "
                f"{status.get('StateChangeReason', 'no reason given')}; ask for fewer days with --from and --to"
            )
        if time.monotonic() > deadline:
            raise NotYet(f"query {query}: {status['State']} after {PATIENCE_SECONDS:.0f} s; ask for fewer days")
        time.sleep(POLL_SECONDS)


def _rows(target: Target, answer: Answer) -> Iterator[list[str]]:
    """The rows of a result, the header first, read as they come: they may be millions."""
    bucket, _, key = answer.location.removeprefix("s3://").partition("/")
    with closing(target.clients("s3").get_object(Bucket=bucket, Key=key)["Body"]) as body:
        lines: Any = (line.decode() + "\n" for line in body.iter_lines())
        yield from csv.reader(lines)


def _value(name: str, place: int) -> str:
    """A field of a prediction as text, whether its response was JSON or CSV."""
    return f"coalesce(json_extract_scalar(item, '$.{name}'), split_part(json_extract_scalar(item, '$'), ',', {place}))"


def _moment(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _readable(moment: str) -> str:
    return moment.replace("T", " ")[:19]
