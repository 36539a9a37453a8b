"""Model quality of any of Model Monitor's problem types, and whether a window is worse than the version's baseline.

The documents are Model Monitor's (`model_quality`, `regression_quality`, `multiclass_quality`). Model Monitor calls
every value beyond a constraint a violation; here a metric breaches only if it is

- significantly worse: both the window and the baseline are samples, and the error of both counts. Shares of cases
  (accuracy, precision, recall, true negative rate; F1, which is a share of the cases that were positive or called so)
  are compared by Fisher's exact test of the two confusion matrices; AUC, errors of a regression and weighted averages
  by Student's t of their standard errors. The p values of all metrics of a window are corrected together (Holm);
- and worse by a margin that matters: `MARGIN` for shares, AUC and R², `RELATIVE_MARGIN` for errors in the labels' unit.

Metrics that say the same of a confusion matrix are judged once (false positive rate: see true negative rate; the
other F measures: see F1); all of them are reported.

Compare like with like: the same rule of what a label is, and the same kind of rows. Where outcomes become known for
some decisions only (nobody learns what became of a loan that was declined), the baseline must be made of such rows
too; a window of one decision only against a baseline of both is said to be not comparable, and never breaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import ArrayLike

from monitoring import model_quality, multiclass_quality, regression_quality
from monitoring.findings import EMPTY, JUDGED, MODEL_QUALITY, Finding, Judgement, Window
from monitoring.model import BINARY, MULTICLASS, REGRESSION
from monitoring.significance import ALPHA, holm, lower_mean, lower_share, told

MARGIN = 0.05
RELATIVE_MARGIN = 0.1
LEAST_CASES = 10
"""Fewer cases behind a share, or fewer of either label behind an AUC, are never called significant."""
LEAST_ROWS = 30
"""Fewer rows behind the errors of a regression are never called significant."""

METRICS = {
    BINARY: "binary_classification_metrics",
    REGRESSION: "regression_metrics",
    MULTICLASS: "multiclass_classification_metrics",
}
"""The member of statistics.json that holds the metrics of each problem type."""

LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"
"""Model Monitor's constraint_check_type of model quality is the operator of the constraint."""

_POPULATION = "population_check"
_IMPOSSIBLE = 1e-6  # chance below which decisions of one kind only are no accident


@dataclass(frozen=True)
class _Comparison:
    """One metric of both sides; p_value is None where the cases are too few to say, told by `few`."""

    name: str
    value: float
    base: float
    limit: float
    p_value: Optional[float]
    check: str = LESS
    few: str = ""

    @property
    def large(self) -> bool:
        return self.value < self.limit if self.check == LESS else self.value > self.limit


def statistics(
    problem: str,
    labels: Sequence[Union[str, float]],
    scores: Optional[ArrayLike],
    decisions: Sequence[Union[str, float]],
    positive: str = "1",
) -> Dict[str, Any]:
    """statistics.json of outcomes and the predictions they belong to, one entry of each argument a row, at least one.

    labels: the outcomes (numbers for a regression). scores: probability of `positive` (binary; None: there is no
    AUC), or the predicted number (regression); unused for several labels. decisions: the predicted label in the words
    of `labels`; a row is predicted to be positive where it equals `positive` as text. Unused for a regression.
    Raises ValueError for another problem type, for no rows, and for scores or numbers that are none.
    """
    if not len(labels):
        raise ValueError("labels: empty; statistics need at least one row")
    if problem == REGRESSION:
        return regression_quality.statistics(labels, [] if scores is None else scores)
    if problem == MULTICLASS:
        return multiclass_quality.statistics(labels, decisions)
    _metrics_name(problem)
    actual, predicted = (np.array([str(each) == positive for each in side]) for side in (labels, decisions))
    points = None if scores is None else np.asarray(scores, dtype=np.float64)
    if points is not None and not np.isfinite(points).all():
        raise ValueError(f"scores: {int((~np.isfinite(points)).sum())} of {len(points)} are no finite numbers")
    return model_quality.describe(actual, predicted, points)


def constraints(problem: str, document: Mapping[str, Any], margin: float = 3.0) -> Dict[str, Any]:
    """constraints.json of the given statistics, `margin` standard deviations on the bad side, in its format."""
    _metrics_name(problem)
    modules = {BINARY: model_quality, REGRESSION: regression_quality, MULTICLASS: multiclass_quality}
    made: Dict[str, Any] = modules[problem].constraints(document, margin)
    return made


