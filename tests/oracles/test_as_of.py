"""The queries of the offline store are SQL that Athena knows: sqlglot parses them as such, and finds every column."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from features import as_of
from features.group import FeatureGroup

sqlglot = pytest.importorskip("sqlglot")
pytestmark = pytest.mark.oracle

DIALECTS = ("athena", "trino", "duckdb")
ROWS, STORE = "mlops_local_features.loan_approval_rows", "sagemaker_featurestore.bank_history_1700000000"
FEATURES = {"approvals_12m": "Integral", "charge_off_share_12m": "Fractional", "note": "String"}
TYPES = {"Integral": "bigint", "Fractional": "double", "String": "varchar"}


def group(event_time_type: str) -> FeatureGroup:
    return FeatureGroup("bank_history", "mlops-local-bank-history", "bank", "known_from", event_time_type, FEATURES)


def schema(made: FeatureGroup) -> dict[str, dict[str, dict[str, str]]]:
    stored = {name: TYPES[kind] for name, kind in made.types.items()}
    stored |= {"write_time": "timestamp", "api_invocation_time": "timestamp", "is_deleted": "boolean"}
    stored |= dict.fromkeys(("year", "month", "day", "hour"), "varchar")
    rows = dict.fromkeys(("row", "record", "event_time", "run"), "varchar")
    (rows_database, rows_table), (database, table) = ROWS.split("."), STORE.split(".")
    return {rows_database: {rows_table: rows}, database: {table: stored}}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("event_time_type", ["String", "Fractional"])
@pytest.mark.parametrize("cut", [None, datetime(2026, 11, 21, tzinfo=UTC)])
def test_every_dialect_reads_the_join_alike(event_time_type: str, cut: datetime | None, dialect: str) -> None:
    from sqlglot.optimizer.qualify import qualify

    made = group(event_time_type)
    [tree] = sqlglot.parse(as_of.sql(made, rows=ROWS, store=STORE, run="run-1", as_of=cut), dialect=dialect)
    qualified = qualify(tree, schema=schema(made), dialect=dialect)
    assert qualified.named_selects == ["row", *FEATURES, "known"]
    tables = Counter(table.name for table in qualified.find_all(sqlglot.exp.Table) if table.db)
    # Once for its times, and once for the features of those records that a row takes.
    assert tables == {"loan_approval_rows": 1, "bank_history_1700000000": 2}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("event_time_type", ["String", "Fractional"])
def test_every_dialect_reads_alike_what_has_arrived(event_time_type: str, dialect: str) -> None:
    from sqlglot.optimizer.qualify import qualify

    made = group(event_time_type)
    [tree] = sqlglot.parse(as_of.arrived_sql(made, rows=ROWS, store=STORE, run="run-1"), dialect=dialect)
    assert qualify(tree, schema=schema(made), dialect=dialect).named_selects == ["missing", "first_missing"]


def test_an_unknown_column_would_be_found() -> None:
    from sqlglot.errors import OptimizeError
    from sqlglot.optimizer.qualify import qualify

    made = group("String")
    wrong = as_of.sql(made, rows=ROWS, store=STORE, run="run-1", as_of=None).replace('"write_time"', '"written_at"')
    with pytest.raises(OptimizeError, match="written_at"):
        qualify(sqlglot.parse_one(wrong, dialect="athena"), schema=schema(made), dialect="athena")
