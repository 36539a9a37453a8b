"""The hyperparameters that a tuning job tries."""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

Row = dict[str, Any]
Point = dict[str, str]


class SpaceError(ValueError):
    """A range that no value can be drawn from; the message names it."""


def grid(ranges: Row) -> list[Point]:
    """Every combination of the categorical values, the last name varying fastest."""
    categories = ranges.get("CategoricalParameterRanges", [])
    if not categories or ranges.get("IntegerParameterRanges") or ranges.get("ContinuousParameterRanges"):
        raise SpaceError("Grid search takes CategoricalParameterRanges only, and at least one.")
    names = [item["Name"] for item in categories]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(c["Values"] for c in categories))]


def draws(ranges: Row, seed: int) -> Iterator[Point]:
    """Independent uniform draws without end, on the scale that each range asks for; the same seed, the same draws."""
    dice = random.Random(seed)  # noqa: S311 - a search, not a secret
    dimensions = list(_dimensions(ranges))
    while True:
        yield {name: draw(dice) for name, draw in dimensions}


def _dimensions(ranges: Row) -> Iterator[tuple[str, Callable[[random.Random], str]]]:
    for item in ranges.get("ContinuousParameterRanges", []):
        yield item["Name"], _continuous(item)
    for item in ranges.get("IntegerParameterRanges", []):
        yield item["Name"], _integer(item)
    for item in ranges.get("CategoricalParameterRanges", []):
        yield item["Name"], lambda dice, values=tuple(item["Values"]): dice.choice(values)  # type: ignore[misc]


def _continuous(item: Row) -> Callable[[random.Random], str]:
    low, high = _bounds(item, float)
    scale, back = _scale(item, low, high)
    return lambda dice: repr(min(high, max(low, back(dice.uniform(scale(low), scale(high))))))


def _integer(item: Row) -> Callable[[random.Random], str]:
    low, high = _bounds(item, int)
    scale, back = _scale(item, low, high)
    if scale(high) == high:  # linear: each value is as likely as any other, the ends too
        return lambda dice: str(dice.randint(low, high))
    return lambda dice: str(min(high, max(low, round(back(dice.uniform(scale(low), scale(high)))))))


def _bounds(item: Row, kind: type[Any]) -> tuple[Any, Any]:
    try:
        low, high = kind(item["MinValue"]), kind(item["MaxValue"])
    except ValueError as error:
        raise SpaceError(f"range '{item['Name']}': {error}") from error
    if low > high:
        raise SpaceError(f"range '{item['Name']}': MinValue {low} is above MaxValue {high}")
    return low, high


def _scale(item: Row, low: float, high: float) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """A scale's function and its inverse; drawing uniformly between the scaled ends gives the scale's distribution."""
    kind = item.get("ScalingType", "Auto")
    if kind == "Logarithmic":
        if low <= 0:
            raise SpaceError(f"range '{item['Name']}': Logarithmic needs MinValue above 0, not {low}")
        return math.log, math.exp
    if kind == "ReverseLogarithmic":
        if not (low >= 0 and high < 1):
            raise SpaceError(f"range '{item['Name']}': ReverseLogarithmic needs 0 <= MinValue and MaxValue < 1")
        return (lambda x: -math.log(1 - x)), (lambda y: 1 - math.exp(-y))
    return float, float
