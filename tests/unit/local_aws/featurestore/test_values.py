"""Values of features and event times as text."""

from __future__ import annotations

import pytest

from local_aws.featurestore import values


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("Integral", "-12", -12),
        ("Integral", str(2**63 - 1), 2**63 - 1),
        ("Integral", str(-(2**63)), -(2**63)),
        ("Fractional", "0.25", 0.25),
        ("Fractional", "-1e3", -1000.0),
        ("Fractional", ".5", 0.5),
        ("Fractional", "7", 7.0),
        ("String", "", ""),
        ("String", "1.5", "1.5"),
    ],
)
def test_a_text_is_the_value_of_its_type(kind: str, text: str, value: object) -> None:
    found = values.typed(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("Integral", text) for text in ("", "1.0", "1e3", "one", " 1", "1_000", str(2**63), str(-(2**63) - 1))),
        *(("Fractional", text) for text in ("", "NaN", "Infinity", "1e999", "0x1", "1,5", "1_0.5", "half")),
    ],
)
def test_a_text_of_another_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=kind):
        values.typed(kind, text)


def test_event_times_are_moments() -> None:
    assert values.moment("String", "1970-01-02T00:00:01Z") == 86401
    assert values.moment("String", "1970-01-02T00:00:01.250Z") == 86401.25
    assert values.moment("Fractional", "86401.25") == 86401.25
    assert values.iso(86401.25) == "1970-01-02T00:00:01Z"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("String", "2026-11-21"),
        ("String", "2026-11-21T10:00:00"),
        ("String", "2026-11-21 10:00:00Z"),
        ("String", "2026-11-21T10:00:00+01:00"),
        ("String", "2026-11-21T10:00:00.5Z"),
        ("String", "2026-13-01T10:00:00Z"),
        ("String", "1763719200"),
        ("Fractional", "2026-11-21T10:00:00Z"),
        ("Fractional", "1e30"),
    ],
)
def test_other_event_times_are_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("+", r"\+").replace(".", r"\.")):
        values.moment(kind, text)
