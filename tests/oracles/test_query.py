"""The experiment's query is SQL that Athena knows: sqlglot parses it as such, and finds every column."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.conftest import release_controller as release_controller
from tests.unit.lambdas.release_controller.test_query import policy as policy
from tests.unit.lambdas.release_controller.test_query import text as text

sqlglot = pytest.importorskip("sqlglot")
pytestmark = pytest.mark.oracle

SCHEMA = {
    "mlops_local_loan_approval": {
        "captured": {"line": "varchar", "variant": "varchar", "hour": "varchar"},
        "outcomes": {"line": "varchar", "hour": "varchar"},
    }
}


@pytest.mark.parametrize("dialect", ["athena", "trino", "duckdb"])
@pytest.mark.parametrize("stage", ["challenger", "shadow"])
def test_every_dialect_reads_the_query_alike(stage: str, dialect: str, text: Any) -> None:
    from sqlglot.optimizer.qualify import qualify

    [tree] = sqlglot.parse(text(stage), dialect=dialect)
    qualified = qualify(tree, schema=SCHEMA, dialect=dialect)
    assert qualified.named_selects == ["kind", "block", "variant", "n", "successes", "positives"]
    tables = Counter(table.name for table in qualified.find_all(sqlglot.exp.Table) if table.db)
    # `truths` is read for what it says and for what in it cannot be read.
    assert tables == {"captured": 1, "outcomes": 1}


def test_an_unknown_column_would_be_found(text: Any, release_controller: SimpleNamespace) -> None:
    from sqlglot.errors import OptimizeError
    from sqlglot.optimizer.qualify import qualify

    wrong = text().replace("WHERE answered IS NULL", "WHERE responded IS NULL")
    with pytest.raises(OptimizeError, match="responded"):
        qualify(sqlglot.parse_one(wrong, dialect="athena"), schema=SCHEMA, dialect="athena")
