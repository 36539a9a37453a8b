from __future__ import annotations

import pytest

from local_aws.cloudwatch.math_syntax import MathError, parse
from local_aws.cloudwatch.math_values import Inputs, Many, Series, Value, as_series, check, compute

A = [1.0, 2.0, None]
B = [10.0, None, None]
IDS = ("a", "b", "none", "several")


def computed(expression: str) -> Value:
    check(expression, IDS)
    values: dict[str, Value] = {"a": A, "b": B, "none": [None, None, None], "several": Many([A, B])}
    return compute(expression, Inputs(values, ["a", "b"], 3, 60))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 * 3 ^ 2", 18.0),
        ("8 / 4 / 2", 1.0),
        ("-2 + 5", 3.0),
        ("1 < 2", 1.0),
        ("1 + 1 == 2 && 3 > 4", 0.0),
        ("1 > 2 OR 2 > 1 AND 1 != 1", 0.0),
        ("1.5e2", 150.0),
        ("PERIOD(a)", 60.0),
    ],
)
def test_numbers_and_precedence(expression: str, value: float) -> None:
    assert computed(expression) == value


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ("a + b", [11.0, 2.0, None]),
        ("a - 1", [0.0, 1.0, None]),
        ("100 * b / (a + b)", [1000.0 / 11.0, 0.0, None]),
        ("a / b", [0.1, None, None]),
        ("a + none", [1.0, 2.0, None]),
        ("a > b", [0.0, 1.0, None]),
        ("b > 1 AND a > 1", [0.0, 0.0, None]),
        ("a / (a - 1)", [None, 2.0, None]),
        ("a >= 2", [0.0, 1.0, None]),
        ("FILL(b, 0)", [10.0, 0.0, 0.0]),
        ("FILL(none, 0)", [0.0, 0.0, 0.0]),
        ("FILL(a, REPEAT)", [1.0, 2.0, None]),
        ("FILL(b, a)", [10.0, 2.0, None]),
        ("IF(a > 1, b, 5)", [5.0, 0.0, None]),
        ("IF(FILL(a, 0) > 1, 1)", [None, 1.0, None]),
        ("IF(FILL(b, 0) >= 10 AND a < 2, 1, 0)", [1.0, 0.0, 0.0]),
        ("IF(1 > 2, a, b)", B),
        ("SUM([a, b])", [11.0, 2.0, None]),
        ("MAX([a, 0 * b])", [1.0, 2.0, None]),
        ("MIN(METRICS())", [1.0, 2.0, None]),
        ("AVG(METRICS())", [5.5, 2.0, None]),
        ('SUM(METRICS("b"))', B),
        ("SUM(several)", [11.0, 2.0, None]),
        ("MAX(FILL(several, 3))", [10.0, 3.0, 3.0]),
        ("TIME_SERIES(2)", [2.0, 2.0, 2.0]),
        ("a * SUM(a)", [3.0, 6.0, None]),
        ("ABS(0 - a)", [1.0, 2.0, None]),
    ],
)
def test_series(expression: str, series: list[float | None]) -> None:
    assert as_series(computed(expression), 3) == series


@pytest.mark.parametrize(
    ("expression", "values", "series"),
    [
        (
            "IF(MAX([0 * running, requests]) < 1, 1, 0)",
            {"running": [60.0, 60.0, None, None], "requests": [None, 5.0, 5.0, None]},
            [1, 0, 0, None],
        ),
        (
            "MAX([cpu / 2, memory, disk])",
            {"cpu": [180.0, 10.0, None], "memory": [40.0, None, None], "disk": [None, None, None]},
            [90, 5, None],
        ),
        (
            "SUM([FILL(champion, 0), FILL(challenger, 0)]) / 1440",
            {"champion": [1440.0, 720.0], "challenger": [None, 720.0]},
            [1, 1],
        ),
        ("MAX([failed, 0 * succeeded])", {"failed": [None, 1.0, None], "succeeded": [1.0, None, None]}, [0, 1, None]),
        (
            "IF(rows < 1, IF(FILL(requests, 0) >= 50, 1, 0), 0)",
            {"requests": [80.0, 80.0, 80.0], "rows": [0.0, 9.0, None]},
            [1, 0, None],
        ),
    ],
)
def test_the_expressions_of_our_alarms(expression: str, values: dict[str, Series], series: list[float | None]) -> None:
    check(expression, list(values))
    periods = len(next(iter(values.values())))
    assert compute(expression, Inputs(values, list(values), periods, 60)) == series


def test_gaps_are_filled_from_the_value_before_and_in_a_line() -> None:
    inputs = Inputs({"m": [None, 9.0, None, 3.0, None]}, ["m"], 5, 60)
    assert compute("FILL(m, REPEAT)", inputs) == [9.0, 9.0, 3.0, 3.0, None]
    assert compute("FILL(m, LINEAR)", inputs) == [None, 9.0, 6.0, 3.0, None]


def test_an_operator_works_on_each_of_several_series() -> None:
    assert computed("several * 2") == Many([[2.0, 4.0, None], [20.0, None, None]])


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a +", "ends too early"),
        ("a b", "unexpected 'b'"),
        ("a $ b", r"unexpected '\$'"),
        ("SUM(a", "unexpected"),
        ("c + 1", "'c' is no id"),
        ("SEARCH('x', 'Sum', 60)", "the function SEARCH is not emulated locally"),
        ("ANOMALY_DETECTION_BAND(a, 2)", "ANOMALY_DETECTION_BAND is not emulated"),
        ("RATE(a)", "RATE is not emulated"),
        ("-" * 100 + "1", "nested too deeply"),
    ],
)
def test_what_is_wrong_or_missing_is_named(expression: str, why: str) -> None:
    with pytest.raises(MathError, match=why):
        check(expression, IDS)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("several + several", "one list of time series"),
        ("IF(several, 1, 2)", "several time series where one"),
        ("FILL(a)", "FILL takes 2 arguments; it got 1"),
        ("1 / 0", "divided by 0"),
    ],
)
def test_what_cannot_be_computed_is_named(expression: str, why: str) -> None:
    with pytest.raises(MathError, match=why):
        computed(expression)


def test_a_name_is_no_word_of_the_grammar() -> None:
    assert parse("order + android") == ("+", ("metric", "order"), ("metric", "android"))
