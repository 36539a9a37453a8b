"""The rules that raw loans must keep, each with a name, and what breaks them."""

from __future__ import annotations

import datetime
import math
import warnings
from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

from loan_approval import schema
from tabular.fields import Field, Kind

RULES = {
    "rows": "the file holds rows",
    "columns": "every column of the schema is there",
    "missing value": "no empty cell where the schema has none",
    "number": "numbers are numbers",
    "whole number": "counts and codes are whole",
    "range": "numbers lie within the schema's limits",
    "level": "categories are among the schema's levels",
    "date": "dates are calendar days, year-month-day (charge-offs: day-month-year), and approvals not in the future",
    "guarantee": "the guaranteed amount is at most the loan",
    "outcome": "a charged-off loan has a day of charge-off (some that were paid after all have one too)",
    "duplicates": "equal rows are rare enough to be chance, and none of them is a charge-off",
    "period": "the test period follows the training period, and each holds enough loans of both outcomes",
}

MIN_LOANS = 200
"""Loans that the training and the test period must each hold."""

SHOWN_VALUES = 3


@dataclass(frozen=True)
class Period:
    """First and last day, both included, year-month-day."""

    name: str
    first: str
    last: str


@dataclass(frozen=True)
class Failure:
    """A broken rule: how often, and the first places (position in the data, value) where it broke."""

    rule: str
    subject: str
    count: int
    first: Tuple[Tuple[Optional[int], str], ...]
    detail: str = ""


def check(frame: Any, periods: Sequence[Period], max_duplicate_share: float, today: str) -> List[Failure]:
    """Every broken rule of a frame of texts, in the order of RULES; empty if the data are good."""
    missing = [field.name for field in schema.FIELDS if field.name not in frame.columns]
    if missing:
        return [Failure("columns", ", ".join(missing), len(missing), (), "not in the header")]
    if frame.empty:
        return [Failure("rows", "file", 0, (), "it is empty")]
    failures = _schema_failures(frame, today) + _duplicates(frame, max_duplicate_share)
    if not any(failure.rule in ("date", "number") for failure in failures):
        failures += _periods(frame, periods)
    return sorted(failures, key=lambda failure: list(RULES).index(failure.rule))


def table_schema(today: str) -> Any:
    """The pandera schema of the raw file: columns of texts, one named check a rule, rows across columns at the end."""
    with warnings.catch_warnings():  # other packages may hold back a library that pandera would rather have newer
        warnings.simplefilter("ignore", UserWarning)
        import pandera.pandas as pa

    columns = {f.name: pa.Column(checks=_checks(f, today), nullable=f.nullable) for f in schema.FIELDS}
    across = [pa.Check(_guarantee_within_loan, name="guarantee"), pa.Check(_outcome_dated, name="outcome")]
    return pa.DataFrameSchema(columns, checks=across)


def _checks(field: Field, today: str) -> List[Any]:
    import pandera.pandas as pa

    checks = []
    if field.kind is Kind.NUMERIC:
        checks.append(pa.Check(lambda cells: _numbers(cells).notna(), name="number"))
        checks.append(pa.Check(lambda cells: _within(cells, field), name="range"))
        if field.whole:
            checks.append(pa.Check(lambda cells: _whole(cells), name="whole number"))
    elif field.kind is Kind.CATEGORICAL and field.rest is None:
        checks.append(pa.Check(lambda cells: _known(cells, field), name="level"))
    elif field.kind is Kind.DATE:
        checks.append(pa.Check(lambda cells: _dated(cells, field, today), name="date"))
    return checks


def _numbers(cells: Any) -> Any:
    import pandas as pd

    return pd.to_numeric(cells, errors="coerce").astype("float64")


def _within(cells: Any, field: Field) -> Any:
    numbers = _numbers(cells)
    return numbers.isna() | numbers.between(field.minimum, field.maximum)


def _whole(cells: Any) -> Any:
    return ~(_numbers(cells) % 1 > 0)  # what is no finite number is another rule's business


def _known(cells: Any, field: Field) -> Any:
    return (_numbers(cells) if field.has_numeric_levels else cells).isin(field.levels)


def _dated(cells: Any, field: Field, today: str) -> Any:
    import pandas as pd

    if field.name == schema.DATE:
        days = pd.to_datetime(cells, format="%Y-%m-%d", errors="coerce")
        return days.between(schema.EARLIEST_APPROVAL, today)
    return pd.to_datetime(cells, format="%d-%b-%y", errors="coerce").notna()


def _guarantee_within_loan(frame: Any) -> Any:
    amount, guaranteed = _numbers(frame["GrAppv"]), _numbers(frame["SBA_Appv"])
    return amount.isna() | guaranteed.isna() | (guaranteed <= amount)


def _outcome_dated(frame: Any) -> Any:
    label = _numbers(frame[schema.LABEL])
    return (label != 1) | frame["ChgOffDate"].notna()


def _schema_failures(frame: Any, today: str) -> List[Failure]:
    table = table_schema(today)
    import pandera.errors

    try:
        table.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return []
    failures = []
    cases["rule"] = cases["check"].replace({"not_nullable": "missing value"})
    cases["subject"] = cases["column"].where(cases["schema_context"] == "Column", "row")
    for (rule, subject), group in cases.groupby(["rule", "subject"], sort=False):
        at = group.drop_duplicates("index")
        positions = at["index"].astype(int).sort_values()
        first = [(int(row), _cell(frame, row, subject)) for row in positions[:SHOWN_VALUES]]
        failures.append(Failure(rule, subject, len(at), tuple(first)))
    return failures


def _cell(frame: Any, row: int, column: str) -> str:
    if column not in frame.columns:
        return ""
    value = frame[column].iloc[row]
    return repr(value)[:40] if isinstance(value, str) else "empty"


def _duplicates(frame: Any, max_share: float) -> List[Failure]:
    """Equal rows happen by chance among small standard loans of one bank and day; a doubled part of a file does not.

    A charge-off carries its own day, so that two equal ones are the same loan twice.
    """
    copies = frame.duplicated()
    count, allowed = int(copies.sum()), math.ceil(max_share * len(frame))
    charged_off = int((copies & frame["ChgOffDate"].notna()).sum())
    if count <= allowed and not charged_off:
        return []
    first = tuple((int(row), "") for row in copies.to_numpy().nonzero()[0][:SHOWN_VALUES])
    detail = (
        f"{count} of {len(frame)} rows repeat an earlier one, {charged_off} of them charged off; "
        f"allowed are {allowed}, and none that was charged off"
    )
    return [Failure("duplicates", "rows", count, first, detail)]


def _periods(frame: Any, periods: Sequence[Period]) -> List[Failure]:
    days = [day for period in periods for day in (period.first, period.last)]
    for day in days:
        if not _is_day(day):
            return [Failure("period", day, 1, (), "is not a day, year-month-day")]
    if not (days[0] <= days[1] < days[2] <= days[3]):
        return [Failure("period", " ".join(days), 1, (), "training must end before the test begins")]
    failures = []
    for period in periods:
        labels = frame.loc[frame[schema.DATE].between(period.first, period.last), schema.LABEL]
        found = int(_numbers(labels).nunique())
        if len(labels) < MIN_LOANS or found < 2:
            when = f"from {period.first} to {period.last}"
            detail = f"{len(labels)} loans with {found} outcomes {when}; needed are {MIN_LOANS} with 2"
            failures.append(Failure("period", period.name, 1, (), detail))
    return failures


def _is_day(text: str) -> bool:
    try:
        datetime.datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return True
