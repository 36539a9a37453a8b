"""Whole runs: a model of what lenders did is refused for what it does to black applicants, and a mended one passes."""

import itertools

import pandas as pd
import pytest

from monitoring import limits
from monitoring.steps import job
from mortgage_approval.inference import model_fn
from mortgage_approval.schema import ENCODER, FIELDS, LABEL, PROTECTED, RACE
from tabular import files


def decided(run, threshold):
    """Every application with whether it is approved, put together anew from what the run's models said."""
    inputs = run.base / "processing" / "input"
    learned, test = (files.read_rows([inputs / name / f"{name}.csv"], FIELDS) for name in ("baseline", "test"))
    said = pd.read_csv(run.model_dir / "cross_fitted.csv")
    assert (learned[LABEL] == "yes").tolist() == (said[LABEL] == 1).tolist()
    model = model_fn(str(run.model_dir))
    ours = model.probabilities({name: test[name].tolist() for name in ENCODER.names})
    tables = learned.assign(approved=said["probability"] <= threshold), test.assign(approved=ours <= threshold)
    return pd.concat(tables)


def test_as_lenient_as_the_lenders_it_is_refused_and_the_reason_says_why(run):
    first = run()
    assert first.refusal.startswith("gate failed: DI of afam=yes is 0.7")
    assert "339 rows against 2041), not within the limits 0.8 to 1.25" in first.refusal
    (broken,) = first.read("gate/gate.json")["broken"]
    assert (broken["metric"], broken["subject"]) == ("DI", "afam=yes")
    assert first.read("evaluation/evaluation.json")["approval_rate"] == pytest.approx(0.88, abs=0.03)


def test_reweighed_and_a_little_more_lenient_it_passes(run):
    second = run(mitigation="reweighing", threshold=0.3)
    assert second.refusal == ""
    assert second.read("gate/gate.json")["passed"] is True
    assert second.metric("DI", RACE)["value"] > 0.82


def test_both_measures_help_by_themselves(run):
    none, weighed, lenient = run(), run(mitigation="reweighing"), run(threshold=0.3)
    assert none.metric("DI", RACE)["value"] < weighed.metric("DI", RACE)["value"]
    assert none.metric("DI", RACE)["value"] < lenient.metric("DI", RACE)["value"]


def test_at_even_odds_there_is_no_breach_but_hardly_a_denial(run):
    """What the limits are silent about: this threshold would approve applications that the lenders denied."""
    even = run(threshold=0.5)
    assert even.refusal == ""
    assert even.read("evaluation/evaluation.json")["approval_rate"] > 0.96


def test_the_mended_model_ranks_hardly_worse(run):
    areas = [run(**each).read("evaluation/evaluation.json")["auc"] for each in ({}, {"mitigation": "reweighing"})]
    assert areas[0]["value"] - areas[1]["value"] < 0.02
    assert all(area["lower"] > 0.7 for area in areas)


def test_labels_before_training_show_what_the_lenders_did(run):
    """Of 237 black applicants of the training rows 67 were denied, of 1,428 white ones 132."""
    assert run().metric("DPL", RACE)["value"] == pytest.approx((1 - 132 / 1428) - (1 - 67 / 237))
    assert run().metric("DPL", RACE) == run(mitigation="reweighing").metric("DPL", RACE)


@pytest.mark.parametrize("facet", PROTECTED)
def test_figures_are_those_of_the_decisions(run, facet):
    table = decided(run(), 0.25)
    inside, approved, denied = table[facet] == "yes", table["approved"], table[LABEL] == "yes"
    assert run().metric("DI", facet)["value"] == pytest.approx(approved[inside].mean() / approved[~inside].mean())
    assert run().metric("DPPL", facet)["value"] == pytest.approx(approved[~inside].mean() - approved[inside].mean())
    recall = [approved[side & ~denied].mean() for side in (~inside, inside)]
    assert run().metric("RD", facet)["value"] == pytest.approx(recall[0] - recall[1])
    group = run().read("bias/analysis.json")["post_training_bias_metrics"]["facets"][facet][0]
    assert (group["rows"], group["other_rows"]) == (inside.sum(), (~inside).sum())


def test_intervals_of_the_test_rows_alone_are_wider(run):
    widths = [
        run().metric("DI", RACE, place)["upper"] - run().metric("DI", RACE, place)["lower"]
        for place in ("bias/analysis.json", "bias/test_analysis.json")
    ]
    assert widths[0] < 0.12 < 0.15 < widths[1]


def test_every_protected_group_is_measured_before_and_after_training(run):
    document = run().read("bias/analysis.json")
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        assert tuple(document[stage]["facets"]) == PROTECTED


def test_explanations_are_of_inputs_only_and_none_decides_alone(run):
    shares = limits.shares(run().read("explainability/analysis.json"))
    assert not set(PROTECTED).intersection(shares)
    assert max(shares.values()) < 0.5


def test_a_limit_of_attribution_refuses_as_well(refused):
    assert "attribution share of " in refused('{"max_attribution_share":0.2}')


def test_every_document_that_the_definition_registers_is_written(run):
    outputs = run().base / "processing" / "output"
    for place in itertools.chain(
        ("data-quality/statistics.json", "data-quality/constraints.json", "model-quality/outcomes.json"),
        ("model-quality/statistics.json", "model-quality/constraints.json", "bias/analysis.json"),
        ("bias/constraints.json", "explainability/analysis.json"),
    ):
        assert (outputs / place).is_file(), place


def test_a_limit_that_nobody_measures_ends_the_gate(refused):
    assert "CDDPL: not in the analysis" in refused('{"bias":{"CDDPL":[-0.1,0.1]}}')


def test_the_refusal_fits_into_the_message_that_aws_keeps(run):
    assert len(run().refusal.encode()) < job.MESSAGE_LIMIT
