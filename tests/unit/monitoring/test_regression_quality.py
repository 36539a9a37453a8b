import numpy as np
import pytest

from monitoring import regression_quality


def predicted(seed, rows=800, noise=1.0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(10, 3, rows)
    return truth, truth + noise * rng.standard_t(8, rows)


@pytest.fixture(scope="module")
def metrics():
    return regression_quality.statistics(*predicted(1))["regression_metrics"]


def test_names_are_model_monitors(metrics):
    assert set(metrics) == {"mae", "mse", "rmse", "r2"}
    assert all(set(each) == {"value", "standard_deviation"} for each in metrics.values())


def test_values_by_hand():
    """Errors 1, 0, -2, 1 around labels whose mean is 4."""
    found = regression_quality.statistics([1.0, 3.0, 5.0, 7.0], [2.0, 3.0, 3.0, 8.0])["regression_metrics"]
    assert {name: each["value"] for name, each in found.items()} == pytest.approx(
        {"mae": 1.0, "mse": 1.5, "rmse": 1.5**0.5, "r2": 1 - 6 / 20}
    )


def test_standard_deviations_are_those_of_resampled_rows(metrics):
    labels, predictions = predicted(1)
    rng = np.random.default_rng(2)
    draws = []
    for _ in range(400):
        rows = rng.integers(0, len(labels), len(labels))
        found = regression_quality.statistics(labels[rows], predictions[rows])["regression_metrics"]
        draws.append([found[name]["value"] for name in metrics])
    spread = dict(zip(metrics, np.std(draws, axis=0), strict=True))
    assert {name: each["standard_deviation"] for name, each in metrics.items()} == pytest.approx(spread, rel=0.15)


def test_units_scale_with_the_labels(metrics):
    scaled = regression_quality.statistics(*(1000 * side for side in predicted(1)))["regression_metrics"]
    assert scaled["mae"]["value"] == pytest.approx(1000 * metrics["mae"]["value"])
    assert scaled["mse"]["standard_deviation"] == pytest.approx(1e6 * metrics["mse"]["standard_deviation"])
    assert scaled["r2"] == pytest.approx(metrics["r2"])


def test_perfect_predictions_have_no_error():
    found = regression_quality.statistics([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])["regression_metrics"]
    assert found["rmse"] == {"value": 0, "standard_deviation": 0}
    assert found["r2"]["value"] == 1


def test_equal_labels_have_no_r2():
    assert "r2" not in regression_quality.statistics([2.0, 2.0], [1.0, 2.0])["regression_metrics"]


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="predictions: 1 of 2 are no finite numbers"):
        regression_quality.statistics([1.0, 2.0], [1.0, float("inf")])


def test_constraints_lie_on_the_bad_side(metrics):
    document = regression_quality.statistics(*predicted(1))
    limits = regression_quality.constraints(document, margin=2)["regression_constraints"]
    for name, limit in limits.items():
        side = -1 if name == "r2" else 1
        assert limit["comparison_operator"] == ("LessThanThreshold" if name == "r2" else "GreaterThanThreshold")
        spread = metrics[name]["standard_deviation"]
        assert limit["threshold"] == pytest.approx(metrics[name]["value"] + side * 2 * spread)
