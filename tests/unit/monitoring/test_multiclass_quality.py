import json

import numpy as np
import pytest

from monitoring import multiclass_quality

# Every metric that the developer guide shows for a multiclass problem.
NAMES = ("accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2")
MEMBER = "multiclass_classification_metrics"


def classified(seed, rows=600, right=0.7):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["a", "b", "c", "d"], rows, p=[0.5, 0.3, 0.15, 0.05])
    return labels, np.where(rng.random(rows) < right, labels, rng.choice(["a", "b", "c", "d"], rows))


@pytest.fixture(scope="module")
def metrics():
    return multiclass_quality.statistics(*classified(1))[MEMBER]


def test_names_are_model_monitors(metrics):
    constant = {f"{name}_best_constant_classifier" for name in NAMES}
    assert set(metrics) == {"confusion_matrix", *NAMES, *constant}


def by_definition(labels, decisions):
    """Each label against all others, weighted by how often it is the right one."""
    found = dict.fromkeys(NAMES, 0.0)
    for label in np.unique(labels):
        right, said = labels == label, decisions == label
        true, share = (right & said).sum(), right.mean()
        recall, precision = true / right.sum(), true / said.sum() if said.any() else 0.0
        found["accuracy"] += true / len(labels)
        found["weighted_recall"] += share * recall
        found["weighted_precision"] += share * precision
        for name, beta in (("weighted_f0_5", 0.5), ("weighted_f1", 1), ("weighted_f2", 2)):
            if true:
                found[name] += share * (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    return found


def test_values_are_by_the_definition(metrics):
    assert {name: metrics[name]["value"] for name in NAMES} == pytest.approx(by_definition(*classified(1)))


def test_a_label_that_nobody_decides_has_no_precision():
    labels, decisions = np.array(["a", "a", "b", "c"]), np.array(["a", "b", "b", "a"])
    found = multiclass_quality.statistics(labels, decisions)[MEMBER]
    assert found["weighted_precision"]["value"] == pytest.approx((2 * 1 / 2 + 1 * 1 / 2 + 0) / 4)
    assert {name: found[name]["value"] for name in NAMES} == pytest.approx(by_definition(labels, decisions))


def test_the_developer_guides_example():
    """Its confusion matrix gives every number that it prints."""
    cells = {("0", "0"): 1180, ("0", "1"): 510, ("1", "0"): 268, ("1", "1"): 138}
    labels, decisions = zip(*(pair for pair, count in cells.items() for _ in range(count)), strict=True)
    found = multiclass_quality.statistics(labels, decisions)[MEMBER]
    shown = {
        "accuracy": 0.6288167938931297,
        "weighted_recall": 0.6288167938931297,
        "weighted_precision": 0.6983172269629505,
        "weighted_f0_5": 0.6803947317178771,
        "weighted_f1": 0.6571162346664904,
        "weighted_f2": 0.6384024354394601,
        "accuracy_best_constant_classifier": 0.19370229007633588,
        "weighted_recall_best_constant_classifier": 0.19370229007633588,
        "weighted_precision_best_constant_classifier": 0.03752057718081697,
        "weighted_f0_5_best_constant_classifier": 0.04473443104152011,
        "weighted_f1_best_constant_classifier": 0.06286421244683643,
        "weighted_f2_best_constant_classifier": 0.10570313141262414,
    }
    assert {name: found[name]["value"] for name in shown} == pytest.approx(shown)
    assert found["confusion_matrix"] == {"0": {"0": 1180, "1": 510}, "1": {"0": 268, "1": 138}}


@pytest.mark.parametrize("name", ["accuracy", "weighted_precision", "weighted_f1"])
def test_standard_deviations_are_those_of_resampled_rows(metrics, name):
    labels, decisions = classified(1)
    rng = np.random.default_rng(3)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(200)]
    spread = np.std([by_definition(labels[rows], decisions[rows])[name] for rows in draws])
    assert metrics[name]["standard_deviation"] == pytest.approx(spread, rel=0.2)


def test_names_of_labels_are_irrelevant_but_for_the_constant_classifier(metrics):
    renamed = dict(zip("abcd", "wzyx", strict=True))
    labels, decisions = ([renamed[each] for each in side] for side in classified(1))
    found = multiclass_quality.statistics(labels, decisions)[MEMBER]
    assert {name: found[name]["value"] for name in NAMES} == pytest.approx(
        {name: metrics[name]["value"] for name in NAMES}
    )


def test_numbers_are_ordered_as_numbers():
    matrix = multiclass_quality.statistics([10, 9, 2, 10], [9, 9, 2, 10])[MEMBER]["confusion_matrix"]
    assert list(matrix) == ["2", "9", "10"]
    assert matrix["10"] == {"2": 0, "9": 1, "10": 1}


def test_same_input_gives_the_same_document():
    once, again = (multiclass_quality.statistics(*classified(2)) for _ in range(2))
    assert json.dumps(once) == json.dumps(again)


def test_constraints_lie_below(metrics):
    limits = multiclass_quality.constraints(multiclass_quality.statistics(*classified(1)), margin=2)
    for name, limit in limits["multiclass_classification_constraints"].items():
        assert limit["comparison_operator"] == "LessThanThreshold"
        spread = metrics[name]["standard_deviation"]
        assert limit["threshold"] == pytest.approx(metrics[name]["value"] - 2 * spread)
