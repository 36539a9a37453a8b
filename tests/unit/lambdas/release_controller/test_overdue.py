"""A candidate that stays longer than its stage may take is overdue, by the hour."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.lambdas.release_controller.conftest import NOW

PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/mlops-test-loan-approval/2"


@pytest.fixture
def overdue(release_controller, observed):
    """Hours overdue of a candidate that has been in its stage for so many hours."""

    def hours(stage, since, **parameters):
        modified = NOW - timedelta(hours=since)
        candidate = release_controller.state.Parameter(f"{PACKAGE} {stage}", 7, modified)
        found = observed({"candidate": candidate, **parameters})
        experiment = found.policy.experiment
        spare = (experiment.look_seconds + experiment.settle_seconds) / 3600
        return release_controller.overdue.overdue_hours(found), experiment.max_hours + spare

    return hours


@pytest.mark.parametrize("stage", ["shadow", "challenger"])
def test_a_comparison_may_take_as_long_as_configured_and_one_look_more(stage, overdue):
    _, allowed = overdue(stage, 0)
    assert overdue(stage, allowed)[0] == 0
    assert overdue(stage, allowed + 3)[0] == pytest.approx(3)


@pytest.mark.parametrize("stage", ["promote", "rollback"])
def test_a_deployment_may_take_a_day_whatever_a_comparison_may(stage, overdue):
    assert overdue(stage, 24)[0] == 0
    assert overdue(stage, 26.5)[0] == pytest.approx(2.5)


def test_nothing_is_overdue_without_a_candidate(release_controller, observed):
    assert release_controller.overdue.overdue_hours(observed()) == 0


def test_nothing_is_overdue_while_a_person_holds_it(overdue):
    assert overdue("promote", 100, command="pause")[0] == 0


@pytest.mark.parametrize("stage", ["shadow", "promote"])
def test_nothing_is_overdue_while_the_endpoint_is_stopped(release_controller, observed, stage):
    found = candidate_since(release_controller, observed, stage, 10_000)
    stopped = replace(found, stack=replace(found.stack, running=False))
    assert release_controller.overdue.overdue_hours(found) > 0
    assert release_controller.overdue.overdue_hours(stopped) == 0


def test_a_weekend_without_the_endpoint_is_no_delay_of_a_deployment(release_controller, observed):
    found = candidate_since(release_controller, observed, "promote", 70)
    started = replace(found, stack=replace(found.stack, updated=NOW - timedelta(hours=1)))
    assert release_controller.overdue.overdue_hours(found) == pytest.approx(46)
    assert release_controller.overdue.overdue_hours(started) == 0


def candidate_since(release_controller, observed, stage, hours):
    modified = NOW - timedelta(hours=hours)
    return observed({"candidate": release_controller.state.Parameter(f"{PACKAGE} {stage}", 7, modified)})
