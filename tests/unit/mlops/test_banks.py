"""What the demo tells the feature store, and when."""

import csv
import gzip
import io
from typing import Any

from mlops.demo.history import BankHistory, bank_months
from mlops.demo.loans import Loan
from mlops_constructs.naming import EnvironmentNames

NAMES = EnvironmentNames("mlops", "local")


class FeatureStore:
    """The two clients: keeps of each bank the record with the newest time."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, str]] = {}
        self.puts = 0

    def describe_feature_group(self, **request: Any) -> dict[str, Any]:
        assert request["FeatureGroupName"] == "mlops-local-bank-history"
        kinds = {"bank": "String", "known_from": "String", "approvals_12m": "Integral", "charge_offs_12m": "Integral",
                 "charge_off_share_12m": "Fractional"}  # fmt: skip
        definitions = [{"FeatureName": name, "FeatureType": kind} for name, kind in kinds.items()]
        return {
            "FeatureGroupName": request["FeatureGroupName"],
            "RecordIdentifierFeatureName": "bank",
            "EventTimeFeatureName": "known_from",
            "FeatureDefinitions": definitions,
        }

    def put_record(self, FeatureGroupName: str, Record: list[dict[str, str]]) -> None:  # noqa: N803
        values = {each["FeatureName"]: each["ValueAsString"] for each in Record}
        self.puts += 1
        if values["known_from"] > self.records.get(values["bank"], {}).get("known_from", ""):
            self.records[values["bank"]] = values

    def delete_record(self, **request: str) -> None:
        assert request["DeletionMode"] == "HardDelete"
        assert request["EventTime"] > self.records.pop(request["RecordIdentifierValueAsString"])["known_from"]

    def batch_get_record(self, Identifiers: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        wanted = Identifiers[0]["RecordIdentifiersValueAsString"]
        found = [
            {
                "RecordIdentifierValueAsString": bank,
                "Record": [{"FeatureName": k, "ValueAsString": v} for k, v in self.records[bank].items()],
            }
            for bank in wanted
            if bank in self.records
        ]
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": []}


def banks() -> tuple[BankHistory, FeatureStore]:
    store = FeatureStore()
    return BankHistory(lambda _service: store, NAMES), store


def test_a_month_tells_what_was_known_when_it_began() -> None:
    history, store = banks()
    assert history.known_at("2003-02") == 50
    assert {each["known_from"] for each in store.records.values()} == {"2003-02-01T00:00:00Z"}


def test_a_month_that_was_told_is_not_told_again() -> None:
    history, store = banks()
    history.known_at("2003-03")
    assert (history.known_at("2003-03"), history.known_at("2003-02"), store.puts) == (0, 0, 50)


def test_an_earlier_demos_future_is_forgotten() -> None:
    history, store = banks()
    history.known_at("2008-01")
    assert history.begin_again("2002-12-31") == 50
    assert store.records == {}
    assert history.begin_again("2002-12-31") == 0


def test_what_was_known_of_a_loans_bank_is_of_its_own_month() -> None:
    history, _ = banks()
    asked = [
        Loan("a", "2003-02", {"bank": "CITIBANK, N.A."}, "0"),
        Loan("b", "2003-02", {"bank": "A BANK OF TOMORROW"}, "0"),
        Loan("c", "1999-01", {"bank": "CITIBANK, N.A."}, "0"),
    ]
    citi, other, early = history.of(asked)
    assert citi["approvals_12m"] > 0 and other["approvals_12m"] > citi["approvals_12m"]
    assert early == {}


def test_the_book_ends_with_its_month() -> None:
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(bank_months("2002-12-31")).decode())))
    assert max(row["month"] for row in rows) == "2002-12"
    assert bank_months("2002-12-31") == bank_months("2002-12-31")
