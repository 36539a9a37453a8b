"""Verdicts from counts: what decides, what does not, and what can never be said."""

import json
import math
from dataclasses import asdict, replace

import pytest


@pytest.fixture(scope="module")
def verdict(release_controller):
    return release_controller.verdict


@pytest.fixture
def experiment(release_controller):
    """50 % against 60 %: about 400 records an arm, 1,800 in all."""
    return release_controller.policy.Experiment(
        rule="planned", allocation="fixed", error_rate=0.05, power=0.8, baseline=0.5, effect=0.1, discordance=0.3,
        share_percent=50, step_percent=10, step_seconds=0, look_seconds=3600, settle_seconds=0, max_hours=672,
        block_size=100, inconclusive="keep", max_positive_change=0.05,
    )  # fmt: skip


@pytest.fixture
def open_ended(experiment):
    return replace(experiment, rule="open_ended")


@pytest.fixture
def look(verdict, experiment):
    """The verdict on blocks of (champion n, successes, candidate n, successes), all complete."""

    def _look(*blocks, experiment=experiment, looks=0, **counts):
        counts = {"complete": len(blocks)} | counts
        given = verdict.Counts(blocks=tuple(verdict.Block(*block) for block in blocks), **counts)
        return verdict.unpaired(given, experiment, 50, looks)

    return _look


@pytest.fixture
def look_at_pairs(verdict, experiment):
    """The verdict on pairs of (both, champion only, candidate only)."""

    def _look(*pairs, experiment=experiment):
        return verdict.paired(verdict.Counts(pairs=tuple(verdict.Pairs(*each) for each in pairs)), experiment, 0)

    return _look


EVEN, GOOD, BAD = (50, 25, 50, 25), (50, 22, 50, 33), (50, 33, 50, 22)


