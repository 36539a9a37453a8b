"""Files of records for a feature group: taken whole, or refused with the line that is wrong."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from features.errors import FeatureError
from features.group import FeatureGroup
from mlops.errors import UsageError

_WRONG_LINES = 3
"""So many wrong lines of a file are told in full; the others are counted."""


def read(path: Path, group: FeatureGroup) -> list[Mapping[str, Any]]:
    """The records of a CSV file; an empty cell is a missing value.

    Raises UsageError with file, line, value and what to write instead, if any of them is not one of the group.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            _check_header(path, list(rows.fieldnames or ()), group)
            found = list(_records(path, rows, group))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except csv.Error as error:
        raise UsageError(f"{path}: not CSV ({error}); quote cells that hold a comma or a quote") from None
    if not found:
        raise UsageError(f"{path}: holds no record; give lines below the header")
    return found


def _check_header(path: Path, header: Sequence[str], group: FeatureGroup) -> None:
    for name in (group.record_identifier, group.event_time):
        if name not in header:
            raise UsageError(f"{path}, line 1: no column {name}; every record has one")
    for name in header:
        if name not in group.types:
            raise UsageError(f"{path}, line 1: {name!r} is no feature of {group.name}; it has {', '.join(group.types)}")
        if header.count(name) > 1:
            raise UsageError(f"{path}, line 1: column {name} is there twice; keep one of them")


def _records(path: Path, rows: "csv.DictReader[str]", group: FeatureGroup) -> Iterator[Mapping[str, Any]]:
    wrong: list[str] = []
    seen: dict[tuple[str, float], tuple[int, Mapping[str, Any]]] = {}
    for cells in rows:
        try:
            values = _values(cells, group)
        except FeatureError as error:
            wrong.append(f"line {rows.line_num}: {error}")
            continue
        record, at = str(values[group.record_identifier]), values[group.event_time]
        line, before = seen.setdefault((record, group.seconds(at)), (rows.line_num, values))
        if before != values:
            wrong.append(
                f"line {rows.line_num}: {record!r} at {at} is in line {line} with other values; keep one of the two"
            )
            continue
        yield values
    if wrong:
        left = len(wrong) - _WRONG_LINES
        more = f"; and {left} more line{'s' if left > 1 else ''}" if left > 0 else ""
        raise UsageError(f"{path}, {'; '.join(wrong[:_WRONG_LINES])}{more}; nothing was written")


def _values(cells: Mapping[str | None, Any], group: FeatureGroup) -> Mapping[str, Any]:
    if None in cells:
        raise FeatureError(f"{cells[None]} is beyond the header's columns; quote cells that hold a comma")
    texts = {str(name): (text or "").strip() or None for name, text in cells.items()}
    values = {name: group.value_of(name, text) for name, text in texts.items()}
    # Written and read back, as ingestion does it: what that refuses is refused here, with its line.
    return group.values(group.record(values))
