from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from monitoring import calibration
from monitoring.findings import CALIBRATION, EMPTY, JUDGED, Window, confirm

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1))
RATE = 0.005
LOANS = Path(__file__).parents[3] / "data" / "loans" / "sba_sample.csv.gz"


def loans(seed, rows, factor=1.0, rate=RATE):
    """Scores, and early defaults that happen more often at high scores; on average `rate` times `factor`."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 12, rows)
    return scores, (rng.random(rows) < rate * factor * scores / (2 / 14)).astype(float)


@pytest.fixture(scope="module")
def base():
    return calibration.baseline(*loans(1, 15_410))


def with_events(count, rows=554):
    scores, _ = loans(2, rows)
    labels = np.zeros(rows)
    labels[:count] = 1
    return scores, labels


def test_an_operator_reads_what_happened():
    scores, labels = np.full(15_410, 0.1), np.arange(15_410) < 71
    document = calibration.baseline(scores, labels.astype(float))
    finding = calibration.judge(document, np.full(554, 0.1), (np.arange(554) < 10).astype(float), WINDOW).findings[0]
    assert finding.text == (
        "10 events in 554 outcomes, 2.6 expected from the baseline (71 in 15,410): 3.9 times as many, p = 0.0005"
    )
    expected = stats.fisher_exact([[10, 544], [71, 15_410 - 71]], alternative="greater").pvalue
    assert finding.p_value == pytest.approx(expected)
    assert finding.breaches


def test_baseline_counts_every_row_once(base):
    assert sum(each["count"] for each in base["bins"]) == base["known"] == 15_410
    assert sum(each["events"] for each in base["bins"]) == base["events"]
    bounds = [each["upper_bound"] for each in base["bins"]]
    assert bounds[-1] is None
    assert bounds[:-1] == sorted(bounds[:-1])
    assert len(bounds) == calibration.BINS


def test_the_baseline_itself_is_as_expected(base):
    judgement = calibration.judge(base, *loans(1, 15_410), WINDOW)
    assert judgement.metrics["expected_events"] == pytest.approx(base["events"])
    assert judgement.metrics["calibration_ratio"] == pytest.approx(1)
    assert not judgement.breached


def test_only_rows_with_an_outcome_count():
    scores, labels = loans(1, 4000)
    known = scores <= 0.2
    document = calibration.baseline(scores, labels, known)
    assert (document["rows"], document["known"]) == (4000, int(known.sum()))
    assert document["bins"] == calibration.baseline(scores[known], labels[known])["bins"]


def test_riskier_predictions_are_expected_to_have_more_events():
    """A shift of the inputs that the score sees is no concept drift."""
    base = calibration.baseline(*loans(1, 200_000))
    scores, labels = loans(3, 60_000)
    risky = scores > np.quantile(scores, 0.8)
    judgement = calibration.judge(base, scores[risky], labels[risky], WINDOW)
    assert judgement.metrics["event_rate"] > 1.7 * judgement.metrics["baseline_event_rate"]
    assert judgement.metrics["calibration_ratio"] == pytest.approx(1, abs=0.15)
    assert not judgement.breached


def test_many_events_of_few_predictions_are_not_significant(base):
    judgement = calibration.judge(base, *with_events(2, rows=60), WINDOW)
    finding = judgement.findings[0]
    assert finding.large
    assert not finding.significant
    assert not judgement.breached


def test_significant_but_small_is_no_breach(base):
    judgement = calibration.judge(base, *loans(4, 400_000, factor=1.5), WINDOW)
    finding = judgement.findings[0]
    assert finding.significant
    assert not finding.large
    assert not judgement.breached


def test_fewer_events_are_told_and_never_breach(base):
    judgement = calibration.judge(base, *loans(5, 100_000, factor=0.3), WINDOW)
    finding = judgement.findings[0]
    assert finding.significant
    assert finding.value < 0.5
    assert "no worse" in finding.text
    assert not judgement.breached


def test_order_of_rows_is_irrelevant(base):
    scores, labels = loans(6, 3000, factor=3)
    order = np.random.default_rng(0).permutation(3000)
    once, again = (calibration.judge(base, scores[rows], labels[rows], WINDOW) for rows in (slice(None), order))
    assert once == again

    def counts(rows):
        return [(each["count"], each["events"]) for each in calibration.baseline(scores[rows], labels[rows])["bins"]]

    assert counts(slice(None)) == counts(order)


def test_monotone_scores_give_the_same_judgement():
    scores, labels = loans(1, 15_000)
    now, happened = loans(7, 600, factor=4)
    plain = calibration.judge(calibration.baseline(scores, labels), now, happened, WINDOW).findings[0]
    odds = calibration.judge(calibration.baseline(scores * 100, labels), now * 100, happened, WINDOW).findings[0]
    assert odds.p_value == pytest.approx(plain.p_value)


def breaches(base, factor, runs=400, rows=554, threshold=0.0):
    """Windows in which the events are significantly more, or (with a threshold) breach."""
    document = {**base, "ratio_threshold": threshold}
    return sum(calibration.judge(document, *loans(1000 + k, rows, factor), WINDOW).breached for k in range(runs))


def test_false_alarms_are_no_more_than_promised_in_one_window():
    """By significance alone, without the ratio, and over baselines of 71 events: at most 1 %, tested at 0.1 %."""
    alarms = 0
    for seed in range(600):
        document = {**calibration.baseline(*loans(seed, 15_410)), "ratio_threshold": 0.0}
        alarms += calibration.judge(document, *loans(5000 + seed, 554), WINDOW).breached
    assert stats.binomtest(alarms, 600, 0.01, alternative="greater").pvalue > 0.001


def test_a_rate_four_times_as_high_is_found_in_most_windows(base):
    assert breaches(base, 4.0, threshold=calibration.RATIO) >= 0.75 * 400


def test_three_of_four_windows_confirm_it_and_chance_never_does(base):
    def months(factor, start):
        windows = (Window(START + timedelta(days=k), START + timedelta(days=k + 1)) for k in range(4))
        return [calibration.judge(base, *loans(start + k, 554, factor), one) for k, one in enumerate(windows)]

    found = sum(confirm(months(4.0, 10_000 + 4 * k), CALIBRATION, 3, 4).confirmed for k in range(50))
    false = sum(confirm(months(1.0, 20_000 + 4 * k), CALIBRATION, 3, 4).confirmed for k in range(50))
    assert found >= 40
    assert false == 0


def grouped(seed, spread, rate, months=27, rows=570):
    rng = np.random.default_rng(seed)
    parts = [loans(seed * 100 + k, rows, float(np.exp(spread * rng.normal())), rate) for k in range(months)]
    scores, labels = (np.concatenate(side) for side in zip(*parts, strict=True))
    return scores, labels, None, np.repeat(np.arange(months), rows)


def test_the_ratio_is_calibrated_on_the_baselines_windows():
    steady = [calibration.baseline(*grouped(k, 0.0, 0.1))["ratio_threshold"] for k in range(10)]
    restless = [calibration.baseline(*grouped(k, 0.4, 0.1))["ratio_threshold"] for k in range(10)]
    assert np.median(steady) < 1.4
    assert 2.0 < np.median(restless) < 4.5
    assert min(steady) >= calibration.LEAST_RATIO


def test_few_events_leave_more_room():
    """The spread between windows is less certain, and its upper bound counts."""
    many, few = (calibration.baseline(*grouped(3, 0.0, rate))["ratio_threshold"] for rate in (0.1, 0.002))
    assert few > many


def test_too_few_windows_calibrate_nothing():
    document = calibration.baseline(*grouped(1, 0.4, 0.1, months=5))
    assert (document["windows"], document["ratio_threshold"]) == (5, calibration.RATIO)


def test_a_baseline_without_events_still_judges():
    document = calibration.baseline(np.full(1000, 0.1), np.zeros(1000))
    judgement = calibration.judge(document, np.full(500, 0.1), (np.arange(500) < 12).astype(float), WINDOW)
    assert judgement.breached
    assert np.isfinite(judgement.findings[0].value)
    assert not calibration.judge(document, np.full(500, 0.1), np.zeros(500), WINDOW).breached


def test_final_labels_are_compared_with_the_scores_too():
    scores, _ = loans(1, 20_000)
    labels = (np.random.default_rng(9).random(20_000) < scores).astype(float)
    metrics = calibration.judge(calibration.baseline(scores, labels, final=True), scores, labels, WINDOW).metrics
    assert metrics["observed_to_predicted"] == pytest.approx(1, abs=0.05)
    assert metrics["mean_score"] == pytest.approx(scores.mean())
    assert "mean_score" not in calibration.judge(calibration.baseline(scores, labels), scores, labels, WINDOW).metrics


def test_an_empty_window_is_no_judgement(base):
    judgement = calibration.judge(base, [], [], WINDOW)
    assert (judgement.status, judgement.rows, judgement.findings) == (EMPTY, 0, ())
    assert calibration.plain([], [], WINDOW).status == EMPTY


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, float("nan")], [0, 1], "1 of 2 are no finite numbers"),
        ([0.1, 0.2], [0, 2], "2 found; expected 0 and 1 only"),
        ([0.1], [0, 1], "2 entries for 1 scores"),
        ([], [], "none with a known outcome"),
    ],
)
def test_what_cannot_be_counted_is_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        calibration.baseline(scores, labels)


def test_known_of_another_length_is_refused():
    with pytest.raises(ValueError, match="known: 1 entries for 2 scores"):
        calibration.baseline([0.1, 0.2], [0, 1], [True])


class TestPlain:
    def test_calibrated_probabilities_breach_no_more_often_than_promised(self):
        alarms = 0
        for seed in range(500):
            rng = np.random.default_rng(seed)
            p = rng.beta(1, 6, 400)
            alarms += calibration.plain(p, (rng.random(400) < p).astype(float), WINDOW, ratio=0.0).breached
        assert stats.binomtest(alarms, 500, 0.01, alternative="greater").pvalue > 0.001

    def test_three_times_as_many_are_found(self):
        rng = np.random.default_rng(1)
        p = rng.beta(1, 20, 1000)
        judgement = calibration.plain(p, (rng.random(1000) < 3 * p).astype(float), WINDOW)
        assert judgement.breached
        assert judgement.status == JUDGED
        assert "expected from the probabilities" in judgement.findings[0].text

    def test_what_is_no_probability_is_refused(self):
        with pytest.raises(ValueError, match="expected within 0 and 1"):
            calibration.plain([0.1, 1.2], [0, 1], WINDOW)


class TestRealLoans:
    """All loans of each month, without any model: what became of them within 24 months."""

    @pytest.fixture(scope="class")
    def months(self):
        loans = pd.read_csv(LOANS, usecols=["ApprovalDate", "ChgOffDate"])
        approved = pd.to_datetime(loans["ApprovalDate"], format="%Y-%m-%d")
        ended = pd.to_datetime(loans["ChgOffDate"], format="%d-%b-%y")
        loans["event"] = (ended <= approved + pd.DateOffset(months=24)).astype(float)
        return loans.assign(month=loans["ApprovalDate"].str[:7])

    def judged(self, months, first, last):
        is_base = months["month"] < "2003-01"
        base = months[is_base]
        document = calibration.baseline(np.zeros(len(base)), base["event"].to_numpy(), groups=base["month"].to_numpy())
        assert document["windows"] == 27
        judgements = []
        for month, loans in months[months["month"].between(first, last)].groupby("month"):
            start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
            window = Window(start, (start + timedelta(days=32)).replace(day=1))
            judgements.append(calibration.judge(document, np.zeros(len(loans)), loans["event"].to_numpy(), window))
        return judgements

    def test_while_outcomes_hold_nothing_is_confirmed(self, months):
        judgements = self.judged(months, "2003-01", "2003-12")
        assert len(judgements) == 12
        assert sum(judgement.breached for judgement in judgements) <= 1
        assert not any(confirm(judgements[:k], CALIBRATION, 3, 4).confirmed for k in range(1, 13))

    def test_when_they_worsen_it_is_confirmed(self, months):
        assert confirm(self.judged(months, "2004-09", "2004-12"), CALIBRATION, 3, 4).confirmed
