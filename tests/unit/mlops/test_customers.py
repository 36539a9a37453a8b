"""Customers of the demo: who is counted, and when outcomes are told."""

import io
import json
import time
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops.demo import customers
from mlops.demo.customers import Customers
from mlops.demo.loans import Loan

DECISIONS = ("approve", "decline", "approve")


class Runtime:
    """Answers every application but those of 13."""

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        number = json.loads(request["Body"])["instances"][0]["number"]
        assert request["InferenceId"] == f"run-{number}"
        if number == 13:
            answer: Any = {"Error": {"Code": "ModelError"}, "OriginalStatusCode": 500, "OriginalMessage": "why\nwhere"}
            raise ClientError(answer, "InvokeEndpoint")
        return {
            "Body": io.BytesIO(
                json.dumps({"predictions": [{"model_version": "2", "decision": DECISIONS[number % 3]}]}).encode()
            )
        }


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(customers, "PATIENCE_SECONDS", 0.0)


def endless() -> Any:
    return (Loan(str(number), "2007-01", {"number": number}, str(number % 2)) for number in count())


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_outcomes_are_told_of_what_was_answered_and_failures_are_counted(quick: None) -> None:
    told: list[tuple[str, str]] = []
    with Customers(Runtime(), "loans", endless(), "run-", told.extend) as sent:
        until(lambda: len(told) > 100)
    assert sent.failures == {"ModelError 500: why": 1}
    assert sent.requests == sent.versions["2"] + 1
    assert [name for name, _ in told[:14]] == [f"run-{number}" for number in (*range(13), 14)]
    assert told[3] == ("run-3", "1")
    assert sent.answers["1"] == (False, "2") and sent.answers["2"] == (True, "2")
    assert "13" not in sent.answers


def test_what_goes_wrong_in_the_background_is_raised_at_the_end(quick: None) -> None:
    def refuse(_: object) -> None:
        raise ValueError("no bucket")

    with pytest.raises(ValueError, match="no bucket"), Customers(Runtime(), "l", endless(), "run-", refuse) as sent:
        until(lambda: sent.error)
