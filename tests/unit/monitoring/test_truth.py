import json
import random
from datetime import UTC, datetime

import pytest

from mlops import outcomes
from monitoring import places, truth
from monitoring.truth import Counts, Outcome, Outcomes


def line(record="loan-7", data="1", encoding="CSV", received="2026-11-21T16:00:01.123Z"):
    metadata = {"eventId": record} if received is None else {"eventId": record, "receivedAt": received}
    return json.dumps(
        {"groundTruthData": {"data": data, "encoding": encoding}, "eventMetadata": metadata, "eventVersion": "0"}
    )


def read(*lines, arrived=""):
    return list(truth.read(lines, counts := Counts(), arrived)), counts


def test_outcomes_are_read():
    found, counts = read(line(), "\n", line("loan-8#2", "0\n").encode())
    assert found == [
        Outcome("loan-7", "1", "2026-11-21T16:00:01.123"),
        Outcome("loan-8#2", "0", "2026-11-21T16:00:01.123"),
    ]
    assert counts == Counts(lines=2, outcomes=2)


def test_what_this_projects_client_writes_is_read():
    class FakeS3:
        def put_object(self, **request):
            self.request = request

    s3 = FakeS3()
    outcomes.put(s3, "bucket", "cap", [("loan-7#2", "1"), ("loan-8", "0")], datetime(2026, 11, 21, 16, tzinfo=UTC))
    found, _ = read(*s3.request["Body"].splitlines())
    assert [(each.record, each.value, each.received) for each in found] == [
        ("loan-7#2", "1", "2026-11-21T16:00:00.000"),
        ("loan-8", "0", "2026-11-21T16:00:00.000"),
    ]
    assert places.arrived(s3.request["Key"]) == "2026-11-21T16:59:59.999"


@pytest.mark.parametrize(
    ("data", "encoding", "value"),
    [
        ("1", "CSV", "1"),
        (1, "CSV", "1"),
        (0.5, "CSV", "0.5"),
        (True, "CSV", "true"),
        (" good ", "CSV", "good"),
        ("1", None, "1"),
        ("MQ==", "BASE64", "1"),
        ("1", "JSON", "1"),
        ('"good"', "JSON", "good"),
    ],
)
def test_one_value_in_any_encoding_is_an_outcome(data, encoding, value):
    (outcome,), _ = read(line(data=data, encoding=encoding))
    assert outcome.value == value


@pytest.mark.parametrize("record", ["loan-7", "loan-7#1", "loan-7#1#1"])
def test_the_number_of_a_single_row_says_nothing(record):
    (outcome,), _ = read(line(record))
    assert outcome.record == "loan-7"


@pytest.mark.parametrize(
    "bad",
    [
        line()[:-9],
        "{}",
        "[]",
        line(record=""),
        line(record=None),
        line(data=""),
        line(data=None),
        line(data="[1]", encoding="JSON"),
        line(data="null", encoding="JSON"),
        line(received="yesterday"),
        line(received=20261121),
        b"\xff",
    ],
)
def test_what_cannot_be_read_is_counted(bad):
    found, counts = read(line(), bad)
    assert len(found) == 1
    assert counts == Counts(lines=2, outcomes=1, unreadable=1)


@pytest.mark.parametrize(
    ("received", "text"),
    [
        ("2026-11-21T16:00:01Z", "2026-11-21T16:00:01.000"),
        ("2026-11-21T16:00:01.5Z", "2026-11-21T16:00:01.500"),
        ("2026-11-21T16:00:01.123456+00:00", "2026-11-21T16:00:01.123"),
        ("2026-11-21T16:00:01", "2026-11-21T16:00:01.000"),
        (None, "2026-11-21T16:59:59.999"),
    ],
)
def test_times_of_receipt_sort_as_texts(received, text):
    (outcome,), _ = read(line(received=received), arrived="2026-11-21T16:59:59.999")
    assert outcome.received == text


def test_the_newest_outcome_of_a_wanted_record_counts():
    found = Outcomes(["a", "b", "c"])
    for outcome in (
        Outcome("a", "0", "2026-01-02"),
        Outcome("a", "1", "2026-01-01"),
        Outcome("b", "0", "2026-01-01"),
        Outcome("b", "1", "2026-01-01"),
        Outcome("other", "1", "2026-01-01"),
    ):
        found.add(outcome)
    assert [found.get(record) for record in ("a", "b", "c", "other")] == ["0", "1", None, None]
    assert len(found) == 2


def test_memory_grows_with_what_is_wanted_not_with_what_is_there():
    found = Outcomes(["a"])
    for number in range(10_000):
        found.add(Outcome(f"other-{number}", "1", "2026-01-01"))
    assert len(found._newest) == 1


def test_the_order_of_files_does_not_decide_between_times():
    rng = random.Random(3)
    given = [Outcome("a", str(number), f"2026-01-{number:02}") for number in range(1, 29)]
    for _ in range(50):
        rng.shuffle(given)
        found = Outcomes(["a"])
        for outcome in given:
            found.add(outcome)
        assert found.get("a") == "28"


def test_counts_add_up():
    assert (Counts(3, 2, 1) + Counts(1, 1, 0)).document() == {"lines": 4, "outcomes": 3, "unreadable": 1}
