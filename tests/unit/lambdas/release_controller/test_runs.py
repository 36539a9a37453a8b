"""What one run leaves to the next: the ledger, an intent, the lock."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit.lambdas.release_controller.names import SCHEDULE, arn, refused
from tests.unit.lambdas.release_controller.world import CrashError, World

TAKE = INTEND = "UpdateItem"
WRITE = "PutParameter"


def released(start, version):
    """A controller in a world where the version was released."""
    controller = start()
    controller.world.approve(version)
    controller.settle()
    return controller


class TestLedger:
    def entries(self, world, *kinds):
        return [entry for entry in world.ledger() if entry["kind"] in kinds]

    def test_every_decision_is_there_in_its_order(self, start):
        controller = released(start, 1)
        assert [(entry["kind"], entry["stage"], entry["told"]) for entry in controller.world.ledger()] == [
            ("begin", "promote", True), ("write", "promote", False), ("apply", "promote", False),
            ("done", "promote", True), ("write", "promote", False),
        ]  # fmt: skip
        entry = controller.world.ledger()[0]
        assert entry["entry"] == "0000000009#begin#1"
        assert (entry["package"], entry["version"]) == (arn(1), "1")
        assert entry["reason"] == "it is the newest approved version, and nothing serves yet"
        assert entry["at"] == "2026-11-21T00:00:00.200Z"

    def test_entry_has_what_the_decision_saw(self, start):
        controller = released(start, 1)
        seen = json.loads(controller.world.ledger()[0]["observed"])
        assert seen["stack"]["status"] == "CREATE_COMPLETE"
        assert seen["parameters"]["candidate"]["value"] == "none"
        assert seen["packages"] == [{"arn": arn(1), "approval": "Approved", "status": "Completed"}]
        assert "attempt" not in seen

    def test_looks_are_there_untold_and_counted(self, start):
        controller = start(World(quality={2: "same"}), stages=["shadow"])
        for version in (1, 2):
            controller.world.approve(version)
            controller.settle()
        looks = self.entries(controller.world, "look")
        taken = sorted(json.loads(entry["verdict"])["looks"] for entry in looks)
        assert taken == list(range(1, len(looks) + 1)) and len(looks) > 3
        assert not any(entry["told"] for entry in looks)
        [end] = self.entries(controller.world, "inconclusive")
        assert json.loads(end["verdict"])["looks"] == len(looks) + 1

    def test_no_package_is_named_before_there_is_one(self, start):
        controller = start(enabled=False)
        controller.wake()
        [entry] = self.entries(controller.world, "switched-off")
        assert (entry["package"], entry["version"]) == ("", "0")


class TestIntent:
    """What a run wrote is told by the next one when it ended too early itself."""

    def crashed(self, start, at, *, error=CrashError, occurrence=1):
        """A release of version 2 whose first run ends with this call."""
        controller = released(start, 1)
        world = controller.world
        world.approve(2)
        seen = []

        def crash(name):
            seen.append(name)
            if name == at and seen.count(name) == occurrence:
                raise error(name) if error is CrashError else error

        world.after_call = crash
        with pytest.raises((CrashError, ClientError)):
            controller.run(world.events.pop())
        world.after_call = lambda name: None
        return controller

    def test_told_by_the_next_run(self, start):
        controller = self.crashed(start, WRITE)
        world = controller.world
        assert not world.told[-1].endswith("version 2 is being released")
        world.clock.pass_seconds(100)
        controller.wake()
        assert world.told[-1].endswith("version 2 is being released")
        assert sum(entry["kind"] == "begin" for entry in world.ledger()) == 2

    def test_not_told_when_the_write_did_not_happen(self, start):
        controller = self.crashed(start, INTEND, occurrence=2)
        world = controller.world
        world.registry.packages[2] = "Rejected"
        world.clock.pass_seconds(100)
        controller.wake()
        assert world.told[-1].endswith("version 1 is released")

    def test_not_told_again_when_a_later_call_failed(self, start):
        controller = self.crashed(start, "UpdateStack", error=refused("Throttling", "Rate exceeded", "UpdateStack"))
        told = len(controller.world.told)
        controller.wake()
        assert len(controller.world.told) == told


class TestLock:
    def test_second_run_ends_as_busy_and_the_first_looks_once_more(self, start):
        controller = released(start, 1)
        world, actions = controller.world, []

        def beside(name):
            if name == "ListModelPackages" and not actions:
                world.approve(2)
                actions.append(controller.wake())

        world.after_call = beside
        assert controller.wake() == "Apply"
        assert actions == ["Busy"]
        assert world.value("candidate") == f"{arn(2)} promote"

    def test_endless_stream_of_wakes_does_not_hold_a_run_for_ever(self, start, quiet):
        controller = released(start, 1)
        world, busy = controller.world, []

        def beside(name):
            if name == "ListModelPackages":
                hook, world.after_call = world.after_call, lambda name: None
                busy.append(controller.wake())
                world.after_call = hook

        world.after_call = beside
        assert controller.wake() == "Wait"
        assert busy == ["Busy"] * quiet.turns.MAX_ROUNDS
        assert not [key for key in world.table.items if key[0].startswith("lock#")]

    def test_failed_run_leaves_the_lock_free(self, start):
        controller = released(start, 1)

        def throttle(name):
            if name == "ListModelPackages":
                raise refused("ThrottlingException", "Rate exceeded", name)

        controller.world.before_call = throttle
        with pytest.raises(ClientError, match="Rate exceeded"):
            controller.wake()
        controller.world.before_call = lambda name: None
        assert controller.wake() == "Wait"

    def test_lock_that_cannot_be_freed_does_not_hide_the_error(self, start):
        controller = released(start, 1)

        def break_down(name):
            if name in ("ListModelPackages", TAKE) and "DescribeEndpoint" in controller.world.calls[-1:]:
                raise refused("ThrottlingException", "first error", name)
            if name == TAKE and controller.world.calls[-1] != "DeleteItem":
                raise refused("ThrottlingException", "second error", name)

        controller.world.before_call = break_down
        with pytest.raises(ClientError, match="first error"):
            controller.wake()
        controller.world.before_call = lambda name: None
        assert controller.wake() == "Busy"
        controller.world.clock.pass_seconds(100)
        assert controller.wake() == "Wait"


def test_revert_that_ends_early_again_and_again_is_noted_once(start):
    """Each try would else be a generation further away from the first one's entry."""
    controller = released(start, 1)
    world = controller.world
    world.approve(2)
    controller.settle()
    world.serving.bad.add(1)
    world.command("rollback")

    def crash(name):
        if name == WRITE and world.value("command") == "none" and world.value("previous") == "none":
            raise CrashError(name)

    world.after_call = crash
    for _ in range(12):
        controller.deliver(SCHEDULE)
        world.step()
        world.clock.pass_seconds(600)
    world.after_call = lambda name: None
    controller.settle()
    assert [entry["version"] for entry in world.ledger() if entry["kind"] == "revert"] == ["1"]
    assert world.ssm.released == arn(2)


