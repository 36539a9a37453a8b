"""The offline store: every put and every deletion as a row of a Parquet file in S3.

AWS writes files within 15 minutes. Here a group's rows wait until none came for a second, a minute at most, and are
written at once before an Athena query reads them, when the group is deleted and when the server stops. Waiting rows
are part of the state that checkpoints keep, with the keys of files that are just being written: a server that is
killed and starts again has in both stores what the checkpoint had, and writes no row twice.

Source of the layout: developer guide, feature-store-offline.
"""

from __future__ import annotations

import logging
import secrets
import string
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.core import api, store
from local_aws.core.api import Context, ResourceNotFound
from local_aws.featurestore import parquet, values
from local_aws.featurestore.group import change, find

Row = dict[str, Any]

QUIET_SECONDS = 1.0
LONGEST_SECONDS = 60.0
MOST_ROWS = 10_000

log = logging.getLogger(__name__)

_waiting = store.table("feature-records-waiting")
_times: dict[store.Key, tuple[float, float]] = {}
"""When the first and the last of a group's waiting rows came; of a restored group nothing is known, so it is due."""
_writing = threading.Lock()
_invoked: dict[tuple[store.Key, str], datetime] = {}
_LETTERS = string.ascii_letters + string.digits
_ADDED = {"write_time": "TIMESTAMP_MS", "api_invocation_time": "TIMESTAMP_MS", "is_deleted": "BOOLEAN"}
_TYPES = {"Integral": "BIGINT", "Fractional": "DOUBLE", "String": "VARCHAR"}


def install() -> None:
    """Write what is due on a tick, and what waits when the server stops."""
    api.on_tick(0.5, write_due)
    api.on_stop(flush)


def append(place: store.Key, identifier: str, at: float, texts: dict[str, str], *, deleted: bool) -> None:
    """Add a row: the texts of its features, identifier and event time among them, and its event time in seconds.

    The caller holds `store.lock`, so that rows stand in the order in which the online store took them.
    """
    row = {"EventTime": at, "Values": texts, "Invoked": _invocation(place, identifier), "Deleted": deleted}
    queue = _waiting.get(place)
    if queue is None:
        queue = _waiting[place] = {"Rows": [], "Files": []}
    queue["Rows"].append(row)
    now = time.monotonic()
    _times[place] = (_times.get(place, (now, now))[0], now)


def flush(place: store.Key | None = None) -> None:
    """Write what waits, of all groups or of one; what S3 refuses goes on waiting, and blocks the store."""
    with _writing:
        for each in [place] if place else list(_waiting):
            _write(each)


def write_due() -> None:
    """Write the groups whose rows have waited long enough."""
    now = time.monotonic()
    for place in list(_waiting):
        first, last = _times.get(place, (0.0, 0.0))
        many = len(_waiting.get(place, {"Rows": ()})["Rows"]) >= MOST_ROWS
        if many or now - last >= QUIET_SECONDS or now - first >= LONGEST_SECONDS:
            flush(place)


def forget(place: store.Key) -> None:
    """Drop what could not be written of a group that is deleted."""
    if _waiting.pop(place, None):
        log.warning("feature group %s: rows that its bucket did not take are lost with it", place[2])
    _times.pop(place, None)


def _write(place: store.Key) -> None:
    with store.lock:
        queue = _waiting.get(place)
        if queue is None:
            return
        ctx = Context(place[0], place[1])
        try:
            group = find(ctx, place[2])
        except ResourceNotFound:
            forget(place)
            return
        rows, queue["Rows"] = queue["Rows"], []
        _times.pop(place, None)
        queue["Files"] += _files(group, rows)
        files = list(queue["Files"])
    reason = None
    with parquet.Writer() as writer:
        for file in files:
            try:
                _put(ctx, group, file, writer)
            except (BotoCoreError, ClientError) as error:
                reason = str(error)
                break
            with store.lock:
                queue["Files"].remove(file)
    _note(ctx, group, reason)
    with store.lock:
        if not queue["Rows"] and not queue["Files"]:
            _waiting.pop(place, None)


def _files(group: Row, rows: list[Row]) -> Iterator[Row]:
    """The rows by the hour of their event time, each hour with the key of its file."""
    bucket, _, folder = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"][5:].partition("/")
    hours: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        hours[datetime.fromtimestamp(row["EventTime"], UTC).strftime("year=%Y/month=%m/day=%d/hour=%H")].append(row)
    written = datetime.now(UTC)
    for hour, found in sorted(hours.items()):
        newest = datetime.fromtimestamp(max(row["EventTime"] for row in found), UTC)
        random = "".join(secrets.choice(_LETTERS) for _ in range(16))
        key = f"{folder}/{hour}/{newest:%Y%m%dT%H%M%SZ}_{random}.parquet"
        yield {"Bucket": bucket, "Key": key, "Written": written, "Rows": found}


def _put(ctx: Context, group: Row, file: Row, writer: parquet.Writer) -> None:
    types = {each["FeatureName"]: each["FeatureType"] for each in group["FeatureDefinitions"]}
    columns = {name: _TYPES[kind] for name, kind in types.items()} | _ADDED
    table = [
        [
            *(_value(kind, row["Values"].get(name)) for name, kind in types.items()),
            _millis(file["Written"]),
            _millis(row["Invoked"]),
            row["Deleted"],
        ]
        for row in file["Rows"]
    ]
    kms_key = group["OfflineStoreConfig"]["S3StorageConfig"].get("KmsKeyId")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    clients.client("s3", ctx, group.get("RoleArn")).put_object(
        Bucket=file["Bucket"], Key=file["Key"], Body=writer.file(columns, table), **encryption
    )


def _value(kind: str, text: str | None) -> values.Value | None:
    return None if text is None else values.typed(kind, text)


def _note(ctx: Context, group: Row, reason: str | None) -> None:
    """Say in the group's status whether its store takes rows."""
    status = {"Status": "Blocked", "BlockedReason": reason[:1024]} if reason else {"Status": "Active"}
    if status == group.get("OfflineStoreStatus"):
        return
    try:
        change(ctx, group["FeatureGroupName"], OfflineStoreStatus=status)
    except ResourceNotFound:
        return
    if reason:
        log.warning("feature group %s: its offline store takes no rows: %s", group["FeatureGroupName"], reason)


def _invocation(place: store.Key, identifier: str) -> datetime:
    """The time in milliseconds, later than that of the record's last call: so the order of calls can be told."""
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if len(_invoked) > MOST_ROWS:
        for key in [key for key, time in _invoked.items() if time < now]:
            del _invoked[key]
    last = _invoked.get((place, identifier))
    if last is not None and last >= now:
        now = last + timedelta(milliseconds=1)
    _invoked[place, identifier] = now
    return now


def _millis(moment: datetime) -> datetime:
    """As Parquet's timestamps are: in UTC, without saying so."""
    return moment.replace(tzinfo=None)
