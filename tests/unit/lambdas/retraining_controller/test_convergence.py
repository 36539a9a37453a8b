"""Whatever goes wrong between, one retraining comes of one reason, and the rules hold in every history."""

from __future__ import annotations

import random

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.retraining_controller.controller import Controller
from tests.unit.lambdas.retraining_controller.names import ALARM, HERE, LOOK, arn, number, refused
from tests.unit.lambdas.retraining_controller.plays import ALL, ENDINGS, REASONS, Play, beside, cut_off, undisturbed
from tests.unit.lambdas.retraining_controller.world import CrashError, World, month

WHOLE = {("degradation", "bad"), ("schedule", "good")}
"""Of these every call is tried, of the others one of five."""

LEASE = 100
HISTORIES = 100
HAPPENINGS = [
    "degrade", "recover", "ask", "export", "by hand", "end", "end", "end", "approve", "reject", "lose", "time", "time",
]  # fmt: skip


@pytest.mark.parametrize(("reason", "ending"), ALL)
def test_end_after_every_call_leads_to_one_retraining(quiet, reason, ending):
    """The event is delivered again, or lost; lists show a start at once, or late."""
    wanted, calls = undisturbed(quiet, reason, ending)
    assert len(wanted["retrainings"]) == 1 and calls > 40
    step = 1 if (reason, ending) in WHOLE else 5
    for nth in range(1, calls + 1, step):
        for retried in (True, False):
            assert cut_off(quiet, reason, ending, nth, retried=retried) == wanted, (nth, retried)


@pytest.mark.parametrize("reason", REASONS)
def test_second_controller_between_two_calls_does_no_harm(quiet, reason):
    wanted, calls = undisturbed(quiet, reason, "good")
    for nth in range(1, calls + 1):
        world = beside(quiet, reason, "good", nth).world
        assert world.final() == wanted, nth
        assert len(world.told) == len(wanted["told"]), nth


def test_run_that_lost_its_lease_cannot_start_a_second_one(quiet):
    """It is cut off after the decision; another controller goes on; then its last call arrives late."""
    play = Play(quiet, "degradation", "good")
    world, late = play.world, []

    def cut(name):
        if name == "StartPipelineExecution" and not late:
            late.append(name)
            raise CrashError(name)

    play.world.before_call = cut
    world.degrade()
    with pytest.raises(CrashError):
        play.controller.run(world.events.pop())
    world.clock.pass_seconds(LEASE)
    play.controller.run(LOOK)
    [first] = world.executions
    again = world.start_pipeline_execution(
        PipelineName=play.controller.settings.pipeline,
        PipelineExecutionDisplayName=first.name,
        PipelineExecutionDescription=first.description,
        PipelineParameters=[],
        ClientRequestToken=first.token,
    )
    assert again["PipelineExecutionArn"] == first.arn
    assert 32 <= len(first.token) <= 128


class Historian(World):
    """Checks each start against what is true in the world when it is made."""

    controller: Controller
    asks = 0
    exports = 9

    def started(self, made):
        running = self.running()
        # What a person started a moment ago no list shows yet; of its own the controller needs no list.
        assert running is None or (running.name.startswith("by-hand") and self.is_new(running)), "two at once"
        policy = self.controller.policy
        before = [each.started for each in self.retrainings]
        if before:
            hours = (made.started - max(before)).total_seconds() / 3600
            assert hours >= policy.cooldown_hours - 0.1, "before the cooldown"
        same = [at for at in before if month(at) == month(made.started)]
        assert len(same) < policy.max_per_month, "above the limit"
        reasons = {
            "got worse in test": self.alarms[ALARM][0],
            "the schedule asked": self.asks > 0,
            "new training data": self.controller.settings.policy.on_new_data,
        }
        assert [true for reason, true in reasons.items() if reason in made.description] == [True], "without a trigger"


def happen(chance, world):
    """One thing happens."""
    what = chance.choice(
        [
            "degrade",
            "recover",
            "ask",
            "export",
            "by hand",
            "end",
            "end",
            "end",
            "approve",
            "reject",
            "lose",
            "time",
            "time",
        ]
    )
    newest = max(world.packages, default=0)
    if what == "degrade" and world.parameters[HERE + "champion"][0] != "none":
        world.degrade()
    elif what == "recover":
        world.recover()
    elif what == "ask":
        world.asks += 1
        world.ask()
    elif what == "export":
        world.exports += 1
        world.export(f"{2026 + world.exports // 12}-{world.exports % 12 + 1:02d}-28")
    elif what == "by hand" and not world.running():
        world.start_by_hand()
    elif what == "end" and world.running():
        world.end(*chance.choice(list(ENDINGS.values())))
    elif what == "approve" and newest:
        world.register(newest, "Approved")
        if chance.random() < 0.7:
            world.release(newest)
        else:
            world.fail(newest)
    elif what == "reject" and arn(newest) != world.parameters[HERE + "champion"][0] and newest:
        world.register(newest, "Rejected")
    elif what == "lose" and world.events:
        # An event of AWS may be lost; the schedule's is repeated until it is taken.
        world.events = [event for event in world.events if "trigger" in event]
    elif what == "time":
        world.clock.pass_seconds(chance.choice([60, 3600, 86400, 5 * 86400]))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_rules_hold_in_every_history_and_every_reason_is_served_in_the_end(quiet, seed):
    chance = random.Random(seed)
    world = Historian(lag=chance.choice([0, 30]), checked=False)
    world.export("2026-09-30")
    policy = {"cooldown_hours": chance.choice([0, 24, 168]), "max_per_month": chance.choice([1, 2, 5])}
    controller = world.controller = Controller(quiet, world, on_new_data=chance.random() < 0.5, **policy)
    faults = chance.choice([0.0, 0.05, 0.2])

    def fault(name):
        if chance.random() < faults:
            raise chance.choice([CrashError(name), refused("ThrottlingException", "Rate exceeded", name)])

    for _ in range(chance.randint(20, 100)):
        world.before_call = world.after_call = lambda name: None
        happen(chance, world)
        world.before_call = world.after_call = fault
        chance.shuffle(world.events)
        for event in [*world.events]:
            if chance.random() < 0.8:
                delivered = controller_delivers(controller, event)
                if delivered and chance.random() < 0.8:
                    world.events.remove(event)
        if chance.random() < 0.3:
            controller.deliver(LOOK)

    world.before_call = world.after_call = lambda name: None
    before = len(world.retrainings)
    settle(world, controller)
    entries = world.ledger()
    assert [entry["kind"] for entry in entries].count("started") == len(world.retrainings)
    assert world.final()["locked"] == []
    assert len(world.retrainings) > before
    names = [each.name for each in world.retrainings]
    assert len(set(names)) == len(names)


def controller_delivers(controller, event):
    """Whether the event was taken."""
    try:
        controller.run(event)
    except (CrashError, ClientError):
        return False
    return True


def settle(world, controller):
    """People decide on every version, newer data are there, something asks for a retraining, and time passes."""
    while world.events:
        controller.deliver(world.events.pop(0))
    world.clock.pass_seconds(200)
    controller.deliver(LOOK)
    if world.running():
        world.end("Stopped")
        controller.happen()
    champion = number(world.parameters[HERE + "champion"][0])
    for version in [*world.packages]:
        if version > champion:
            world.register(version, "Rejected")
    world.export("2031-12-31")
    if champion and not world.asks % 2:
        world.degrade()
    else:
        world.ask()
        world.asks += 1
    for _ in range(45):
        controller.pass_days(1)
