import numpy as np
import pytest

from loan_approval.encoding import FEATURE_TYPES, FEATURES, encode
from loan_approval.schema import HISTORY_NAMES, INPUT_NAMES, INPUTS, Kind, bank_of

from . import histories


def columns(applications):
    return {name: [each[name] for each in applications] for name in INPUT_NAMES}


def test_one_application_is_encoded_as_it_is_among_others(applications):
    together = encode(columns(applications))
    assert together.shape == (100, len(FEATURES))
    for position, application in enumerate(applications):
        assert np.array_equal(encode(columns([application]))[0], together[position], equal_nan=True)


def test_training_and_serving_make_the_same_features(parts, applications):
    """The features step reads a frame, the endpoint JSON; the first hundred loans went through both."""
    trained = parts.train[list(FEATURES)].to_numpy()[:100]
    rows = [(str(row), bank_of(each["bank"]), "2000-10-01T00:00:00Z") for row, each in enumerate(applications)]
    history = histories.as_of(rows)
    served = {name: [history[row][name] for row, _, _ in rows] for name in HISTORY_NAMES}
    assert np.array_equal(encode({**columns(applications), **served}), trained)


def test_guaranteed_amount_becomes_a_share(applications):
    position = FEATURES.index("guaranteed_share")
    expected = [each["SBA_Appv"] / each["GrAppv"] for each in applications]
    assert encode(columns(applications))[:, position].tolist() == expected


def test_levels_of_a_category_get_different_codes(applications):
    for position, field in enumerate(INPUTS):
        if field.kind is Kind.CATEGORICAL:
            assert FEATURE_TYPES[position] == "c"
            encoded = encode(columns([{**applications[0], field.name: level} for level in field.levels]))
            assert encoded[:, position].tolist() == list(range(len(field.levels)))


def test_a_category_that_the_schema_does_not_list_is_refused(applications):
    with pytest.raises(ValueError, match="State: 'XX' is not in the schema"):
        encode(columns([{**applications[0], "State": "XX"}]))


def test_a_bank_that_the_schema_does_not_list_counts_as_other(applications):
    def coded(bank):
        return encode(columns([{**applications[0], "bank": bank}]))[0, FEATURES.index("bank")]

    assert coded("LOANS FROM OLD CLOSED LENDERS") == coded("A BANK OF TOMORROW") == coded("other")
    assert coded("CITIBANK, N.A.") != coded("other")
