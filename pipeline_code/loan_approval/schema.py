"""What a loan application is: one declaration that validation, features, requests and monitoring are derived from.

Left out on purpose, because each of them knows the outcome:

- `Term` is not in the data at all: the agency rewrites it when a loan ends, so it holds the months until the
  charge-off (a model with it reaches an AUC of 0.97).
- `ChgOffDate` and `bad` are the outcome itself, known years after the decision; they are never inputs.

HISTORY is what the feature store knows of the bank on the day of the application; a request may bring it.

`bank` is an input, with a caveat: its names are of a later date than the approvals, since loans move to whoever takes a
bank over. The one name that says what became of the bank, LOANS FROM OLD CLOSED LENDERS, counts as `other`. Without
`bank` the AUC of the last quarter of 2002 is 0.66 instead of 0.69 (data/loans/SOURCE.md).

This module imports nothing but declarations: every step and the endpoint load it.
"""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from tabular.fields import Field, Kind, Level, Role, Value

_STATE_CODES = (
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK "
    "OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
)
_STATES = tuple(_STATE_CODES.split())
_BANKS = (
    "ASSOCIATED BANK NATL ASSOC",
    "BANCO POPULAR NORTH AMERICA",
    "BANK OF AMERICA CALIFORNIA N.A",
    "BANK OF AMERICA NATL ASSOC",
    "BANK OF THE WEST",
    "BBCN BANK",
    "BMO HARRIS BK NATL ASSOC",
    "BRANCH BK. & TR CO",
    "BUSINESS LOAN CENTER, LLC",
    "CALIFORNIA BANK & TRUST",
    "CAPITAL ONE NATL ASSOC",
    "CDC SMALL BUS. FINAN CORP",
    "CITIBANK, N.A.",
    "CITIZENS BANK NATL ASSOC",
    "COMERICA BANK",
    "COMMERCE BANK",
    "COMPASS BANK",
    "EAST WEST BANK",
    "FIFTH THIRD BANK",
    "FIRST BANK",
    "FIRST NIAGARA BANK NATL ASSOC",
    "FIRST-CITIZENS BK & TR CO",
    "FIRSTMERIT BANK, N.A.",
    "GE CAP. SMALL BUS. FINAN CORP",
    "HANMI BANK",
    "HSBC BK USA NATL ASSOC",
    "INNOVATIVE BANK",
    "JPMORGAN CHASE BANK NATL ASSOC",
    "KEYBANK NATIONAL ASSOCIATION",
    "MANUFACTURERS & TRADERS TR CO",
    "MOUNTAIN AMERICA FCU",
    "MOUNTAIN W. SMALL BUS. FINAN",
    "MUFG UNION BANK NATL ASSOC",
    "PACIFIC WESTERN BANK",
    "PNC BANK, NATIONAL ASSOCIATION",
    "READYCAP LENDING, LLC",
    "REGIONS BANK",
    "SANTANDER BANK NATL ASSOC",
    "SUNTRUST BANK",
    "SUPERIOR FINANCIAL GROUP, LLC",
    "TD BANK, NATIONAL ASSOCIATION",
    "THE HUNTINGTON NATIONAL BANK",
    "TRUSTMARK NATIONAL BANK",
    "U.S. BANK NATIONAL ASSOCIATION",
    "UMPQUA BANK",
    "UPS CAPITAL BUSINESS CREDIT",
    "WELLS FARGO BANK NATL ASSOC",
    "WILSHIRE BANK",
    "ZIONS FIRST NATIONAL BANK",
    "other",
)
_SECTORS = (0, 11, 21, 22, 23, 31, 32, 33, 42, 44, 45, 48, 49, 51, 52, 53, 54, 55, 56, 61, 62, 71, 72, 81, 92)


def _numeric(name: str, meaning: str, minimum: float, maximum: float, whole: bool = False) -> Field:
    return Field(name, Kind.NUMERIC, Role.INPUT, meaning, minimum, maximum, whole)


