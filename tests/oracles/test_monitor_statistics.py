"""Tests and estimates of the monitors, by statsmodels, scipy and scikit-learn."""

import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monitoring import attribution, calibration, quality
from monitoring.findings import Window
from monitoring.model import BINARY, REGRESSION
from monitoring.significance import higher_share, holm, lower_mean, lower_share, stratified_shares

pytestmark = pytest.mark.oracle

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1))


def _statsmodels(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "holm":
            from statsmodels.stats.multitest import multipletests

            return multipletests
        if name == "tables":
            from statsmodels.stats.contingency_tables import StratifiedTable

            return StratifiedTable
        from statsmodels.regression.linear_model import OLS

        return OLS


@pytest.mark.parametrize("seed", range(10))
def test_holms_correction(seed: int) -> None:
    p_values = np.random.default_rng(seed).beta(0.4, 3, 9)
    assert holm(p_values.tolist()) == pytest.approx(_statsmodels("holm")(p_values, method="holm")[1])


@pytest.mark.parametrize("seed", range(20))
def test_fishers_exact_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole, base_whole = rng.integers(5, 400, 2)
    part, base_part = rng.integers(0, whole + 1), rng.integers(0, base_whole + 1)
    table = [[part, whole - part], [base_part, base_whole - base_part]]
    for ours, alternative in ((lower_share, "less"), (higher_share, "greater")):
        theirs = stats.fisher_exact(table, alternative=alternative).pvalue
        assert ours(int(part), int(whole), int(base_part), int(base_whole)) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_the_stratified_test_approaches_mantel_and_haenszels(seed: int) -> None:
    """With many events in each stratum the exact test is the asymptotic one, both one-sided."""
    rng = np.random.default_rng(seed)
    wholes, base_wholes = rng.integers(800, 1500, 5), rng.integers(4000, 9000, 5)
    rates = rng.uniform(0.1, 0.4, 5)
    parts, base_parts = rng.binomial(wholes, rates * 1.02), rng.binomial(base_wholes, rates)
    tables = [
        np.array([[x, n - x], [y, m - y]]) for x, n, y, m in zip(parts, wholes, base_parts, base_wholes, strict=True)
    ]
    found = _statsmodels("tables")(tables)
    two_sided = found.test_null_odds(correction=True).pvalue
    higher, lower = stratified_shares(parts.tolist(), wholes.tolist(), base_parts.tolist(), base_wholes.tolist())
    assert min(higher, lower) == pytest.approx(two_sided / 2, rel=0.1, abs=1e-6)
    assert (higher < lower) == (found.oddsratio_pooled > 1)


def test_a_permutation_of_all_rows_agrees_with_the_judgement_of_calibration() -> None:
    """Rows of the window and the baseline are exchanged within bins, which is what the null hypothesis allows."""
    rng = np.random.default_rng(3)
    scores, now = rng.random(4000), rng.random(500)
    labels = (rng.random(4000) < 0.02 * scores).astype(float)
    happened = (rng.random(500) < 0.05 * now).astype(float)
    document = calibration.baseline(scores, labels)
    finding = calibration.judge(document, now, happened, WINDOW).findings[0]
    edges = [each["upper_bound"] for each in document["bins"][:-1]]
    bins = np.searchsorted(edges, np.concatenate([scores, now]), "left")
    events = np.concatenate([labels, happened])
    is_now = np.arange(4500) >= 4000
    draws = np.zeros(20_000, dtype=int)
    for each in np.unique(bins):
        inside = bins == each
        draws += rng.hypergeometric(
            int(events[inside].sum()), int((1 - events[inside]).sum()), int(is_now[inside].sum()), size=len(draws)
        )
    p_value = float((draws >= happened.sum()).mean())
    assert finding.p_value == pytest.approx(p_value, abs=4 * (p_value * (1 - p_value) / len(draws)) ** 0.5 + 1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_errors_of_a_mean_are_welchs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0, 1, 300), rng.normal(0.2, 1, 300)
    ours = lower_mean(one.mean(), one.std(ddof=1) / 300**0.5, other.mean(), other.std(ddof=1) / 300**0.5, 598)
    assert ours == pytest.approx(stats.ttest_ind(one, other, equal_var=False, alternative="less").pvalue, rel=1e-2)


def test_standard_error_of_the_mean_absolute_error() -> None:
    """A mean is a regression on a constant."""
    rng = np.random.default_rng(4)
    labels, predictions = rng.normal(size=400), rng.normal(size=400)
    fitted = _statsmodels("regression")(np.abs(labels - predictions), np.ones(400)).fit()
    metric = quality.statistics(REGRESSION, labels, predictions, [])["regression_metrics"]["mae"]
    assert metric["value"] == pytest.approx(fitted.params[0])
    assert metric["standard_deviation"] == pytest.approx(fitted.bse[0])


def test_the_area_is_tested_as_by_a_bootstrap() -> None:
    """Both sides resampled: how often the window's area is not below the baseline's."""
    from sklearn.metrics import roc_auc_score

    def scored(seed: int, rows: int, signal: float) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        labels = (rng.random(rows) < 0.3).astype(int)
        return labels, 1 / (1 + np.exp(-signal * labels - rng.normal(size=rows)))

    sides = [scored(1, 3000, 1.2), scored(2, 400, 0.95)]
    documents = [quality.statistics(BINARY, y.astype(str), p, (p > 0.6).astype(int).astype(str)) for y, p in sides]
    areas = [roc_auc_score(*side) for side in sides]
    judgement = quality.judge(BINARY, documents[0], documents[1], WINDOW, 400)
    finding = {each.subject: each for each in judgement.findings}["auc"]
    rng = np.random.default_rng(5)
    spread = []
    for labels, scores in sides:
        rows = rng.integers(0, len(labels), (400, len(labels)))
        spread.append(np.std([roc_auc_score(labels[each], scores[each]) for each in rows]))
    alone = stats.norm.cdf((areas[1] - areas[0]) / np.hypot(*spread))
    others = sum(each.p_value <= alone for each in judgement.findings if each.p_value is not None)
    assert finding.value == pytest.approx(areas[1])
    assert alone * 0.6 <= finding.p_value <= alone * 1.8 * (len(judgement.findings) - others + 1)


@pytest.mark.parametrize("seed", range(5))
def test_ndcg(seed: int) -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(seed)
    before, now = rng.exponential(size=(2, 15))
    ours = attribution.ndcg({str(k): v for k, v in enumerate(before)}, {str(k): v for k, v in enumerate(now)})
    assert ours == pytest.approx(ndcg_score([before], [now]))
