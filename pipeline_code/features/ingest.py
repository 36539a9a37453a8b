"""Writes records into a feature group: those of one identifier in the order of their times, nothing lost.

A run that breaks off leaves of each identifier its oldest records written and the others not, so the next run, which
leaves out what is not newer than the online store, goes on where this one ended.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Tuple

from botocore.exceptions import BotoCoreError, ClientError

from features.errors import FeatureError
from features.group import FeatureGroup
from features.online import OnlineStore

TOLD = 5
"""Failures that an error names; it counts the others."""

_Chain = List[Mapping[str, Any]]


@dataclass(frozen=True)
class Ingested:
    """written, older: numbers of records; older: left out since the group has a record as new.

    awaited: of each record that was given, the event times that the offline store has yet to show, oldest first, as
    `OfflineStore.wait_for` takes them: of the newest that the group had, and of all that were written. Those are in
    files of their own hours there, so that none of them says that the others have come.
    """

    written: int
    older: int
    awaited: Dict[str, List[Any]]


def ingest(
    online: OnlineStore,
    group: FeatureGroup,
    records: Iterable[Mapping[str, Any]],
    *,
    threads: int = 4,
    only_newer: bool = True,
) -> Ingested:
    """Write records by so many threads; the same one twice counts, and is written, once.

    only_newer: leave out what is not newer than the record that the online store has. False: a backfill, or a group
    without an online store; each run then writes everything once more.

    Nothing is written if a record is not one of the group, or two of the same identifier and time differ. If AWS
    refuses one, those of its identifier that come after it are not written either, the others are, and FeatureError
    names it.
    """
    chains, given = _chains(group, records)
    known = online.get(group, list(chains)) if only_newer else {}
    awaited: Dict[str, List[Any]] = {record: [values[group.event_time]] for record, values in known.items()}
    todo: Dict[str, _Chain] = {}
    for record, chain in chains.items():
        since = group.seconds(known[record][group.event_time]) if record in known else float("-inf")
        todo[record] = [values for values in chain if group.seconds(values[group.event_time]) > since]
    with ThreadPoolExecutor(threads) as pool:
        failures = [told for told in pool.map(lambda chain: _write(online, group, chain), todo.values()) if told]
    if failures:
        more = f"; and {len(failures) - TOLD} more" if len(failures) > TOLD else ""
        raise FeatureError(
            f"feature group {group.physical}: not written, with what comes after them of the same record: "
            f"{'; '.join(failures[:TOLD])}{more}; run it again"
        )
    written = sum(map(len, todo.values()))
    for record, chain in todo.items():
        awaited.setdefault(record, []).extend(values[group.event_time] for values in chain)
    return Ingested(written, given - written, awaited)


def _chains(group: FeatureGroup, records: Iterable[Mapping[str, Any]]) -> Tuple[Dict[str, _Chain], int]:
    """The records of each identifier, oldest first and each once, as values that were read back; and how many."""
    found: Dict[str, Dict[float, Mapping[str, Any]]] = {}
    for values in records:
        typed = group.values(group.record(values))
        record, at = str(typed[group.record_identifier]), typed[group.event_time]
        before = found.setdefault(record, {}).setdefault(group.seconds(at), typed)
        if before != typed:
            raise FeatureError(
                f"feature group {group.name}, record {record!r} at {at}: twice, with different values; keep one of them"
            )
    chains = {record: [by_time[at] for at in sorted(by_time)] for record, by_time in found.items()}
    return chains, sum(map(len, chains.values()))


def _write(online: OnlineStore, group: FeatureGroup, chain: _Chain) -> str:
    """Write one identifier's records; says what went wrong, or nothing."""
    for values in chain:
        try:
            online.put(group, values)
        except (ClientError, BotoCoreError) as error:
            return f"record {values[group.record_identifier]!r} at {values[group.event_time]}: {error}"
    return ""
