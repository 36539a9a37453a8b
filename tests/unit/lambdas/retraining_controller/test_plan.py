"""The next action, by what is observed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.unit.lambdas.retraining_controller.names import ENVIRON, arn, uri

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def state(retraining_controller):
    return retraining_controller.state


@pytest.fixture
def plan(retraining_controller, state):
    """Plan for a champion 1 with everything at rest, except for what is given."""
    policy = retraining_controller.policy.Policy.read(ENVIRON["POLICY"])

    def planned(alarming=True, place=(), **fields):
        usual = {"alarming": alarming, "since": NOW - DAY, "champion": arn(1), "released": NOW - 9 * DAY}
        here = state.Place("test", **usual | dict(place))
        observed = {
            "versions": (state.Version(arn(1), "Approved"),),
            "learned": {"data_uri": uri("2026-09-30")},
            "snapshot": state.Snapshot(date(2026, 10, 31), uri("2026-10-31"), NOW - DAY),
        }
        return retraining_controller.plan.plan(state.Observed(NOW, (here,), **observed | fields), policy)

    return planned


@pytest.fixture
def run(state):
    """A retraining so many days ago."""
    return lambda days, **fields: state.Run(
        NOW - days * DAY, "degradation", "why", uri("2026-09-30"), {}, **{"package": arn(1), **fields}
    )


def memory(state, *runs, **fields):
    return {"memory": state.Memory(runs=runs, **fields)}


def test_start_says_why_with_what_and_for_whom(plan, state):
    action = plan()
    assert isinstance(action, state.Start)
    assert (action.trigger, action.package, action.data) == ("degradation", arn(1), uri("2026-10-31"))
    assert action.parameters["InputDataUri"] == uri("2026-10-31")
    assert action.reason.startswith("version 1 got worse in test: its alarm is in ALARM. It learns from the data up to")


@pytest.mark.parametrize(
    ("place", "starts"),
    [
        ({}, True),
        ({"alarming": False}, False),
        ({"champion": "none"}, False),
        ({"released": NOW - DAY / 2}, False),
        ({"released": NOW - DAY}, True),
        ({"released": NOW - 3 * DAY, "since": NOW - 4 * DAY}, True),
        ({"released": NOW - DAY, "since": NOW - 4 * DAY}, False),
    ],
)
def test_degradation_counts_for_the_version_that_serves(plan, state, place, starts):
    assert isinstance(plan(place=place), state.Start if starts else state.Wait)


@pytest.mark.parametrize(
    ("days", "outcome", "action", "until"),
    [
        (6.9, "succeeded", "Wait", 0.1),
        (6.9, "failed", "Wait", 0.1),
        (6.9, "withdrawn", "Start", None),
        (7, "succeeded", "Start", None),
    ],
)
def test_cooldown_counts_from_the_last_one_that_began(plan, state, run, days, outcome, action, until):
    found = plan(**memory(state, run(days, execution="arn", outcome=outcome)))
    assert type(found).__name__ == action
    if until:
        assert abs(found.until - NOW - until * DAY) < timedelta(minutes=1)


def test_cooldown_counts_from_the_start_where_that_came_later(plan, state, run):
    late = run(8, execution="arn", outcome="succeeded", started=NOW - 5 * DAY)
    assert plan(**memory(state, late)).until == NOW + 2 * DAY


def test_limit_counts_what_began_this_month(plan, state, run):
    before, first, second = (run(days, execution="arn", outcome="stopped") for days in (30, 18, 8))
    assert isinstance(plan(**memory(state, second, before)), state.Start)
    told = plan(**memory(state, second, first, before))
    assert (told.kind, told.key, told.until) == ("limit", "limit#2026-11", datetime(2026, 12, 1, tzinfo=UTC))
    assert "but 2 retrainings were started this month already" in told.reason
    known = plan(**memory(state, second, first, before, told=frozenset({told.key})))
    assert (type(known).__name__, known.until) == ("Wait", told.until)


@pytest.mark.parametrize(
    ("execution", "action"),
    [
        ({"status": "Executing"}, "Wait"),
        ({"status": "Stopping"}, "Wait"),
        ({"status": "Succeeded"}, "succeeded"),
        ({"status": "Failed"}, "failed"),
        ({"status": "Stopped"}, "stopped"),
        (None, "failed"),
    ],
)
def test_started_run_is_followed_to_its_end(plan, state, run, execution, action):
    executions = (state.Execution("arn", "name", **execution),) if execution else ()
    found = plan(executions=executions, **memory(state, run(1, execution="arn")))
    assert action in (type(found).__name__, getattr(found, "outcome", ""))


class TestDecided:
    """Noted, and not noted as started."""

    def test_its_execution_is_recorded(self, plan, state, run):
        decided = run(0.01)
        mine = state.Execution("arn", decided.name, "Succeeded")
        assert plan(executions=(mine,), **memory(state, decided)) == state.Record(decided, "arn")

    def test_without_one_it_is_started_again_or_withdrawn(self, plan, state, run):
        fresh, old = run(0.01), run(0.03)
        assert plan(alarming=False, **memory(state, fresh)) == state.Resume(fresh)
        assert isinstance(plan(**memory(state, old)), state.Withdraw)

    def test_another_execution_is_waited_for(self, plan, state, run):
        other = state.Execution("arn", "by-hand", "Executing")
        assert plan(executions=(other,), **memory(state, run(0.01))).reason.startswith("execution by-hand of the tr")


def test_schedule_is_served_by_a_run_after_it_that_did_not_fail(plan, state, run):
    asked = (NOW - 10 * DAY,)
    for runs, action in (
        ((), "Start"),
        ((run(9, execution="arn", outcome="failed"),), "Start"),
        ((run(9, execution="arn", outcome="stopped"),), "Wait"),
        ((run(11, execution="arn", outcome="succeeded"),), "Start"),
    ):
        assert type(plan(alarming=False, **memory(state, *runs, asked=asked))).__name__ == action


def test_nothing_is_decided_without_a_pipeline(plan):
    assert plan(executions=None).reason == "the training pipeline does not exist: deploy it"


def test_token_and_name_are_those_of_the_decision(state, run):
    one, same, other = run(1), run(1), run(2)
    assert one.token("p") == same.token("p") != other.token("p")
    assert one.token("p") != one.token("q")
    assert (one.name, len(one.token("p"))) == ("retraining-20261120-120000", 64)
