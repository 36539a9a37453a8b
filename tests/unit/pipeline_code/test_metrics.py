import numpy as np
import pytest
from scipy.stats import ks_2samp

from loan_approval import metrics


@pytest.fixture(scope="module", params=[1, 2, 3])
def scored(request):
    rng = np.random.default_rng(request.param)
    probabilities = rng.beta(1, 6, size=3000).round(3).clip(0.001, 0.999)
    labels = (rng.random(3000) < probabilities**0.8).astype(int)
    return labels, probabilities


def test_kolmogorov_smirnov_is_scipys(scored):
    labels, p = scored
    expected = ks_2samp(p[labels == 0], p[labels == 1]).statistic
    assert metrics.kolmogorov_smirnov(labels, p) == pytest.approx(expected, abs=1e-12)


def test_brier_is_the_mean_squared_difference():
    assert metrics.brier([0, 1, 1, 0], [0.1, 0.9, 0.6, 0.5])["value"] == pytest.approx((0.01 + 0.01 + 0.16 + 0.25) / 4)


def test_base_rate_has_no_skill():
    labels = np.array([0, 0, 0, 1])
    assert metrics.brier(labels, np.full(4, 0.25))["skill"] == pytest.approx(0)


def test_calibration_line_has_the_maximum_likelihood(scored):
    """There the residuals and their product with the log odds add up to nothing."""
    labels, p = scored
    line = metrics.calibration(labels, p)
    log_odds = np.log(p / (1 - p))
    residuals = labels - 1 / (1 + np.exp(-line["intercept"] - line["slope"] * log_odds))
    assert residuals.sum() == pytest.approx(0, abs=1e-8)
    assert (residuals * log_odds).sum() == pytest.approx(0, abs=1e-8)


def test_equal_probabilities_leave_the_slope_open_but_not_what_is_observed():
    line = metrics.calibration([0, 1, 1], [0.3, 0.3, 0.3])
    log_odds = np.log(0.3 / 0.7)
    assert 1 / (1 + np.exp(-line["intercept"] - line["slope"] * log_odds)) == pytest.approx(2 / 3)


def test_one_outcome_has_no_calibration_line():
    with pytest.raises(ValueError, match="2 with one outcome only"):
        metrics.calibration([1, 1], [0.3, 0.4])


def test_separated_outcomes_end_in_a_steep_line():
    line = metrics.calibration([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    assert line["slope"] > 10
    assert np.isfinite(line["intercept"])


def test_true_probabilities_are_calibrated():
    rng = np.random.default_rng(5)
    p = rng.beta(2, 8, size=200_000)
    line = metrics.calibration(rng.random(len(p)) < p, p)
    assert line["slope"] == pytest.approx(1, abs=0.03)
    assert line["intercept"] == pytest.approx(0, abs=0.05)


def test_calibration_table_splits_all_rows_into_equal_groups_of_rising_risk(scored):
    labels, p = scored
    table = metrics.calibration(labels, p)["table"]
    assert [group["rows"] for group in table] == [300] * 10
    assert sum(group["rows"] * group["observed"] for group in table) == pytest.approx(labels.sum())
    assert [group["expected"] for group in table] == sorted(group["expected"] for group in table)


def test_certain_probabilities_do_not_break_calibration():
    line = metrics.calibration([0, 1, 0, 1, 1], [0.0, 1.0, 0.5, 0.5, 0.4])
    assert np.isfinite([line["slope"], line["intercept"]]).all()


def test_decision_table_by_hand():
    rows = metrics.decision_table([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], [0.05, 0.2, 0.4])
    assert rows == [
        {"threshold": 0.05, "approved": 0, "approval_rate": 0, "charge_off_rate": None, "charge_offs_avoided": 1},
        {"threshold": 0.2, "approved": 2, "approval_rate": 0.5, "charge_off_rate": 0.5, "charge_offs_avoided": 0.5},
        {"threshold": 0.4, "approved": 4, "approval_rate": 1, "charge_off_rate": 0.5, "charge_offs_avoided": 0},
    ]
