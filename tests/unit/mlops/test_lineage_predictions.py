"""What a version answered: the query counts what a slow count finds, reads only the hours asked for, and is saved."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest

from local_aws.athena import engine
from mlops import lineage_predictions
from mlops.__main__ import main
from tests.unit.lambdas.release_controller.captured import NOON, answer, capture, hour, traffic
from tests.unit.mlops.evidenced import ARTIFACTS, Evidenced
from tests.unit.mlops.manifests import manifest

FIELDS = ("probability", "decision")
DAY = NOON.date()
Row = tuple[str, str, str]  # line, variant, hour


def text(what: str = "counts by day", **changed: Any) -> str:
    given = {
        "database": "db",
        "version": 3,
        "fields": FIELDS,
        "first": DAY,
        "last": DAY,
        "until": NOON + timedelta(days=9),
    }
    return lineage_predictions.text(what=what, **{**given, **changed})


def run(sql: str, rows: list[Row]) -> list[tuple[Any, ...]]:
    connection = engine.connect()
    connection.execute("CREATE SCHEMA db")
    connection.execute("CREATE TABLE db.captured (line VARCHAR, variant VARCHAR, hour VARCHAR)")
    if rows:
        columns = [list(values) for values in zip(*rows, strict=True)]
        places = ", ".join(["unnest(?::VARCHAR[])"] * 3)
        connection.execute(f"INSERT INTO db.captured SELECT {places}", columns)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def one(
    at: datetime, version: str = "3", decision: str = "approve", name: str = "r1", variant: str = "champion"
) -> Row:
    line = capture(f"e-{name}", name, at, "JSON", answer("JSON", [(0.5, decision, version)]))
    return line, variant, hour(at)


def slow(rows: list[Row], version: str) -> Counter[tuple[str, str, str]]:
    """Day, variant and decision of each first answer by record and variant."""
    first: dict[tuple[str, str], tuple[str, str, str]] = {}
    for line, variant, _ in rows:
        try:
            told = json.loads(line)
            meta, output = told["eventMetadata"], told["captureData"]["endpointOutput"]
        except (ValueError, TypeError, KeyError):
            continue
        if output["encoding"] == "JSON":
            items = [(each["decision"], each["model_version"]) for each in json.loads(output["data"])["predictions"]]
        elif output["encoding"] == "CSV":
            items = [tuple(each.split(",")[1:]) for each in output["data"].splitlines()]
        else:
            continue
        request = meta.get("inferenceId") or meta["eventId"]
        for number, (decision, by) in enumerate(items, 1):
            record = f"{request}#{number}"
            while record.endswith("#1"):
                record = record[:-2]
            if by == version:
                key, new = (record, variant), (meta["inferenceTime"], meta["eventId"], decision)
                first[key] = min(first.get(key, new), new)
    return Counter((at[:10], variant, decision) for (_, variant), (at, _, decision) in first.items())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stage", ["challenger", "shadow"])
def test_the_query_counts_what_a_slow_count_finds(seed: int, stage: str) -> None:
    rows = traffic(seed, stage, requests=300).captured
    found = {(day, variant, decision): n for day, variant, decision, n, _, _ in run(text(), rows)}
    assert found == slow(rows, "3")
    assert sum(found.values()) > 50


@pytest.mark.parametrize("seed", range(2))
def test_every_record_is_listed_once_in_its_order(seed: int) -> None:
    rows = traffic(seed, "challenger", requests=300).captured
    found = run(text("every record"), rows)
    assert len(found) == sum(slow(rows, "3").values())
    assert [row[1] for row in found] == sorted(row[1] for row in found)
    assert len({(record, variant) for record, _, variant, _ in found}) == len(found)


def test_only_the_days_asked_for_count_both_ends_included() -> None:
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    at = {
        "before": midnight - timedelta(seconds=1),
        "first": midnight,
        "last": midnight + timedelta(days=2, seconds=-1),
        "after": midnight + timedelta(days=2),
    }
    rows = [one(moment, name=name) for name, moment in at.items()]
    found = run(text("every record", last=date(2026, 11, 22)), rows)
    assert [record for record, *_ in found] == ["first", "last"]


def test_a_request_in_the_file_of_the_next_hour_is_found_and_no_other_file_is_read() -> None:
    line, variant, _ = one(NOON)
    near = (line, variant, hour(NOON))
    assert run(text(), [near])[0][3] == 1
    sql = text()
    assert "hour BETWEEN '2026/11/21/00' AND '2026/11/22/00'" in sql
    assert (
        sql.count("captured") == 2 and "variant IN ('champion', 'challenger', 'shadow')" in sql
    )  # once in the comment


def test_nothing_later_than_now_is_read() -> None:
    assert "hour BETWEEN '2026/11/21/00' AND '2026/11/21/13'" in text(until=NOON)


def test_a_model_without_decisions_is_counted_without_them() -> None:
    line = capture("e", "r", NOON, "CSV", "0.5,3\n")
    found = run(text(fields=("probability",)), [(line, "champion", hour(NOON))])
    assert [(row[2], row[3]) for row in found] == [(None, 1)]


def test_the_version_is_a_number_whatever_is_given() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        text(version="3' OR '1'='1")


class Athena:
    """Runs queries on DuckDB, and leaves results where Athena does."""

    def __init__(self, s3: Any, rows: list[Row], states: list[str]) -> None:
        self._s3, self._rows, self._states = s3, rows, states
        self.asked: list[dict[str, str]] = []
        self._number = numbers()

    def start_query_execution(self, **request: str) -> dict[str, str]:
        self.asked.append(request)
        name = f"q{next(self._number)}"
        if "SUCCEEDED" in self._states:
            sql = request["QueryString"].replace('"mlops_local_loan_approval"', '"db"')
            header = (
                ["record", "answered", "variant", "decision"] if "SELECT record, answered" in sql else list("abcdef")
            )
            out = io.StringIO()
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([header, *run(sql, self._rows)])
            self._s3.put_object(Bucket=ARTIFACTS, Key=f"results/{name}.csv", Body=out.getvalue().encode())
        return {"QueryExecutionId": name}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {
            "QueryExecution": {
                "Status": {"State": state, "StateChangeReason": "Bytes scanned limit was exceeded"},
                "Statistics": {"DataScannedInBytes": 12_345_678},
                "ResultConfiguration": {"OutputLocation": f"s3://{ARTIFACTS}/results/{QueryExecutionId}.csv"},
            }
        }


@pytest.fixture
def asked(evidenced: Evidenced, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model with predictions, whose registration was two days before NOON."""
    monkeypatch.setattr(lineage_predictions, "POLL_SECONDS", 0.0)
    monkeypatch.setattr("mlops.commands.lineage.utc_now", lambda: NOON)
    evidenced.keep(manifest(registered_at=(NOON - timedelta(days=2)).isoformat()))
    reach = evidenced.world.clients

    def with_states(*states: str) -> Athena:
        rows = [
            one(NOON - timedelta(days=1), name="a"),
            one(NOON - timedelta(hours=2), name='b, "2"', decision="decline"),
            one(NOON - timedelta(hours=1), name="c"),
            one(NOON - timedelta(hours=1), version="2", name="d"),
        ]
        athena = Athena(evidenced.s3, rows, list(states))
        evidenced.world.clients = lambda service: athena if service == "athena" else reach(service)
        return athena

    return with_states


