import json

import numpy as np
import pytest

from monitoring import model_quality

# Every metric that the developer guide shows for a binary classification problem.
VALUES = (
    *("recall", "precision", "accuracy", "auc", "f0_5", "f1", "f2"),
    *("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
    *(f"{name}_best_constant_classifier" for name in ("recall", "precision", "accuracy", "f0_5", "f1", "f2")),
)
OTHERS = ("confusion_matrix", "receiver_operating_characteristic_curve", "precision_recall_curve")


@pytest.fixture(scope="module")
def scored():
    rng = np.random.default_rng(4)
    probabilities = rng.beta(1, 4, size=2000)
    return (rng.random(2000) < probabilities).astype(int), probabilities


@pytest.fixture(scope="module")
def metrics(scored):
    return model_quality.statistics(*scored, threshold=0.25)["binary_classification_metrics"]


def test_names_are_model_monitors(metrics):
    assert set(metrics) == {*VALUES, *OTHERS}
    assert all(set(metrics[name]) == {"value", "standard_deviation"} for name in VALUES)


def test_values_are_by_the_definition(scored, metrics):
    labels, probabilities = scored
    pairs = list(zip(labels == 1, probabilities > 0.25, strict=True))
    tp, fp, fn, tn = (pairs.count(each) for each in ((True, True), (False, True), (True, False), (False, False)))
    recall, precision = tp / (tp + fn), tp / (tp + fp)
    positive, negative = probabilities[labels == 1], probabilities[labels == 0]
    expected = {
        "recall": recall,
        "precision": precision,
        "accuracy": (tp + tn) / len(labels),
        "auc": (positive[:, None] > negative[None, :]).mean(),
        "f0_5": 1.25 * precision * recall / (0.25 * precision + recall),
        "f1": 2 * precision * recall / (precision + recall),
        "f2": 5 * precision * recall / (4 * precision + recall),
        "true_positive_rate": recall,
        "true_negative_rate": tn / (tn + fp),
        "false_positive_rate": fp / (tn + fp),
        "false_negative_rate": fn / (tp + fn),
    }
    assert {name: metrics[name]["value"] for name in expected} == pytest.approx(expected)
    assert metrics["confusion_matrix"] == {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}


def test_the_developer_guides_example():
    """One of four is positive, and three are predicted so: the guide prints every number."""
    shown = {
        "recall": 1.0,
        "precision": 1 / 3,
        "accuracy": 0.5,
        "recall_best_constant_classifier": 1.0,
        "precision_best_constant_classifier": 0.25,
        "accuracy_best_constant_classifier": 0.25,
        "false_positive_rate": 2 / 3,
        "false_negative_rate": 0.0,
        "auc": 1.0,
        "f0_5": 0.3846153846153846,
        "f1": 0.5,
        "f2": 0.7142857142857143,
        "f0_5_best_constant_classifier": 0.29411764705882354,
        "f1_best_constant_classifier": 0.4,
        "f2_best_constant_classifier": 0.625,
    }
    document = model_quality.statistics([0, 0, 0, 1], [0.1, 0.6, 0.7, 0.9], threshold=0.5)
    found = document["binary_classification_metrics"]
    assert {name: found[name]["value"] for name in shown} == pytest.approx(shown)
    assert found["confusion_matrix"] == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}


def test_standard_deviations_are_those_of_resampled_rows(scored, metrics):
    labels, probabilities = scored
    draws = np.random.default_rng(9).integers(0, len(labels), (300, len(labels)))
    happened, said = labels[draws] == 1, probabilities[draws] > 0.25
    true, positives, predicted = (each.sum(axis=1) for each in (happened & said, happened, said))
    resampled = {
        "recall": true / positives,
        "precision": true / predicted,
        "accuracy": (happened == said).mean(axis=1),
        "f1": 2 * true / (positives + predicted),
    }
    for name, values in resampled.items():
        assert metrics[name]["standard_deviation"] == pytest.approx(np.std(values), rel=0.15), name


