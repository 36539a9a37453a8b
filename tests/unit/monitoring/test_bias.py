import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from monitoring import bias
from monitoring.bias_metrics import NAMES
from monitoring.findings import EMPTY, JUDGED, Judgement, Window
from monitoring.model import Facet
from tests.real_samples import sample

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1))
NEW, LARGE = Facet("NewExist", ("2",)), Facet("NoEmp", threshold=10.0)


def applications(seed, rows, gap=0.05, error=0.2, known=lambda decision: True):
    """Applications of new businesses (30 %) and others, who are approved `gap` more often."""
    rng = np.random.default_rng(seed)
    new = rng.random(rows) < 0.3
    paid = rng.random(rows) < 0.7
    decisions = rng.random(rows) < np.where(paid, 0.8, 0.8 - error) - gap * new
    labels = [bool(outcome) if known(decision) else None for outcome, decision in zip(paid, decisions, strict=True)]
    columns = {
        "NewExist": np.where(new, "2", "1"),
        "NoEmp": rng.integers(1, 30, rows),
        "region": rng.integers(0, 3, rows),
    }
    return columns, decisions.tolist(), labels


def counted(*arguments, facets=(NEW,), **options):
    columns, decisions, labels = applications(*arguments, **options)
    return bias.counts(facets, {name: values.tolist() for name, values in columns.items()}, decisions, labels)


@pytest.fixture(scope="module")
def base():
    return bias.baseline(counted(1, 10_000, facets=(NEW, LARGE)), "approved", "1")


def metrics_of(document, stage, facet):
    return {each["name"]: each["value"] for each in document[stage]["facets"][facet][0]["metrics"]}


def test_analysis_has_clarifys_shape(base):
    document = bias.analysis(counted(1, 1000, facets=(NEW, LARGE)), "approved", "1")
    assert set(document) == {"version", "pre_training_bias_metrics", "post_training_bias_metrics"}
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        assert set(document[stage]) == {"label", "label_value_or_threshold", "facets"}
        assert document[stage]["facets"]["NewExist"][0]["value_or_threshold"] == "2"
        assert document[stage]["facets"]["NoEmp"][0]["value_or_threshold"] == "10"
        for each in document[stage]["facets"]["NewExist"][0]["metrics"]:
            assert each["description"] == NAMES[each["name"]]
    assert json.loads(json.dumps(base, allow_nan=False)) == base


def test_violations_of_clarify_name_metrics_that_we_have():
    """The guide's own violations file."""
    for violation in sample("monitor/bias_drift_violations_2.json")["violations"]:
        assert violation["metric_name"] in NAMES
        assert violation["constraint_check_type"] == bias.CHECK


def test_metrics_are_those_of_the_rows():
    columns, decisions, labels = applications(3, 4000)
    document = bias.analysis(bias.counts((NEW,), columns, decisions, labels))
    found = metrics_of(document, "post_training_bias_metrics", "NewExist")
    is_new, approved, paid = columns["NewExist"] == "2", np.array(decisions), np.array(labels)
    assert found["DPPL"] == pytest.approx(approved[~is_new].mean() - approved[is_new].mean())
    assert found["RD"] == pytest.approx(approved[paid & ~is_new].mean() - approved[paid & is_new].mean())
    right = approved == paid
    assert found["AD"] == pytest.approx(right[~is_new].mean() - right[is_new].mean())
    assert metrics_of(document, "pre_training_bias_metrics", "NewExist")["DPL"] == pytest.approx(
        paid[~is_new].mean() - paid[is_new].mean()
    )


def test_a_threshold_divides_a_number():
    counts = bias.counts((LARGE,), {"NoEmp": [9, 10, 11.0, None, float("nan")]}, [True] * 5)
    assert counts.rows == 5
    assert sum(n for cell, n in counts.cells["NoEmp", "10"].items() if cell[0]) == 2
    assert sum(counts.cells["NoEmp", "10"].values()) == 3


def test_what_is_no_number_is_on_neither_side_of_a_threshold():
    counts = bias.counts((LARGE,), {"NoEmp": ["many", "12", [], 3, 10**400]}, [True] * 5)
    assert counts.rows == 5
    assert sorted(cell[0] for cell in counts.cells["NoEmp", "10"]) == [False, True]


