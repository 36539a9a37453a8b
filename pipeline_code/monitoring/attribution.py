"""Feature attribution drift: do the same features decide as when the version was registered?

Clarify's measure: features are ranked by their global attribution, the mean of |contribution|, in the baseline and in
the window, and compared by the normalised discounted cumulative gain (developer guide, "Monitor Feature Attribution
Drift for Models in Production"). With a(f) the baseline's attribution, and features in the window's order f'1 … f'm,

    NDCG = DCG / iDCG,   DCG = sum of a(f'i) / log2(i + 1),   iDCG the same in the baseline's order.

1 is the same order; lower is worse; Clarify raises an alert below 0.9.

An NDCG below 1 alone says little, since features of nearly equal weight change places by chance. So a window breaches
only if its NDCG is below the threshold and also lower than chance explains: under a parametric bootstrap both sides
are drawn as samples of one truth (means of many rows are close to normal, with the covariance of the features'
contributions), which gives the NDCG that an unchanged model shows on that many rows.

Sums of |contribution| and of its products are enough for all of it, so batches and windows can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from monitoring.findings import ATTRIBUTION, EMPTY, JUDGED, Finding, Judgement, Window
from monitoring.model import Explanation
from monitoring.significance import ALPHA, told

THRESHOLD = 0.9
SAMPLES = 2000
SEED = 20001001
METHOD, LABEL = "kernel_shap", "label0"
"""Members of Clarify's analysis.json; contributions of trees are exact, but readers look under this name."""

CHECK = "feature_attribution_drift_check"
_MOVED = 3  # features named in the text

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """|Contribution| of each feature over many predictions: how many, their sums, and the sums of their products."""

    names: Tuple[str, ...]
    rows: int
    totals: Array
    products: Array

    @classmethod
    def of(cls, explanation: Explanation) -> Sums:
        """Raises ValueError for contributions that are not one finite column a name."""
        values = np.abs(np.asarray(explanation.contributions, dtype=np.float64))
        if values.ndim != 2 or values.shape[1] != len(explanation.names):
            raise ValueError(f"contributions: shape {values.shape} for {len(explanation.names)} names")
        if not np.isfinite(values).all():
            raise ValueError(f"contributions: {int((~np.isfinite(values)).sum())} are no finite numbers")
        return cls(tuple(explanation.names), len(values), values.sum(axis=0), values.T @ values)

    def __add__(self, other: Sums) -> Sums:
        """Raises ValueError for other features."""
        if self.names != other.names:
            raise ValueError(f"features {list(other.names)}: expected {list(self.names)}")
        return Sums(self.names, self.rows + other.rows, self.totals + other.totals, self.products + other.products)

    @property
    def means(self) -> Dict[str, float]:
        """Global attribution of each feature."""
        return dict(zip(self.names, (self.totals / max(self.rows, 1)).tolist()))

    @property
    def errors(self) -> Array:
        """Covariance matrix of the means; zeros where one row or none was seen."""
        if self.rows < 2:
            return np.zeros((len(self.names), len(self.names)))
        means = self.totals / self.rows
        covariance: Array = (self.products / self.rows - np.outer(means, means)) / (self.rows - 1)
        return covariance


def baseline(explanation: Union[Explanation, Sums]) -> Dict[str, Any]:
    """Explainability constraints of a version: `analysis` and, in `uncertainty`, what says how exact it is."""
    sums = _sums(explanation)
    uncertainty = {"features": list(sums.names), "rows": sums.rows, "covariance": sums.errors.tolist()}
    return {**analysis(sums), "uncertainty": uncertainty}


def analysis(explanation: Union[Explanation, Sums]) -> Dict[str, Any]:
    """analysis.json in Clarify's shape. Raises ValueError for no rows."""
    sums = _sums(explanation)
    if not sums.rows:
        raise ValueError("contributions: no rows; an attribution needs some")
    return {"version": "1.0", "explanations": {METHOD: {LABEL: {"global_shap_values": sums.means}}}}


def ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """NDCG of two mappings of feature to global attribution; features of the baseline that are absent rank last.

    1 where the baseline attributes nothing to any feature: there is no order to lose. Features of equal attribution
    keep the baseline's order.
    """
    names = sorted(baseline, key=lambda name: -baseline[name])
    gains = np.array([baseline[name] for name in names], dtype=np.float64)
    now = np.array([current.get(name, -np.inf) for name in names], dtype=np.float64)
    return float(_ndcg(gains[None], now[None])[0])