def _history(name: str, meaning: str, maximum: float, whole: bool = False) -> Field:
    return Field(name, Kind.NUMERIC, Role.HISTORY, meaning, 0, maximum, whole, nullable=True)


def _categorical(name: str, meaning: str, *levels: Level) -> Field:
    return Field(name, Kind.CATEGORICAL, Role.INPUT, meaning, levels=levels)


FIELDS: Tuple[Field, ...] = (
    _numeric("GrAppv", "gross amount approved, USD", 100, 10_000_000),
    _numeric("SBA_Appv", "part of GrAppv that the agency guarantees, USD", 0, 10_000_000),
    _numeric("NoEmp", "employees of the business", 0, 10_000, whole=True),
    _categorical("NewExist", "0 unknown, 1 existing business, 2 new business", 0, 1, 2),
    _numeric("CreateJob", "jobs that the loan is to create", 0, 10_000, whole=True),
    _numeric("RetainedJob", "jobs that the loan is to keep", 0, 10_000, whole=True),
    _categorical("franchise", "1 if the business is a franchise", 0, 1),
    _categorical("UrbanRural", "0 undefined, 1 urban, 2 rural", 0, 1, 2),
    _categorical("RevLineCr", "revolving line of credit: Y, N, or U for unknown", "N", "U", "Y"),
    _categorical("LowDoc", "short application of the LowDoc program: Y, N, or U for unknown", "N", "U", "Y"),
    _categorical("naics2", "industry: first two digits of its NAICS code, 0 unknown", *_SECTORS),
    _categorical("State", "state of the borrower", *_STATES),
    _categorical("samestate", "1 if the bank is in the borrower's state", 0, 1),
    Field(
        "bank",
        Kind.CATEGORICAL,
        Role.INPUT,
        "name of the bank, `other` if it is not among the largest",
        levels=_BANKS,
        rest="other",
    ),
    Field("ApprovalDate", Kind.DATE, Role.CONTEXT, "day of the approval, year-month-day"),
    Field("ChgOffDate", Kind.DATE, Role.OUTCOME, "day of the charge-off, empty without one", nullable=True),
    Field("bad", Kind.NUMERIC, Role.OUTCOME, "1 if the loan was charged off", 0, 1, whole=True),
)

INPUTS: Tuple[Field, ...] = tuple(field for field in FIELDS if field.role is Role.INPUT)
INPUT_NAMES: Tuple[str, ...] = tuple(field.name for field in INPUTS)

HISTORY: Tuple[Field, ...] = (
    _history("approvals_12m", "loans that the bank approved in the twelve months before", 10_000_000, whole=True),
    _history("charge_offs_12m", "loans that the bank charged off in these months", 10_000_000, whole=True),
    _history("charge_off_share_12m", "charge_offs_12m to an approval of these months", 10_000_000),
)
"""Features of the group `bank_history`; nothing is known of a bank in its first year, or without a feature store."""
HISTORY_NAMES: Tuple[str, ...] = tuple(field.name for field in HISTORY)

SEEN: Tuple[Field, ...] = (*INPUTS, *HISTORY)
"""All that the model sees."""
SEEN_NAMES: Tuple[str, ...] = tuple(field.name for field in SEEN)
OUTCOMES: Tuple[str, ...] = tuple(field.name for field in FIELDS if field.role is Role.OUTCOME)
LABEL = "bad"
DATE = "ApprovalDate"
EARLIEST_APPROVAL = "1960-01-01"  # the agency was founded in 1953, its electronic records begin in the sixties


def bank_of(name: str) -> str:
    """The bank as the feature store knows it: itself, or the rest of all banks for one that is not listed."""
    return name if name in _BANKS else "other"


def check_together(row: Mapping[str, Value]) -> Optional[Tuple[str, str]]:
    """The rule that takes two fields; returns the field to name and what is wrong with it, or None.

    `row` holds values that each passed on its own.
    """
    amount, guaranteed = float(row["GrAppv"]), float(row["SBA_Appv"])
    if guaranteed > amount:
        return "SBA_Appv", f"{guaranteed:.10g} is more than GrAppv, which is {amount:.10g}"
    return None
