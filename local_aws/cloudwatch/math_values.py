"""What metric math computes: numbers, time series, and lists of time series.

A series is a list of values by period, newest first, with None where there is no data. Where one of two series has no
data, an operator takes 0 for it; where both have none, there is no result. A function of several takes those that have
some. Comparisons give 1 and 0. A division by 0 gives no data. Functions that are missing here are refused by name.
Source: user guide, using-metric-math.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local_aws.cloudwatch.math_syntax import MathError, Tree, functions, names, parse

Series = list[float | None]


@dataclass(frozen=True)
class Many:
    """Several time series."""

    series: list[Series]


Value = float | Series | Many

_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "<": lambda left, right: float(left < right),
    ">": lambda left, right: float(left > right),
    "<=": lambda left, right: float(left <= right),
    ">=": lambda left, right: float(left >= right),
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "&&": lambda left, right: float(left != 0 and right != 0),
    "||": lambda left, right: float(left != 0 or right != 0),
}
_OF_SEVERAL: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: math.fsum(values) / len(values),
}
_OF_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
EMULATED = frozenset({*_OF_SEVERAL, *_OF_EACH, "FILL", "IF", "METRICS", "PERIOD", "TIME_SERIES"})


@dataclass(frozen=True)
class Inputs:
    """What an expression may refer to: each query's value, which of them are metrics, and the period in seconds."""

    values: Mapping[str, Value]
    metrics: Sequence[str]
    periods: int
    period: int


def check(expression: str, known: Sequence[str]) -> None:
    """Refuse what cannot be computed.

    Errors: MathError."""
    tree = parse(expression)
    if missing := sorted(functions(tree) - EMULATED):
        raise MathError(f"the function {missing[0]} is not emulated locally; these are: {', '.join(sorted(EMULATED))}")
    if unknown := sorted(names(tree) - {*known, "REPEAT", "LINEAR"}):
        raise MathError(f"'{unknown[0]}' is no id of a metric or expression of the request")


def compute(expression: str, inputs: Inputs) -> Value:
    """The value of an expression that passed `check`.

    Errors: MathError."""
    return _Computation(inputs).value(parse(expression))


def as_series(value: Value, periods: int) -> Series:
    """A value as one series; a number is the same in every period.

    Errors: MathError for several series."""
    if isinstance(value, float):
        return [value] * periods
    if isinstance(value, Many):
        raise MathError("the expression gives several time series where one is needed")
    return value


