"""Where captured data and ground truth lie in S3: one folder an hour, `yyyy/mm/dd/hh`, in UTC.

Layout: developer guide, "Capture data from real-time endpoint" and "Ingest Ground Truth labels". A capture is filed
by the time of its inference, ground truth by the time of its arrival.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, NamedTuple

from monitoring.findings import Window

SUFFIX = ".jsonl"
CHUNK_BYTES = 1 << 18

_HOUR = timedelta(hours=1)
_KEY_HOUR = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/[^/]+\Z")


class File(NamedTuple):
    """An object; size in bytes."""

    key: str
    size: int


def capture_files(s3: Any, bucket: str, prefix: str, window: Window) -> Iterator[File]:
    """Those below prefix (`<folder>/<endpoint>/<variant>`) of the hours that the window touches, oldest first."""
    return _files(s3, bucket, prefix, window.start, window.end)


def truth_files(s3: Any, bucket: str, prefix: str, since: datetime, until: datetime) -> Iterator[File]:
    """Those below prefix (`<folder>/ground-truth`) of the hours from that of `since` to that before `until`."""
    return _files(s3, bucket, prefix, since, until)


def arrived(key: str) -> str:
    """The end of the hour in which a file of ground truth came, as `truth.Outcome.received` writes times."""
    match = _KEY_HOUR.search(key)
    if match is None:
        raise ValueError(f"key {key!r}: expected …/yyyy/mm/dd/hh/<file>")
    year, month, day, hour = match.groups()
    return f"{year}-{month}-{day}T{hour}:59:59.999"


def lines(s3: Any, bucket: str, key: str) -> Iterator[bytes]:
    """The lines of an object as they come in; at most a chunk of it is held."""
    with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
        rest = b""
        while chunk := body.read(CHUNK_BYTES):
            # At newlines only: a carriage return or another separator within a payload does not end a record.
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest


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


def _files(s3: Any, bucket: str, prefix: str, since: datetime, until: datetime) -> Iterator[File]:
    pages = s3.get_paginator("list_objects_v2")
    for folder in folders(since, until):
        for page in pages.paginate(Bucket=bucket, Prefix=f"{prefix.strip('/')}/{folder}/".lstrip("/")):
            for each in page.get("Contents", ()):
                if each["Key"].endswith(SUFFIX):
                    yield File(each["Key"], each["Size"])


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)


def _next_month(moment: datetime) -> datetime:
    return (moment.replace(day=28) + timedelta(days=4)).replace(day=1)
