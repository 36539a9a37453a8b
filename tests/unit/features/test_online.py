"""The online store knows the newest record of each identifier, in whatever order they come, and loses none."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from features import moments
from features.errors import FeatureError
from features.online import BATCH, TRIES, OnlineStore
from tests.unit.features.histories import NOON, group
from tests.unit.features.runtime import Runtime, refusal


def store(runtime: Any) -> OnlineStore:
    return OnlineStore(runtime, sleep=lambda seconds: None)


def values(record: str, seconds: float, approvals: int | None = 1) -> dict[str, Any]:
    return {"bank": record, "known_from": NOON + timedelta(seconds=seconds), "approvals": approvals}


def read(record: str, seconds: float, approvals: int | None = 1) -> dict[str, Any]:
    at = moments.text(NOON + timedelta(seconds=seconds))
    return {"bank": record, "known_from": at, "approvals": approvals, "share": None, "note": None}


def model(steps: list[tuple[str, str, int, int]]) -> dict[str, int]:
    """What is known after puts and deletions (what, record, seconds, number): the newest of each, by hand."""
    newest: dict[str, tuple[int, int | None]] = {}
    for what, record, at, number in steps:
        if what == "hard":
            if record not in newest or at > newest[record][0]:
                newest.pop(record, None)
        elif record not in newest or at > newest[record][0]:
            newest[record] = (at, number if what == "put" else None)
    return {record: number for record, (_, number) in newest.items() if number is not None}


@pytest.mark.parametrize("event_time_type", ["String", "Fractional"])
def test_it_answers_as_a_table_of_the_newest_does(event_time_type: str) -> None:
    for seed in range(100):
        draw = random.Random(seed)
        runtime = Runtime(group(event_time_type))
        online, steps = store(runtime), []
        for number in range(draw.randint(0, 30)):
            what = draw.choice(["put", "put", "put", "soft", "hard"])
            record, at = draw.choice("abc"), draw.randint(0, 9)
            moment = NOON + timedelta(seconds=at)
            if what == "put":
                online.put(runtime.group, values(record, at, number))
            else:
                try:
                    online.delete(runtime.group, record, moment, hard=what == "hard")
                except ClientError:
                    assert what == "hard"
            steps.append((what, record, at, number))
            found = online.get(runtime.group, ["a", "b", "c", "stranger"])
            assert {name: it["approvals"] for name, it in found.items()} == model(steps), f"seed {seed}"


def test_records_in_any_order_end_in_the_newest() -> None:
    for seed in range(20):
        runtime = Runtime(group())
        some = [values("a", at, at) for at in range(8)]
        random.Random(seed).shuffle(some)
        for each in some:
            store(runtime).put(runtime.group, each)
        assert store(runtime).get(runtime.group, ["a"]) == {"a": read("a", 7, 7)}
        assert len(runtime.offline) == 8


def test_a_deletion_that_is_not_later_leaves_the_record_or_is_refused() -> None:
    runtime = Runtime(group())
    online = store(runtime)
    online.put(runtime.group, values("a", 5))
    online.delete(runtime.group, "a", NOON + timedelta(seconds=5))
    with pytest.raises(ClientError, match="ValidationException"):
        online.delete(runtime.group, "a", NOON + timedelta(seconds=5), hard=True)
    assert online.get(runtime.group, ["a"]) == {"a": read("a", 5)}


def test_more_records_than_a_request_takes_are_asked_for_in_several() -> None:
    runtime = Runtime(group())
    names = [f"bank-{number}" for number in range(2 * BATCH + 1)]
    for name in names:
        store(runtime).put(runtime.group, values(name, 0))
    runtime.calls.clear()
    found = store(runtime).get(runtime.group, [*names, *names])
    assert found == {name: read(name, 0) for name in names}
    assert len(runtime.calls) == 3


def test_nothing_is_asked_for_when_nothing_is_wanted() -> None:
    runtime = Runtime(group())
    assert store(runtime).get(runtime.group, []) == {}
    assert runtime.calls == []


def test_what_comes_back_unprocessed_is_asked_for_again_until_it_is_there() -> None:
    names = [f"bank-{number}" for number in range(250)]
    runtime = Runtime(group(), unprocessed=0.2)
    for name in names:
        store(runtime).put(runtime.group, values(name, 0))
    assert OnlineStore(runtime, tries=30, sleep=lambda _: None).get(runtime.group, names) == {
        name: read(name, 0) for name in names
    }
    assert len(runtime.calls) - len(names) > 3


def test_what_stays_unprocessed_is_an_error_that_names_it_not_an_absent_record() -> None:
    runtime, waits = Runtime(group(), unprocessed=1.0), []
    with pytest.raises(FeatureError, match=rf"1 records not read in {TRIES} requests, such as 'a' \(unprocessed\)"):
        OnlineStore(runtime, sleep=waits.append).get(runtime.group, ["a"])
    told = [wait for wait in waits if wait]
    assert len(told) == TRIES - 1
    assert 0 < sum(told) <= 3.1


class Failing:
    """BatchGetRecord with an error for one record, `times` times."""

    def __init__(self, runtime: Runtime, code: str, times: int) -> None:
        self._runtime, self._code, self._times = runtime, code, times

    def batch_get_record(self, **request: Any) -> dict[str, Any]:
        answer = self._runtime.batch_get_record(**request)
        if self._times:
            self._times -= 1
            names = [each["RecordIdentifierValueAsString"] for each in answer["Records"]]
            answer["Errors"] = [
                {
                    "FeatureGroupName": self._runtime.group.physical,
                    "RecordIdentifierValueAsString": names[0],
                    "ErrorCode": self._code,
                    "ErrorMessage": "told by AWS",
                }
            ]
            answer["Records"] = answer["Records"][1:]
        return answer


def test_a_passing_error_of_a_record_is_asked_for_again() -> None:
    runtime = Runtime(group())
    for name in "ab":
        store(runtime).put(runtime.group, values(name, 0))
    assert set(store(Failing(runtime, "ServiceUnavailable", 2)).get(runtime.group, ["a", "b"])) == {"a", "b"}


def test_a_lasting_error_of_a_record_is_told_with_its_name() -> None:
    runtime = Runtime(group())
    store(runtime).put(runtime.group, values("a", 0))
    with pytest.raises(FeatureError, match="mlops-local-bank-history, record 'a': AccessForbidden: told by AWS"):
        store(Failing(runtime, "AccessForbidden", 1)).get(runtime.group, ["a"])


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable", "InternalFailure"])
def test_a_call_that_aws_has_no_time_for_is_made_again(code: str) -> None:
    troubles = iter([refusal(code), refusal(code), None])
    runtime = Runtime(group(), trouble=lambda operation: next(troubles, None))
    store(runtime).put(runtime.group, values("a", 0))
    assert store(runtime).get(runtime.group, ["a"]) == {"a": read("a", 0)}


def test_a_call_that_aws_never_has_time_for_is_its_error_in_the_end() -> None:
    runtime = Runtime(group(), trouble=lambda operation: refusal("ThrottlingException"))
    with pytest.raises(ClientError, match="ThrottlingException"):
        store(runtime).put(runtime.group, values("a", 0))
    assert len(runtime.calls) == TRIES


def test_what_aws_refuses_is_not_tried_again() -> None:
    runtime = Runtime(group(), trouble=lambda operation: refusal("ValidationError"))
    with pytest.raises(ClientError, match="ValidationError"):
        store(runtime).put(runtime.group, values("a", 0))
    assert len(runtime.calls) == 1