class _Computation:
    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def value(self, tree: Tree) -> Value:
        match tree[0]:
            case "number":
                return float(tree[1])
            case "metric":
                if tree[1] not in self._inputs.values:
                    raise MathError(f"'{tree[1]}' cannot stand here")
                return self._inputs.values[tree[1]]
            case "list":
                return Many([self._series(item) for item in tree[1]])
            case "minus":
                return self._combined("-", 0.0, self.value(tree[1]))
            case "text":
                raise MathError("a text can only be an argument of METRICS")
            case "call":
                return self._call(tree[1], tree[2])
        return self._combined(tree[0], self.value(tree[1]), self.value(tree[2]))

    def _series(self, tree: Tree) -> Series:
        return as_series(self.value(tree), self._inputs.periods)

    def _combined(self, sign: str, left: Value, right: Value) -> Value:
        if isinstance(left, float) and isinstance(right, float):
            result = _applied(sign, left, right)
            if result is None:
                raise MathError("a number is divided by 0")
            return result
        if isinstance(left, Many) and isinstance(right, Many):
            raise MathError(f"'{sign}' takes one list of time series at most")
        if isinstance(left, Many):
            return Many([self._with_series(sign, item, right) for item in left.series])
        if isinstance(right, Many):
            return Many([self._with_series(sign, left, item) for item in right.series])
        return self._with_series(sign, left, right)

    def _with_series(self, sign: str, left: Value, right: Value) -> Series:
        """A gap in one of two series counts as 0; beside a number it stays a gap."""
        first, second = (as_series(value, self._inputs.periods) for value in (left, right))
        is_gap = any if isinstance(left, float) or isinstance(right, float) else all
        return [
            None if is_gap((one is None, other is None)) else _applied(sign, one or 0.0, other or 0.0)
            for one, other in zip(first, second, strict=True)
        ]

    def _call(self, name: str, arguments: list[Tree]) -> Value:
        if name == "METRICS":
            return self._metrics(arguments)
        if name == "IF":
            return self._if(arguments)
        if name == "FILL":
            return self._fill(arguments)
        if name == "PERIOD":
            _arity(name, arguments, 1)
            return float(self._inputs.period)
        _arity(name, arguments, 1)
        value = self.value(arguments[0])
        if name == "TIME_SERIES":
            return as_series(value, self._inputs.periods)
        if name in _OF_EACH:
            return _each(_OF_EACH[name], value)
        return _reduced(_OF_SEVERAL[name], value)

    def _metrics(self, arguments: list[Tree]) -> Many:
        if len(arguments) > 1 or any(tree[0] != "text" for tree in arguments):
            raise MathError("METRICS takes one text at most")
        part = arguments[0][1] if arguments else ""
        chosen = [name for name in self._inputs.metrics if part in name]
        return Many([as_series(self._inputs.values[name], self._inputs.periods) for name in chosen])

    def _if(self, arguments: list[Tree]) -> Value:
        _arity("IF", arguments, 2, 3)
        condition = self.value(arguments[0])
        branches = [self.value(tree) for tree in arguments[1:]]
        if all(isinstance(value, float) for value in (condition, *branches)):
            if condition != 0 or len(branches) == 2:
                return branches[0] if condition != 0 else branches[1]
            return list[float | None]([None] * self._inputs.periods)
        decided = as_series(condition, self._inputs.periods)
        chosen = [as_series(value, self._inputs.periods) for value in branches]
        nothing: Series = [None] * self._inputs.periods
        when, otherwise = chosen[0], chosen[1] if len(chosen) == 2 else nothing
        # A period without a condition has no data; one that asks for a value that is not there has 0.
        return [
            None if deciding is None else ((when[at] or 0.0) if deciding != 0 else otherwise[at])
            for at, deciding in enumerate(decided)
        ]

    def _fill(self, arguments: list[Tree]) -> Value:
        _arity("FILL", arguments, 2)
        value, filler = self.value(arguments[0]), arguments[1]
        if isinstance(value, Many):
            return Many([self._filled(item, filler) for item in value.series])
        return self._filled(as_series(value, self._inputs.periods), filler)

    def _filled(self, series: Series, filler: Tree) -> Series:
        if filler == ("metric", "REPEAT"):
            return _repeated(series)
        if filler == ("metric", "LINEAR"):
            return _interpolated(series)
        values = as_series(self.value(filler), len(series))
        return [values[at] if item is None else item for at, item in enumerate(series)]


def _applied(sign: str, left: float, right: float) -> float | None:
    try:
        result = _OPERATORS[sign](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return float(result) if isinstance(result, int | float) and math.isfinite(result) else None


def _each(function: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, float):
        return float(function(value))
    if isinstance(value, Many):
        return Many([_of_each(function, item) for item in value.series])
    return _of_each(function, value)


def _of_each(function: Callable[[float], float], series: Series) -> Series:
    return [None if item is None else float(function(item)) for item in series]


def _reduced(function: Callable[[Sequence[float]], float], value: Value) -> Value:
    """Of several series, a series; of one, a number in every period; of no data, none."""
    if isinstance(value, float):
        return value
    if isinstance(value, Many):
        columns = zip(*value.series, strict=True)
        kept = [[item for item in column if item is not None] for column in columns]
        return [float(function(column)) if column else None for column in kept]
    present = [item for item in value if item is not None]
    if present:
        return float(function(present))
    return value


def _repeated(series: Series) -> Series:
    """Each gap with the value before it in time; series are newest first."""
    filled: Series = []
    last: float | None = None
    for item in reversed(series):
        last = item if item is not None else last
        filled.append(last)
    return filled[::-1]


def _interpolated(series: Series) -> Series:
    known = [at for at, item in enumerate(series) if item is not None]
    filled = list(series)
    for first, second in itertools.pairwise(known):
        start, end = float(series[first] or 0), float(series[second] or 0)
        for at in range(first + 1, second):
            filled[at] = start + (end - start) * (at - first) / (second - first)
    return filled


def _arity(name: str, arguments: list[Tree], *allowed: int) -> None:
    if len(arguments) not in allowed:
        raise MathError(f"{name} takes {' or '.join(map(str, allowed))} arguments; it got {len(arguments)}")
