"""The drift benchmark reads the real loans as the monitors see them."""

from bench import drift
from loan_approval.schema import INPUT_NAMES


def test_real_months_have_six_hundred_loans_with_what_an_application_brings() -> None:
    months, features = drift._loans()
    assert [each.name for each in features] == list(INPUT_NAMES)
    for name, columns in months.items():
        assert list(columns) == list(INPUT_NAMES)
        if drift.BASELINE[0] <= name <= drift.SHIFTED[1]:
            assert {len(values) for values in columns.values()} == {600}