def judge(
    problem: str, baseline: Mapping[str, Any], current: Mapping[str, Any], window: Window, rows: int
) -> Judgement:
    """A window's statistics.json against the version's; rows: predictions with an outcome, 0 is EMPTY.

    The judgement's metrics are all that the window has, by Model Monitor's names. A baseline that Model Monitor itself
    made can be used; its standard deviations (five random parts) are about half of ours, so that the tests of a
    regression and of weighted averages promise too much then. Raises ValueError for another problem type, KeyError
    for statistics of another one.
    """
    if not rows:
        return Judgement(MODEL_QUALITY, window, EMPTY, 0)
    name = _metrics_name(problem)
    base, now = baseline[name], current[name]
    figures = {metric: value for metric in now if (value := _number(now[metric], "value")) is not None}
    if problem == BINARY:
        other = _other_population(base, now)
        if other:
            finding = Finding(MODEL_QUALITY, "decisions", _POPULATION, 1.0, 1.0, None, False, False, other)
            return Judgement(MODEL_QUALITY, window, JUDGED, rows, (finding,), False, figures)
        comparisons = _binary(base, now)
    elif problem == REGRESSION:
        comparisons = _regression(base, now, int(baseline["dataset"]["item_count"]), rows)
    else:
        comparisons = _multiclass(base, now)
    findings = _findings(comparisons)
    return Judgement(MODEL_QUALITY, window, JUDGED, rows, findings, any(f.breaches for f in findings), figures)


def _metrics_name(problem: str) -> str:
    if problem not in METRICS:
        raise ValueError(f"problem {problem!r}: expected one of {', '.join(METRICS)}")
    return METRICS[problem]


