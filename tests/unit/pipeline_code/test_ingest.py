import pandas as pd
import pytest

from loan_approval.schema import HISTORY_NAMES
from loan_approval.steps import dataset, ingest, job

from .histories import BANK_MONTHS, records

MONTHS = [str(month) for month in pd.period_range("2001-01", "2002-03", freq="M")]


def table(*rows, columns=ingest.COLUMNS):
    return pd.DataFrame([list(map(str, row)) for row in rows], columns=list(columns))


def test_a_record_counts_the_twelve_months_before_it_is_known():
    months = table(*[("A", month, number, 1) for number, month in enumerate(MONTHS, 1)])
    found = ingest.transform(months)
    assert [each["known_from"] for each in found] == [f"2002-0{n}-01T00:00:00Z" for n in (1, 2, 3, 4)]
    assert [each["approvals_12m"] for each in found] == [sum(range(n, n + 12)) for n in (1, 2, 3, 4)]
    assert found[0] == {
        "bank": "A", "known_from": "2002-01-01T00:00:00Z", "approvals_12m": 78, "charge_offs_12m": 12,
        "charge_off_share_12m": round(12 / 78, 6),
    }  # fmt: skip


def test_a_month_without_a_row_is_a_month_without_loans():
    months = table(*[("A", month, 1, 0) for month in MONTHS], ("B", "2001-05", 7, 2))
    late = [each for each in ingest.transform(months) if each["bank"] == "B"]
    assert [each["approvals_12m"] for each in late] == [7, 7, 7, 7]
    gap = table(*[("A", month, 1, 0) for month in MONTHS if month != "2001-06"])
    assert [each["approvals_12m"] for each in ingest.transform(gap)] == [11, 11, 11, 11]


def test_a_bank_that_approved_nothing_has_no_share():
    months = table(*[("A", month, 1, 0) for month in MONTHS], ("B", "2001-05", 0, 2))
    assert {each["charge_off_share_12m"] for each in ingest.transform(months) if each["bank"] == "B"} == {None}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("A", "2001-13", 1, 1), "bank_months line 17: month '2001-13': year-month, such as 2002-09 is needed"),
        (("A", "2001-01", "x", 1), "line 17: approvals 'x': a whole number of 0 or more is needed"),
        (("A", "2001-01", 1, -1), "line 17: charge_offs '-1': a whole number"),
        (("A", "2001-01", 1.5, 1), "line 17: approvals '1.5': a whole number"),
        (("A", "2001-01", 1, 1), "A has 2001-01 twice"),
    ],
)
def test_what_is_no_month_of_a_bank_is_named(row, said):
    months = table(*[("A", month, 1, 0) for month in MONTHS], row)
    with pytest.raises(job.StepError, match=said):
        ingest.transform(months)


def test_a_missing_column_is_named():
    with pytest.raises(job.StepError, match="charge_offs not in the header"):
        ingest.transform(table(("A", "2001-01", 1), columns=("bank", "month", "approvals")))


def test_the_projects_file_has_a_record_a_bank_and_month():
    found = records()
    assert {len(each) for each in found.values()} == {100}
    assert found["other"][0]["known_from"] == "2000-10-01T00:00:00Z"
    assert set(found["other"][0]) == {"bank", "known_from", *HISTORY_NAMES}


def test_files_of_banks_are_not_taken_for_loans(tmp_path):
    (tmp_path / "loans.csv.gz").touch()
    (tmp_path / BANK_MONTHS.name).touch()
    assert [path.name for path in dataset.data_files(tmp_path)] == ["loans.csv.gz"]
    assert [path.name for path in dataset.bank_month_files(tmp_path)] == [BANK_MONTHS.name]


def test_a_file_without_a_row_is_named():
    with pytest.raises(job.StepError, match="bank_months: no row; fill the file, or leave it out"):
        ingest.transform(table())


def test_less_than_a_year_is_no_record_yet():
    assert ingest.transform(table(*[("A", month, 1, 0) for month in MONTHS[:11]])) == []


@pytest.mark.parametrize(
    ("name", "body"), [("bank_months.csv", b""), ("bank_months.csv.gz", b"bank"), ("bank_months.csv", b'"\xff')]
)
def test_a_file_that_is_no_table_is_named(tmp_path, name, body):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(job.StepError, match=f"{name}: not a CSV table"):
        ingest.read([tmp_path / name])