class TestMeasure:
    """How long a candidate is overdue is published at the end of each run, and stands in nobody's way."""

    def waiting(self, start):
        """A controller whose candidate gets nowhere: its stack's update does not end."""
        controller = released(start, 1)
        controller.world.approve(2)
        controller.run(controller.world.events.pop())
        return controller

    def test_nothing_is_overdue_at_rest_or_in_time(self, start):
        controller = self.waiting(start)
        assert set(controller.world.outlets.overdue) == {0.0}

    def test_overdue_by_the_hour_until_it_goes_on(self, start):
        controller = self.waiting(start)
        world = controller.world
        world.clock.pass_seconds(26 * 3600)
        controller.wake()
        assert world.outlets.overdue[-1] == pytest.approx(2, abs=0.01)
        controller.settle()
        assert (world.outlets.overdue[-1], world.ssm.released) == (0.0, arn(2))

    @pytest.mark.parametrize(
        "error",
        [refused("Throttling", "Rate exceeded", "PutMetricData"), EndpointConnectionError(endpoint_url="https://x")],
        ids=["refused", "unreachable"],
    )
    def test_release_goes_on_where_figures_are_not_taken(self, start, error):
        controller = start()
        world = controller.world

        def refuse(name):
            if name == "PutMetricData":
                raise error

        world.before_call = refuse
        world.approve(1)
        controller.settle()
        assert (world.ssm.released, world.outlets.overdue) == (arn(1), [])
        assert world.final()["locked"] == []

    def test_run_that_ends_there_has_done_its_work(self, start):
        controller = released(start, 1)
        world = controller.world
        world.approve(2)

        def crash(name):
            if name == "PutMetricData":
                raise CrashError(name)

        world.after_call = crash
        with pytest.raises(CrashError):
            controller.run(world.events.pop())
        world.after_call = lambda name: None
        world.clock.pass_seconds(100)
        controller.settle()
        assert world.ssm.released == arn(2)
        assert sum(subject.endswith("version 2 is being released") for subject in world.told) == 1
