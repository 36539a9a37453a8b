"""Each decision, from the smallest observation that leads to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from tests.unit.lambdas.release_controller.world import arn

ENDED = "UPDATE_COMPLETE"


@pytest.fixture
def p(release_controller):
    return release_controller.plan


@pytest.fixture
def serving(p):
    """Version 1 is released and nothing else has been looked at."""
    return p.Observed(
        stack=p.Stack(ENDED, champion=arn(1), endpoint_config="config-1", parameters=("ChampionPackage",)),
        champion=p.Parameter(arn(1), 4, datetime(2026, 11, 21, tzinfo=UTC)),
        released=arn(1),
    )


@pytest.fixture
def written(p, serving):
    """The parameter names version 2 since its version 5; the stack still holds version 1."""
    return replace(serving, champion=replace(serving.champion, value=arn(2), version=5))


def test_asks_for_one_observation_at_a_time(p, serving):
    assert p.plan(serving) == p.Look("approved")
    serving = replace(serving, approved=arn(2))
    assert p.plan(serving) == p.Look("endpoint")
    serving = replace(serving, endpoint=p.Endpoint("InService", "config-1"))
    assert p.plan(serving) == p.Release(arn(2), "it is the newest approved version")


@pytest.mark.parametrize(
    ("approved", "failed", "reason"),
    [
        ("none", "none", "no version is approved"),
        (arn(1), "none", "the newest approved version is released"),
        (arn(10), arn(10), "version 10 is not newer than the one that failed last"),
        (arn(9), arn(10), "version 9 is not newer than the one that failed last"),
    ],
)
def test_waits_with_its_reason(p, serving, approved, failed, reason):
    assert p.plan(replace(serving, approved=approved, failed=failed)) == p.Wait(reason)


def test_versions_are_compared_as_numbers(p, serving):
    nine = replace(serving, stack=replace(serving.stack, champion=arn(9), endpoint_config=""))
    nine = replace(nine, champion=replace(nine.champion, value=arn(9)), released=arn(9), approved=arn(10))
    assert p.plan(nine).package == arn(10)
    assert p.plan(replace(nine, approved=arn(8))) == p.Wait("the newest approved version 8 is older than the champion")


def test_parameter_without_operation_is_applied_under_its_version(p, written):
    assert p.plan(written) == p.Look("attempt")
    written = replace(written, attempt=p.Attempt())
    assert p.plan(written) == p.Look("endpoint")
    assert p.plan(replace(written, endpoint=p.Endpoint("InService", "config-1"))) == p.Apply(arn(2), 5)


def test_busy_endpoint_is_not_updated_after_a_crash_either(p, written):
    written = replace(written, attempt=p.Attempt(), endpoint=p.Endpoint("Updating", "config-1"))
    assert p.plan(written) == p.Wait("the endpoint is Updating: it must be InService to be updated")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_rolled_back_operation_is_a_failed_release(p, written, status):
    written = replace(written, attempt=p.Attempt(status, "Endpoint: alarm fired"))
    assert p.plan(written) == p.RecordFailure(arn(2), arn(1), "Endpoint: alarm fired")


def test_version_that_failed_is_put_back_untried_whoever_wrote_it(p, written):
    action = p.plan(replace(written, failed=arn(2), attempt=p.Attempt()))
    assert action == p.RecordFailure(arn(2), arn(1), "it failed before, and a failed version is never tried again")


def test_operation_that_began_after_the_stack_was_described_is_waited_for(p, written):
    action = p.plan(replace(written, attempt=p.Attempt("UPDATE_ROLLBACK_IN_PROGRESS")))
    assert isinstance(action, p.Wait)


def test_release_undone_by_another_operation_is_made_again(p, written):
    written = replace(written, attempt=p.Attempt(ENDED), endpoint=p.Endpoint("InService", "config-1"))
    assert p.plan(written) == p.Release(arn(2), "another operation of the stack undid its release")


def test_endpoint_that_went_back_by_itself_is_a_failed_release(p, serving):
    """The stack says complete, but the endpoint is in service with the configuration from before."""
    silent = replace(serving, released=arn(1), champion=replace(serving.champion, value=arn(2)))
    silent = replace(silent, stack=replace(serving.stack, champion=arn(2), endpoint_config="config-2"))
    assert p.plan(silent) == p.Look("endpoint")
    action = p.plan(replace(silent, endpoint=p.Endpoint("InService", "config-1")))
    assert (action.package, action.back_to) == (arn(2), arn(1))
    assert "config-1" in action.reason
    assert not isinstance(p.plan(replace(silent, endpoint=p.Endpoint("Updating", "config-1"))), p.RecordFailure)


def test_parameter_made_anew_does_not_take_the_endpoint_down(p, serving):
    anew = replace(serving, champion=replace(serving.champion, value="none"), released="none", approved="none")
    assert isinstance(p.plan(anew), p.Wait)


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED", "A_NEW_STATUS"])
def test_stack_that_needs_a_person_is_told_by_its_own_event(p, serving, status):
    stuck = replace(serving, stack=replace(serving.stack, status=status))
    assert isinstance(p.plan(stuck), p.Wait)
    action = p.plan(replace(stuck, woken_by=status))
    assert isinstance(action, p.AskForHelp)
    assert action.status == status
    assert action.remedy


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "MISSING"])
def test_busy_or_missing_stack_needs_no_other_observation(p, written, status):
    assert isinstance(p.plan(replace(written, stack=replace(written.stack, status=status))), p.Wait)


@pytest.mark.parametrize(
    ("package", "version"),
    [(arn(12), 12), ("none", 0), ("", 0), ("arn:aws:s3:::bucket/7", 0), (arn(1) + "x", 0)],
)
def test_version_is_the_end_of_a_model_package_arn(p, package, version):
    assert p.version_of(package) == version


def test_every_observation_leads_to_an_action_and_never_to_the_same_look_twice(p, serving):
    """All combinations of the fields' interesting values: total, and each look is answered by its field."""
    packages = ["none", arn(1), arn(2), arn(3)]
    statuses = [ENDED, "UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"]
    attempts = [None, p.Attempt(), p.Attempt(ENDED), p.Attempt("UPDATE_ROLLBACK_COMPLETE", "why")]
    endpoints = [None, p.Endpoint("InService", "config-1"), p.Endpoint("Updating", "config-1")]
    grid = product(packages, packages, packages, packages, statuses, attempts, [None, *packages], endpoints)
    for value, held, released, failed, status, attempt, approved, endpoint in grid:
        observed = replace(
            serving,
            stack=replace(serving.stack, status=status, champion=held),
            champion=replace(serving.champion, value=value),
            released=released,
            failed=failed,
            attempt=attempt,
            approved=approved,
            endpoint=endpoint,
        )
        action = p.plan(observed)
        if isinstance(action, p.Look):
            assert getattr(observed, action.at) is None
        if isinstance(action, p.Release | p.Apply):
            assert action.package not in ("none", failed)
            assert status in p.SETTLED
