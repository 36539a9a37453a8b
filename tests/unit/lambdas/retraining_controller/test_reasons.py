"""What starts a retraining, and with which data."""

from __future__ import annotations

import json

import pytest

from tests.unit.lambdas.retraining_controller.names import ALARM, ELSEWHERE, THERE, arn, uri

PARAMETERS = {
    "InputDataUri": uri("2026-10-31"),
    "TrainFrom": "2022-11-01",
    "TrainTo": "2024-07-31",
    "TestFrom": "2024-08-01",
    "TestTo": "2024-10-31",
}
DEGRADED = "version 1 got worse in test: Threshold Crossed"


def kinds(controller):
    return [entry["kind"] for entry in controller.world.ledger()]


class TestDegradation:
    def test_retraining_is_started_with_the_newest_matured_data(self, serving):
        controller = serving()
        controller.world.degrade()
        controller.happen()
        [execution] = controller.world.executions
        assert execution.parameters == PARAMETERS
        assert execution.name == "retraining-20261122-000000"
        assert execution.description.startswith(f"{DEGRADED}. It learns from the data up to 2026-10-31: 2022-11-01 to")
        assert controller.world.told == ["retraining started (degradation)"]

    def test_decision_start_and_end_are_in_the_ledger(self, serving):
        controller = serving()
        controller.world.degrade()
        controller.happen()
        controller.world.end()
        controller.happen()
        ended, start, started = controller.world.ledger()
        assert start["entry"] == "1795305600#start"
        assert (start["kind"], started["kind"], ended["kind"]) == ("start", "started", "succeeded")
        assert ended["reason"] == "retraining-20261122-000000 has ended well; what it registered waits for approval"
        assert (start["package"], start["version"], start["stage"]) == (arn(1), "1", "degradation")
        assert (start["data"], json.loads(start["parameters"])) == (PARAMETERS["InputDataUri"], PARAMETERS)
        assert started["execution"] == controller.world.executions[0].arn
        assert json.loads(start["observed"])["places"][0]["alarming"] is True
        assert [each["told"] for each in (start, started, ended)] == [False, True, False]

    def test_monitor_is_quoted_where_it_means_the_version_that_serves(self, serving):
        controller = serving()
        report = "s3://artifacts/report.html"
        controller.world.latest = {"version": 1, "confirmed": ["data_drift", "calibration"], "report": report}
        controller.world.degrade()
        controller.happen()
        assert f"confirmed by calibration, see {report}. It" in controller.world.outlets.bodies[0]

    @pytest.mark.parametrize("latest", ["{", [], {"version": "x"}, {"confirmed": 7}])
    def test_last_word_that_cannot_be_read_stops_nothing(self, serving, latest):
        controller = serving()
        controller.world.latest = latest
        controller.world.degrade()
        controller.happen()
        assert len(controller.world.executions) == 1

    def test_alarm_from_before_a_release_is_not_held_against_the_new_version(self, serving):
        controller = serving()
        world = controller.world
        world.degrade()
        since = world.alarms[ALARM]
        world.clock.pass_seconds(60)
        world.register(2, "Approved")
        world.release(2)
        world.alarms[ALARM] = since
        controller.happen()
        assert world.executions == []
        world.latest = {"version": 2, "confirmed": ["data_drift"], "report": "r"}
        controller.happen()
        assert world.executions == []
        world.latest = {"version": 2, "confirmed": ["calibration"], "report": "r"}
        controller.happen()
        assert len(world.executions) == 1

    def test_alarm_that_rings_on_means_the_version_that_serves(self, serving):
        """A release that failed wrote the champion anew, and the alarm, which did not change, seems older."""
        controller = serving()
        world = controller.world
        world.release(1, THERE)
        world.clock.pass_seconds(60)
        world.degrade(ELSEWHERE)
        since = world.alarms[ELSEWHERE]
        world.events.clear()
        world.clock.pass_seconds(60)
        world.release(1, THERE)
        world.alarms[ELSEWHERE] = since
        controller.pass_days(1)
        assert world.executions == []
        controller.pass_days(1)
        assert world.executions[0].description.startswith("version 1 got worse in prod")

    def test_degradation_elsewhere_counts_too(self, serving):
        controller = serving()
        world = controller.world
        world.release(1, THERE)
        world.clock.pass_seconds(60)
        world.degrade(ELSEWHERE)
        controller.happen()
        assert world.executions[0].description.startswith("version 1 got worse in prod: ")

    def test_version_that_serves_here_is_on_its_way_to_where_it_does_not(self, serving):
        controller = serving()
        world = controller.world
        world.release(1, THERE)
        world.register(2, "Approved", data_uri=uri("2026-09-30"))
        world.release(2)
        world.clock.pass_seconds(60)
        world.degrade(ELSEWHERE)
        controller.happen()
        assert controller.look() == "version 2 is on its way to prod: it is approved and not released"
        world.fail(2, THERE)
        controller.happen()
        assert len(world.executions) == 1

    def test_can_be_switched_off(self, serving):
        controller = serving(on_degradation=False)
        controller.world.degrade()
        controller.happen()
        assert controller.world.executions == []

    def test_environment_that_is_not_deployed_is_no_reason(self, serving):
        controller = serving()
        for name in [*controller.world.parameters]:
            if name.startswith(THERE):
                del controller.world.parameters[name]
        del controller.world.alarms[ELSEWHERE]
        assert controller.look() == "nothing asks for a retraining"


