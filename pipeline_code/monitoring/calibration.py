"""Calibration in the large: are there as many events as the baseline makes us expect of such predictions?

Concept drift leaves the inputs as they were and changes what comes of them, so only outcomes show it. Outcomes come
late; what is known soon (charged off within 24 months, say) is rare and is no probability that the model was trained
on. So scores are not taken at their word: the version's baseline counts, by bins of the score, how often the event
happened under the same rule of maturity, and a window's predictions are expected to behave like those of their bins
(indirect standardisation, as epidemiology does with death rates: Breslow & Day, Statistical Methods in Cancer
Research II, 1987, chapters 2 and 3).

- Effect: events observed over those expected, the standardised ratio; large beyond `RATIO`, or beyond what the
  baseline's own windows differ by when they are given.
- Significance: exact and conditional (`significance.stratified_shares`), so that a baseline of 71 events counts as
  71 events and not as the truth.

Only more events than expected is a breach. An event is what the model scores: a high score means that it is likely.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.findings import CALIBRATION, EMPTY, JUDGED, Finding, Judgement, Window
from monitoring.significance import ALPHA, stratified_shares, told

RATIO = 2.0
"""Events beyond this multiple of those expected are many, where no baseline windows say what is usual."""
LEAST_RATIO = 1.25
"""A calibrated ratio is never below: less is not worth a retraining, however steady the baseline was."""
BINS = 10
EVENTS_PER_BIN = 5
LEAST_WINDOWS = 6
"""Fewer baseline windows do not tell how much windows differ."""

CHECK = "calibration_check"
_SURE = 0.99  # share of the baseline's own windows whose true ratio stays below the calibrated threshold
_BOUND = 0.95  # confidence in the spread between the baseline's windows, from few of them

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


def baseline(
    scores: Sequence[float],
    labels: Sequence[float],
    known: Optional[Sequence[bool]] = None,
    groups: Optional[Sequence[Any]] = None,
    final: bool = False,
) -> Dict[str, Any]:
    """outcomes.json: counts by score bin, as plain JSON. One entry of each argument a row.

    labels: 1 where the event happened within the maturity period, else 0. known: rows whose outcome would have become
    known (a bank learns nothing of a loan that it declined), all if None. groups: the window (such as the month) of
    each row; given, the ratio that counts as large is calibrated on them. final: the labels are what the scores are
    probabilities of, so that scores can be compared with outcomes as they are.
    Raises ValueError for no rows, lengths that differ, scores that are no numbers, labels other than 0 and 1.
    """
    rows = len(scores)
    mask = np.ones(rows, dtype=bool) if known is None else np.asarray(known, dtype=bool)
    for name, length in (("labels", len(labels)), ("known", len(mask))):
        if length != rows:
            raise ValueError(f"{name}: {length} entries for {rows} scores")
    points, events = _checked(np.asarray(scores)[mask], np.asarray(labels)[mask])
    if not len(points):
        raise ValueError(f"scores: {rows} rows, none with a known outcome; a baseline needs some")
    edges = _edges(points, int(events.sum()))
    counts, happened, sums = _tally(edges, points, events)
    document: Dict[str, Any] = {
        "version": 1.0,
        "final": bool(final),
        "rows": rows,
        "known": len(points),
        "events": int(happened.sum()),
        "ratio_threshold": RATIO,
        "bins": [
            {"upper_bound": upper, "count": int(n), "events": int(x), "score_sum": float(s)}
            for upper, n, x, s in zip([*edges.tolist(), None], counts, happened, sums)
        ],
    }
    if groups is not None:
        document.update(_calibrated(edges, points, events, np.asarray(groups)[mask]))
    return document


def judge(baseline: Mapping[str, Any], scores: ArrayLike, labels: ArrayLike, window: Window) -> Judgement:
    """Observed events of the window's known outcomes against those that the baseline's bins make us expect.

    scores, labels: of predictions whose outcome is known and has matured under the baseline's rule; labels 0 or 1.
    An empty window is EMPTY. Metrics: `observed_events`, `expected_events`, `event_rate`, `baseline_event_rate`,
    `calibration_ratio`; for final labels also `mean_score` and `observed_to_predicted`, the plain calibration.
    Raises ValueError as `baseline` does, KeyError for a document that is no baseline.
    """
    points, events = _checked(scores, labels)
    if not len(points):
        return Judgement(CALIBRATION, window, EMPTY, 0)
    base = baseline["bins"]
    edges = np.array([each["upper_bound"] for each in base[:-1]], dtype=np.float64)
    base_counts = np.array([each["count"] for each in base], dtype=np.int64)
    base_events = np.array([each["events"] for each in base], dtype=np.int64)
    counts, happened, sums = _tally(edges, points, events)
    expected = _expected(counts, base_events, base_counts)
    observed, rows = int(happened.sum()), len(points)
    higher, lower = stratified_shares(happened.tolist(), counts.tolist(), base_events.tolist(), base_counts.tolist())
    ratio, threshold = observed / expected, float(baseline["ratio_threshold"])
    many = observed >= expected
    p_value = higher if many else lower
    finding = Finding(
        monitor=CALIBRATION,
        subject="events",
        check=CHECK,
        value=ratio,
        threshold=threshold,
        p_value=p_value,
        significant=p_value < ALPHA,
        large=ratio > threshold,
        text=_text(observed, rows, expected, int(base_events.sum()), int(base_counts.sum()), p_value),
    )
    metrics = {
        "observed_events": float(observed),
        "expected_events": expected,
        "event_rate": observed / rows,
        "baseline_event_rate": float(base_events.sum() / base_counts.sum()),
        "calibration_ratio": ratio,
    }
    if baseline.get("final"):
        metrics["mean_score"] = float(sums.sum()) / rows
        if sums.sum() > 0:
            metrics["observed_to_predicted"] = observed / float(sums.sum())
    return Judgement(CALIBRATION, window, JUDGED, rows, (finding,), finding.breaches, metrics)


def plain(probabilities: Sequence[float], labels: Sequence[float], window: Window, ratio: float = RATIO) -> Judgement:
    """Observed events against the sum of the probabilities, for final labels where no outcome baseline exists.

    Exact and conservative: a sum of events of unequal probabilities has lighter upper tails than the binomial
    distribution of their mean (Hoeffding, Annals of Mathematical Statistics 27, 1956). Probabilities within 0 and 1.
    """
    points, events = _checked(probabilities, labels)
    if not len(points):
        return Judgement(CALIBRATION, window, EMPTY, 0)
    if points.min() < 0 or points.max() > 1:
        raise ValueError(f"probabilities: from {points.min():g} to {points.max():g}; expected within 0 and 1")
    rows, observed, expected = len(points), int(events.sum()), max(float(points.sum()), 1e-9)
    p_value = _binomial_tail(observed, rows, min(expected / rows, 1.0), observed >= expected)
    value = observed / expected
    finding = Finding(
        monitor=CALIBRATION,
        subject="events",
        check=CHECK,
        value=value,
        threshold=ratio,
        p_value=p_value,
        # Hoeffding's bound holds from one event beyond the expected number on.
        significant=p_value < ALPHA and abs(observed - expected) >= 1,
        large=value > ratio,
        text=f"{observed:,} events in {rows:,} outcomes, {expected:.1f} expected from the probabilities: "
        f"{_times(value, observed >= expected)}, {told(p_value)}",
    )
    metrics = {
        "observed_events": float(observed),
        "expected_events": expected,
        "event_rate": observed / rows,
        "mean_score": expected / rows,
        "observed_to_predicted": value,
    }
    return Judgement(CALIBRATION, window, JUDGED, rows, (finding,), finding.breaches, metrics)


def _binomial_tail(observed: int, rows: int, chance: float, upper: bool) -> float:
    """Probability of at least `observed` events in so many rows, or of at most so many."""
    from scipy import special  # only here, for versions without an outcome baseline

    if upper:
        return float(special.betainc(observed, rows - observed + 1, chance)) if observed else 1.0
    return float(special.betainc(rows - observed, observed + 1, 1 - chance)) if observed < rows else 1.0


def _checked(scores: ArrayLike, labels: ArrayLike) -> Tuple[Array, Array]:
    points, events = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if points.shape != events.shape:
        raise ValueError(f"labels: {len(events)} entries for {len(points)} scores")
    if not np.isfinite(points).all():
        raise ValueError(f"scores: {int((~np.isfinite(points)).sum())} of {len(points)} are no finite numbers")
    strange = ~np.isin(events, (0, 1))
    if strange.any():
        raise ValueError(f"labels: {events[strange][0]:g} found; expected 0 and 1 only")
    return points, events


def _edges(points: Array, events: int) -> Array:
    """Inner bounds of bins of about equal size, as many as the events can fill; each bin includes its upper bound."""
    bins = int(min(max(events // EVENTS_PER_BIN, 1), BINS))
    inner: Array = np.unique(np.quantile(points, np.arange(1, bins) / bins))
    below: Array = inner[inner < points.max()]
    return below


def _tally(edges: Array, points: Array, events: Array) -> Tuple[Counts, Counts, Array]:
    """Rows, events and sum of scores of each bin."""
    place, bins = np.searchsorted(edges, points, "left"), len(edges) + 1
    counts = np.bincount(place, minlength=bins).astype(np.int64)
    happened = np.bincount(place, weights=events, minlength=bins).round().astype(np.int64)
    return counts, happened, np.bincount(place, weights=points, minlength=bins).astype(np.float64)


def _expected(counts: Counts, base_events: Counts, base_counts: Counts) -> float:
    """Events that the baseline's rates give; a baseline without any events counts as half an event."""
    rates = np.divide(base_events, base_counts, out=np.zeros(len(counts)), where=base_counts > 0)
    least = 0.5 * int(counts.sum()) / max(int(base_counts.sum()), 1)
    return max(float(counts @ rates), least)


