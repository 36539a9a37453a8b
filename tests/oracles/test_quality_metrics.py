"""Metrics of models by scikit-learn, whose definitions Model Monitor and Clarify refer to."""

import warnings
from typing import Any

import numpy as np
import pytest

from loan_approval import metrics as loan_metrics
from monitoring import attribution, model_quality, multiclass_quality, regression_quality
from monitoring.auc import auc

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def sk() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn import metrics

    return metrics


def scored(seed: int, rows: int = 2000) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 4, size=rows).round(3).clip(0.001, 0.999)
    return (rng.random(rows) < probabilities**0.8).astype(int), probabilities


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("digits", [1, 9])
def test_area_under_the_curve(sk: Any, seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(400) < 0.25).astype(int)
    scores = (0.8 * labels + rng.normal(size=400)).round(digits)
    assert auc(labels, scores).value == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_ndcg_is_the_function_that_clarifys_documentation_links_to(sk: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, now = rng.random((2, 12))
    ours = attribution.ndcg({str(k): v for k, v in enumerate(before)}, {str(k): v for k, v in enumerate(now)})
    assert ours == pytest.approx(sk.ndcg_score([before], [now]))


def test_regression(sk: Any) -> None:
    rng = np.random.default_rng(1)
    labels = rng.normal(10, 3, 800)
    predictions = labels + rng.standard_t(8, 800)
    found = regression_quality.statistics(labels, predictions)["regression_metrics"]
    assert {name: each["value"] for name, each in found.items()} == pytest.approx(
        {
            "mae": sk.mean_absolute_error(labels, predictions),
            "mse": sk.mean_squared_error(labels, predictions),
            "rmse": sk.root_mean_squared_error(labels, predictions),
            "r2": sk.r2_score(labels, predictions),
        }
    )


@pytest.mark.parametrize("decided", ["abcd", "abc"])
def test_multiclass(sk: Any, decided: str) -> None:
    """Also where nobody decides for one of the labels."""
    rng = np.random.default_rng(1)
    labels = rng.choice(list("abcd"), 600, p=[0.5, 0.3, 0.15, 0.05])
    decisions = np.where((rng.random(600) < 0.7) & (labels != "d"), labels, rng.choice(list(decided), 600))
    shared: dict[str, Any] = {"average": "weighted", "zero_division": 0.0}
    expected = {
        "accuracy": sk.accuracy_score(labels, decisions),
        "weighted_recall": sk.recall_score(labels, decisions, **shared),
        "weighted_precision": sk.precision_score(labels, decisions, **shared),
        "weighted_f0_5": sk.fbeta_score(labels, decisions, beta=0.5, **shared),
        "weighted_f1": sk.f1_score(labels, decisions, **shared),
        "weighted_f2": sk.fbeta_score(labels, decisions, beta=2, **shared),
    }
    found = multiclass_quality.statistics(labels, decisions)["multiclass_classification_metrics"]
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)


def test_binary(sk: Any) -> None:
    labels, probabilities = scored(4)
    predicted = probabilities > 0.25
    found = model_quality.statistics(labels, probabilities, threshold=0.25)["binary_classification_metrics"]
    expected = {
        "recall": sk.recall_score(labels, predicted),
        "precision": sk.precision_score(labels, predicted),
        "accuracy": sk.accuracy_score(labels, predicted),
        "auc": sk.roc_auc_score(labels, probabilities),
        "f0_5": sk.fbeta_score(labels, predicted, beta=0.5),
        "f1": sk.f1_score(labels, predicted),
        "f2": sk.fbeta_score(labels, predicted, beta=2),
        "true_negative_rate": sk.recall_score(labels, predicted, pos_label=0),
    }
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)
    (tn, fp), (fn, tp) = sk.confusion_matrix(labels, predicted).tolist()
    assert found["confusion_matrix"] == {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}


@pytest.mark.parametrize(("rows", "digits"), [(2, 1), (30, 1), (180, 6), (180, 1), (5000, 2)])
def test_curves(sk: Any, rows: int, digits: int) -> None:
    """With and without ties; more points than are kept are thinned alike."""
    rng = np.random.default_rng(rows + digits)
    scores = rng.random(rows).round(digits)
    labels = np.append([0, 1], rng.random(rows - 2) < scores[2:])
    found = model_quality.statistics(labels, scores, threshold=0.5)["binary_classification_metrics"]

    def kept(points: Any) -> Any:
        return points[np.unique(np.linspace(0, len(points) - 1, model_quality.CURVE_POINTS).round().astype(int))]

    false_rates, true_rates, _ = sk.roc_curve(labels, scores)
    precisions, recalls, _ = sk.precision_recall_curve(labels, scores)
    roc, area = found["receiver_operating_characteristic_curve"], found["precision_recall_curve"]
    np.testing.assert_allclose(roc["false_positive_rates"], kept(false_rates), rtol=1e-14)
    np.testing.assert_allclose(roc["true_positive_rates"], kept(true_rates), rtol=1e-14)
    np.testing.assert_allclose(area["precisions"], kept(precisions), rtol=1e-14)
    np.testing.assert_allclose(area["recalls"], kept(recalls), rtol=1e-14)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_brier_and_the_calibration_line_without_penalty(sk: Any, seed: int) -> None:
    from sklearn.linear_model import LogisticRegression

    labels, p = scored(seed, 3000)
    assert loan_metrics.brier(labels, p)["value"] == pytest.approx(sk.brier_score_loss(labels, p))
    line = loan_metrics.calibration(labels, p)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], labels)
    assert line["intercept"] == pytest.approx(theirs.intercept_[0], abs=1e-6)
    assert line["slope"] == pytest.approx(theirs.coef_[0, 0], abs=1e-6)