class TestUnpaired:
    def test_nothing_known_yet(self, look):
        found = look()
        assert (found.decision, found.samples, found.progress, found.spent) == ("continue", 0, 0.0, 0.0)
        assert (found.estimate, found.low, found.high) == (0.0, -1.0, 1.0)

    @pytest.mark.parametrize(("block", "decision"), [(GOOD, "better"), (BAD, "worse"), (EVEN, "no_difference")])
    def test_planned_decides_by_its_horizon(self, look, block, decision):
        found = look(*[block] * 30)
        assert (found.rule, found.decision) == ("planned", decision)
        assert found.samples <= found.horizon + 100

    @pytest.mark.parametrize(("block", "decision"), [(GOOD, "better"), (BAD, "worse"), (EVEN, "continue")])
    def test_open_end_decides_only_what_differs(self, look, open_ended, block, decision):
        found = look(*[block] * 30, experiment=open_ended)
        assert (found.rule, found.decision, found.horizon) == ("open_ended", decision, 0)

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_no_later_outcome_changes_a_verdict(self, look, experiment, rule):
        experiment = replace(experiment, rule=rule)
        decided = look(*[GOOD] * 30, experiment=experiment)
        assert look(*[GOOD] * 30, *[BAD] * 300, experiment=experiment) == decided

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_exchanging_the_arms_turns_the_verdict_round(self, look, experiment, rule):
        experiment = replace(experiment, rule=rule)
        blocks = [(60, 25, 40, 24), (30, 12, 70, 40), (50, 20, 50, 27)] * 7
        exchanged = [(n, k, m, j) for m, j, n, k in blocks]
        found, turned = look(*blocks, experiment=experiment), look(*exchanged, experiment=experiment)
        assert (found.decision, turned.decision) == ("better", "worse")
        assert (turned.estimate, turned.low, turned.high) == pytest.approx((-found.estimate, -found.high, -found.low))

    def test_order_of_blocks_does_not_move_an_undecided_estimate(self, look):
        blocks = [(50, 25, 50, 28), (80, 10, 20, 3), (20, 19, 80, 70), (50, 30, 50, 29)]
        found, turned = look(*blocks), look(*reversed(blocks))
        assert found.decision == turned.decision == "continue"
        assert (found.estimate, found.statistic, found.low) == pytest.approx(
            (turned.estimate, turned.statistic, turned.low)
        )

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_split_and_base_rate_that_change_together_are_no_difference(self, look, experiment, rule):
        """Success went from 20 % to 60 % while the share went from 10 % to 90 %: 24 % against 56 % in all."""
        blocks = [(90, 18, 10, 2)] * 20 + [(10, 6, 90, 54)] * 20
        found = look(*blocks, experiment=replace(experiment, rule=rule))
        assert found.decision in ("continue", "no_difference")
        assert found.estimate == pytest.approx(0)

    @pytest.mark.parametrize("block", [(100, 40, 0, 0), (0, 0, 100, 90)])
    def test_one_arm_says_nothing(self, look, block):
        found = look(*[block] * 100)
        assert (found.decision, found.progress, found.estimate, found.high) == ("continue", 0.0, 0.0, 1.0)

    @pytest.mark.parametrize("block", [(50, 50, 50, 50), (50, 0, 50, 0)])
    def test_arms_without_any_failure_or_success_do_not_differ(self, look, open_ended, block):
        assert look(*[block] * 30).decision == "no_difference"
        assert look(*[block] * 30, experiment=open_ended).decision == "continue"

    @pytest.mark.parametrize(("won", "decision"), [(40, "continue"), (50, "better")])
    def test_one_block_decides_alone_only_if_all_of_it_does(self, look, won, decision):
        assert look((50, 50 - won, 50, won)).decision == decision

    def test_incomplete_block_counts_for_the_plan_but_not_for_the_open_end(self, look, open_ended):
        blocks = [EVEN, (20, 10, 20, 12)]
        assert look(*blocks, complete=1).samples == 140
        assert look(*blocks, complete=1, experiment=open_ended).samples == 100

    def test_an_uneven_split_takes_longer(self, look, experiment):
        assert look(experiment=replace(experiment, share_percent=10)).horizon > 2.7 * look().horizon
        assert look(*[(90, 45, 10, 5)] * 5).progress < 0.4 * look(*[EVEN] * 5).progress

    def test_smaller_effects_and_stricter_errors_take_longer(self, look, experiment):
        assert look(experiment=replace(experiment, effect=0.05)).horizon > 3.5 * look().horizon
        assert look(experiment=replace(experiment, error_rate=0.01)).horizon > 1.3 * look().horizon
        assert look(experiment=replace(experiment, power=0.95)).horizon > 1.3 * look().horizon

    def test_error_is_spent_by_and_by_and_never_more_than_allowed(self, look):
        spent = [look(*[EVEN] * n).spent for n in range(40)]
        assert spent == sorted(spent)
        assert 0 < spent[3] < 0.001
        assert spent[-1] == pytest.approx(0.05)

    def test_interval_of_a_plan_leaves_zero_out_when_it_decides(self, look):
        undecided, decided = look(*[GOOD] * 2), look(*[GOOD] * 30)
        assert undecided.low < 0 < undecided.estimate
        assert 0 < decided.low < decided.estimate < decided.high

    def test_interval_of_an_open_end_narrows(self, look, open_ended):
        widths = [look(*[EVEN] * n, experiment=open_ended) for n in (5, 20, 80, 1000)]
        assert [found.high - found.low for found in widths] == sorted((w.high - w.low for w in widths), reverse=True)
        assert widths[-1].high < 0.01 + 3 * 0.5 / math.sqrt(25_000)

    def test_progress_of_an_open_end_is_its_evidence(self, look, open_ended):
        some, enough = look(GOOD, experiment=open_ended), look(*[GOOD] * 30, experiment=open_ended)
        assert 0 < some.progress < 1 == enough.progress
        assert enough.statistic >= enough.boundary == 20
        assert enough.spent == pytest.approx(1 / enough.statistic)

    def test_explains_itself_with_its_numbers(self, look):
        found = look(*[GOOD] * 30, looks=4)
        assert found.explanation.startswith(f"The candidate is better: after {found.samples} outcomes")
        assert f"{100 * found.estimate:+.2f} points (interval {100 * found.low:+.2f}" in found.explanation
        assert found.looks == 5
        assert found.explanation.endswith("look 5.")

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    @pytest.mark.parametrize(
        "block", [EVEN, (50, 0, 50, 50), (1, 1, 1, 0), (0, 0, 1, 1), (1_000_000, 0, 1_000_000, 400)]
    )
    def test_everything_fits_into_json(self, look, experiment, rule, block):
        found = look(*[block] * 40, experiment=replace(experiment, rule=rule))
        assert json.loads(json.dumps(asdict(found), allow_nan=False))["decision"] == found.decision


