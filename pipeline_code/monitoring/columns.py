"""One feature's values, seen once and kept in bounded memory: numbers in a KLL sketch, categories by their counts.

A column takes batches, merges with another of its kind, and is written to and read from its part of statistics.json.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from monitoring.feature import INTEGRAL, STRING, Feature
from monitoring.sketch import Sketch

BUCKETS = 10
MOST_CATEGORIES = 1000
"""Beyond these, only frequent categories are kept by name; the rows of the others are counted together."""

Array = NDArray[np.float64]


class _Column:
    """What both kinds count. missing: rows without a value, those of absent columns among them."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.present = 0
        self.missing = 0
        self.absent = 0
        self.wrong = 0
        """Values of another type than the feature's; they are among `present`."""

    @property
    def rows(self) -> int:
        return self.present + self.missing

    @property
    def is_absent(self) -> bool:
        """Whether no row had the column at all."""
        return 0 < self.absent == self.rows

    def skip(self, rows: int) -> None:
        """Rows that have no such column."""
        self.missing += rows
        self.absent += rows

    def _common(self) -> Dict[str, int]:
        common = {"num_present": self.present, "num_missing": self.missing}
        if self.wrong:
            common["num_wrong_type"] = self.wrong  # our addition, only where there is something to say
        return common

    def _count(self, other: _Column) -> None:
        self.present += other.present
        self.missing += other.missing
        self.absent += other.absent
        self.wrong += other.wrong

    def _read_common(self, common: Mapping[str, Any]) -> None:
        self.present, self.missing = int(common["num_present"]), int(common["num_missing"])
        self.wrong = int(common.get("num_wrong_type", 0))


class Numbers(_Column):
    """Values of a numeric feature. Texts, truth values and infinities are of a wrong type and in no distribution;
    a fraction where whole numbers are expected is of a wrong type and in the distribution too."""

    def __init__(self, feature: Feature) -> None:
        super().__init__(feature)
        self.sketch = Sketch()
        self.count, self.mean, self.squares = 0, 0.0, 0.0  # squares: sum of squared distances from the mean
        self.smallest, self.largest = np.inf, -np.inf

    def add(self, values: Any) -> None:
        numbers, missing, wrong = _numbers(values)
        finite = np.isfinite(numbers)
        if not finite.all():
            wrong += int(len(numbers) - finite.sum())
            numbers = numbers[finite]
        if self.feature.inferred_type == INTEGRAL:
            wrong += int((numbers != np.floor(numbers)).sum())
        self.missing += missing
        self.present += len(values) - missing
        self.wrong += wrong
        if len(numbers):
            mean = float(numbers.mean())
            squares = float(np.square(numbers - mean).sum())
            self._moments(len(numbers), mean, squares, float(numbers.min()), float(numbers.max()))
            self.sketch.add(numbers)

    def merge(self, other: Numbers) -> None:
        self._count(other)
        if other.count:
            self._moments(other.count, other.mean, other.squares, other.smallest, other.largest)
            self.sketch.merge(other.sketch)

    def document(self) -> Dict[str, Any]:
        return {"numerical_statistics": {"common": self._common(), **self._described()}}

    def read(self, document: Mapping[str, Any]) -> None:
        described = document["numerical_statistics"]
        self._read_common(described["common"])
        if "distribution" in described:
            self.sketch = Sketch.read(described["distribution"]["kll"]["sketch"])
            self.count, self.mean = self.sketch.rows, float(described["mean"])
            self.squares = float(described["std_dev"]) ** 2 * self.count
            self.smallest, self.largest = float(described["min"]), float(described["max"])

    def _moments(self, count: int, mean: float, squares: float, smallest: float, largest: float) -> None:
        """Chan, Golub & LeVeque's update, which does not lose digits as sums of squares do."""
        total, distance = self.count + count, mean - self.mean
        self.squares += squares + distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count = total
        self.smallest, self.largest = min(self.smallest, smallest), max(self.largest, largest)

    def _described(self) -> Dict[str, Any]:
        if not self.count:
            return {}
        values, weights = self.sketch.items()
        # A sketch may have lost the ends, which are known.
        low, high = self.smallest, self.largest
        counts, edges = np.histogram(values, BUCKETS, (low, high), weights=weights)
        buckets = [
            {"lower_bound": float(edges[i]), "upper_bound": float(edges[i + 1]), "count": float(count)}
            for i, count in enumerate(counts)
        ]
        return {
            "mean": self.mean,
            "sum": self.mean * self.count,
            "std_dev": float(np.sqrt(self.squares / self.count)),
            "min": low,
            "max": high,
            "distribution": {"kll": {"buckets": buckets, "sketch": self.sketch.document()}},
        }


