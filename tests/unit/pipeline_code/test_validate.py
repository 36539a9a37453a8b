"""Each rule on the real loans, with one thing made wrong at a time."""

import importlib.metadata
import json
from pathlib import Path

import pandas as pd
import pytest

from loan_approval.steps import job, rules, validate
from loan_approval.steps.rules import Period, check

from .conftest import LOANS, PERIODS

TODAY = "2010-01-01"
GOOD = [Period("training", "2000-10-01", "2002-09-30"), Period("test", "2002-10-01", "2002-12-31")]


@pytest.fixture(scope="module")
def few(texts):
    """An eighth of the two periods' loans: what one bad cell breaks does not depend on how many are good."""
    return texts[texts["ApprovalDate"] >= GOOD[0].first].iloc[::8].reset_index(drop=True)


def broken(frame, periods=GOOD, share=0.001):
    return {(failure.rule, failure.subject) for failure in check(frame, periods, share, TODAY)}


def with_cell(frame, column, value, row=4):
    changed = frame.copy()
    changed.iloc[row, changed.columns.get_loc(column)] = value
    return changed


def test_the_sample_keeps_every_rule(texts, few):
    assert broken(texts) == broken(few) == set()


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("GrAppv", "abc", "number"),
        ("GrAppv", "5_000", "number"),
        ("NoEmp", "inf", "range"),
        ("NoEmp", "-5", "range"),
        ("bad", "2", "range"),
        ("NoEmp", "3.5", "whole number"),
        ("NoEmp", None, "missing value"),
        ("State", None, "missing value"),
        ("bank", None, "missing value"),
        ("State", "XX", "level"),
        ("naics2", "99", "level"),
        ("naics2", "retail", "level"),
        ("RevLineCr", "0", "level"),
        ("ApprovalDate", "2002-02-30", "date"),
        ("ApprovalDate", "31-Dec-01", "date"),
        ("ApprovalDate", "1959-12-31", "date"),
        ("ApprovalDate", "2010-01-02", "date"),
        ("ChgOffDate", "soon", "date"),
    ],
)
def test_one_bad_cell_breaks_its_rule_and_no_other(few, column, value, rule):
    failures = check(with_cell(few, column, value), GOOD, 0.001, TODAY)
    assert [(failure.rule, failure.subject, failure.count) for failure in failures] == [(rule, column, 1)]
    assert failures[0].first == ((4, "empty" if value is None else repr(value)),)


def test_every_bad_cell_is_counted_and_the_first_are_shown(few):
    changed = few.copy()
    changed.iloc[10:20, changed.columns.get_loc("GrAppv")] = "abc"
    (failure,) = check(changed, GOOD, 0.001, TODAY)
    assert failure.count == 10
    assert [row for row, _ in failure.first] == [10, 11, 12]


def test_several_broken_rules_are_all_told(few):
    changed = with_cell(with_cell(few, "GrAppv", "abc"), "State", "XX", row=7)
    assert broken(changed) == {("number", "GrAppv"), ("level", "State")}


@pytest.mark.parametrize("column", ["GrAppv", "bad", "ApprovalDate", "bank"])
def test_a_missing_column_is_named(few, column):
    assert broken(few.drop(columns=column)) == {("columns", column)}


def test_a_column_that_nobody_asked_for_is_no_failure(few):
    assert broken(few.assign(Term="84")) == set()


def test_a_guarantee_above_the_loan_breaks_its_rule(few):
    assert broken(with_cell(few, "SBA_Appv", "9999999")) == {("guarantee", "row")}


def test_a_charge_off_without_its_day_breaks_its_rule(few):
    row = few["bad"].to_numpy().tolist().index("1")
    assert broken(with_cell(few, "ChgOffDate", None, row)) == {("outcome", "row")}


def test_a_file_without_rows_breaks_its_rule(few):
    assert broken(few.head(0)) == {("rows", "file")}


@pytest.mark.parametrize("copied", [slice(None), slice(0, 50), slice(0, 100)])
def test_copied_rows_break_the_rule_on_duplicates(few, copied):
    assert broken(pd.concat([few, few.iloc[copied]], ignore_index=True)) == {("duplicates", "rows")}


def test_a_single_copied_charge_off_breaks_the_rule_on_duplicates(few):
    charged_off = few[few["bad"] == "1"].head(1)
    assert broken(pd.concat([few, charged_off], ignore_index=True)) == {("duplicates", "rows")}


def test_chance_duplicates_of_paid_loans_pass(few):
    paid = few[few["ChgOffDate"].isna()].head(3)
    assert broken(pd.concat([few, paid], ignore_index=True)) == set()