class TestPaired:
    def test_nothing_known_yet(self, look_at_pairs):
        found = look_at_pairs()
        assert (found.decision, found.samples, found.low, found.high) == ("continue", 0, -1.0, 1.0)

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_only_pairs_with_one_right_decide(self, look_at_pairs, experiment, rule):
        experiment = replace(experiment, rule=rule)
        agreed = look_at_pairs(*[(1000, 0, 0)] * 10, experiment=experiment)
        found = look_at_pairs(*[(0, 10, 25)] * 10, experiment=experiment)
        mixed = look_at_pairs(*[(1000, 10, 25)] * 10, experiment=experiment)
        assert (agreed.decision, agreed.samples, agreed.progress) == ("continue", 10_000, 0.0)
        assert found.decision == mixed.decision == "better"
        assert found.statistic == mixed.statistic

    def test_a_tie_is_no_difference_at_the_horizon(self, look_at_pairs, experiment):
        tied = [(70, 15, 15)] * 30
        found = look_at_pairs(*tied)
        assert (found.decision, found.estimate, found.statistic) == ("no_difference", 0.0, 0.0)
        assert look_at_pairs(*tied, experiment=replace(experiment, rule="open_ended")).decision == "continue"

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_exchanging_the_models_turns_the_verdict_round(self, look_at_pairs, experiment, rule):
        experiment = replace(experiment, rule=rule)
        found = look_at_pairs(*[(70, 8, 22)] * 10, experiment=experiment)
        turned = look_at_pairs(*[(70, 22, 8)] * 10, experiment=experiment)
        assert (found.decision, turned.decision) == ("better", "worse")
        assert (turned.estimate, turned.low) == pytest.approx((-found.estimate, -found.high))

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    def test_no_later_outcome_changes_a_verdict(self, look_at_pairs, experiment, rule):
        experiment = replace(experiment, rule=rule)
        decided = look_at_pairs(*[(70, 8, 22)] * 10, experiment=experiment)
        assert look_at_pairs(*[(70, 8, 22)] * 10, *[(0, 100, 0)] * 10, experiment=experiment) == decided

    def test_needs_fewer_outcomes_than_a_challenger(self, look, look_at_pairs, experiment):
        independent = 0.5 * 0.4 + 0.6 * 0.5
        worst = look_at_pairs(experiment=replace(experiment, discordance=independent))
        assert look_at_pairs().horizon < 0.4 * look().horizon
        assert worst.horizon < 0.6 * look().horizon

    def test_estimate_is_the_difference_of_the_success_rates(self, look_at_pairs):
        found = look_at_pairs((80, 5, 15))
        assert found.estimate == pytest.approx(0.10)
        assert found.low < 0.10 < found.high

    def test_explains_itself_in_pairs(self, look_at_pairs):
        assert "after 100 pairs" in look_at_pairs((80, 5, 15)).explanation

    @pytest.mark.parametrize("rule", ["planned", "open_ended"])
    @pytest.mark.parametrize("pairs", [(0, 0, 1), (0, 1_000_000, 0), (10**9, 5, 5), (0, 50, 50)])
    def test_everything_fits_into_json(self, look_at_pairs, experiment, rule, pairs):
        found = look_at_pairs(pairs, experiment=replace(experiment, rule=rule))
        assert json.loads(json.dumps(asdict(found), allow_nan=False))["decision"] == found.decision


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"effect": 0.0}, "experiment.effect"),
        ({"effect": -0.1}, "experiment.effect"),
        ({"baseline": 0.95}, "experiment.baseline"),
        ({"baseline": 0.0}, "experiment.baseline"),
        ({"discordance": 0.1}, "experiment.discordance"),
        ({"share_percent": 100}, "experiment.share_percent"),
    ],
)
def test_a_plan_that_cannot_be_is_named(look, look_at_pairs, experiment, wrong, setting):
    for judge in (look, look_at_pairs):
        with pytest.raises(ValueError, match=setting):
            judge(experiment=replace(experiment, **wrong))


