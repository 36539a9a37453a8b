"""The online store: of each record identifier the record with the newest event time, or the mark of its deletion.

The rules, and where they are from (API reference of the Feature Store runtime):
- PutRecord: "If a new record's EventTime is greater" it is written; otherwise, so also if it is equal, it is historic
  and goes to the offline store only.
- DeleteRecord: the event time has to be later than the existing record's, or nothing is deleted. SoftDelete leaves a
  record without values, which puts of an older event time do not overwrite; HardDelete leaves nothing.
- ExpiresAt = EventTime + TtlDuration: from then on the record is not there, as after a hard delete.
"""

from __future__ import annotations

from typing import Any

from local_aws.core import store

Record = dict[str, Any]
"""EventTime in seconds, Values (texts by feature; None: deleted), ExpiresAt in seconds or None."""

_table = store.table("feature-records")


def get(place: store.Key, identifier: str, now: float) -> Record | None:
    """The record that can be read now; None if there is none, or it was deleted."""
    with store.lock:
        record = _living(_records(place), identifier, now)
        return record if record and record["Values"] is not None else None


def put(
    place: store.Key, identifier: str, at: float, values: dict[str, str], expires: float | None, now: float
) -> bool:
    """Keep the record if it is newer than what is there; says whether it was."""
    return _write(place, identifier, at, now, {"EventTime": at, "Values": values, "ExpiresAt": expires})


def soft_delete(place: store.Key, identifier: str, at: float, now: float) -> bool:
    """Mark the record as deleted at `at` unless it is as new; says whether it was done."""
    return _write(place, identifier, at, now, {"EventTime": at, "Values": None, "ExpiresAt": None})


def hard_delete(place: store.Key, identifier: str, at: float, now: float) -> bool:
    """Remove the record, or the mark of its deletion, unless it is as new; says whether it was done."""
    return _write(place, identifier, at, now, None)


def _write(place: store.Key, identifier: str, at: float, now: float, record: Record | None) -> bool:
    """Put `record`, or nothing, in the place of what is older than `at`; says whether it was."""
    with store.lock:
        records = _records(place)
        if not _newer(records, identifier, at, now):
            return False
        if record is None:
            records.pop(identifier, None)
        else:
            records[identifier] = record
        return True


def forget(place: store.Key) -> None:
    """Remove all records of a group."""
    _table.pop(place, None)


def _records(place: store.Key) -> dict[str, Record]:
    """The group's records by identifier; changed in place, which a checkpoint, holding the lock, never sees half."""
    row = _table.get(place)
    if row is None:
        row = _table[place] = {"Records": {}}
    return row["Records"]  # type: ignore[no-any-return]


def _living(records: dict[str, Record], identifier: str, now: float) -> Record | None:
    record = records.get(identifier)
    if record and record["ExpiresAt"] is not None and record["ExpiresAt"] <= now:
        del records[identifier]
        return None
    return record


def _newer(records: dict[str, Record], identifier: str, at: float, now: float) -> bool:
    record = _living(records, identifier, now)
    return record is None or at > record["EventTime"]