class Categories(_Column):
    """Values of a categorical feature, as texts.

    Beyond MOST_CATEGORIES the counts are Misra & Gries's, whose summaries merge (Agarwal et al., "Mergeable
    summaries", PODS 2012): a count is too low by at most rows / MOST_CATEGORIES, and what is not counted by name is
    in `others`.
    """

    def __init__(self, feature: Feature) -> None:
        super().__init__(feature)
        self.counts: Dict[str, int] = {}

    @property
    def others(self) -> int:
        """Rows that are counted under no name."""
        return self.present - sum(self.counts.values())

    def add(self, values: Any) -> None:
        present, missing = _present(values)
        self.missing += missing
        self.present += len(present)
        self._add(_texts(present))

    def merge(self, other: Categories) -> None:
        self._count(other)
        self._add(other.counts)

    def ordered(self) -> List[Tuple[str, int]]:
        """Categories with their counts, most frequent first."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))

    def document(self) -> Dict[str, Any]:
        """`distinct_count` is a lower bound once there is an `other_count`, which is our addition."""
        categorical: Dict[str, Any] = {"buckets": [{"value": value, "count": count} for value, count in self.ordered()]}
        if self.others:
            categorical["other_count"] = self.others
        details = {
            "common": self._common(),
            "distinct_count": float(len(self.counts)),
            "distribution": {"categorical": categorical},
        }
        return {"string_statistics": details}

    def read(self, document: Mapping[str, Any]) -> None:
        described = document["string_statistics"]
        self._read_common(described["common"])
        buckets = described.get("distribution", {}).get("categorical", {}).get("buckets", [])
        self.counts = {str(bucket["value"]): int(bucket["count"]) for bucket in buckets}

    def _add(self, counts: Mapping[str, int]) -> None:
        for value, count in counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
        if len(self.counts) > MOST_CATEGORIES:
            ordered = self.ordered()
            taken = ordered[MOST_CATEGORIES][1]
            self.counts = {value: count - taken for value, count in ordered[:MOST_CATEGORIES] if count > taken}


Column = Union[Numbers, Categories]


def column(feature: Feature) -> Column:
    return Categories(feature) if feature.inferred_type == STRING else Numbers(feature)


def _numbers(values: Any) -> Tuple[Array, int, int]:
    """Numbers among the values, how many are missing, and how many are of another type."""
    if getattr(values, "dtype", None) is not None and getattr(values.dtype, "kind", "O") in "iuf":
        numbers = np.asarray(values, dtype=np.float64)
        missing = np.isnan(numbers)
        return (numbers[~missing], int(missing.sum()), 0) if missing.any() else (numbers, 0, 0)
    present, missing_count = _present(values)
    numeric = [float(value) for value in present if _is_number(value)]
    return np.asarray(numeric, dtype=np.float64), missing_count, len(present) - len(numeric)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):  # most are, and numpy's float64 too
        return True
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer, np.floating)):
        return False
    return bool(-1e308 < value < 1e308)  # a whole number of a request may be too large for a float


def _present(values: Any) -> Tuple[List[Any], int]:
    """Values that are not None, NaN or pandas's NA, and how many are."""
    array = _objects(values)
    missing = _missing(array)
    count = int(missing.sum())
    return (array[~missing] if count else array).tolist(), count


def count_present(values: Sequence[Any]) -> int:
    """How many of the values are not missing."""
    return len(values) - int(_missing(_objects(values)).sum())


def _missing(array: NDArray[Any]) -> NDArray[np.bool_]:
    """What pandas.isna says of each entry: NaN of any kind is what differs from itself."""
    missing: NDArray[np.bool_]
    if array.dtype != object:
        return np.not_equal(array, array) if array.dtype.kind in "fcmM" else np.zeros(array.shape, dtype=bool)
    nothing: Any = None
    try:
        missing = np.not_equal(array, array) | np.equal(array, nothing)
    except (TypeError, ValueError):  # pandas's NA, and arrays, do not say whether they are equal
        missing = np.fromiter(map(_is_missing, array), dtype=bool, count=len(array))
    return missing


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except ValueError:
        return False


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    """One entry a value, lists among the values too, which numpy would take for a second dimension."""
    if hasattr(values, "dtype"):
        return np.asarray(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _texts(present: Sequence[Any]) -> Dict[str, int]:
    try:
        counted: Mapping[Any, int] = Counter(present)
    except TypeError:  # a list or an object of JSON
        counted = Counter(map(str, present))
    texts: Dict[str, int] = {}
    for value, count in counted.items():
        text = _text(value)
        texts[text] = texts.get(text, 0) + count
    return texts


def _text(value: Any) -> str:
    """A coded category is the same whether pandas made a float of it (1.0) or not (1)."""
    number: Optional[float] = value if isinstance(value, float) else None
    return str(int(number)) if number is not None and number.is_integer() else str(value)