class TestRemedy:
    """While a version is on its way, nothing is started."""

    def degraded(self, serving, approval):
        controller = serving()
        controller.world.register(2, approval, data_uri=uri("2026-09-30"))
        controller.world.degrade()
        controller.happen()
        return controller

    @pytest.mark.parametrize(
        ("approval", "waits"),
        [("PendingManualApproval", "waits for approval"), ("Approved", "is approved and not released")],
    )
    def test_waiting_version_is_waited_for(self, serving, approval, waits):
        controller = self.degraded(serving, approval)
        assert controller.look() == f"version 2 is on its way to test: it {waits}"
        assert controller.world.executions == []

    @pytest.mark.parametrize("approval", ["Rejected", "Broken"])
    def test_rejected_or_broken_version_is_no_remedy(self, serving, approval):
        assert len(self.degraded(serving, approval).world.executions) == 1

    def test_version_that_lost_its_verdict_is_no_remedy(self, serving):
        controller = self.degraded(serving, "Approved")
        controller.world.fail(2)
        controller.happen()
        assert len(controller.world.executions) == 1

    def test_rejected_remedy_is_followed_by_another_one_after_the_cooldown_with_newer_data(self, serving):
        controller = serving()
        world = controller.world
        world.degrade()
        controller.happen()
        world.end()
        world.register(2, "Rejected")
        controller.pass_days(6)
        assert len(world.executions) == 1
        controller.pass_days(1)
        assert len(world.executions) == 1
        assert world.told[-1] == "retraining is due, but there are no data for it"
        assert f"version 2 learned from the newest snapshot already ({uri('2026-10-31')})" in world.outlets.bodies[-1]
        world.export("2026-11-30")
        controller.happen()
        assert world.executions[1].parameters["TestTo"] == "2024-11-30"


