import json

import pytest

from loan_approval.steps import gate, job
from loan_approval.steps.gate import Rule, decide

RULE = Rule(min_auc=0.65, tolerance=0.01, confidence=0.95)


def evaluation(auc=0.70, difference=None, error=0.01):
    document = {
        "auc": {"value": auc, "standard_error": 0.02, "lower": auc - 0.04, "upper": auc + 0.04},
        "champion": None,
    }
    if difference is not None:
        gap = {"value": difference, "standard_error": error, "lower": 0.0, "upper": 0.0}
        document["champion"] = {"version": "3", "auc_difference": gap}
    return document


@pytest.mark.parametrize(("auc", "passed"), [(0.70, True), (0.65, True), (0.6499, False), (0.5, False)])
def test_minimum_is_absolute(auc, passed):
    verdict = decide(evaluation(auc), RULE)
    assert verdict.passed is passed
    assert f"AUC {auc:.4f}" in verdict.reasons[0]
    assert ("at least" if passed else "below") + " the minimum 0.65" in verdict.reasons[0]


def test_first_model_has_nobody_to_be_compared_with():
    assert len(decide(evaluation(), RULE).reasons) == 1


@pytest.mark.parametrize(
    ("difference", "error", "passed"),
    [
        (+0.02, 0.01, True),  # better
        (0.0, 0.0, True),  # the same model again
        (-0.02, 0.01, True),  # worse, but chance explains it
        (-0.0264, 0.01, True),  # upper bound just above -0.01
        (-0.0265, 0.01, False),  # just below
        (-0.005, 0.0, True),  # certainly worse, by less than anybody minds
        (-0.05, 0.001, False),  # certainly and much worse
    ],
)
def test_champion_is_lost_to_only_significantly_and_beyond_the_tolerance(difference, error, passed):
    verdict = decide(evaluation(difference=difference, error=error), RULE)
    assert verdict.passed is passed
    verb = "is not" if passed else "is"
    assert f"it {verb} significantly worse than champion 3 by more than 0.01" in verdict.reasons[-1]


@pytest.mark.parametrize(("auc", "difference", "count"), [(0.6, -0.1, 2), (0.6, 0.1, 1), (0.7, -0.1, 1), (0.7, 0.1, 2)])
def test_all_reasons_of_one_kind_are_told(auc, difference, count):
    assert len(decide(evaluation(auc, difference), RULE).reasons) == count


def test_a_number_that_is_none_does_not_pass():
    assert not decide(evaluation(float("nan")), RULE).passed
    assert not decide(evaluation(difference=float("nan")), RULE).passed


def run(base, document, *arguments):
    folder = base / "processing" / "input" / "evaluation"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps(document))
    job.run(lambda: gate.main(["--min-auc", "0.65", *arguments]))


def test_the_step_passes_with_its_reasons(base, capsys):
    run(base, evaluation(difference=0.01), "--tolerance", "0.02")
    written = json.loads((base / "processing/output/gate/gate.json").read_text())
    assert written["passed"] is True
    assert "by more than 0.02" in written["reasons"][1]
    assert capsys.readouterr().out.startswith("gate passed: AUC 0.7000")


def test_the_step_fails_with_its_reasons_as_the_exit_message(base):
    with pytest.raises(SystemExit) as exit_:
        run(base, evaluation(0.6))
    assert exit_.value.code == 1
    message = (base / "output" / "message").read_text()
    assert message == "gate failed: AUC 0.6000 (95 % interval 0.5600 to 0.6400) is below the minimum 0.65"
    assert json.loads((base / "processing/output/gate/gate.json").read_text())["passed"] is False
