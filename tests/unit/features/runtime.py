"""A feature store's runtime in memory: what AWS's API reference says of each call, and every call kept."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from features import moments
from features.group import FeatureGroup


def refusal(code: str, operation: str = "PutRecord") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} happened"}}, operation)


@dataclass
class Kept:
    """The newest record of an identifier, or the mark of its deletion."""

    at: float
    record: list[dict[str, str]] | None


@dataclass
class Runtime:
    """One group's stores. online: by identifier. offline: all that was written, in order (identifier, seconds, record).

    trouble: asked before each call with its operation; what it returns is raised. unprocessed: share of identifiers
    that a BatchGetRecord leaves for later.
    """

    group: FeatureGroup
    trouble: Callable[[str], ClientError | None] = lambda operation: None
    unprocessed: float = 0.0
    online: dict[str, Kept] = field(default_factory=dict)
    offline: list[tuple[str, float, list[dict[str, str]] | None]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._draw = random.Random(7)

    def put_record(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            self._begin("PutRecord", request)
            record = request["Record"]
            names = [item["FeatureName"] for item in record]
            assert len(set(names)) == len(names)
            assert set(names) <= set(self.group.types)
            texts = {item["FeatureName"]: item["ValueAsString"] for item in record}
            identifier, at = texts[self.group.record_identifier], self._seconds(texts[self.group.event_time])
            self.offline.append((identifier, at, record))
            self._keep(identifier, Kept(at, record))
            return {}

    def delete_record(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            self._begin("DeleteRecord", request)
            identifier, at = request["RecordIdentifierValueAsString"], self._seconds(request["EventTime"])
            hard = request.get("DeletionMode", "SoftDelete") == "HardDelete"
            there = self.online.get(identifier)
            if hard:
                if there is not None and at <= there.at:
                    raise refusal("ValidationException", "DeleteRecord")
                self.online.pop(identifier, None)
            else:
                self._keep(identifier, Kept(at, None))
            self.offline.append((identifier, at, None))
            return {}

    def batch_get_record(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            self._begin("BatchGetRecord", request)
            [asked] = request["Identifiers"]
            wanted = asked["RecordIdentifiersValueAsString"]
            assert 1 <= len(wanted) <= 100
            assert len(set(wanted)) == len(wanted)
            later = [each for each in wanted if self._draw.random() < self.unprocessed]
            records = [
                {
                    "FeatureGroupName": asked["FeatureGroupName"],
                    "RecordIdentifierValueAsString": each,
                    "Record": self.online[each].record,
                }
                for each in wanted
                if each not in later and each in self.online and self.online[each].record is not None
            ]
            left = [{**asked, "RecordIdentifiersValueAsString": later}] if later else []
            return {"Records": records, "Errors": [], "UnprocessedIdentifiers": left}

    def _begin(self, operation: str, request: dict[str, Any]) -> None:
        self.calls.append((operation, request))
        if error := self.trouble(operation):
            raise error
        for asked in request.get("Identifiers", [request]):
            assert asked["FeatureGroupName"] == self.group.physical

    def _keep(self, identifier: str, new: Kept) -> None:
        """Only what is newer than what is there."""
        there = self.online.get(identifier)
        if there is None or new.at > there.at:
            self.online[identifier] = new

    def _seconds(self, text: str) -> float:
        return moments.seconds(text) if self.group.event_time_type == "String" else float(text)
