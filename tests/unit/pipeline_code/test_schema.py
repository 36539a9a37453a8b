import pytest

from loan_approval import schema
from loan_approval.schema import FIELDS, INPUT_NAMES, Field, Kind


def test_schema_names_exactly_the_columns_of_the_sample(texts):
    assert sorted(field.name for field in FIELDS) == sorted(texts.columns)


@pytest.mark.parametrize("name", ["bad", "ChgOffDate", "Term", "ApprovalDate"])
def test_nothing_that_knows_the_outcome_is_an_input(name):
    assert name not in INPUT_NAMES


def field(name: str) -> Field:
    return next(field for field in FIELDS if field.name == name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GrAppv", 50000, 50000.0),
        ("NoEmp", 3.0, 3.0),
        ("naics2", 44.0, 44),
        ("State", "CA", "CA"),
        ("franchise", 0, 0),
        ("bank", "CITIBANK, N.A.", "CITIBANK, N.A."),
        ("bank", "A BANK OF TOMORROW", "other"),
        ("bank", "LOANS FROM OLD CLOSED LENDERS", "other"),
    ],
)
def test_good_value_is_read(name, value, expected):
    assert field(name).read(value) == expected


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("GrAppv", None, "missing"),
        ("GrAppv", "abc", "'abc' is not a number"),
        ("GrAppv", "50000", "'50000' is not a number"),
        ("GrAppv", True, "True is not a number"),
        ("GrAppv", [1], "[1] is not a number"),
        ("GrAppv", float("nan"), "nan is not a finite number"),
        ("GrAppv", float("inf"), "inf is not a finite number"),
        ("GrAppv", 10**400, "is not a finite number"),
        ("GrAppv", 99, "99 is below 100"),
        ("GrAppv", 10_000_001, "10000001 is above 10000000"),
        ("NoEmp", 3.5, "3.5 is not a whole number"),
        ("NoEmp", -1, "-1 is below 0"),
        ("franchise", 2, "2 is not one of 0, 1"),
        ("franchise", True, "True is not one of 0, 1"),
        ("franchise", "1", "'1' is not one of 0, 1"),
        ("naics2", 44.5, "44.5 is not one of"),
        ("LowDoc", "y", "'y' is not one of N, U, Y"),
        ("State", {}, "{} is not one of"),
        ("bank", 7, "7 is not a name"),
        ("bank", " ", "' ' is not a name"),
    ],
)
def test_bad_value_is_refused_with_what_is_wrong(name, value, reason):
    with pytest.raises(ValueError) as error:
        field(name).read(value)
    assert reason in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(("name", "text", "expected"), [("GrAppv", " 5e4 ", 50000.0), ("NewExist", "1.0", 1)])
def test_text_is_read_as_the_value_it_stands_for(name, text, expected):
    assert field(name).read_text(text) == expected


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("GrAppv", "", "missing"),
        ("GrAppv", "abc", "'abc' is not a number"),
        ("GrAppv", "5_000", "'5_000' is not a number"),
        ("GrAppv", "nan", "nan is not a finite number"),
        ("naics2", "retail", "'retail' is not a number"),
        ("State", "", "missing"),
    ],
)
def test_bad_text_is_refused_with_what_is_wrong(name, text, reason):
    with pytest.raises(ValueError) as error:
        field(name).read_text(text)
    assert str(error.value) == reason


def test_every_level_reads_back_from_json_and_from_text():
    for each in FIELDS:
        if each.kind is Kind.CATEGORICAL:
            assert [each.read(level) for level in each.levels] == list(each.levels)
            assert [each.read_text(str(level)) for level in each.levels] == list(each.levels)


def test_a_guarantee_above_the_loan_names_the_guarantee():
    assert schema.check_together({"GrAppv": 100.0, "SBA_Appv": 100.0}) is None
    assert schema.check_together({"GrAppv": 100.0, "SBA_Appv": 200.0}) == (
        "SBA_Appv",
        "200 is more than GrAppv, which is 100",
    )
