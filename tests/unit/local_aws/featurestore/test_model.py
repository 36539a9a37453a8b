"""Puts, deletes and reads in random order, against a model in a few lines, and the offline store as their log."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.athena.engine import Answer
from local_aws.core.api import ValidationException
from local_aws.featurestore import offline
from tests.unit.local_aws.featurestore.conftest import Call, record, waiting

GROUP = "bank-history"


class Model:
    """The newest record of each bank, None for one that was softly deleted, and the log of all that was taken."""

    def __init__(self) -> None:
        self.newest: dict[str, tuple[str, dict[str, str] | None]] = {}
        self.log: list[list[str | None]] = []

    def is_newer(self, bank: str, at: str) -> bool:
        return bank not in self.newest or at > self.newest[bank][0]

    def put(self, bank: str, at: str, approvals: str | None) -> None:
        self.log.append([bank, at, approvals, "false"])
        if self.is_newer(bank, at):
            values = {"bank": bank, "known_from": at} | ({"approvals": approvals} if approvals else {})
            self.newest[bank] = (at, values)

    def soft_delete(self, bank: str, at: str) -> None:
        self.log.append([bank, at, None, "true"])
        if self.is_newer(bank, at):
            self.newest[bank] = (at, None)

    def hard_delete(self, bank: str, at: str) -> bool:
        if not self.is_newer(bank, at):
            return False
        self.log.append([bank, at, None, "true"])
        self.newest.pop(bank, None)
        return True

    def get(self, bank: str) -> dict[str, str]:
        return self.newest.get(bank, ("", None))[1] or {}


@pytest.mark.parametrize("seed", range(12))
def test_both_stores_are_what_a_simple_model_says(
    seed: int, create: Call, records: Call, query: Callable[[str], Answer]
) -> None:
    chance, model = random.Random(seed), Model()
    table = create()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    for number in range(300):
        bank = chance.choice("abcde")
        # Few moments, so that equal ones are frequent; now and then with milliseconds.
        at = f"2026-11-{chance.randint(1, 4):02d}T{chance.randint(0, 2):02d}:00:00{chance.choice(('', '.500'))}Z"
        model_at = at if "." in at else at.replace("Z", ".000Z")
        place = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": bank}
        step = chance.random()
        if step < 0.5:
            approvals = str(number) if chance.random() < 0.8 else None
            values = record(bank=bank, known_from=at, **({"approvals": approvals} if approvals else {}))
            records("PutRecord", FeatureGroupName=GROUP, Record=values)
            model.put(bank, model_at, approvals)
        elif step < 0.65:
            records("DeleteRecord", **place, EventTime=at)
            model.soft_delete(bank, model_at)
        elif step < 0.75:
            if model.hard_delete(bank, model_at):
                records("DeleteRecord", **place, EventTime=at, DeletionMode="HardDelete")
            else:
                with pytest.raises(ValidationException, match="must be later"):
                    records("DeleteRecord", **place, EventTime=at, DeletionMode="HardDelete")
        elif step < 0.8:
            offline.flush()
        else:
            assert read(records("GetRecord", **place).get("Record", [])) == model.get(bank)
    for bank in "abcde":
        answer = records("GetRecord", FeatureGroupName=GROUP, RecordIdentifierValueAsString=bank)
        assert read(answer.get("Record", [])) == model.get(bank)
    # Each record's rows come in the order of its calls, whatever files they lie in.
    found = query(
        f"SELECT bank, known_from, approvals, is_deleted FROM {table} ORDER BY bank, api_invocation_time, write_time"
    ).rows
    assert [[bank, padded(str(at)), *rest] for bank, at, *rest in found] == sorted(
        model.log, key=lambda row: str(row[0])
    )
    assert waiting() == 0


def read(values: list[dict[str, Any]]) -> dict[str, str]:
    found = {value["FeatureName"]: str(value["ValueAsString"]) for value in values}
    return {**found, "known_from": padded(found["known_from"])} if found else {}


def padded(at: str) -> str:
    return at if "." in at else at.replace("Z", ".000Z")
