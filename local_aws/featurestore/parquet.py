"""Parquet files of typed columns, written by DuckDB."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


class Writer:
    """Makes files one after the other; a context manager, since it holds a DuckDB and a folder."""

    def __enter__(self) -> Writer:
        import duckdb

        self._folder = tempfile.TemporaryDirectory(prefix="parquet-")
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    def file(self, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> bytes:
        """The bytes of a file, compressed with Snappy; `columns` are DuckDB's types by name."""
        path = Path(self._folder.name) / "file.parquet"
        selected = ", ".join(
            f'unnest(${number}::{kind}[]) AS "{name}"' for number, (name, kind) in enumerate(columns.items(), 1)
        )
        self._connection.execute(
            f"COPY (SELECT {selected}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)",
            [list(column) for column in zip(*rows, strict=True)],
        )
        return path.read_bytes()