class TestSchedule:
    def test_schedule_starts_one_however_often_it_is_delivered(self, serving):
        controller = serving()
        controller.world.ask()
        event = controller.world.events[0]
        for _ in range(3):
            controller.deliver(event)
        controller.world.end()
        controller.world.register(2, "Rejected")
        controller.pass_days(8)
        controller.deliver(event)
        assert [each.description[:25] for each in controller.world.executions] == ["the schedule asked for it"]
        assert kinds(controller).count("asked") == 1

    def test_one_that_must_wait_is_served_later(self, serving):
        controller = serving()
        world = controller.world
        world.degrade()
        controller.happen()
        world.end()
        world.register(2, "Approved")
        world.release(2)
        controller.pass_days(2)
        world.export("2026-11-30")
        world.ask()
        controller.happen()
        assert len(world.executions) == 1
        controller.pass_days(5)
        assert world.executions[1].description.startswith("the schedule asked for it at 2026-11-24 00:")

    def test_failed_run_does_not_serve_it(self, serving):
        controller = serving()
        controller.world.ask()
        controller.happen()
        controller.world.end("Failed", "no capacity")
        controller.pass_days(8)
        assert len(controller.world.executions) == 2

    def test_same_data_are_not_learned_from_twice(self, serving):
        controller = serving()
        days = {"train_from": "2022-11-01", "train_to": "2024-07-31", "test_from": "2024-08-01"}
        controller.world.register(1, "Approved", data_uri=uri("2026-10-31"), **days)
        controller.world.ask()
        controller.happen()
        controller.happen()
        assert controller.world.executions == []
        assert controller.world.told == ["retraining is due, but there are no data for it"]
        controller.world.export("2026-10-31", "corrected")
        controller.happen()
        assert controller.world.executions[0].parameters["InputDataUri"] == uri("2026-10-31", "corrected")

    def test_other_days_of_the_same_data_are_worth_it(self, serving):
        controller = serving()
        controller.world.register(1, "Approved", data_uri=uri("2026-10-31"), test_to="2003-12-31")
        controller.world.ask()
        controller.happen()
        assert len(controller.world.executions) == 1

    def test_older_data_than_the_newest_version_has_are_refused(self, serving):
        controller = serving()
        controller.world.register(1, "Approved", data_uri=uri("2026-12-31"))
        controller.world.ask()
        controller.happen()
        assert controller.world.executions == []


class TestData:
    def test_newest_day_and_in_it_the_folder_written_last(self, serving):
        controller = serving()
        world = controller.world
        for until, folder in (("2026-11-30", "b"), ("2026-11-30", "a"), ("2026-08-31", "z")):
            world.clock.pass_seconds(60)
            world.export(until, folder)
        world.objects["loan_approval/until=2026-11-30/"] = world.clock.now
        world.objects["loan_approval/until=2026-13-99/export/loans.csv"] = world.clock.now
        world.objects["loan_approval/until=tomorrow/export/loans.csv"] = world.clock.now
        world.degrade()
        controller.happen()
        assert world.executions[0].parameters["InputDataUri"] == uri("2026-11-30", "a")

    def test_empty_day_is_passed_over_and_files_without_a_folder_count(self, serving):
        controller = serving()
        world = controller.world
        world.objects["loan_approval/until=2026-12-31/"] = world.clock.now
        world.export("2026-11-30", "")
        world.degrade()
        controller.happen()
        assert world.executions[0].parameters["InputDataUri"] == "s3://data/loan_approval/until=2026-11-30/"

    @pytest.mark.parametrize(
        ("until", "why"),
        [("", "there is no snapshot of training data"), ("0003-12-31", "cannot hold rows that are old enough: 48 mon")],
    )
    def test_nothing_to_learn_from_is_told_once_and_what_to_do(self, serving, until, why):
        controller = serving()
        world = controller.world
        world.objects.clear()
        if until:
            world.export(until)
        world.degrade()
        for _ in range(3):
            controller.happen()
        assert world.told == ["retraining is due, but there are no data for it"]
        assert why in world.outlets.bodies[0]
        assert "s3://data/loan_approval/until=<last day>/<any name>/" in world.outlets.bodies[0]
        assert kinds(controller) == ["refused"]


class TestNewData:
    def test_newer_snapshot_is_learned_from_once_it_is_written(self, serving):
        controller = serving(on_new_data=True)
        world = controller.world
        world.export("2026-11-30")
        controller.run(world.events.pop())
        assert world.executions == []
        controller.happen()
        assert world.executions[0].description.startswith("new training data are there, up to 2026-11-30.")

    def test_snapshot_that_a_run_has_learned_from_is_not_new(self, serving):
        controller = serving(on_new_data=True)
        world = controller.world
        controller.happen()
        world.running().status = "Succeeded"  # and nothing was registered: the gate is a condition of the pipeline
        controller.pass_days(30)
        assert len(world.executions) == 1

    def test_first_version_of_all(self, start):
        controller = start(on_new_data=True)
        controller.world.export("2026-10-31")
        controller.happen()
        assert len(controller.world.executions) == 1

    def test_is_off_unless_asked_for(self, serving):
        controller = serving()
        controller.world.export("2026-11-30")
        controller.happen()
        assert controller.world.executions == []
