"""Ingestion loses nothing: what was not written is named, and the next run goes on where one ended."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from features import moments
from features.errors import FeatureError
from features.ingest import Ingested, ingest
from features.online import OnlineStore
from tests.unit.features.histories import NOON, group
from tests.unit.features.runtime import Runtime, refusal


def text(seconds: float) -> str:
    return moments.text(NOON + timedelta(seconds=seconds))


def values(record: str, seconds: float, approvals: int | None = 1) -> dict[str, Any]:
    return {"bank": record, "known_from": text(seconds), "approvals": approvals}


def run(runtime: Runtime, records: list[dict[str, Any]], **options: Any) -> Ingested:
    return ingest(OnlineStore(runtime, tries=2, sleep=lambda _: None), runtime.group, records, **options)


def written(runtime: Runtime) -> list[tuple[str, float]]:
    return [(record, at - NOON.timestamp()) for record, at, _ in runtime.offline]


def months(banks: str, count: int) -> list[dict[str, Any]]:
    return [values(bank, month, month) for month in range(count) for bank in banks]


def test_every_record_is_written_once_and_those_of_an_identifier_in_the_order_of_time() -> None:
    for seed in range(20):
        some = months("abc", 5)
        random.Random(seed).shuffle(some)
        runtime = Runtime(group())
        awaited = {bank: [text(month) for month in range(5)] for bank in "abc"}
        assert run(runtime, some, threads=3) == Ingested(15, 0, awaited)
        for bank in "abc":
            assert [at for record, at in written(runtime) if record == bank] == [0, 1, 2, 3, 4]


def test_what_the_store_has_is_not_written_again() -> None:
    runtime = Runtime(group())
    run(runtime, months("ab", 3))
    assert run(runtime, [*months("ab", 3), values("a", 3), values("c", 0)]) == Ingested(
        2, 6, {"a": [text(2), text(3)], "b": [text(2)], "c": [text(0)]}
    )
    assert len(runtime.offline) == 8


def test_a_late_record_is_left_out_and_counted_or_written_by_a_backfill() -> None:
    runtime = Runtime(group())
    run(runtime, [values("a", 5)])
    assert run(runtime, [values("a", 1)]) == Ingested(0, 1, {"a": [text(5)]})
    assert run(runtime, [values("a", 1)], only_newer=False) == Ingested(1, 0, {"a": [text(1)]})
    assert written(runtime) == [("a", 5), ("a", 1)]
    assert runtime.online["a"].at == NOON.timestamp() + 5


def test_a_backfill_does_not_ask_the_online_store() -> None:
    runtime = Runtime(group())
    run(runtime, months("ab", 2), only_newer=False)
    assert {operation for operation, _ in runtime.calls} == {"PutRecord"}


def test_the_same_record_twice_is_written_once_and_two_of_one_time_are_refused() -> None:
    runtime = Runtime(group())
    same = [values("a", 0), {**values("a", 0), "known_from": "2020-03-01T12:00:00.000Z", "share": None}]
    assert run(runtime, same).written == 1
    with pytest.raises(FeatureError, match=r"record 'b' at 2020-03-01T12:00:00Z: twice, with different values"):
        run(runtime, [values("c", 0), values("b", 0, 1), values("b", 0, 2)])
    assert written(runtime) == [("a", 0)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"approvals": 1.5}, "approvals 1.5: not a whole number"),
        ({"share": "0.5"}, "share '0.5': not a number"),
        ({"bank": None}, "a record without bank"),
        ({"known_from": "yesterday"}, "'yesterday': not ISO 8601"),
        ({"colour": "red"}, "has no feature 'colour'"),
    ],
)
def test_nothing_is_written_unless_all_records_are_the_group_s(wrong: dict[str, Any], told: str) -> None:
    runtime = Runtime(group())
    with pytest.raises(FeatureError, match=told):
        run(runtime, [values("a", 0), {**values("b", 0), **wrong}])
    assert runtime.calls == []


def test_a_record_that_aws_refuses_is_named_and_the_others_are_written() -> None:
    runtime = Runtime(group())

    def trouble(operation: str) -> ClientError | None:
        request = runtime.calls[-1][1]
        record = {item["FeatureName"]: item["ValueAsString"] for item in request.get("Record", [])}
        refused = (record.get("bank"), record.get("known_from")) == ("b", text(1))
        return refusal("ValidationError") if refused else None

    runtime.trouble = trouble
    with pytest.raises(FeatureError, match=rf"record 'b' at {text(1)}: .*ValidationError.*; run it again"):
        run(runtime, months("abc", 3), threads=2)
    # What comes after it would hide from the next run that it is missing.
    assert sorted(written(runtime)) == sorted((bank, at) for bank in "abc" for at in range(3) if bank != "b" or at == 0)


def test_many_failures_are_counted() -> None:
    runtime = Runtime(group(), trouble=lambda operation: refusal("AccessDenied") if operation == "PutRecord" else None)
    with pytest.raises(FeatureError, match=r"'a'.*'b'.*; and 2 more; run it again"):
        run(runtime, months("abcdefg", 1))


@pytest.mark.parametrize("threads", [1, 4])
def test_runs_that_break_off_anywhere_end_with_each_record_written_once(threads: int) -> None:
    """Throttling and refusals at random, run after run, until one goes through."""
    for seed in range(15):
        draw = random.Random(seed)
        runtime = Runtime(group(), unprocessed=0.1)

        def trouble(operation: str, draw: random.Random = draw) -> ClientError | None:
            code = draw.choice(["ThrottlingException", "ServiceUnavailable", "AccessForbidden"])
            return refusal(code, operation) if draw.random() < 0.15 else None

        runtime.trouble = trouble
        records = months("abcd", 6)
        for _ in range(200):
            try:
                last = run(runtime, records, threads=threads)
                break
            except (FeatureError, ClientError):
                continue
        else:
            raise AssertionError("it never went through")
        assert {bank: times[-1] for bank, times in last.awaited.items()} == dict.fromkeys("abcd", text(5))
        assert sorted(written(runtime)) == sorted((bank, at) for bank in "abcd" for at in range(6))


def test_seconds_as_event_times_are_written_and_told_as_numbers() -> None:
    runtime = Runtime(group("Fractional"))
    at = NOON.timestamp()
    found = run(runtime, [{**values("a", 0), "known_from": at + 0.25}, {**values("a", 0), "known_from": at}])
    assert found == Ingested(2, 0, {"a": [at, at + 0.25]})
    assert run(runtime, [{**values("a", 0), "known_from": text(0.25)}]).older == 1