@pytest.mark.parametrize(
    ("periods", "subject"),
    [
        (("2000-10-01", "2002-10-15", "2002-10-01", "2002-12-31"), "2000-10-01 2002-10-15 2002-10-01 2002-12-31"),
        (("2000-10-01", "2002-09-31", "2002-10-01", "2002-12-31"), "2002-09-31"),
        (("2000-10-01", "2002-09-30", "2004-10-01", "2004-12-31"), "test"),
        (("1990-10-01", "1992-09-30", "2002-10-01", "2002-12-31"), "training"),
    ],
)
def test_periods_that_overlap_or_hold_too_little_break_their_rule(few, periods, subject):
    named = [Period("training", *periods[:2]), Period("test", *periods[2:])]
    assert broken(few, named) == {("period", subject)}


def test_every_rule_has_a_case_here(texts):
    """A new rule has to be added to one of the tests above."""
    cases = {"rows", "columns", "missing value", "number", "whole number", "range", "level", "date"}
    assert set(rules.RULES) == cases | {"guarantee", "outcome", "duplicates", "period"}


def test_what_the_step_installs_is_what_these_tests_ran_with():
    """The same version, so that the step on this machine installs nothing and needs no network."""
    lines = (Path(validate.__file__).parents[1] / "requirements.txt").read_text().splitlines()
    (requirement,) = [line for line in lines if not line.startswith("#")]
    assert requirement == f"pandera[pandas]=={importlib.metadata.version('pandera')}"


def raw(base, name, content):
    folder = base / "processing" / "input" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def run(arguments=PERIODS):
    job.run(lambda: validate.main(arguments))


def test_the_step_writes_what_it_found(base, texts, capsys):
    raw(base, LOANS.name, LOANS.read_bytes())
    run()
    report = json.loads((base / "processing/output/validation/validation.json").read_text())
    assert report["passed"] is True
    assert report["rows"] == 59400
    assert report["sha256"] == "a8364bb33ab27c3b02921c85baeb1aad7452bb8757806eed0d7261db4aae3ded"
    assert report["columns"] == list(texts.columns)
    assert report["duplicates"] == 9
    assert [rule["rule"] for rule in report["rules"]] == list(rules.RULES)
    assert "validated 59400 loans" in capsys.readouterr().out
    assert not (base / "output" / "message").exists()


def test_the_step_fails_with_file_line_value_and_rule(base, texts):
    raw(base, "a.csv", texts.iloc[:1000].to_csv(index=False).encode())
    raw(base, "b.csv", with_cell(texts.iloc[1000:], "GrAppv", "abc").to_csv(index=False).encode())
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 1
    message = (base / "output" / "message").read_text()
    assert message == "validation failed: 1 rule broken\nGrAppv: number: 1 row (first: b.csv line 6 'abc')"
    report = json.loads((base / "processing/output/validation/validation.json").read_text())
    assert report["passed"] is False
    assert report["failures"] == [{"rule": "number", "subject": "GrAppv", "rows": 1, "detail": ""}]


def test_the_message_fits_into_what_sagemaker_keeps(base, texts):
    changed = texts.head(3000).copy()
    for column in changed.columns:
        changed[column] = "ä" * 200
    raw(base, "a.csv", changed.to_csv(index=False).encode())
    with pytest.raises(SystemExit):
        run()
    assert len((base / "output" / "message").read_bytes()) <= 1024


@pytest.mark.parametrize(
    ("name", "content", "finding"),
    [
        ("a.csv", b"", "a.csv: rows: it is empty"),
        ("a.csv.gz", b"", "rows: it is empty"),
        ("a.csv", b"GrAppv,bad\n", "columns"),
        ("a.csv.gz", b"not gzip", "a.csv.gz: columns: not a CSV table"),
        ("a.csv.gz", LOANS.read_bytes()[:5000], "a.csv.gz: columns: not a CSV table"),
        ("a.csv", b"\xff\xfe\x00", "a.csv: columns: not a CSV table"),
        ("a.txt", b"", "no .csv or .csv.gz file"),
    ],
)
def test_a_file_that_is_no_table_fails_with_its_name(base, name, content, finding):
    raw(base, name, content)
    with pytest.raises(SystemExit):
        run()
    assert finding in (base / "output" / "message").read_text()


def test_a_header_without_rows_fails(base, texts):
    raw(base, "a.csv", texts.head(0).to_csv(index=False).encode())
    with pytest.raises(SystemExit):
        run()
    assert "file: rows: it is empty" in (base / "output" / "message").read_text()
