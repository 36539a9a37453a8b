"""Tells what became of predictions: outcomes by record id, as files in the layout of ground truth.

A record is a prediction: the inference id of its request (else the capture's event id), with #n for the n-th row of a
request with several. Format and layout are SageMaker Model Monitor's (developer guide, ground truth of model quality),
with the time of receipt added; docs/outcomes.md says how they are counted.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops.errors import UsageError

Outcome = tuple[str, str]
"""A record's id, and what became of it as text."""

FILE_OUTCOMES = 5000
LONGEST_RECORD = 64 + len("#999999")
"""An inference id has 64 characters at most (API reference: InvokeEndpoint)."""

_FORMATS = 'a .csv file with the columns record,outcome, or a .jsonl file of {"record": …, "outcome": …}'


def utc_now() -> datetime:
    """When outcomes that are put now were received."""
    return datetime.now(UTC)


def put(s3: Any, bucket: str, folder: str, outcomes: Iterable[Outcome], received_at: datetime) -> list[str]:
    """Write the outcomes below s3://bucket/folder/ground-truth/ and return the keys, 5,000 outcomes a file.

    A file is named after what it holds: the same outcomes put again within the hour are there already, and keep the
    time at which they came first. Raises UsageError for an outcome that no query could count.
    """
    hour = received_at.astimezone(UTC)
    checked = (_checked(outcome, f"outcome {number}") for number, outcome in enumerate(outcomes, 1))
    keys = []
    while some := list(islice(checked, FILE_OUTCOMES)):
        digest = hashlib.sha256(json.dumps(some).encode()).hexdigest()
        key = f"{folder}/ground-truth/{hour:%Y/%m/%d/%H}/{digest}.jsonl"
        _put_once(s3, bucket, key, "".join(_line(record, value, hour) for record, value in some))
        keys.append(key)
    return keys


def read(path: str | Path) -> list[Outcome]:
    """The outcomes of a file; raises UsageError with file, line, value and what to write instead."""
    path = Path(path)
    readers = {".csv": _csv, ".jsonl": _json_lines}
    if path.suffix not in readers:
        raise UsageError(f"{path}: not known by its ending; give {_FORMATS}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give {_FORMATS}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    found: dict[str, str] = {}
    for number, outcome in readers[path.suffix](path, lines):
        place = f"{path}, line {number}"
        record, value = _checked(outcome, place)
        if found.setdefault(record, value) != value:
            raise UsageError(f"{place}: {record!r} is {found[record]!r} above and {value!r} here; keep one of the two")
    if not found:
        raise UsageError(f"{path}: holds no outcome; give {_FORMATS}")
    return list(found.items())


def _put_once(s3: Any, bucket: str, key: str, text: str) -> None:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/jsonlines", IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":  # it is there
            raise


def _line(record: str, value: str, received_at: datetime) -> str:
    received = received_at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    line = {
        "groundTruthData": {"data": value, "encoding": "CSV"},
        "eventMetadata": {"eventId": record, "receivedAt": received},
        "eventVersion": "0",
    }
    return json.dumps(line, separators=(",", ":")) + "\n"


def _checked(outcome: Outcome, place: str) -> Outcome:
    record, value = outcome
    if not record or len(record) > LONGEST_RECORD or not record.isascii() or not record.isprintable():
        raise UsageError(
            f"{place}: record {record!r}; expected an inference id, with #n for the n-th row of a request with several"
        )
    if not value:
        raise UsageError(f"{place}: record {record!r} has no outcome; leave it out until it is known")
    return record, value


def _csv(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, Outcome]]:
    rows = csv.DictReader(lines)
    if missing := {"record", "outcome"} - set(rows.fieldnames or ()):
        raise UsageError(f"{path}, line 1: no column {' and no column '.join(sorted(missing))}; give {_FORMATS}")
    for row in rows:
        yield rows.line_num, ((row["record"] or "").strip(), (row["outcome"] or "").strip())


def _json_lines(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, Outcome]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            members = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: not JSON ({error}); give {_FORMATS}") from None
        if not isinstance(members, dict) or not {"record", "outcome"} <= members.keys():
            raise UsageError(f"{path}, line {number}: {line[:60]!r} lacks record or outcome; give {_FORMATS}")
        yield number, (_text(members["record"]), _text(members["outcome"]))


def _text(value: Any) -> str:
    """A JSON value as the outcome's text: 1 and "1" are the same; what is no single value is nothing."""
    if value is None or isinstance(value, dict | list):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
