"""The ledger, with DynamoDB's own rules for conditions as moto knows them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.unit.lambdas.release_controller.names import MODEL, TABLE, arn


@pytest.fixture
def ledger(aws):
    return aws.gateway.ledger


@pytest.fixture
def entry(release_controller):
    def make(generation=9, key="lost#2", **fields):
        usual = {
            "at": "2026-11-21T12:00:00.000Z", "kind": "lost", "package": arn(2), "version": 2, "stage": "shadow",
            "reason": "worse", "verdict": '{"looks":3}', "observed": "{}", "told": True,
        }  # fmt: skip
        return release_controller.ledger.Entry(generation=generation, key=key, **usual | fields)

    return make


def items(aws):
    return aws.clients.dynamodb.scan(TableName=TABLE)["Items"]


def test_entry_is_an_item_under_generation_and_key(aws, ledger, entry):
    ledger.append(entry())
    assert items(aws) == [
        {
            "model": {"S": MODEL},
            "entry": {"S": "0000000009#lost#2"},
            "at": {"S": "2026-11-21T12:00:00.000Z"},
            "kind": {"S": "lost"},
            "package": {"S": arn(2)},
            "version": {"N": "2"},
            "stage": {"S": "shadow"},
            "reason": {"S": "worse"},
            "verdict": {"S": '{"looks":3}'},
            "observed": {"S": "{}"},
            "told": {"BOOL": True},
        }
    ]


def test_decision_without_a_verdict_has_none(aws, ledger, entry):
    ledger.append(entry(verdict=""))
    assert "verdict" not in items(aws)[0]


def test_entry_that_is_there_stays_as_it_is(aws, ledger, entry):
    ledger.append(entry())
    ledger.append(replace(entry(), reason="better"))
    assert [item["reason"]["S"] for item in items(aws)] == ["worse"]


def test_other_errors_of_the_table_are_raised(aws, ledger, entry):
    with Stubber(aws.clients.dynamodb) as dynamodb:
        dynamodb.add_client_error("put_item", "ThrottlingException", "Rate exceeded")
        with pytest.raises(ClientError, match="Rate exceeded"):
            ledger.append(entry())


def test_has_knows_generation_and_key(ledger, entry):
    ledger.append(entry())
    assert ledger.has(9, "lost#2")
    assert not ledger.has(9, "lost#22")
    assert not ledger.has(10, "lost#2")


@pytest.mark.parametrize(("generation", "had"), [(8, False), (9, True), (29, True), (30, False)])
def test_had_looks_a_few_generations_back(ledger, entry, generation, had):
    ledger.append(entry())
    assert ledger.had(generation, "lost#2") is had
    assert not ledger.had(generation, "lost#22")


def test_stay_counts_its_looks_and_knows_when_the_weights_moved(release_controller, ledger, entry):
    for generation, key, kind in (
        (3, "begin#1", "begin"),
        (4, "look#3#100", "look"),
        (5, "begin#2", "begin"),
        (6, "shift#25", "shift"),
        (7, "look#4#100", "look"),
        (7, "look#4#200", "look"),
        (8, "look#44#200", "look"),
        (8, "shift#50", "shift"),
        (9, "hold#mismatch#4", "hold"),
    ):
        ledger.append(entry(generation, key, kind=kind, at=f"2026-11-21T12:00:{generation:02d}.000Z"))
    shifted = datetime(2026, 11, 21, 12, 0, 8, tzinfo=UTC)
    assert ledger.stay(4) == release_controller.ledger.Stay(looks=2, shifted=shifted)
    assert ledger.stay(5) == release_controller.ledger.Stay(looks=0, shifted=shifted)


def test_stay_without_an_entry(release_controller, ledger):
    assert ledger.stay(4) == release_controller.ledger.Stay(looks=0, shifted=None)


def test_text_is_json_whatever_it_is_given(release_controller):
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    assert json.loads(release_controller.entries.text({"at": moment})) == {"at": "2026-11-21 00:00:00+00:00"}
