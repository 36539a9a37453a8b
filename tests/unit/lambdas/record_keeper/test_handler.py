"""What the keeper does when something happens, with which calls, and how often."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.conftest import LAMBDAS
from tests.unit.lambdas.record_keeper.names import ENVIRON, LOOK, refused
from tests.unit.lambdas.record_keeper.world import World

TAKE, GIVE = "UpdateItem", "DeleteItem"
CHEAP = ["Query", "Query", "Query", "ListModelPackages", "GetParameters"]


def at_rest(keeper):
    """A keeper at an hour that is no version's own."""
    keeper.world.clock.pass_seconds(13 * 3600)
    keeper.look()
    keeper.world.calls.clear()
    return keeper.world


class TestCosts:
    def test_versions_that_did_not_change_cost_nothing(self, trained):
        """The ledger, the registry's list and a parameter, however many versions there are."""
        for version in (2, 3, 4):
            trained.world.train(version)
        trained.happen()
        world = at_rest(trained)
        assert trained.look() == "nothing changed"
        calls = [call for call in world.calls if call not in (TAKE, GIVE)]
        assert sorted(set(calls)) == sorted(set(CHEAP))
        assert calls.count("ListModelPackages") == 2  # its pages

    def test_each_version_is_looked_at_closely_once_a_day_and_its_making_not_again(self, trained):
        world = at_rest(trained)
        trained.hours(24)
        assert world.calls.count("DescribeModelPackage") == 1
        assert world.calls.count("DescribePipelineExecution") == 0
        assert world.calls.count("PutObject") == 0

    def test_retired_version_is_not_looked_at_any_more(self, trained):
        trained.world.retire(1)
        trained.happen()
        world = at_rest(trained)
        trained.hours(24)
        assert {"GetObject", "ListObjectsV2", "DescribeModelCard"} & set(world.calls) == set()

    def test_own_edit_of_the_version_does_not_lead_to_another(self, trained):
        assert trained.world.calls.count("UpdateModelPackage") == 1
        assert len(trained.world.revisions(1)) == 1

    def test_ledger_is_not_read_from_its_beginning_each_time(self, trained):
        for _ in range(30):
            trained.world.release(1)
        trained.happen()
        trained.world.pass_days(5)
        trained.look()  # the day's pass
        trained.world.clock.pass_seconds(3600)
        trained.world.calls.clear()
        trained.look()
        assert trained.world.calls.count("Query") < 10
        assert len(trained.world.manifest(1)["releases"]) == 60

    def test_run_leaves_the_rest_to_the_next_before_its_time_is_over(self, start):
        world = World(checked=False)
        keeper = start(world)
        for version in range(1, 30):
            world.train(version)
        world.events.clear()
        first = keeper.look()
        assert "more in the next run" in first
        assert first.startswith("versions 29, 28")
        keeper.hours(3)
        assert world.manifest(1)["version"] == 1
        assert not any("more in the next run" in keeper.look() for _ in range(2))

    def test_open_run_is_followed_to_its_end(self, start):
        keeper = start()
        keeper.world.train(1, ended=False)
        keeper.happen()
        assert keeper.world.manifest(1)["pipeline"]["ended_at"] is None
        assert keeper.world.manifest(1)["lineage"] is None
        keeper.world.end(1)
        keeper.world.events.clear()
        keeper.look()
        assert keeper.world.manifest(1)["pipeline"]["ended_at"] is not None
        assert keeper.world.cards.history["mlops-test-loan-approval-v1"] == ["Draft", "PendingReview"]


class TestReviews:
    def serving(self, start, **environ):
        keeper = start(**environ)
        keeper.world.train(1)
        keeper.world.decide(1)
        keeper.world.release(1)
        keeper.happen()
        return keeper

    def test_figure_counts_days_after_the_date(self, start):
        keeper = self.serving(start)
        assert keeper.world.overdue[-1] == 0
        keeper.world.pass_days(375)
        keeper.look()
        assert keeper.world.overdue[-1] == pytest.approx(10, abs=0.1)

    def test_review_begins_a_new_year(self, start):
        keeper = self.serving(start)
        keeper.world.pass_days(370)
        keeper.world.review(1)
        keeper.look()
        assert keeper.world.overdue[-1] == 0
        keeper.world.pass_days(366)
        keeper.look()
        assert keeper.world.overdue[-1] == pytest.approx(1, abs=0.1)

    def test_nothing_is_published_where_nothing_serves_or_nothing_is_due(self, start, trained):
        assert trained.world.overdue == []
        keeper = self.serving(start, GOVERNANCE='{"owner":"","risk_rating":"Low","review_days":0}')
        assert keeper.world.overdue == []


