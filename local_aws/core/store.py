"""The state of the emulated services: named tables that checkpoints save and restore, and the clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

Key = tuple[str, str, str]
"""(account, region, name)"""
Row = dict[str, Any]
"""Plain JSON values and aware datetimes."""

lock = threading.RLock()
"""Held by whoever reads and then writes, and by a checkpoint while it copies."""

_tables: dict[str, Table] = {}
_last = datetime.min.replace(tzinfo=UTC)


class Table(MutableMapping[Key, Row]):
    """Rows by (account, region, name), in the order of their insertion; every access takes `store.lock`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[Key, Row] = {}

    def __getitem__(self, key: Key) -> Row:
        with lock:
            return self._rows[key]

    def __setitem__(self, key: Key, row: Row) -> None:
        with lock:
            self._rows[key] = row

    def __delitem__(self, key: Key) -> None:
        with lock:
            del self._rows[key]

    def __iter__(self) -> Iterator[Key]:
        with lock:
            return iter(list(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def raw(self) -> dict[Key, Row]:
        """The rows themselves, for a checkpoint that holds `lock`."""
        return self._rows

    def rows(self, account: str, region: str) -> list[Row]:
        """The rows of one account and region, oldest first."""
        with lock:
            return [row for (a, r, _), row in self._rows.items() if (a, r) == (account, region)]


def table(name: str) -> Table:
    """The table called `name`, made on first use."""
    with lock:
        return _tables.setdefault(name, Table(name))


def tables() -> dict[str, Table]:
    """Every table by its name."""
    with lock:
        return dict(_tables)


def now() -> datetime:
    """The time in UTC, in milliseconds, later than every time given before: sorting by it is stable."""
    global _last
    with lock:
        time = datetime.now(UTC)
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        _last = max(time, _last + timedelta(milliseconds=1))
        return _last