def test_the_command_counts_and_saves_the_ids(asked: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    athena = asked("QUEUED", "RUNNING", "SUCCEEDED")
    assert main(["lineage", "3", "--predictions", "--csv", str(tmp_path / "ids.csv")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "loan-approval in local, version 3: 3 predictions from 2026-11-19 to 2026-11-21",
        "  first 2026-11-20 12:00:00, last 2026-11-21 11:00:00 UTC",
        "  2026-11-20  champion    approve                 1",
        "  2026-11-21  champion    approve                 1",
        "  2026-11-21  champion    decline                 1",
        "  query q0 read 12.3 MB",
        f"saved 3 records as {tmp_path / 'ids.csv'}",
    ]
    assert {each["WorkGroup"] for each in athena.asked} == {"mlops-local-loan-approval-predictions"}
    with (tmp_path / "ids.csv").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["record"] for row in saved] == ["a", 'b, "2"', "c"]
    assert saved[1]["decision"] == "decline"


def test_days_may_be_named_and_the_answer_is_data(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked("SUCCEEDED")
    assert main(["lineage", "3", "--predictions", "--from", "2026-11-20", "--to", "2026-11-20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["predictions"], told["scanned_bytes"]) == (1, 12_345_678)
    assert told["days"][0]["decision"] == "approve"


def test_a_query_that_would_read_too_much_says_what_to_do(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked("FAILED")
    assert main(["lineage", "3", "--predictions"]) == 1
    told = capsys.readouterr().err
    assert "FAILED: Bytes scanned limit was exceeded; ask for fewer days with --from and --to" in told


@pytest.mark.parametrize("days", [["--from", "yesterday"], ["--from", "2026-11-20", "--to", "2026-11-19"]])
def test_days_that_are_none_are_usage_errors(asked: Any, days: list[str]) -> None:
    asked("SUCCEEDED")
    assert main(["lineage", "3", "--predictions", *days]) == 2