class TestRuns:
    def test_malformed_event_goes_to_the_dead_letter_queue_with_its_reason(self, start):
        keeper = start()
        answer = keeper.run({"detail-type": "Nonsense"})
        assert answer["action"] == "Malformed"
        [letter] = keeper.world.outlets.dead_letters
        assert letter["reason"].startswith("detail-type: 'Nonsense', expected one of")
        assert keeper.world.calls == ["SendMessage"]

    @pytest.mark.parametrize(
        ("kind", "source", "detail", "why"),
        [
            (
                "Model Release Done", "mlops.release",
                {"environment": "prod", "model": "loan-approval", "package": "x"},
                "loan-approval in prod is not loan-approval in test",
            ),
            (
                "SageMaker Model Building Pipeline Execution Status Change", "aws.sagemaker",
                {"pipelineArn": "arn:aws:sagemaker:eu-west-1:1:pipeline/other",
                 "currentPipelineExecutionStatus": "Succeeded"},
                "pipeline other is not mlops-test-loan-approval-training",
            ),
            (
                "SageMaker Model Building Pipeline Execution Status Change", "aws.sagemaker",
                {"pipelineArn": "arn:aws:sagemaker:eu-west-1:1:pipeline/mlops-test-loan-approval-training",
                 "currentPipelineExecutionStatus": "Executing"},
                "is Executing: its end will wake the function",
            ),
        ],
    )  # fmt: skip
    def test_events_of_others_are_ignored(self, start, kind, source, detail, why):
        keeper = start()
        answer = keeper.run({"detail-type": kind, "source": source, "detail": detail})
        assert answer["action"] == "Ignored" and why in answer["reason"]
        assert keeper.world.calls == []

    def test_throttling_is_raised_for_lambda_to_retry_and_leaves_the_lock_free(self, trained):
        def throttle(name):
            if name == "ListModelPackages":
                raise refused("ThrottlingException", "Rate exceeded", name)

        trained.world.before_call = throttle
        with pytest.raises(ClientError, match="Rate exceeded"):
            trained.look()
        trained.world.before_call = lambda name: None
        assert trained.look() in ("nothing changed", "versions 1")

    def test_trouble_with_one_version_keeps_no_other_from_being_recorded(self, start):
        keeper = start()
        keeper.world.train(1)
        keeper.world.train(2)
        seen = []

        def throttle(name):
            if name == "CreateModelCard" and not seen:
                seen.append(name)
                raise refused("ThrottlingException", "Rate exceeded", name)

        keeper.world.before_call = throttle
        with pytest.raises(ClientError, match="Rate exceeded"):
            keeper.look()
        assert not keeper.world.revisions(2) and keeper.world.revisions(1)
        assert "pass#2026-11-21" not in keeper.world.index()
        keeper.look()
        assert keeper.world.revisions(2)
        assert "pass#2026-11-21" in keeper.world.index()

    def test_second_run_ends_as_busy(self, trained):
        actions = []

        def beside(name):
            if name == "ListModelPackages" and not actions:
                actions.append(trained.run(LOOK)["action"])

        trained.world.after_call = beside
        trained.look()
        assert actions == ["Busy"]


def test_import_needs_no_environment_and_settings_name_what_is_missing(record_keeper):
    folder = LAMBDAS / "record_keeper"
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS)}
    subprocess.run([sys.executable, "-c", "import handler"], cwd=folder, env=bare, check=True)
    read, error = record_keeper.settings.Settings.read, record_keeper.environment.ConfigurationError
    with pytest.raises(error, match="PIPELINE, KEY_ARN not set"):
        read({key: value for key, value in ENVIRON.items() if key not in ("PIPELINE", "KEY_ARN")})
    for name, text in (("GOVERNANCE", '{"owner":"a"}'), ("FEATURE_GROUPS", "[1]")):
        with pytest.raises(error, match=f"^{name}: "):
            read(ENVIRON | {name: text})
