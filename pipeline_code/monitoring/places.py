"""Where captured data and ground truth lie in S3: one folder an hour, `yyyy/mm/dd/hh`, in UTC.

Layout: developer guide, "Capture data from real-time endpoint" and "Ingest Ground Truth labels". A capture is filed
by the time of its inference, ground truth by the time of its arrival. Files that lie elsewhere, or in folders within
those of hours, belong to no hour: they are not read.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, List, NamedTuple, Optional

from monitoring.findings import Window

SUFFIX = ".jsonl"
CHUNK_BYTES = 1 << 18
LONGEST_LINE = 128 << 20
"""A request and its answer are some MB at most; a file that is no text may have no newline at all."""

_HOUR = timedelta(hours=1)
_KEY_HOUR = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/[^/]+\Z", re.ASCII)


class File(NamedTuple):
    """An object; size in bytes."""

    key: str
    size: int


def capture_files(
    s3: Any, bucket: str, prefix: str, window: Window, misplaced: Optional[List[str]] = None
) -> Iterator[File]:
    """Those below prefix (`<folder>/<endpoint>/<variant>`) of the hours that the window touches, oldest first.

    misplaced: gets the keys that belong to no hour, while the iterator is used.
    """
    return _files(s3, bucket, prefix, window.start, window.end, misplaced)


def truth_files(
    s3: Any, bucket: str, prefix: str, since: datetime, until: datetime, misplaced: Optional[List[str]] = None
) -> Iterator[File]:
    """Those below prefix (`<folder>/ground-truth`) of the hours from that of `since` to that before `until`.

    misplaced: as for `capture_files`.
    """
    return _files(s3, bucket, prefix, since, until, misplaced)


def arrived(key: str) -> str:
    """The end of the hour in which a file of ground truth came, as `truth.Outcome.received` writes times.

    Raises ValueError for a key that `truth_files` does not give.
    """
    match = _KEY_HOUR.search(key)
    if match is None:
        raise ValueError(f"key {key!r}: expected …/yyyy/mm/dd/hh/<file>")
    year, month, day, hour = match.groups()
    return f"{year}-{month}-{day}T{hour}:59:59.999"


def lines(s3: Any, bucket: str, key: str) -> Iterator[bytes]:
    """The lines of an object as they come in; a chunk of it is held, and the line that has begun.

    Of a line that is longer than LONGEST_LINE the rest is left out, so that whoever reads it finds it truncated. Each
    byte is looked at once and copied once, however many chunks a line takes.
    """
    with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
        begun: List[bytes] = []
        size = 0
        while chunk := body.read(CHUNK_BYTES):
            # At newlines only: a carriage return or another separator within a payload does not end a record.
            first, *more = chunk.split(b"\n")
            if size < LONGEST_LINE:
                begun.append(first[: LONGEST_LINE - size])
            size += len(first)
            if more:
                yield b"".join(begun)
                *whole, last = more
                yield from whole
                begun, size = [last], len(last)
        if size:
            yield b"".join(begun)


def folders(since: datetime, until: datetime) -> Iterator[str]:
    """The fewest folders that hold exactly the hours that the time from `since` until `until` touches, oldest first.

    Months and days stand for their hours, so that two years of ground truth take about a hundred listings, not 17,520.
    """
    hour, end = _floor(since), until.astimezone(timezone.utc)
    while hour < end:
        month, day = _next_month(hour), hour + timedelta(days=1)
        last = _floor(end - timedelta(microseconds=1)) + _HOUR
        if hour.hour == 0 and hour.day == 1 and month <= last:
            yield f"{hour:%Y/%m}"
            hour = month
        elif hour.hour == 0 and day <= last:
            yield f"{hour:%Y/%m/%d}"
            hour = day
        else:
            yield f"{hour:%Y/%m/%d/%H}"
            hour += _HOUR


def _files(
    s3: Any, bucket: str, prefix: str, since: datetime, until: datetime, misplaced: Optional[List[str]]
) -> Iterator[File]:
    pages, above = s3.get_paginator("list_objects_v2"), f"{prefix.strip('/')}/".lstrip("/")
    for folder in folders(since, until):
        for page in pages.paginate(Bucket=bucket, Prefix=f"{above}{folder}/"):
            for each in page.get("Contents", ()):
                key = each["Key"]
                if not key.endswith(SUFFIX):
                    continue
                if _KEY_HOUR.fullmatch(f"/{key[len(above) :]}"):
                    yield File(key, each["Size"])
                elif misplaced is not None:
                    misplaced.append(key)


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)


def _next_month(moment: datetime) -> datetime:
    return (moment.replace(day=28) + timedelta(days=4)).replace(day=1)