def test_curves_are_short_and_keep_their_ends(metrics):
    roc = metrics["receiver_operating_characteristic_curve"]
    assert len(roc["false_positive_rates"]) == len(roc["true_positive_rates"]) <= model_quality.CURVE_POINTS
    assert (roc["false_positive_rates"][0], roc["true_positive_rates"][0]) == (0.0, 0.0)
    assert (roc["false_positive_rates"][-1], roc["true_positive_rates"][-1]) == (1.0, 1.0)
    assert np.trapezoid(roc["true_positive_rates"], roc["false_positive_rates"]) == pytest.approx(
        metrics["auc"]["value"], abs=0.005
    )


@pytest.mark.parametrize(("rows", "digits"), [(2, 1), (30, 1), (180, 6), (180, 1), (5000, 2)])
def test_curves_are_by_the_definition(rows, digits):
    """One point for each score as the threshold, with and without ties; more points than are kept are thinned."""
    rng = np.random.default_rng(rows + digits)
    scores = rng.random(rows).round(digits)
    labels = np.append([0, 1], rng.random(rows - 2) < scores[2:])
    found = model_quality.statistics(labels, scores, threshold=0.5)["binary_classification_metrics"]

    def kept(points):
        return points[np.unique(np.linspace(0, len(points) - 1, model_quality.CURVE_POINTS).round().astype(int))]

    said = [scores >= threshold for threshold in np.unique(scores)[::-1]]
    true, false = (np.array([(each & (labels == label)).sum() for each in said]) for label in (1, 0))
    true_rates, false_rates = (np.append(0, counts / counts[-1]) for counts in (true, false))
    corners = np.ones(len(true_rates), dtype=bool)  # a threshold whose neighbours lie on a line with it is none
    corners[2:-1] = (np.diff(true, n=2) != 0) | (np.diff(false, n=2) != 0)
    roc, area = found["receiver_operating_characteristic_curve"], found["precision_recall_curve"]
    np.testing.assert_allclose(roc["false_positive_rates"], kept(false_rates[corners]), rtol=1e-14)
    np.testing.assert_allclose(roc["true_positive_rates"], kept(true_rates[corners]), rtol=1e-14)
    np.testing.assert_allclose(area["precisions"], kept(np.append(1, true / (true + false))[::-1]), rtol=1e-14)
    np.testing.assert_allclose(area["recalls"], kept(true_rates[::-1]), rtol=1e-14)


def test_same_input_gives_the_same_document(scored):
    once, again = (model_quality.statistics(*scored, threshold=0.25) for _ in range(2))
    assert json.dumps(once) == json.dumps(again)


def test_nothing_predicted_positive_has_no_precision():
    found = model_quality.statistics([0, 1], [0.1, 0.2], threshold=0.9)["binary_classification_metrics"]
    assert found["precision"]["value"] == 0.0


def test_constraints_lie_on_the_bad_side(scored, metrics):
    document = model_quality.statistics(*scored, threshold=0.25)
    limits = model_quality.constraints(document, margin=2)["binary_classification_constraints"]
    for name, limit in limits.items():
        value, spread = metrics[name]["value"], metrics[name]["standard_deviation"]
        side = -1 if limit["comparison_operator"] == "LessThanThreshold" else 1
        assert limit["threshold"] == pytest.approx(value + side * 2 * spread)
    higher = {name for name, limit in limits.items() if limit["comparison_operator"] == "GreaterThanThreshold"}
    assert higher == {"false_positive_rate", "false_negative_rate"}


def test_constraints_stay_within_what_a_rate_can_be():
    document = model_quality.statistics([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], threshold=0.5)
    limits = model_quality.constraints(document, margin=10)["binary_classification_constraints"]
    assert all(0 <= limit["threshold"] <= 1 for limit in limits.values())
