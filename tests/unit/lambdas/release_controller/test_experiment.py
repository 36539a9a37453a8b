"""Counting outcomes: one query a look, found again by whoever asks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.unit.lambdas.release_controller.fakes.athena import Athena
from tests.unit.lambdas.release_controller.names import ENVIRON, arn

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOOK = timedelta(seconds=600)


@pytest.fixture
def count(release_controller, observed):
    """Count at a time after the candidate came; returns the observation, with what was slept and asked."""
    modules = release_controller
    settings = modules.settings.Settings.read(ENVIRON)

    def run(athena, after, *, stage="shadow", stay=None, **fields):
        slept = []
        ledger = SimpleNamespace(stay=lambda version: stay or modules.ledger.Stay(2, None))
        client = SimpleNamespace(
            start_query_execution=athena.start_query_execution,
            get_query_execution=athena.get_query_execution,
            get_paginator=lambda method: SimpleNamespace(paginate=lambda **asked: pages(athena, **asked)),
        )
        experiments = modules.experiment.Experiments(settings, client, ledger, slept.append)
        since = modules.state.Parameter(f"{arn(2)} {stage}", 5, START)
        seen = observed({"candidate": since, "challenger-weight": "50"}, now=START + after, **fields)
        return experiments.count(seen), slept

    return run


def pages(athena, **asked):
    page = {"NextToken": "0"}
    while "NextToken" in page:
        page = athena.get_query_results(**asked, NextToken=page["NextToken"])
        yield page


def test_counts_and_the_looks_before(count):
    seen, slept = count(Athena({2: "better"}), timedelta(minutes=25))
    assert [(pair.both, pair.champion_only, pair.candidate_only) for pair in seen.counts.pairs] == [(12, 0, 8)] * 4
    assert (seen.counts.complete, seen.looks, slept) == (4, 2, [])
    assert (seen.counts.traffic.champion, seen.counts.traffic.candidate) == (2000, 2000)


def test_query_is_a_function_of_the_look_alone(count):
    athena = Athena()
    for minutes in (20, 21, 29):
        count(athena, timedelta(minutes=minutes))
    assert len(athena.executions) == 1
    count(athena, timedelta(minutes=30))
    assert len(athena.executions) == 2
    assert all(32 <= len(token) <= 128 for token in athena.executions)


@pytest.mark.parametrize("changed", [{"stage": "challenger"}, {"later": 1}])
def test_another_stay_is_another_query(count, changed, release_controller, observed):
    athena = Athena()
    count(athena, timedelta(minutes=20))
    count(athena, timedelta(minutes=20 + 10 * changed.get("later", 0)), stage=changed.get("stage", "shadow"))
    assert len(athena.executions) == 2


def test_nothing_is_asked_before_the_first_look(count):
    athena = Athena()
    seen, _ = count(athena, timedelta(minutes=9))
    assert (seen.counts, seen.counting) == (None, "the first outcomes are counted after 2026-11-21 12:00:00 UTC")
    assert not athena.executions


def test_slow_query_is_waited_for_a_little_and_found_again(count):
    athena = Athena(polls=8)
    seen, slept = count(athena, timedelta(minutes=20))
    assert (seen.counts, seen.counting) == (None, "Athena is still counting the outcomes")
    assert 5 < sum(slept) <= 8
    seen, _ = count(athena, timedelta(minutes=21))
    assert seen.counts is not None
    assert len(athena.executions) == 1


def test_query_that_failed_once_is_tried_again(count):
    athena = Athena(failing=1)
    assert count(athena, timedelta(minutes=20))[0].counts is not None
    assert len(athena.executions) == 2


def test_query_that_fails_again_raises_its_reason(count, release_controller):
    with pytest.raises(release_controller.experiment.QueryFailed, match="FAILED: query exhausted resources"):
        count(Athena(failing=2), timedelta(minutes=20))


def test_look_waits_until_the_outcomes_have_settled(count, release_controller, observed):
    seen = observed()
    experiment = release_controller.experiment
    policy = release_controller.policy.Policy.read(ENVIRON["POLICY"])
    settled = type(policy.experiment)(**{**vars(policy.experiment), "settle_seconds": 700})
    later = observed(now=START + 2 * LOOK, policy=type(policy)(**{**vars(policy), "experiment": settled}))
    assert experiment.slot_start(seen) == START
    assert experiment.slot_start(later) == START


def test_traffic_counts_from_when_the_weights_had_moved(count, release_controller):
    athena = Athena(share=50)
    stay = release_controller.ledger.Stay(0, START + timedelta(minutes=8))
    seen, _ = count(athena, timedelta(minutes=20), stage="challenger", stay=stay)
    # From two minutes after the shift on: ten minutes.
    assert seen.counts.traffic.champion + seen.counts.traffic.candidate == 1000


def test_results_of_many_pages_are_read_whole(count):
    seen, _ = count(Athena({2: "better"}), timedelta(hours=10), stage="challenger")
    assert len(seen.counts.blocks) == 120