def _calibrated(edges: Array, points: Array, events: Array, groups: Any) -> Dict[str, Any]:
    """Threshold and spread from baseline windows, each held back in turn and compared with the rest.

    The variance of a window's ratio beyond chance is estimated by moments (of a Poisson number whose rate varies),
    and its upper confidence bound is used, since few windows say little.
    """
    names = np.unique(groups)
    tallies = [_tally(edges, points[groups == name], events[groups == name])[:2] for name in names]
    if len(names) < LEAST_WINDOWS:
        return {"windows": len(names)}
    all_counts, all_events = sum(n for n, _ in tallies), sum(x for _, x in tallies)
    pairs = [(_expected(n, all_events - x, all_counts - n), int(x.sum())) for n, x in tallies]
    expected, observed = (np.array(side, dtype=np.float64) for side in zip(*pairs))
    rest = np.maximum(float(np.sum(all_events)) - observed, 1.0)
    chance = expected + expected**2 / rest
    excess = float(((observed - expected) ** 2 - chance).sum() / (expected**2).sum())
    variance = max(excess, 0.0)
    error = float(np.sqrt(2 * ((chance + variance * expected**2) ** 2).sum()) / (expected**2).sum())
    bound = max(excess + NormalDist().inv_cdf(_BOUND) * error, 0.0)
    spread = float(np.sqrt(np.log1p(bound)))
    threshold = max(float(np.exp(NormalDist().inv_cdf(_SURE) * spread)), LEAST_RATIO)
    return {"windows": len(names), "spread": spread, "ratio_threshold": threshold}


def _text(observed: int, rows: int, expected: float, base_events: int, base_rows: int, p_value: float) -> str:
    return (
        f"{observed:,} events in {rows:,} outcomes, {expected:.1f} expected from the baseline "
        f"({base_events:,} in {base_rows:,}): {_times(observed / expected, observed >= expected)}, {told(p_value)}"
    )


def _times(ratio: float, many: bool) -> str:
    return f"{ratio:.1f} times as many" + ("" if many else ", which is no worse")
