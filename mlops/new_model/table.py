"""A CSV file as rows of texts, or one line that says why it is none."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import UsageError

MOST_BYTES = 50_000_000
"""Of a file that is kept in the repository; more goes into the data bucket, and a sample of it here."""
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,63}")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Table:
    """The cells of a file, row by row, in the order of `names`; empty where a value is missing."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> list[str]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def content(self) -> bytes:
        """The file's bytes, the same for the same cells."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.names, *self.rows])
        return gzip.compress(text.getvalue().encode(), mtime=0)


def read(path: Path) -> Table:
    """A file with a header line, gzipped or not; raises UsageError with one line if it is something else."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--data {path}: {error.strerror}; give a CSV file") from error
    if len(body) > MOST_BYTES:
        raise UsageError(f"--data {path}: {len(body):,} bytes, at most {MOST_BYTES:,}; give a sample of its rows")
    try:
        text = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode("utf-8-sig")
    except (UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
        raise UsageError(f"--data {path}: not a CSV file in UTF-8 ({error}); export it as one") from error
    return _table(path, text)


def _table(path: Path, text: str) -> Table:
    try:
        lines = [cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells]
    except csv.Error as error:
        raise UsageError(f"--data {path}: not a CSV file ({error}); export it as one") from error
    if not lines or len(lines[0]) < 2:
        raise UsageError(f"--data {path}: not a CSV file with a header of two or more columns; separate them by commas")
    names, rows = lines[0], lines[1:]
    for problem in _problems(names, rows):
        raise UsageError(f"--data {path}: {problem}")
    return Table(tuple(names), tuple(map(tuple, rows)))


def _problems(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for name in names:
        if not _COLUMN.fullmatch(name):
            yield (
                f"column {name!r}: use at most 64 letters, digits, blanks and _ . -, starting with a letter; rename it"
            )
        if names.count(name) > 1:
            yield f"column {name!r}: is there {names.count(name)} times; rename one"
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            yield f"row {number}: {len(row)} cells, the header has {len(names)}; mend the row"
        for name, cell in zip(names, row, strict=False):
            if cell != cell.strip() or not cell.isprintable():
                yield f"row {number}, column {name}: {cell!r} has blanks around it, or a line break; remove them"
