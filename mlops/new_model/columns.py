"""What the columns of a table are, as far as their cells tell: fields of a schema, and what is left out of it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlops.errors import UsageError
from mlops.new_model.table import Table
from tabular.fields import Field, Kind, Level, Role

MOST_LEVELS = 50
"""Categories of a column; of more, the rarer ones count as REST."""
REST = "other"
FEW_NUMBERS = 10
"""Up to so many different whole numbers are a grade, whose limits are those of the data."""
LEAST_ROWS, LEAST_OF_EACH = 200, 50
"""Fewer rows, or fewer of one outcome, leave nothing to measure a model by."""
TO_BE_SAID = "to be said"
"""The meaning of a column that only people know."""
NEARLY_ALL = 0.8
"""A column with so many numbers was meant to hold numbers only."""
NEARLY_DIFFERENT = 0.5
"""A text that differs in so many rows is a name, a date or a remark."""


@dataclass(frozen=True)
class Inferred:
    """fields: the outcome first. left_out: columns that are no inputs, and why."""

    fields: tuple[Field, ...]
    positive: Level
    share: float
    left_out: dict[str, str]


def infer(table: Table, target: str, positive: str, meanings: Mapping[str, str]) -> Inferred:
    """The schema of a table; raises UsageError with one line if no model can learn `target` from it.

    meanings: of columns, where they are known.

    Ranges are wider than the data where a value may well lie beyond: what a request holds tomorrow is not among them.
    """
    outcome, level, share = _outcome(table, target, positive)
    fields, left_out = [outcome], {}
    for name in table.names:
        if name == target:
            continue
        cells = table.column(name)
        if why := _says_nothing(cells):
            left_out[name] = why
        else:
            fields.append(replace(_field(name, cells), meaning=meanings.get(name, TO_BE_SAID)))
    if len(fields) == 1:
        raise UsageError(f"--data: no column but {target} tells rows apart; give a file with inputs")
    return Inferred(tuple(fields), level, share, left_out)


def _outcome(table: Table, target: str, positive: str) -> tuple[Field, Level, float]:
    if target not in table.names:
        raise UsageError(f"--target {target}: no such column; the file has {', '.join(table.names)}")
    cells = table.column(target)
    counts = Counter(cells)
    if len(cells) < LEAST_ROWS:
        raise UsageError(f"--data: {len(cells)} rows, at least {LEAST_ROWS} are needed; give more")
    if missing := counts.get(""):
        raise UsageError(f"--target {target}: empty in {missing} rows; remove them, their outcome is unknown")
    if len(counts) != 2:
        raise UsageError(f"--target {target}: {len(counts)} different values, a binary outcome has 2; name another")
    if positive not in counts:
        raise UsageError(f"--positive {positive}: {target} is {' or '.join(sorted(counts))}; give one of them")
    for value, count in counts.items():
        if count < LEAST_OF_EACH:
            raise UsageError(f"--target {target}: {count} rows are {value}, at least {LEAST_OF_EACH} are needed")
    levels = {text: _level(text, counts) for text in counts}
    other = next(text for text in counts if text != positive)
    meaning = f"{_short(positive)}: what the model gives the probability of"
    field = Field(target, Kind.CATEGORICAL, Role.OUTCOME, meaning, levels=(levels[other], levels[positive]))
    return field, levels[positive], counts[positive] / len(cells)


def _level(text: str, all_of_them: Sequence[str] | Counter[str]) -> Level:
    """A code as a number where all are, since a file of numbers is read as such."""
    return (
        int(float(text))
        if all(_number(each) is not None and float(each).is_integer() for each in all_of_them)
        else text
    )


def _says_nothing(cells: Sequence[str]) -> str:
    """Why a column is no input, or ""."""
    said = [cell for cell in cells if cell]
    different = len(set(said))
    if different < 2:
        return "the same in all rows"
    numbers = [_number(cell) for cell in said]
    if None not in numbers:
        counts_up = len(said) == len(cells) and [float(cell) - float(said[0]) for cell in said] == list(
            range(len(said))
        )
        return "counts the rows" if counts_up else ""
    return (
        "a text that differs from row to row"
        if different > MOST_LEVELS and different > NEARLY_DIFFERENT * len(said)
        else ""
    )


def _field(name: str, cells: Sequence[str]) -> Field:
    said = [cell for cell in cells if cell]
    nullable = len(said) < len(cells)
    numbers = [number for number in map(_number, said) if number is not None]
    if len(numbers) == len(said):
        return _numeric(name, numbers, nullable)
    if len(numbers) >= NEARLY_ALL * len(said):
        odd = next(cell for cell in said if _number(cell) is None)
        raise UsageError(f"--data: column {name}: numbers, but {odd!r} in some rows; leave the cell empty there")
    counts = Counter(said)
    if len(counts) <= MOST_LEVELS:
        levels, rest = tuple(sorted(counts)), None
    else:
        common = sorted(counts, key=lambda level: (-counts[level], level))[: MOST_LEVELS - 1]
        levels, rest = tuple(sorted({*common, REST})), REST
    return Field(name, Kind.CATEGORICAL, Role.INPUT, TO_BE_SAID, levels=levels, rest=rest, nullable=nullable)


def _numeric(name: str, numbers: Sequence[float], nullable: bool) -> Field:
    low, high = min(numbers), max(numbers)
    whole = all(number.is_integer() for number in numbers)
    if not (whole and len(set(numbers)) <= FEW_NUMBERS):
        low, high = _wider(low, high)
    return Field(name, Kind.NUMERIC, Role.INPUT, TO_BE_SAID, minimum=low, maximum=high, whole=whole, nullable=nullable)


def _wider(low: float, high: float) -> tuple[float, float]:
    """As far again beyond the data as they reach, in round figures; what was never negative stays so."""
    reach = high - low
    return (0.0 if low >= 0 else -_round_up(reach - low)), (0.0 if high <= 0 else _round_up(high + reach))


def _round_up(value: float) -> float:
    """To two digits, away from zero; `value` is above zero."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(round(value / unit, 6)) * unit:.12g}")


def _number(text: str) -> float | None:
    """The cell as a number, as pipeline_code/tabular reads one; None if it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
