"""Each decision, from the smallest observation that leads to it: stack, endpoint and parameters in step."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from tests.unit.lambdas.release_controller.observations import NOW, Observations, arn

ENDED = "UPDATE_COMPLETE"


@pytest.fixture
def o(release_controller):
    return Observations(release_controller)


def test_asks_for_one_observation_at_a_time(o):
    serving = o.serving(1)
    assert o.plan(serving) == o.s.Look("endpoint")
    serving = replace(serving, endpoint=o.in_service(1))
    assert o.plan(serving) == o.s.Look("packages")
    serving = replace(serving, packages=o.packages({1: "Approved", 2: "Approved"}))
    assert o.plan(serving) == o.s.Begin(arn(2), "promote", "it is the newest approved version")


@pytest.mark.parametrize(
    ("packages", "failed", "reason"),
    [
        ({}, 0, "no version is approved"),
        ({1: "Approved"}, 0, "the newest approved version is released"),
        ({1: "Approved", 2: "PendingManualApproval"}, 0, "the newest approved version is released"),
        ({1: "Approved", 10: "Approved"}, 10, "version 10 is not newer than the one that failed last"),
        ({1: "Approved", 9: "Approved"}, 10, "version 9 is not newer than the one that failed last"),
    ],
)
def test_waits_with_its_reason(o, packages, failed, reason):
    serving = o.serving(1, packages=packages, failed=arn(failed) if failed else "none")
    assert o.plan(serving) == o.s.Wait(reason)


def test_versions_are_compared_as_numbers(o):
    assert o.plan(o.serving(9, packages={9: "Approved", 10: "Approved"})).package == arn(10)
    older = o.plan(o.serving(9, packages={8: "Approved", 9: "PendingManualApproval"}))
    assert older == o.s.Wait("the newest approved version 8 is older than the champion")


def test_parameter_without_operation_is_applied(o):
    written = o.serving(1, champion=arn(2), candidate=f"{arn(2)} promote", endpoint=o.in_service(1))
    assert o.plan(written) == o.s.Look("attempt")
    assert isinstance(o.plan(replace(written, attempt=o.s.Attempt())), o.s.Apply)


def test_busy_endpoint_is_not_updated_after_a_crash_either(o):
    written = o.serving(1, champion=arn(2), candidate=f"{arn(2)} promote", attempt=o.s.Attempt())
    written = replace(written, endpoint=replace(o.in_service(1), status="Updating"))
    assert o.plan(written) == o.s.Wait("the endpoint is Updating: it must be InService to go on")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_rolled_back_operation_is_a_failed_release(o, status):
    written = o.serving(1, champion=arn(2), candidate=f"{arn(2)} promote", endpoint=o.in_service(1))
    written = replace(written, attempt=o.s.Attempt(status, "Endpoint: alarm fired"))
    assert o.plan(written) == o.s.Revert(arn(2), {"failed": arn(2), "champion": arn(1)}, "Endpoint: alarm fired")


@pytest.mark.parametrize("stage", ["shadow", "challenger"])
def test_variant_that_does_not_start_is_a_failed_candidate(o, stage):
    written = o.serving(1, **{stage: arn(2)}, candidate=f"{arn(2)} {stage}", endpoint=o.in_service(1))
    action = o.plan(replace(written, attempt=o.s.Attempt("UPDATE_ROLLBACK_COMPLETE", "why")))
    assert action == o.s.Revert(arn(2), {"failed": arn(2), stage: "none"}, "why")


def test_rollback_that_failed_is_not_tried_for_ever(o):
    """`failed` stays at what was rolled back from, and nothing leads to the older version again."""
    written = o.serving(4, champion=arn(2), candidate=f"{arn(2)} rollback", failed=arn(4), previous=arn(2))
    written = replace(written, endpoint=o.in_service(4), attempt=o.s.Attempt("UPDATE_ROLLBACK_COMPLETE", "why"))
    assert o.plan(written) == o.s.Revert(arn(2), {"previous": "none", "candidate": "none", "champion": arn(4)}, "why")


def test_variant_that_cannot_be_taken_away_calls_for_a_person_and_blames_nobody(o):
    written = o.serving(2, stack_challenger=arn(2), candidate=f"{arn(2)} promote", endpoint=o.in_service(2))
    written = replace(written, attempt=o.s.Attempt("UPDATE_ROLLBACK_COMPLETE", "Endpoint: busy"))
    look = o.plan(written)
    assert look.at == "noted"
    help_needed = o.plan(replace(written, noted={look.of: False}))
    assert isinstance(help_needed, o.s.AskForHelp)
    assert "Endpoint: busy" in help_needed.remedy
    assert isinstance(o.plan(replace(written, noted={look.of: True})), o.s.Wait)


def test_version_that_failed_is_put_back_untried_whoever_wrote_it(o):
    written = o.serving(1, champion=arn(2), failed=arn(2), endpoint=o.in_service(1), attempt=o.s.Attempt())
    action = o.plan(written)
    assert action == o.s.Revert(
        arn(2), {"champion": arn(1)}, "it failed before, and a failed version is never tried again"
    )


def test_operation_that_began_after_the_stack_was_described_is_waited_for(o):
    written = o.serving(1, champion=arn(2), candidate=f"{arn(2)} promote", endpoint=o.in_service(1))
    assert isinstance(o.plan(replace(written, attempt=o.s.Attempt("UPDATE_ROLLBACK_IN_PROGRESS"))), o.s.Wait)


def test_release_undone_by_another_operation_is_made_again_under_a_new_token(o):
    written = o.serving(1, champion=arn(2), candidate=f"{arn(2)} promote", endpoint=o.in_service(1))
    action = o.plan(replace(written, attempt=o.s.Attempt(ENDED)))
    assert action == o.s.Write("champion", arn(2), "another operation of the stack undid its release")


def test_done_when_the_endpoint_serves_what_the_stack_asked_for(o):
    through = o.serving(2, released=arn(1), candidate=f"{arn(2)} promote", endpoint=o.in_service(2))
    assert o.plan(through) == o.s.Done(arn(2), 1, previous=arn(1))
    changing = replace(through, endpoint=replace(o.in_service(2), status="Updating"))
    assert isinstance(o.plan(changing), o.s.Wait)


def test_what_was_rolled_back_from_is_not_the_version_before(o):
    through = o.serving(1, released=arn(2), failed=arn(2), candidate=f"{arn(1)} rollback", endpoint=o.in_service(1))
    assert o.plan(through) == o.s.Done(arn(1), 1, previous="")
    # Another version failed since: `failed` names that one.
    later = o.serving(1, released=arn(2), failed=arn(3), candidate=f"{arn(1)} rollback", endpoint=o.in_service(1))
    assert o.plan(later) == o.s.Done(arn(1), 1, previous="")


def test_endpoint_that_went_back_by_itself_is_a_failed_release(o):
    """The stack says complete, but the endpoint is in service with the configuration from before."""
    silent = o.serving(2, released=arn(1), candidate=f"{arn(2)} promote")
    action = o.plan(replace(silent, endpoint=replace(o.in_service(1), reason="alarm fired")))
    assert (action.package, action.values) == (arn(2), {"failed": arn(2), "champion": arn(1)})
    assert "config-1" in action.reason
    assert "alarm fired" in action.reason


def test_variant_that_the_endpoint_did_not_take_is_a_failed_candidate(o):
    silent = o.serving(1, shadow=arn(2), stack_shadow=arn(2), candidate=f"{arn(2)} shadow", config="config-1-2")
    action = o.plan(replace(silent, endpoint=o.in_service(1)))
    assert action.package == arn(2)
    assert action.values["failed"] == arn(2)
    assert action.values["shadow"] == "none"


def test_endpoint_with_an_old_configuration_and_no_candidate_calls_for_a_person(o):
    odd = o.serving(1, config="config-9", endpoint=o.in_service(1))
    look = o.plan(odd)
    assert look.at == "noted"
    assert isinstance(o.plan(replace(odd, noted={look.of: False})), o.s.AskForHelp)


def test_parameter_made_anew_does_not_take_the_endpoint_down(o):
    anew = o.serving(1, champion="none", released="none")
    assert o.plan(anew) == o.s.Write("champion", arn(1), "the parameter was created anew; the stack knows who serves")


@pytest.mark.parametrize(
    "status", ["UPDATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED", "A_NEW_STATUS"]
)
def test_stack_that_needs_a_person_is_told_once_a_day(o, status):
    stuck = o.serving(1, status=status)
    look = o.plan(stuck)
    assert look.at == "noted"
    action = o.plan(replace(stuck, noted={look.of: False}))
    assert isinstance(action, o.s.AskForHelp)
    assert (action.what, action.status) == ("stack", status)
    assert action.remedy
    assert isinstance(o.plan(replace(stuck, noted={look.of: True})), o.s.Wait)
    tomorrow = replace(stuck, noted={look.of: True}, now=NOW.replace(day=NOW.day + 1))
    assert o.plan(tomorrow).at == "noted"


@pytest.mark.parametrize("status", ["UpdateRollbackFailed", "Failed"])
def test_endpoint_that_needs_a_person_is_told(o, status):
    sick = o.serving(1, endpoint=replace(o.in_service(1), status=status, reason="no capacity"))
    look = o.plan(sick)
    assert look.at == "noted"
    action = o.plan(replace(sick, noted={look.of: False}))
    assert isinstance(action, o.s.AskForHelp)
    assert action.what == "endpoint"
    assert "no capacity" in action.status


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "MISSING"])
def test_busy_or_missing_stack_needs_no_other_observation(o, status):
    assert isinstance(o.plan(o.serving(1, champion=arn(2), status=status)), o.s.Wait)


def test_model_that_is_switched_off_is_noted_once_and_left_alone(o):
    off = o.serving(1, packages={1: "Approved", 2: "Approved"})
    off = replace(off, policy=replace(off.policy, enabled=False))
    look = o.plan(off)
    assert look.at == "noted"
    assert o.plan(replace(off, noted={look.of: False})).kind == "switched-off"
    assert isinstance(o.plan(replace(off, noted={look.of: True})), o.s.Wait)


@pytest.mark.parametrize(
    ("package", "version"),
    [(arn(12), 12), ("none", 0), ("", 0), ("arn:aws:s3:::bucket/7", 0), (arn(1) + "x", 0)],
)
def test_version_is_the_end_of_a_model_package_arn(o, package, version):
    assert o.s.version_of(package) == version


@pytest.mark.parametrize("value", ["", "none ", arn(1), f"{arn(1)} champion", f"{arn(1)} shadow now", "2 shadow"])
def test_candidate_that_nobody_should_have_written_is_named(o, value):
    with pytest.raises(o.s.MalformedParameter, match="candidate"):
        o.s.candidate_of(o.parameter(value))


@pytest.mark.parametrize("value", ["", "resume", "pause now", "promote", "promote 2", f"rollback {arn(1)} now"])
def test_command_that_nobody_should_have_written_is_named(o, value):
    with pytest.raises(o.s.MalformedParameter, match="command"):
        o.s.command_of(o.parameter(value))


def test_every_observation_leads_to_an_action_and_never_to_the_same_look_twice(o):
    """All combinations of interesting values: total; each look is answered; no update that AWS would refuse."""
    s = o.s
    versions = ["none", arn(1), arn(2)]
    candidates = ["none", *(f"{arn(2)} {stage}" for stage in ("shadow", "challenger", "promote")), f"{arn(1)} rollback"]
    grid = product(
        versions, versions, versions, versions, candidates, ["none", arn(2)], ["0", "50"], [None, False, True],
        [None, s.Attempt(), s.Attempt(ENDED), s.Attempt("UPDATE_ROLLBACK_COMPLETE", "why")],
        [None, o.in_service(1), o.in_service(1, challenger=50)],
    )  # fmt: skip
    for champion, held, challenger, shadow, candidate, failed, share, scaled, attempt, endpoint in grid:
        observed = o.serving(
            1, champion=champion, stack_champion=held, challenger=challenger, shadow=shadow, candidate=candidate,
            failed=failed, weight=share, scaled=scaled, attempt=attempt, endpoint=endpoint,
            packages={1: "Approved", 2: "Approved"},
        )  # fmt: skip
        action = o.plan(observed)
        if isinstance(action, s.Look):
            fresh = action.of not in (observed.noted if action.at == "noted" else observed.metadata)
            assert fresh if action.of else getattr(observed, action.at) is None
        if isinstance(action, s.Write) and action.name == "challenger" and challenger not in ("none", action.value):
            assert share == "0"
            assert not scaled
        if isinstance(action, s.Write) and action.name == "champion" and candidate.endswith("promote"):
            assert observed.stack.shadow == "none"


def stopped(o, version=1, **changes):
    """The version was released, and the endpoint is switched off."""
    seen = o.serving(version, config="", **changes)
    return replace(seen, stack=replace(seen.stack, running=False), endpoint=None)


def test_nothing_is_released_and_nothing_is_missed_while_the_endpoint_is_stopped(o):
    off = stopped(o, packages={1: "Approved", 2: "Approved"}, command="rollback")
    assert o.plan(replace(off, endpoint=None)) == o.s.Wait("the endpoint is stopped: releases wait until it is started")


def test_a_stop_takes_back_what_was_not_confirmed_one_write_at_a_time(o):
    """In the order in which variants leave; the candidate stays, so it comes again."""
    now = {"candidate": f"{arn(2)} challenger", "challenger": arn(2), "stack_challenger": arn(2)}
    assert o.plan(stopped(o, **now, weight="20")).name == "challenger-weight"
    assert o.plan(stopped(o, **now)).name == "challenger"
    shadow = o.plan(stopped(o, candidate=f"{arn(2)} shadow", shadow=arn(2), stack_shadow=arn(2)))
    assert (shadow.name, shadow.value) == ("shadow", "none")
    cut_off = stopped(o, candidate=f"{arn(2)} promote", champion=arn(2), stack_champion=arn(2))
    assert o.plan(cut_off) == o.s.Look("told", "done#1")
    champion = o.plan(replace(cut_off, noted={"done#1": False}))
    assert (champion.name, champion.value) == ("champion", arn(1))
    assert isinstance(o.plan(stopped(o, candidate=f"{arn(2)} promote")), o.s.Wait)


def test_a_first_release_that_was_cut_off_by_a_stop_is_taken_back_for_good(o):
    """Else the champion that the stack remembers and the one that the parameters name would take turns."""
    unconfirmed = {"released": "none", "candidate": f"{arn(1)} promote", "stack_champion": arn(1)}
    taken_back = o.plan(replace(stopped(o, 1, champion=arn(1), **unconfirmed), noted={"done#1": False}))
    assert (taken_back.name, taken_back.value) == ("champion", "none")
    assert isinstance(o.plan(stopped(o, 1, champion="none", **unconfirmed)), o.s.Wait)


def test_a_lost_champion_comes_back_while_the_endpoint_is_stopped_too(o):
    """CloudFormation reads the parameter when the endpoint starts."""
    assert o.plan(stopped(o, champion="none", released="none", stack_champion=arn(1))).value == arn(1)


def test_an_endpoint_that_could_not_start_is_told_once_a_day(o):
    failed = stopped(o, status="UPDATE_ROLLBACK_COMPLETE")
    key = f"help#stopped#{NOW:%Y-%m-%d}"
    assert o.plan(failed) == o.s.Look("noted", key)
    help_needed = o.plan(replace(failed, noted={key: False}))
    assert isinstance(help_needed, o.s.AskForHelp) and "mlops start" in help_needed.remedy
    assert isinstance(o.plan(replace(failed, noted={key: True})), o.s.Wait)


def test_a_release_that_was_told_before_the_stop_is_not_taken_back(o):
    told = stopped(o, candidate=f"{arn(2)} promote", champion=arn(2), stack_champion=arn(2))
    assert o.plan(replace(told, noted={"done#1": True})) == o.s.Done(arn(2), 1, arn(1))