def test_codes_are_read_as_texts():
    counts = bias.counts((NEW,), {"NewExist": [2.0, 2, "2", np.int64(2), 1.0]}, [True] * 5)
    assert sum(n for cell, n in counts.cells["NewExist", "2"].items() if cell[0]) == 4


def test_what_is_equal_and_not_the_same_text_is_told_apart():
    counts = bias.counts((Facet("code", ("1",)),), {"code": [1, True, 1.0, False, 0]}, [True] * 5)
    assert counts.cells["code", "1"] == {(True, "", None, True): 2, (False, "", None, True): 3}


@pytest.mark.parametrize("seed", range(3))
def test_parts_add_up_to_the_whole_in_any_order(seed):
    columns, decisions, labels = applications(seed, 900)

    def part(rows):
        chosen = {name: values[rows] for name, values in columns.items()}
        return bias.counts((NEW, LARGE), chosen, decisions[rows], labels[rows], group="region")

    first, second, third = part(slice(0, 200)), part(slice(200, 550)), part(slice(550, 900))
    whole = part(slice(0, 900))
    assert (first + second) + third == whole == third + (second + first)
    assert bias.Counts() + whole == whole
    assert bias.Counts.read(json.loads(json.dumps(whole.document()))) == whole


def test_counts_of_other_groups_are_not_added():
    columns, decisions, labels = applications(1, 50)
    one = bias.counts((NEW,), columns, decisions, labels, group="region")
    with pytest.raises(ValueError, match="conditioned on 'region' and ''"):
        one + bias.counts((NEW,), columns, decisions, labels)


def test_conditional_disparity_needs_a_group():
    columns, decisions, labels = applications(1, 500)
    plain = bias.analysis(bias.counts((NEW,), columns, decisions, labels))
    grouped = bias.analysis(bias.counts((NEW,), columns, decisions, labels, group="region"))
    assert "CDDPL" not in metrics_of(plain, "post_training_bias_metrics", "NewExist")
    assert "CDDPL" in metrics_of(grouped, "post_training_bias_metrics", "NewExist")
    assert "CDDL" in metrics_of(grouped, "pre_training_bias_metrics", "NewExist")


def test_simpsons_paradox_is_seen_through():
    """Within each department both are admitted alike; new businesses apply where few are."""
    hundreds = {("2", "hard"): 2, ("1", "hard"): 1, ("2", "easy"): 1, ("1", "easy"): 2}
    rows = [
        (new, place, k % 10 < (2 if place == "hard" else 8))
        for (new, place), count in hundreds.items()
        for k in range(100 * count)
    ]
    columns = {"NewExist": [row[0] for row in rows], "place": [row[1] for row in rows]}
    found = metrics_of(
        bias.analysis(bias.counts((NEW,), columns, [row[2] for row in rows], group="place")),
        "post_training_bias_metrics",
        "NewExist",
    )
    assert found["DPPL"] == pytest.approx(0.2)
    assert found["CDDPL"] == pytest.approx(0, abs=1e-12)


def test_without_outcomes_there_is_no_pre_training_stage():
    columns, decisions, _ = applications(1, 500)
    document = bias.analysis(bias.counts((NEW,), columns, decisions))
    assert "pre_training_bias_metrics" not in document
    assert set(metrics_of(document, "post_training_bias_metrics", "NewExist")) == {"DPPL", "DI"}


def test_outcomes_of_approved_loans_only_leave_out_what_would_compare_with_the_declined():
    counts = counted(1, 2000, known=lambda approved: approved)
    found = metrics_of(bias.analysis(counts), "post_training_bias_metrics", "NewExist")
    assert set(found) == {"DPPL", "DI", "DAR", "DRR"}
    assert found["DRR"] is None
    assert found["DAR"] is not None


def judged(base, *arguments, **options):
    return bias.judge(base, counted(*arguments, **options), WINDOW)


@pytest.mark.parametrize(("before", "now"), [(3000, 600), (600, 3000)])
def test_false_alarms_are_no_more_than_promised(before, now, monkeypatch):
    """Without a margin, over many baselines and windows; at most 1 % for all metrics together, tested at 0.1 %."""
    monkeypatch.setattr(bias, "MARGIN", 0.0)
    monkeypatch.setattr(bias, "SAMPLES", 300)
    alarms = 0
    for seed in range(250):
        judgement = judged(bias.baseline(counted(seed, before)), 8000 + seed, now)
        alarms += any(finding.significant for finding in judgement.findings)
    assert stats.binomtest(alarms, 250, 0.01, alternative="greater").pvalue > 0.001