class TestMismatch:
    @pytest.fixture
    def split(self, verdict, experiment):
        def _split(champion, candidate, share_percent=50, block=EVEN):
            traffic = verdict.Traffic(0, 0, 0, 0, champion, candidate)
            counts = verdict.Counts((verdict.Block(*block),) * 30, (), traffic, 30)
            return verdict.unpaired(counts, experiment, share_percent, 0)

        return _split

    @pytest.mark.parametrize("block", [GOOD, BAD, EVEN])
    def test_requests_that_are_not_split_as_planned_stop_the_verdict(self, split, block):
        found = split(5000, 4000, block=block)
        assert found.decision == "mismatch"
        assert found.explanation.startswith("No verdict, since 4000 of 9000 requests (44.4%) reached the candidate")

    @pytest.mark.parametrize(
        ("champion", "candidate", "share"),
        [(0, 0, 50), (1, 0, 50), (5000, 4900, 50), (9000, 1030, 10), (0, 500, 100), (500, 0, 0)],
    )
    def test_chance_is_no_mismatch_and_nor_is_a_share_that_leaves_none(self, split, champion, candidate, share):
        assert split(champion, candidate, share, block=GOOD).decision == "better"

    def test_candidate_that_gets_nothing_is_noticed(self, split):
        assert split(60, 0).decision == "mismatch"


class TestPositiveChange:
    def look(self, verdict, experiment, *traffic):
        return verdict.positive_change(verdict.Traffic(*traffic, 0, 0), experiment, paired=True)

    @pytest.mark.parametrize("change", [0.1, -0.1])
    def test_beyond_the_limit_for_sure(self, verdict, experiment, change):
        found = self.look(verdict, experiment, 5000, 5000, 3500, 3500 + round(5000 * change))
        assert found.exceeded
        assert found.change == pytest.approx(change)
        assert "beyond the limit of 5 points" in found.explanation

    @pytest.mark.parametrize(
        "traffic",
        [(0, 0, 0, 0), (10, 0, 5, 0), (10, 10, 5, 8), (1000, 1000, 700, 770), (9000, 9000, 700, 800)],
    )
    def test_not_without_evidence_nor_within_the_limit(self, verdict, experiment, traffic):
        found = self.look(verdict, experiment, *traffic)
        assert not found.exceeded
        assert found.low <= found.change <= found.high

    def test_no_limit_is_exceeded_where_everything_is_allowed(self, verdict, experiment):
        anything = replace(experiment, max_positive_change=1.0)
        assert not self.look(verdict, anything, 1000, 1000, 0, 1000).exceeded


class TestThompsonShare:
    @pytest.fixture
    def share(self, verdict, experiment):
        def _share(*blocks, complete=None):
            given = tuple(verdict.Block(*block) for block in blocks)
            return verdict.thompson_share(
                verdict.Counts(given, complete=len(given) if complete is None else complete), experiment
            )

        return _share

    def test_even_where_nothing_is_known(self, share):
        assert share() == share(EVEN) == 50

    def test_follows_the_successes_between_floor_and_ceiling(self, share):
        shares = [share((50, 25, 50, successes)) for successes in range(51)]
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (10, 90)
        assert 60 < shares[28] < 80

    def test_waits_for_whole_blocks(self, share):
        assert share(EVEN, (10, 0, 10, 10), complete=1) == 50