def _number(metric: Any, member: str) -> Optional[float]:
    """A finite number of a metric; Model Monitor writes "NaN" where it has none."""
    try:
        value = float(metric[member])
    except (KeyError, TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def _findings(comparisons: Sequence[_Comparison]) -> Tuple[Finding, ...]:
    tested = [each.p_value for each in comparisons if each.p_value is not None]
    adjusted = iter(holm(tested))
    findings: List[Finding] = []
    for each in comparisons:
        p_value = None if each.p_value is None else next(adjusted)
        certain = each.few if p_value is None else told(p_value)
        findings.append(
            Finding(
                monitor=MODEL_QUALITY,
                subject=each.name,
                check=each.check,
                value=each.value,
                threshold=each.limit,
                p_value=p_value,
                significant=p_value is not None and p_value < ALPHA,
                large=each.large,
                text=f"{each.name} {each.value:.3g}, {each.base:.3g} in the baseline; "
                f"a change that matters begins at {each.limit:.3g}, {certain}",
            )
        )
    return tuple(findings)


def _cells(metrics: Mapping[str, Any]) -> Tuple[int, int, int, int]:
    """True negatives, false positives, false negatives, true positives."""
    matrix = metrics["confusion_matrix"]

    def cell(actual: str, predicted: str) -> int:
        return int(matrix.get(actual, {}).get(predicted, 0))

    return cell("0", "0"), cell("0", "1"), cell("1", "0"), cell("1", "1")


def _other_population(base: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why the two cannot be compared: decisions of one kind on one side, and too many of both kinds on the other."""
    sides = [(_cells(base), "baseline"), (_cells(now), "window")]
    for (mixed, mixed_name), (single, single_name) in (sides, sides[::-1]):
        positive, rows = mixed[1] + mixed[3], sum(mixed)
        found, size = single[1] + single[3], sum(single)
        if found not in (0, size) or positive in (0, rows):
            continue
        share = (rows - positive if found == 0 else positive) / rows
        if share**size < _IMPOSSIBLE:
            only = "0" if found == 0 else "1"
            return (
                f"every decision of the {single_name} is {only}, against {share:.1%} in the {mixed_name}: outcomes of "
                "other decisions are known than there, and their metrics cannot be compared"
            )
    return ""


def _binary(base: Mapping[str, Any], now: Mapping[str, Any]) -> List[_Comparison]:
    tn, fp, fn, tp = _cells(now)
    b_tn, b_fp, b_fn, b_tp = _cells(base)
    shares = {"accuracy": (tp + tn, tp + tn + fp + fn, b_tp + b_tn, b_tp + b_tn + b_fp + b_fn)}
    if 0 < tp + fp < tp + fp + tn + fn or 0 < b_tp + b_fp < b_tp + b_fp + b_tn + b_fn:  # else these say nothing
        shares["precision"] = (tp, tp + fp, b_tp, b_tp + b_fp)
        shares["recall"] = (tp, tp + fn, b_tp, b_tp + b_fn)
        shares["true_negative_rate"] = (tn, tn + fp, b_tn, b_tn + b_fp)
        shares["f1"] = (tp, tp + fp + fn, b_tp, b_tp + b_fp + b_fn)
    compared = []
    for name, (part, whole, base_part, base_whole) in shares.items():
        if not whole or not base_whole:
            continue
        least = min(whole, base_whole)
        p_value = lower_share(part, whole, base_part, base_whole) if least >= LEAST_CASES else None
        value, before = part / whole, base_part / base_whole
        if name == "f1":  # a share of the cases in question, s, is an F1 of 2 s / (1 + s): the same order
            value, before = (2 * share / (1 + share) for share in (value, before))
        compared.append(_Comparison(name, value, before, before - MARGIN, p_value, few=_few(p_value, least, "cases")))
    return compared + _area(base, now)


def _area(base: Mapping[str, Any], now: Mapping[str, Any]) -> List[_Comparison]:
    value, before = _number(now.get("auc"), "value"), _number(base.get("auc"), "value")
    if value is None or before is None:
        return []
    labels = [(fn + tp, tn + fp) for tn, fp, fn, tp in (_cells(now), _cells(base))]
    least = min(min(side) for side in labels)
    p_value = None
    if least >= LEAST_CASES:
        errors = [
            max(_number(metrics["auc"], "standard_deviation") or 0.0, _area_error(before, *side))
            for metrics, side in zip((now, base), labels)
        ]
        p_value = lower_mean(value, errors[0], before, errors[1], least - 1)
    few = _few(p_value, least, "cases of the rarer label")
    return [_Comparison("auc", value, before, before - MARGIN, p_value, few=few)]


def _area_error(area: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC that is `area` in truth (Hanley & McNeil, Radiology 143, 1982).

    A window's own error is too small when few positives happen to lie close together; this one cannot be.
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2)
    return float(np.sqrt(max(variance, 0.0) / (positives * negatives)))


def _regression(base: Mapping[str, Any], now: Mapping[str, Any], base_rows: int, rows: int) -> List[_Comparison]:
    least, compared = min(base_rows, rows), []
    for name, worse in (("mae", 1), ("rmse", 1), ("r2", -1)):
        value, before = _number(now.get(name), "value"), _number(base.get(name), "value")
        if value is None or before is None:
            continue
        margin = RELATIVE_MARGIN * before if worse > 0 else MARGIN
        errors = [_number(side[name], "standard_deviation") for side in (now, base)]
        p_value = None
        if least >= LEAST_ROWS and errors[0] is not None and errors[1] is not None:
            p_value = lower_mean(-worse * value, errors[0], -worse * before, errors[1], least - 1)
        few = _few(p_value, least, "rows")
        check = GREATER if worse > 0 else LESS
        compared.append(_Comparison(name, value, before, before + worse * margin, p_value, check, few))
    return compared


def _multiclass(base: Mapping[str, Any], now: Mapping[str, Any]) -> List[_Comparison]:
    (right, rows), (base_right, base_rows) = _hits(now), _hits(base)
    least = min(rows, base_rows)
    wrong = min(rows - right, right, base_rows - base_right, base_right)
    compared = []
    for name in ("accuracy", "weighted_precision", "weighted_f1"):
        value, before = _number(now.get(name), "value"), _number(base.get(name), "value")
        if value is None or before is None:
            continue
        p_value, errors = None, [_number(side[name], "standard_deviation") for side in (now, base)]
        if name == "accuracy":
            p_value = lower_share(right, rows, base_right, base_rows) if least >= LEAST_CASES else None
        elif wrong >= LEAST_CASES and errors[0] is not None and errors[1] is not None:
            p_value = lower_mean(value, errors[0], before, errors[1], wrong - 1)
        few = _few(p_value, least if name == "accuracy" else wrong, "cases right or wrong")
        compared.append(_Comparison(name, value, before, before - MARGIN, p_value, few=few))
    return compared


def _hits(metrics: Mapping[str, Any]) -> Tuple[int, int]:
    """Rows on the confusion matrix's diagonal, and all."""
    matrix = metrics["confusion_matrix"]
    right = sum(int(row.get(label, 0)) for label, row in matrix.items())
    return right, sum(int(count) for row in matrix.values() for count in row.values())


def _few(p_value: Optional[float], cases: int, what: str) -> str:
    return f"not tested ({cases} {what})" if p_value is None else ""