def test_rare_outcomes_raise_no_alarm_either(monkeypatch):
    """Half a percent of approved loans default: some windows have none."""
    monkeypatch.setattr(bias, "SAMPLES", 300)

    def rare(seed, rows):
        columns, decisions, labels = applications(seed, rows, known=lambda approved: approved)
        rng = np.random.default_rng(seed + 1)
        labels = [None if label is None else bool(rng.random() > 0.005) for label in labels]
        return bias.counts((NEW,), columns, decisions, labels)

    base = bias.baseline(rare(1, 15_000))
    alarms = sum(bias.judge(base, rare(100 + seed, 500), WINDOW).breached for seed in range(150))
    assert stats.binomtest(alarms, 150, 0.01, alternative="greater").pvalue > 0.001


def test_what_did_not_happen_in_a_window_is_not_taken_for_impossible():
    """None of 40 new businesses defaults where one in 25 usually does: one window in five is like that."""

    def approved(new, others, defaults, other_defaults):
        columns = {"NewExist": ["2"] * new + ["1"] * others}
        labels = [k >= defaults for k in range(new)] + [k >= other_defaults for k in range(others)]
        return bias.counts((NEW,), columns, [True] * (new + others), labels)

    base = bias.baseline(approved(4000, 10_000, 160, 50))
    finding = {f.subject: f for f in bias.judge(base, approved(40, 500, 0, 0), WINDOW).findings}["DAR NewExist=2"]
    assert finding.value == 0
    assert finding.p_value > 0.05


def test_a_wider_gap_is_found(base):
    found = sum(judged(base, 300 + seed, 1000, gap=0.25).breached for seed in range(20))
    assert found >= 19


def test_the_finding_says_which_facet_and_what_was_before(base):
    judgement = judged(base, 5, 2000, gap=0.3)
    finding = {each.subject: each for each in judgement.findings}["DPPL NewExist=2"]
    before = metrics_of(base, "post_training_bias_metrics", "NewExist")["DPPL"]
    assert finding.breaches
    assert finding.threshold == pytest.approx(before + bias.MARGIN)
    assert f"of NewExist=2: {finding.value:+.3f}, {before:+.3f} in the baseline" in finding.text


def test_a_gap_to_the_other_side_is_bias_too(base):
    judgement = judged(base, 5, 4000, gap=-0.2)
    finding = {each.subject: each for each in judgement.findings}["DPPL NewExist=2"]
    assert finding.breaches
    assert finding.value < finding.threshold == -bias.MARGIN


def test_becoming_fairer_is_no_breach():
    unfair = bias.baseline(counted(1, 10_000, gap=0.3))
    judgement = judged(unfair, 2, 4000, gap=0.0)
    finding = {each.subject: each for each in judgement.findings}["DPPL NewExist=2"]
    assert finding.significant
    assert not finding.large
    assert not judgement.breached


def test_a_ratio_is_judged_where_its_inverse_is_as_far(base):
    findings = {each.subject: each for each in judged(base, 5, 2000, gap=0.3).findings}
    finding = findings["DI NewExist=2"]
    assert finding.breaches
    assert finding.value < finding.threshold < 1


def test_small_facets_are_not_tested(base):
    columns, decisions, labels = applications(1, 1000, gap=0.6)
    columns["NewExist"] = np.where(np.cumsum(columns["NewExist"] == "2") <= 20, columns["NewExist"], "1")
    judgement = bias.judge(base, bias.counts((NEW,), columns, decisions, labels), WINDOW)
    assert all(finding.p_value is None for finding in judgement.findings)
    assert not judgement.breached
    assert "not tested" in judgement.findings[0].text


def test_clarifys_own_constraints_are_taken_as_exact(base):
    foreign = {key: value for key, value in base.items() if key != "counts"}
    ours, theirs = (judged(document, 5, 2000, gap=0.12) for document in (base, foreign))
    for mine, exact in zip(ours.findings, theirs.findings, strict=True):
        assert (mine.subject, mine.value, mine.threshold) == (exact.subject, exact.value, exact.threshold)
        assert exact.p_value <= mine.p_value


