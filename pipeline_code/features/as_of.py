"""The queries of the offline store: fills in the texts of as_of.sql and arrived.sql.

Whatever goes into a text is checked here: names are quoted, and of one pattern, so that none can make another query of
it.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Optional

from features.errors import FeatureError
from features.group import STRING, FeatureGroup

_HERE = Path(__file__).parent
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_TABLE = re.compile(r"[A-Za-z0-9_-]{1,255}(?:\.[A-Za-z0-9_-]{1,255}){0,2}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", re.ASCII)

# Milliseconds since 1970 of ISO 8601 in UTC, with and without a fraction. Both engines have these functions, and both
# sort numbers several times faster than texts.
_MILLISECONDS = (
    "date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00.000', "
    "CAST(replace(replace({0}, 'T', ' '), 'Z', '') AS timestamp(3)))"
)
_ROW_TIME = '"event_time"'


def sql(group: FeatureGroup, *, rows: str, store: str, run: str, as_of: Optional[datetime]) -> str:
    """The query that finds what was known of each row's record at the row's time; Athena and DuckDB run it.

    rows: table of the rows that ask, with the text columns row (each once in a run), record, event_time (as
    `moments.text` writes it) and run. store: the group's offline store. Both may be `database.table`. as_of: what was
    written to the group later counts as not yet there, so that a join can be made again; None: all of it counts.

    Result columns: row, then the group's features in their order, then `known`, the event time of the record that was
    taken. Of the records whose event time is not after the row's, that is the newest by event time, then by
    api_invocation_time, then by write_time; if that one is a deletion, or there is none, all are NULL.

    Raises FeatureError for what must not become part of a query.
    """
    names = list(group.features)
    return _fill(
        "as_of.sql",
        **_common(group, rows, store, run),
        row_moment=_row_moment(group),
        store_moment=_store_moment(group),
        invoked="TRUE" if as_of is None else f"\"api_invocation_time\" <= TIMESTAMP '{_time(as_of)}'",
        stored="".join(f",\n            {_quoted(name)} AS feature_{place}" for place, name in enumerate(names)),
        features="".join(
            f",\n    CASE WHEN NOT taken.deleted THEN taken.feature_{place} END AS {_quoted(name)}"
            for place, name in enumerate(names)
        ),
    )


def arrived_sql(group: FeatureGroup, *, rows: str, store: str, run: str) -> str:
    """The query that counts, of the run's rows, those whose record at exactly their time the store does not show yet.

    Result columns: missing, first_missing (a record).
    Raises FeatureError for what must not become part of a query.
    """
    exact = group.event_time_type == STRING
    return _fill(
        "arrived.sql",
        **_common(group, rows, store, run),
        row_moment=_MILLISECONDS.format(_ROW_TIME),
        shown_moment=_store_moment(group) if exact else f"{_quoted(group.event_time)} * 1e3",
        # Seconds may be finer than rows can say.
        same="shown.moment = wanted.moment" if exact else "abs(shown.moment - wanted.moment) < 1.5",
    )


def _common(group: FeatureGroup, rows: str, store: str, run: str) -> Dict[str, str]:
    if not _RUN.fullmatch(run):
        raise FeatureError(f"run {run!r}: cannot name a folder; use letters, digits, points, hyphens and underscores")
    return {
        "rows": _table(rows),
        "store": _table(store),
        "run": run,
        "record": _quoted(group.record_identifier),
        "event_time": _quoted(group.event_time),
    }


def _row_moment(group: FeatureGroup) -> str:
    milliseconds = _MILLISECONDS.format(_ROW_TIME)
    # Divided as floating point, which gives the number that is nearest to the decimal one, as reading that does.
    return milliseconds if group.event_time_type == STRING else f"CAST({milliseconds} AS double) / 1e3"


def _store_moment(group: FeatureGroup) -> str:
    column = _quoted(group.event_time)
    return _MILLISECONDS.format(column) if group.event_time_type == STRING else column


def _fill(name: str, **values: str) -> str:
    return _PLACE.sub(lambda place: values[place[1]], (_HERE / name).read_text(encoding="utf-8"))


def _table(name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise FeatureError(f"table {name!r}: expected database.table of letters, digits, hyphens and underscores")
    return ".".join(map(_quoted, name.split(".")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise FeatureError(f"as of {moment.isoformat()}: has no zone; give it in UTC")
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
