"""Made-up captured predictions and ground truth in a folder, and an S3 client that reads a folder."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitoring.findings import Window

ENDPOINT, VERSION = "loans", "3"
WINDOW = Window.read("2026-11-01T00:00:00Z/2026-11-02T00:00:00Z")
HOURS = 24
FILES_AN_HOUR = 12
PAGE = 1000

FEATURES = tuple(f"x{number}" for number in range(15))
KINDS = tuple(f"c{number}" for number in range(5))


@dataclass(frozen=True)
class FolderS3:
    """Buckets are folders; it can be sent to other processes, which see the same files."""

    root: Path

    def __call__(self) -> "FolderS3":
        """As what makes a client."""
        return self

    def get_paginator(self, _operation: str) -> "FolderS3":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        folder = self.root / Bucket
        found = sorted(path for path in (folder / Prefix).rglob("*") if path.is_file())
        listed = [{"Key": path.relative_to(folder).as_posix(), "Size": path.stat().st_size} for path in found]
        for start in range(0, len(listed), PAGE):
            yield {"Contents": listed[start : start + PAGE]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": (self.root / Bucket / Key).open("rb")}


def write(root: Path, rows: int) -> None:
    """`rows` predictions spread over the window, one a request, and as many outcomes ten days later.

    15 numbers and 5 categories each, of which 1 % are missing; numbers and hashes decide, so that it is always the
    same. A few records come twice, a few lines are cut off, every 50th outcome is of another endpoint, and of some
    records two different outcomes came at once.
    """
    files = HOURS * FILES_AN_HOUR
    for number in range(files):
        mine = range(number * rows // files, (number + 1) * rows // files)
        hour, part = divmod(number, FILES_AN_HOUR)
        at = WINDOW.start + timedelta(hours=hour)
        captured = root / "capture" / "loans" / ENDPOINT / "champion" / f"{at:%Y/%m/%d/%H}" / f"{part:02}.jsonl"
        _write_lines(captured, itertools.chain.from_iterable(_captured(row, at) for row in mine))
        known = at + timedelta(days=10)
        told = root / "capture" / "loans" / "ground-truth" / f"{known:%Y/%m/%d/%H}" / f"{part:02}.jsonl"
        _write_lines(told, itertools.chain.from_iterable(_told(row, known) for row in mine))


def until() -> datetime:
    return WINDOW.end + timedelta(days=20)


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.writelines(line + "\n" for line in lines)


def _captured(row: int, at: datetime) -> Iterator[str]:
    given: dict[str, Any] = {name: _number(row, place) for place, name in enumerate(FEATURES)}
    given.update({name: f"k{(row * 7919 + place) % 12}" for place, name in enumerate(KINDS)})
    if row % 100 == 0:
        given[FEATURES[row % len(FEATURES)]] = None
    score = _number(row, 99)
    answer = {"probability": score, "decision": "1" if score > 0.7 else "0", "model_version": VERSION}
    when = at + timedelta(seconds=row % 3600)
    line = json.dumps(
        {
            "captureData": {
                "endpointInput": _part("INPUT", {"instances": [given]}),
                "endpointOutput": _part("OUTPUT", {"predictions": [answer]}),
            },
            "eventMetadata": {
                "eventId": f"event-{row}",
                "inferenceId": f"record-{row:09}",
                "inferenceTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            },
            "eventVersion": "0",
        }
    )
    yield line[:-20] if row % 10_007 == 1 else line
    if row % 5_003 == 2:
        yield line


def _part(mode: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "observedContentType": "application/json",
        "mode": mode,
        "data": json.dumps(document),
        "encoding": "JSON",
    }


def _told(row: int, at: datetime) -> Iterator[str]:
    record = f"other-{row}" if row % 50 == 3 else f"record-{row:09}"
    happened = int(_number(row, 99) > _number(row, 7))
    for outcome in (1 - happened, happened) if row % 97 == 5 else (happened,):
        yield json.dumps(
            {
                "groundTruthData": {"data": str(outcome), "encoding": "CSV"},
                "eventMetadata": {"eventId": record, "receivedAt": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"},
                "eventVersion": "0",
            }
        )


def _number(row: int, place: int) -> float:
    """Between 0 and 1, by a multiplicative hash."""
    return (row * 2_654_435_761 + place * 40_503 * 65_537) % 1_000_003 / 1_000_003