def judge(baseline: Mapping[str, Any], explanation: Union[Explanation, Sums], window: Window) -> Judgement:
    """Attribution drift of a window against the version's baseline; no rows are EMPTY.

    baseline: of `baseline`; Clarify's own analysis.json or constraints serve too, and are taken as exact. Metrics:
    `ndcg`, and `feature_<name>` (the global attribution), as Clarify publishes it.
    """
    sums = _sums(explanation)
    if not sums.rows:
        return Judgement(ATTRIBUTION, window, EMPTY, 0)
    label, before = _attributions(baseline)
    now = sums.means
    value = ndcg(before, now)
    p_value = _chance(before, _covariance(baseline, before), sums, value)
    finding = Finding(
        monitor=ATTRIBUTION,
        subject=label,
        check=CHECK,
        value=value,
        threshold=THRESHOLD,
        p_value=p_value,
        significant=p_value < ALPHA,
        large=value < THRESHOLD,
        text=f"NDCG {value:.3f} ({THRESHOLD} is the limit), {told(p_value)}; {_moved(before, now)}",
    )
    metrics = {"ndcg": value, **{f"feature_{name}": number for name, number in now.items()}}
    return Judgement(ATTRIBUTION, window, JUDGED, sums.rows, (finding,), finding.breaches, metrics)


def _sums(explanation: Union[Explanation, Sums]) -> Sums:
    return explanation if isinstance(explanation, Sums) else Sums.of(explanation)


def _ndcg(gains: Array, now: Array) -> Array:
    """NDCG of each row: gains of the features in the baseline, and what orders them now."""
    discounts = 1 / np.log2(np.arange(gains.shape[1]) + 2)
    order = np.argsort(-now, axis=1, kind="stable")
    gained = np.take_along_axis(gains, order, axis=1) @ discounts
    ideal = -np.sort(-gains, axis=1) @ discounts
    return np.divide(gained, ideal, out=np.ones(len(gains)), where=ideal > 0)


def _chance(before: Mapping[str, float], errors: Array, sums: Sums, value: float) -> float:
    """P value: how often a window of an unchanged model shows an NDCG as low.

    The truth is taken to be the baseline's means; both sides are drawn around it.
    """
    names = list(before)
    centre = np.array([before[name] for name in names], dtype=np.float64)
    place = {name: index for index, name in enumerate(sums.names)}
    own = np.zeros((len(names), len(names)))
    shared = [index for index, name in enumerate(names) if name in place]
    columns = [place[names[index]] for index in shared]
    own[np.ix_(shared, shared)] = sums.errors[np.ix_(columns, columns)]
    rng = np.random.default_rng(SEED)
    gains, now = (
        np.maximum(centre + rng.standard_normal((SAMPLES, len(names))) @ _root(covariance).T, 0.0)
        for covariance in (errors, own)
    )
    as_low = int((_ndcg(gains, now) <= value + 1e-12).sum())
    return (1 + as_low) / (1 + SAMPLES)


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is the covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def _attributions(document: Mapping[str, Any]) -> Tuple[str, Dict[str, float]]:
    """Label and attributions of the first explanation of a document of Clarify's shape; ValueError without any."""
    methods = document["explanations"]
    labels = methods[METHOD] if METHOD in methods else next(iter(methods.values()), None)
    if not labels:
        raise ValueError("explanations: none")
    label = LABEL if LABEL in labels else next(iter(labels))
    return label, {str(name): float(value) for name, value in labels[label]["global_shap_values"].items()}


def _covariance(document: Mapping[str, Any], names: Mapping[str, float]) -> Array:
    known: Optional[Mapping[str, Any]] = document.get("uncertainty")
    if known is None:
        return np.zeros((len(names), len(names)))
    place = {name: index for index, name in enumerate(known["features"])}
    order = [place[name] for name in names]
    matrix = np.asarray(known["covariance"], dtype=np.float64).reshape(len(place), len(place))
    return matrix[np.ix_(order, order)]


def _moved(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """The features that changed places most, most important first."""
    old, new = (
        {name: rank for rank, name in enumerate(sorted(before, key=lambda n: -side.get(n, 0.0)), 1)}
        for side in (before, now)
    )
    moved = [name for name in sorted(before, key=lambda n: (-abs(old[n] - new[n]), old[n])) if old[name] != new[name]]
    if not moved:
        return "the features' order is the baseline's"
    return "moved most: " + ", ".join(f"{name} from place {old[name]} to {new[name]}" for name in moved[:_MOVED])
