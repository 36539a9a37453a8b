"""What was known of banks, joined to loans: rightly, as the slow and obvious way does it, and wrongly."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from loan_approval.steps import ingest

BANK_MONTHS = Path(__file__).parents[3] / "data" / "loans" / "bank_months.csv.gz"

Rows = Sequence[tuple[str, str, str]]
Known = dict[str, dict[str, Any]]


@cache
def records() -> dict[str, list[dict[str, Any]]]:
    """By bank, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in ingest.transform(ingest.read([BANK_MONTHS])):
        found.setdefault(record["bank"], []).append(record)
    return found


def as_of(rows: Rows) -> Known:
    """Of each row the newest record that is not later than its moment."""
    known = {}
    for row, bank, moment in rows:
        of_bank = records()[bank]
        place = bisect_right(of_bank, moment, key=itemgetter("known_from"))
        if place:
            known[row] = of_bank[place - 1]
    return known


def newest(rows: Rows) -> Known:
    """Of each row the newest record of all, as a join by the bank alone gives it: it knows the future."""
    return {row: records()[bank][-1] for row, bank, _ in rows}


def nothing(_rows: Rows) -> Known:
    return {}
