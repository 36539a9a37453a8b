"""The online store: the newest record of each identifier, read while a model answers.

Rules are those of the API reference (PutRecord, DeleteRecord, BatchGetRecord): a record takes the place of the one
that is there only if its event time is greater, and so does a deletion.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from botocore.exceptions import ClientError

from features.errors import FeatureError
from features.group import FeatureGroup, Values

BATCH = 100
"""Identifiers of one BatchGetRecord, AWS's limit."""

TRIES = 6
"""Requests until it is given up; the waits between them add up to three seconds at most."""

_FIRST_WAIT = 0.1
_PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class OnlineStore:
    """runtime: a client of sagemaker-featurestore-runtime. sleep: takes seconds.

    What AWS has no time for now (throttling, identifiers that come back unprocessed) is asked for again, `tries` times
    in all. A record that is written twice by that is in the offline store twice, with the same values.
    """

    def __init__(self, runtime: Any, *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep) -> None:
        self._runtime, self._tries, self._sleep = runtime, tries, sleep

    def get(self, group: FeatureGroup, records: Sequence[str]) -> Dict[str, Values]:
        """What is known now of each record that there is: every feature of the group, event time and identifier too.

        Raises FeatureError, with the records, if AWS could not say; what boto3 raises is passed on.
        """
        found: Dict[str, Values] = {}
        wanted = list(dict.fromkeys(records))
        for start in range(0, len(wanted), BATCH):
            found.update(self._get(group, wanted[start : start + BATCH]))
        return found

    def put(self, group: FeatureGroup, values: Mapping[str, Any]) -> None:
        """Write a record; AWS keeps it from the online store unless it is newer than what is there.

        Raises FeatureError for values that the group does not take; what boto3 raises is passed on.
        """
        self._call(self._runtime.put_record, FeatureGroupName=group.physical, Record=group.record(values))

    def delete(self, group: FeatureGroup, record: str, event_time: Any, hard: bool = False) -> None:
        """Forget a record from `event_time` on, which must be later than that of the record that is there.

        If it is not, AWS refuses a hard deletion; after a soft one the record stays in the online store, and only the
        offline store has the deletion. Raises as `put` does.
        """
        self._call(
            self._runtime.delete_record,
            FeatureGroupName=group.physical,
            RecordIdentifierValueAsString=group.text_of(group.record_identifier, record),
            EventTime=group.text_of(group.event_time, event_time),
            DeletionMode="HardDelete" if hard else "SoftDelete",
        )

    def _get(self, group: FeatureGroup, wanted: List[str]) -> Dict[str, Values]:
        found: Dict[str, Values] = {}
        reason = "unprocessed"
        for wait in self._waits():
            if wait:
                self._sleep(wait)
            asked = {"FeatureGroupName": group.physical, "RecordIdentifiersValueAsString": wanted}
            answer = self._call(self._runtime.batch_get_record, Identifiers=[asked])
            for item in answer["Records"]:
                found[item["RecordIdentifierValueAsString"]] = group.values(item["Record"])
            again: List[str] = []
            for part in answer["UnprocessedIdentifiers"]:
                again += part["RecordIdentifiersValueAsString"]
            for error in answer["Errors"]:
                record, code = error["RecordIdentifierValueAsString"], error["ErrorCode"]
                reason = f"{code}: {error['ErrorMessage']}"
                if code not in _PASSING:
                    raise FeatureError(f"feature group {group.physical}, record {record!r}: {reason}")
                again.append(record)
            wanted = list(dict.fromkeys(again))
            if not wanted:
                return found
        raise FeatureError(
            f"feature group {group.physical}: {len(wanted)} records not read in {self._tries} requests, such as "
            f"{wanted[0]!r} ({reason}); try again later"
        )

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        """The answer; the last error that passes by itself, if all tries met one, and any other at once."""
        failed: List[ClientError] = []
        for wait in self._waits():
            if wait:
                self._sleep(wait)
            try:
                return operation(**request)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _PASSING:
                    raise
                failed.append(error)
        raise failed[-1]

    def _waits(self) -> Iterator[float]:
        """Seconds before each request: none, then doubled each time, and spread, since many may wait at once."""
        yield 0.0
        for attempt in range(self._tries - 1):
            yield _FIRST_WAIT * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