def test_facets_and_metrics_that_one_side_lacks_are_not_judged(base):
    assert judged({"version": "1.0"}, 1, 500).findings == ()
    columns, decisions, _ = applications(1, 500)
    judgement = bias.judge(base, bias.counts((NEW,), columns, decisions), WINDOW)
    assert {finding.subject for finding in judgement.findings} == {"DPPL NewExist=2", "DI NewExist=2"}


def test_metrics_have_the_names_that_clarify_publishes(base):
    judgement = judged(base, 1, 800, facets=(NEW, LARGE))
    metrics = judgement.metrics
    assert metrics["bias_metric_CI"] == metrics["bias_metric_CI_NewExist_2"]
    assert {"bias_metric_DPPL_NewExist_2", "bias_metric_DPPL_NoEmp_10"} <= set(metrics)
    assert Judgement.read(json.loads(json.dumps(judgement.document(), allow_nan=False))) == judgement
    assert judgement.status == JUDGED


def test_an_empty_window_is_no_judgement(base):
    judgement = bias.judge(base, bias.Counts(), WINDOW)
    assert (judgement.status, judgement.findings) == (EMPTY, ())


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="NewExist: 1 entries for 2 decisions"):
        bias.counts((NEW,), {"NewExist": ["1"]}, [True, False])


def described(document, stage, facet, metric):
    group = document[stage]["facets"][facet][0]
    return next(each for each in group["metrics"] if each["name"] == metric)


def test_labels_before_training_may_be_of_other_rows_than_the_decisions():
    training, decided = counted(1, 3000, gap=0.0), counted(2, 1000, gap=0.3)
    document = bias.analysis(decided, training=training)
    alone, learned = bias.analysis(decided), bias.analysis(training)
    assert document["pre_training_bias_metrics"] == learned["pre_training_bias_metrics"]
    assert document["post_training_bias_metrics"] == alone["post_training_bias_metrics"]
    assert document["pre_training_bias_metrics"] != alone["pre_training_bias_metrics"]


def test_a_facet_need_not_be_an_input_of_any_model():
    """Facets come from columns beside the inputs; the analysis asks for nothing else."""
    hidden = Facet("religion", ("x",))
    counts = bias.counts((hidden,), {"religion": ["x", "y"] * 50}, [True] * 60 + [False] * 40, [True] * 100)
    assert metrics_of(bias.analysis(counts), "post_training_bias_metrics", "religion")["DI"] == pytest.approx(1)


def test_intervals_are_told_only_if_asked_for():
    plain, told = bias.analysis(counted(1, 800)), bias.analysis(counted(1, 800), intervals=True)
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        assert metrics_of(plain, stage, "NewExist") == metrics_of(told, stage, "NewExist")
    group = told["post_training_bias_metrics"]["facets"]["NewExist"][0]
    assert group["rows"] + group["other_rows"] == 800
    assert group["rows"] < group["other_rows"]
    assert "rows" not in plain["post_training_bias_metrics"]["facets"]["NewExist"][0]
    for each in group["metrics"]:
        if "lower" in each:
            assert each["lower"] < each["value"] < each["upper"]
    assert "lower" in described(told, "post_training_bias_metrics", "NewExist", "DI")


@pytest.mark.parametrize(
    ("stage", "metric", "truth"),
    [
        ("post_training_bias_metrics", "DPPL", 0.05),
        ("post_training_bias_metrics", "DI", 1 - 0.05 / 0.74),  # of the others 0.7 * 0.8 + 0.3 * 0.6 are approved
        ("pre_training_bias_metrics", "DPL", 0.0),
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(monkeypatch, stage, metric, truth):
    monkeypatch.setattr(bias, "SAMPLES", 300)
    covered = 0
    for seed in range(200):
        each = described(bias.analysis(counted(seed, 600), intervals=True), stage, "NewExist", metric)
        covered += each["lower"] <= truth <= each["upper"]
    assert stats.binomtest(covered, 200, 0.95).pvalue > 0.001


def test_a_window_in_which_nobody_belongs_to_any_facet_is_empty(base):
    """As of a facet that requests do not tell: it must not look as if it had been judged and found fair."""
    counts = bias.counts((NEW,), {"NewExist": [None] * 500}, [True] * 500)
    judgement = bias.judge(base, counts, WINDOW)
    assert (judgement.status, judgement.rows) == (EMPTY, 0)
