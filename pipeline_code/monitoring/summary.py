"""What a set of rows looks like, in one pass and in bounded memory: statistics.json that can be merged.

Format: developer guide, "Schema for Statistics (statistics.json file)".
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from monitoring.columns import Column, column, count_present
from monitoring.feature import Feature

MOST_UNKNOWN, NAME_LENGTH = 100, 100
"""Columns that are no features: so many are counted by name, and so many characters of a name are kept."""


class Summary:
    """Statistics of rows that come in batches, or of the rows of other summaries of the same features."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        self.rows = 0
        self.columns: Dict[str, Column] = {feature.name: column(feature) for feature in self.features}
        self.unknown: Counter[str] = Counter()
        """Rows with a value in a column that is no feature, by its name; at least so many."""
        self.other_unknown = 0
        """Values of columns that are no features and are not counted by name."""

    def add(self, columns: Mapping[str, Any]) -> None:
        """One batch: a sequence or an array of values a feature, all of one length; None and NaN are missing.

        A feature without a column is missing in every row of the batch. Raises ValueError if lengths differ.
        """
        given = {name: columns[name] for name in self.columns if name in columns}
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of one batch differ in length: {lengths}")
        rows = next(iter(lengths.values())) if lengths else max(map(len, columns.values()), default=0)
        if not rows:
            return
        for name, each in self.columns.items():
            if name in given:
                each.add(given[name])
            else:
                each.skip(rows)
        self._count_unknown({name: count_present(columns[name]) for name in columns if name not in self.columns})
        self.rows += rows

    def merge(self, other: Summary) -> None:
        """The rows of the other summary too, which stays as it is. Raises ValueError unless features are the same."""
        if other.features != self.features:
            raise ValueError("summaries of different features cannot be merged")
        for name, each in self.columns.items():
            each.merge(other.columns[name])  # type: ignore[arg-type]  # same feature, same kind of column
        self._count_unknown(other.unknown)
        self.other_unknown += other.other_unknown
        self.rows += other.rows

    def _count_unknown(self, counted: Mapping[str, int]) -> None:
        """Whoever names fields by what belongs into them must not fill the memory: the most frequent are kept."""
        for name, count in counted.items():
            if count:
                self.unknown[name[:NAME_LENGTH]] += count
        if len(self.unknown) > MOST_UNKNOWN:
            kept = sorted(self.unknown.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNKNOWN]
            self.other_unknown += sum(self.unknown.values()) - sum(count for _, count in kept)
            self.unknown = Counter(dict(kept))

    def usual_unknown(self, share: float) -> List[str]:
        """Columns that are no features and have a value in more than `share` of the rows, by name."""
        return sorted(name for name, count in self.unknown.items() if count > share * self.rows)

    @classmethod
    def merged(cls, summaries: Iterable[Summary], features: Sequence[Feature]) -> Summary:
        """One summary of the rows of all, none of which changes."""
        whole = cls(features)
        for summary in summaries:
            whole.merge(summary)
        return whole

    def statistics(self) -> Dict[str, Any]:
        """statistics.json; a feature whose column no row had is left out, as Model Monitor does.

        Columns that are no features are not in it.
        """
        described: List[Dict[str, Any]] = [
            {"name": name, "inferred_type": each.feature.inferred_type, **each.document()}
            for name, each in self.columns.items()
            if not each.is_absent
        ]
        return {"version": 0.0, "dataset": {"item_count": self.rows}, "features": described}

    @classmethod
    def read(cls, document: Mapping[str, Any], features: Sequence[Feature]) -> Summary:
        """The summary that `statistics` described; what has been folded into sketches stays folded.

        Raises KeyError, TypeError or ValueError for a document in which these features have other types.
        """
        summary = cls(features)
        summary.rows = int(document["dataset"]["item_count"])
        described = {each["name"]: each for each in document["features"]}
        for name, each in summary.columns.items():
            if name in described:
                each.read(described[name])
            else:
                each.skip(summary.rows)
        return summary
