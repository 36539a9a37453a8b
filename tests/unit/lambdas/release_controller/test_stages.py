"""How a candidate goes from stage to stage: people, guardrails, verdicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.lambdas.release_controller.observations import NOW, Observations, arn

BOTH = {1: "Approved", 2: "Approved"}


@pytest.fixture
def o(release_controller):
    return Observations(release_controller)


@pytest.fixture
def judged(o, monkeypatch):
    """Let the statistics find what a test says; returns the verdict that they give."""

    def find(decision, *, exceeded=False, samples=120, share=50):
        found = o.v.Verdict(
            decision, "planned", 0.1, 0.02, 0.18, samples, 400, 0.3, 2.5, 2.2, 0.01, 3, f"is {decision}"
        )
        guardrail = o.v.Guardrail(exceeded, 0.4, 0.3, 0.5, "approves far fewer")
        statistics = o.m.stages.statistics
        monkeypatch.setattr(statistics, "paired", lambda counts, experiment, looks: found)
        monkeypatch.setattr(statistics, "unpaired", lambda counts, experiment, share_percent, looks: found)
        monkeypatch.setattr(statistics, "positive_change", lambda traffic, experiment, paired: guardrail)
        monkeypatch.setattr(statistics, "thompson_share", lambda counts, experiment: share)
        return found

    return find


def in_shadow(o, **changes):
    values = {"shadow": arn(2), "stack_shadow": arn(2), "candidate": f"{arn(2)} shadow", "packages": BOTH}
    values |= {"policy": o.policy("shadow", "challenger"), "alarming": (), "counts": o.v.Counts()}
    return o.serving(1, **values | changes)


def as_challenger(o, share=50, **changes):
    values = {"challenger": arn(2), "stack_challenger": arn(2), "candidate": f"{arn(2)} challenger", "packages": BOTH}
    values |= {"weight": str(share), "endpoint": o.in_service(1, challenger=share), "alarming": ()}
    values |= {"policy": o.policy("shadow", "challenger"), "counts": o.v.Counts(), "metadata": {arn(2): {}}}
    return o.serving(1, **values | changes)


class TestBeginning:
    def test_first_version_replaces_nothing_and_needs_no_experiment(self, o):
        fresh = o.serving(
            1, champion="none", stack_champion="none", released="none", config="", packages={1: "Approved"}
        )
        fresh = replace(fresh, endpoint=None, policy=o.policy("shadow", "challenger"))
        assert o.plan(fresh).stage == "promote"

    def test_next_version_begins_with_the_first_stage(self, o):
        serving = o.serving(1, packages=BOTH, policy=o.policy("shadow", "challenger"))
        assert o.plan(serving) == o.s.Look("metadata", arn(2))
        action = o.plan(replace(serving, metadata={arn(2): {}}))
        assert (action.package, action.stage) == (arn(2), "shadow")

    def test_hotfix_skips_the_experiment(self, o):
        serving = o.serving(1, packages=BOTH, policy=o.policy("shadow"))
        action = o.plan(replace(serving, metadata={arn(2): {"release_strategy": "replace"}}))
        assert action.stage == "promote"

    def test_environment_takes_only_what_another_one_passed(self, o):
        asks = o.serving(1, packages=BOTH | {3: "Approved"}, policy=o.policy(evidence=("staging-tests",)))
        assert o.plan(asks) == o.s.Look("metadata", arn(3))
        asks = replace(asks, metadata={arn(3): {"staging-tests": "failed: slow"}})
        assert o.plan(asks) == o.s.Look("metadata", arn(2))
        passed = replace(asks, metadata={**asks.metadata, arn(2): {"staging-tests": "passed"}})
        assert o.plan(passed).package == arn(2)
        nothing = replace(asks, metadata={**asks.metadata, arn(2): {}})
        assert o.plan(nothing) == o.s.Wait("version 3 waits for staging-tests = passed")

    def test_environment_takes_only_what_a_second_person_released(self, o):
        asks = o.serving(1, packages=BOTH, policy=o.policy(second_person=True))
        assert "second person" in o.plan(asks).reason
        allowed = o.serving(1, packages=BOTH, policy=o.policy(second_person=True), allowed=arn(2))
        assert o.plan(allowed).package == arn(2)

    def test_paused_nothing_begins(self, o):
        assert "paused" in o.plan(o.serving(1, packages=BOTH, command="pause")).reason


class TestShadow:
    def test_parameter_then_stack(self, o):
        begun = in_shadow(o, shadow="none", stack_shadow="none")
        assert o.plan(begun).name == "shadow"
        written = in_shadow(o, stack_shadow="none", attempt=o.s.Attempt())
        assert isinstance(o.plan(written), o.s.Apply)

    def test_looks_at_alarms_then_counts(self, o):
        assert o.plan(in_shadow(o, alarming=None)) == o.s.Look("alarming")
        assert o.plan(in_shadow(o, counts=None)) == o.s.Look("counts")
        assert o.plan(in_shadow(o, counts=None, counting="query q-1 is running")) == o.s.Wait("query q-1 is running")

    def test_alarm_of_its_variant_ends_it(self, o):
        action = o.plan(in_shadow(o, alarming=("shadow-errors",)))
        assert (action.outcome, action.package) == ("failed", arn(2))
        assert "shadow-errors" in action.reason

    def test_better_goes_to_the_next_stage_with_its_verdict(self, o, judged):
        found = judged("better")
        assert o.plan(in_shadow(o)) == o.s.Begin(arn(2), "challenger", "is better", found)
        assert o.plan(in_shadow(o, policy=o.policy("shadow"))).stage == "promote"

    def test_worse_has_lost(self, o, judged):
        found = judged("worse")
        assert o.plan(in_shadow(o)) == o.s.End(arn(2), "lost", "is worse", found)

    @pytest.mark.parametrize(("inconclusive", "kind"), [("keep", "End"), ("promote", "Begin")])
    def test_no_difference_follows_the_setting(self, o, judged, inconclusive, kind):
        judged("no_difference")
        policy = o.policy("shadow", experiment={"inconclusive": inconclusive})
        assert type(o.plan(in_shadow(o, policy=policy))).__name__ == kind

    def test_time_that_is_up_is_no_difference(self, o, judged):
        judged("continue")
        late = in_shadow(o, now=NOW + timedelta(hours=99))
        action = o.plan(late)
        assert action.outcome == "inconclusive"
        assert "100 hours" in action.reason

    def test_undecided_look_is_noted_once_and_told_to_nobody(self, o, judged):
        judged("continue", samples=120)
        look = o.plan(in_shadow(o))
        note = o.plan(in_shadow(o, noted={look.of: False}))
        assert (note.kind, note.tell, note.verdict.samples) == ("look", False, 120)
        assert o.plan(in_shadow(o, noted={look.of: True})) == o.s.Wait("is continue")
        judged("continue", samples=121)
        assert o.plan(in_shadow(o, noted={look.of: True})).at == "noted"

    def test_nothing_known_yet_is_no_look(self, o, judged):
        judged("continue", samples=0)
        assert isinstance(o.plan(in_shadow(o)), o.s.Wait)

    def test_guardrail_ends_it_whatever_the_verdict(self, o, judged):
        judged("better", exceeded=True)
        assert o.plan(in_shadow(o)).outcome == "failed"

    def test_withdrawn_approval_ends_it(self, o):
        assert o.plan(in_shadow(o, packages={1: "Approved", 2: "Rejected"})).outcome == "rejected"

    def test_newer_approved_version_supersedes_it(self, o):
        action = o.plan(in_shadow(o, packages=BOTH | {3: "Approved"}, metadata={arn(3): {}}))
        assert (action.package, action.stage) == (arn(3), "shadow")
        assert "supersedes" in action.reason

    def test_paused_it_stays_as_it_is_but_alarms_still_end_it(self, o, judged):
        judged("better")
        assert "paused" in o.plan(in_shadow(o, command="pause")).reason
        assert isinstance(o.plan(in_shadow(o, command="pause", alarming=("errors",))), o.s.End)

    def test_shadow_goes_before_the_champion_is_replaced(self, o):
        """A canary needs the same variants before and after."""
        on_the_way = in_shadow(o, candidate=f"{arn(2)} promote")
        assert o.plan(on_the_way) == o.s.Write("shadow", "none", "the candidate is not in shadow")
        gone = in_shadow(o, candidate=f"{arn(2)} promote", shadow="none", attempt=o.s.Attempt())
        assert isinstance(o.plan(gone), o.s.Apply)
        settled = in_shadow(o, candidate=f"{arn(2)} promote", shadow="none", stack_shadow="none")
        assert o.plan(settled).name == "champion"


class TestChallenger:
    def test_comes_after_the_shadow_has_gone_in_one_update(self, o):
        begun = in_shadow(o, candidate=f"{arn(2)} challenger", attempt=o.s.Attempt())
        assert o.plan(begun).name == "shadow"
        nearly = in_shadow(o, candidate=f"{arn(2)} challenger", attempt=o.s.Attempt(), shadow="none")
        assert o.plan(nearly).name == "challenger"
        ready = in_shadow(o, candidate=f"{arn(2)} challenger", attempt=o.s.Attempt(), shadow="none", challenger=arn(2))
        assert isinstance(o.plan(ready), o.s.Apply)

    def test_share_rises_in_steps_that_wait_for_alarms(self, o):
        assert o.plan(as_challenger(o, 0)).value == "20"
        early = as_challenger(o, 20, weighted=NOW - timedelta(seconds=599))
        assert isinstance(o.plan(early), o.s.Wait)
        assert o.plan(as_challenger(o, 20, weighted=NOW - timedelta(seconds=600))).value == "40"
        assert o.plan(as_challenger(o, 40)).value == "50"

    def test_weights_follow_the_parameter(self, o):
        behind = as_challenger(o, 40, endpoint=o.in_service(1, challenger=20))
        assert o.plan(behind) == o.s.Shift(40, "the challenger is to have 40 % of the requests")

    def test_scaling_target_comes_with_the_first_share(self, o):
        waits = as_challenger(o, 20, scaled=False, endpoint=o.in_service(1, challenger=0), attempt=o.s.Attempt())
        assert isinstance(o.plan(waits), o.s.Apply)

    def test_better_replaces_the_champion_and_stays_beside_it_meanwhile(self, o, judged):
        judged("better")
        assert o.plan(as_challenger(o)).stage == "promote"
        promoted = as_challenger(o, candidate=f"{arn(2)} promote")
        assert o.plan(promoted).name == "champion"

    def test_after_promotion_leaves_at_weight_0_and_unscaled(self, o):
        promoted = {"candidate": f"{arn(2)} promote", "champion": arn(2), "stack_champion": arn(2), "released": arn(2)}
        assert o.plan(as_challenger(o, 50, **promoted)) == o.s.Write(
            "challenger-weight", "0", "the challenger leaves at weight 0"
        )
        zero = promoted | {"weight": "0", "scaled": True}
        assert isinstance(o.plan(as_challenger(o, 50, **zero)), o.s.Shift)
        still = as_challenger(o, 0, **zero, attempt=o.s.Attempt())
        assert isinstance(o.plan(still), o.s.Apply)
        assert o.plan(as_challenger(o, 0, **zero | {"scaled": False})).name == "challenger"
        gone = as_challenger(o, 0, **promoted, challenger="none", stack_challenger="none", endpoint=o.in_service(1))
        assert o.plan(gone) == o.s.Write("candidate", "none", "version 2 has arrived: it is the champion")

    def test_loser_gives_its_traffic_back_before_anything_else(self, o, judged):
        judged("worse")
        assert o.plan(as_challenger(o)).outcome == "lost"
        lost = as_challenger(o, failed=arn(2), weight="0", endpoint=o.in_service(1, challenger=50), scaled=True)
        assert isinstance(o.plan(lost), o.s.Shift)

    def test_mismatch_holds_the_verdict_and_is_told_once(self, o, judged):
        judged("mismatch")
        look = o.plan(as_challenger(o))
        note = o.plan(as_challenger(o, noted={look.of: False}))
        assert (note.kind, note.tell) == ("hold", True)
        assert isinstance(o.plan(as_challenger(o, noted={look.of: True})), o.s.Wait)

    def test_mismatch_promotes_nobody_when_time_is_up(self, o, judged):
        judged("mismatch")
        policy = o.policy("challenger", experiment={"inconclusive": "promote"})
        late = as_challenger(o, policy=policy, now=NOW + timedelta(hours=99))
        assert o.plan(late).outcome == "inconclusive"

    def test_thompson_moves_the_share_and_nothing_else(self, o, judged):
        judged("continue", share=70)
        policy = o.policy("challenger", experiment={"rule": "open_ended", "allocation": "thompson"})
        look = o.plan(as_challenger(o, policy=policy))
        moved = o.plan(as_challenger(o, policy=policy, noted={look.of: True}))
        assert (moved.name, moved.value) == ("challenger-weight", "70")
        judged("continue", share=53)
        assert isinstance(o.plan(as_challenger(o, policy=policy, noted={look.of: True})), o.s.Wait)

    def test_superseded_it_leaves_before_the_next_one_comes(self, o):
        newer = as_challenger(o, packages=BOTH | {3: "Approved"}, candidate=f"{arn(3)} shadow")
        assert o.plan(newer).name == "challenger-weight"
        successor = as_challenger(o, 0, packages=BOTH | {3: "Approved"}, candidate=f"{arn(3)} challenger")
        assert o.plan(successor) == o.s.Write("challenger", arn(3), "the challenger has no traffic any more")


class TestPeople:
    def test_rejected_champion_goes_back_to_the_version_before(self, o):
        rejected = o.serving(2, packages={1: "Approved", 2: "Rejected"}, previous=arn(1), failed="none")
        assert o.plan(rejected) == o.s.Rollback(arn(2), arn(1), "the champion was rejected in the registry")

    @pytest.mark.parametrize("previous", ["none", arn(1)])
    def test_rejected_champion_without_a_version_before_calls_for_a_person(self, o, previous):
        rejected = o.serving(2, packages={1: "Rejected", 2: "Rejected"}, previous=previous)
        look = o.plan(rejected)
        action = o.plan(replace(rejected, noted={look.of: False}))
        assert (type(action), action.what) == (o.s.AskForHelp, "version")
        assert isinstance(o.plan(replace(rejected, noted={look.of: True})), o.s.Wait)

    def test_rollback_to_the_version_before_or_to_a_named_one(self, o):
        three = {1: "Approved", 2: "Approved", 3: "Approved"}
        asked = o.serving(3, packages=three, previous=arn(2), command="rollback")
        assert o.plan(asked) == o.s.Rollback(arn(3), arn(2), "a person asked for it")
        named = o.serving(3, packages=three, previous=arn(2), command=f"rollback {arn(1)}")
        assert o.plan(named).to == arn(1)

    def test_rollback_is_consumed_when_it_is_under_way(self, o):
        under_way = o.serving(2, packages=BOTH, previous=arn(1), failed=arn(2), command="rollback")
        under_way = replace(
            under_way, parameters=replace(under_way.parameters, candidate=o.parameter(f"{arn(1)} rollback"))
        )
        assert o.plan(under_way) == o.s.Write("command", "none", "the rollback is under way")

    @pytest.mark.parametrize(
        ("command", "why"),
        [
            ("rollback", "no version before"),
            (f"rollback {arn(2)}", "no version before"),
            (f"rollback {arn(1)}", "not approved"),
            (f"promote {arn(9)}", "not approved"),
            (f"promote {arn(3)}", "not approved"),
        ],
    )
    def test_command_that_cannot_be_done_is_refused_then_taken_away(self, o, command, why):
        asked = o.serving(2, packages={1: "PendingManualApproval", 2: "Approved", 3: "Rejected"}, command=command)
        look = o.plan(asked)
        note = o.plan(replace(asked, noted={look.of: False}))
        assert (note.kind, note.tell) == ("refused", True)
        assert why in note.reason
        assert o.plan(replace(asked, noted={look.of: True})).value == "none"

    def test_promote_goes_past_the_experiment_but_not_past_the_evidence(self, o):
        asked = in_shadow(o, command=f"promote {arn(2)}")
        assert o.plan(asked) == o.s.Begin(arn(2), "promote", "a person asked for it")
        strict = in_shadow(o, command=f"promote {arn(2)}", policy=o.policy("shadow", second_person=True))
        look = o.plan(strict)
        assert "second person" in o.plan(replace(strict, noted={look.of: False})).reason

    def test_rollback_during_an_experiment_takes_the_candidate_away_too(self, o):
        three = {1: "Approved", 2: "Approved", 3: "Approved"}
        values = {"shadow": arn(3), "stack_shadow": arn(3), "previous": arn(1), "packages": three}
        asked = o.serving(2, **values, candidate=f"{arn(3)} shadow", command="rollback")
        assert o.plan(asked) == o.s.Rollback(arn(2), arn(1), "a person asked for it")
        written = o.serving(2, **values, candidate=f"{arn(1)} rollback", failed=arn(2))
        assert o.plan(written).name == "shadow"


class TestResting:
    def test_tests_of_a_released_version_are_started_once_an_hour_until_their_result_is_there(self, o):
        tested = o.serving(1, packages={1: "Approved"}, policy=o.policy(tests=True))
        assert o.plan(tested) == o.s.Look("metadata", arn(1))
        tested = replace(tested, metadata={arn(1): {}})
        look = o.plan(tested)
        assert o.plan(replace(tested, noted={look.of: False})) == o.s.Test(arn(1), look.of)
        assert isinstance(o.plan(replace(tested, noted={look.of: True})), o.s.Wait)
        later = replace(tested, noted={look.of: True}, now=NOW + timedelta(hours=1))
        assert o.plan(later).at == "noted"
        assert isinstance(o.plan(replace(tested, metadata={arn(1): {"test-tests": "passed"}})), o.s.Wait)

    def test_retires_the_oldest_version_beyond_those_kept_that_nothing_needs(self, o):
        many = dict.fromkeys(range(1, 8), "Rejected") | {1: "Approved", 7: "Approved"}
        resting = o.serving(7, packages=many, previous=arn(1), policy=o.policy(keep_versions=3))
        assert o.plan(resting).package == arn(2)
        few = o.serving(7, packages={1: "Approved", 6: "Rejected", 7: "Approved"}, previous=arn(1))
        assert isinstance(o.plan(replace(few, policy=o.policy(keep_versions=1))), o.s.Retire)
        assert isinstance(o.plan(replace(few, policy=o.policy(keep_versions=2))), o.s.Wait)
        assert isinstance(o.plan(replace(few, policy=o.policy(keep_versions=0))), o.s.Wait)
