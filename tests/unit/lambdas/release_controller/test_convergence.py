"""Whatever goes wrong between, the end is the same. `bench controller` has all points; here is a sample of them."""

from __future__ import annotations

import logging
import random
from functools import cache

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.release_controller.names import POLICY, SCHEDULE, arn, number, refused
from tests.unit.lambdas.release_controller.plays import Story, play_beside, play_unluckily
from tests.unit.lambdas.release_controller.scenarios import STRATEGIES, scenarios
from tests.unit.lambdas.release_controller.world import IDLE, CrashError, World

ENDINGS_SAMPLED, CRASHES, SCHEDULES, HISTORIES = 10, 4, 10, 30
"""Of each strategy: endings, crashes of each, and schedules; and histories."""

ENDINGS = {
    # ending: champion, failed, previous
    "first release": (1, 0, 0),
    "first release fails": (0, 1, 0),
    "better": (2, 0, 1),
    "tests": (2, 0, 1),
    "evidence": (2, 0, 1),
    "second person": (2, 0, 1),
    "retirement": (5, 0, 4),
    "switched off": (0, 0, 0),
    "newer one after a failure": (3, 2, 1),
    "newer one while the champion is replaced": (3, 0, 2),
    "undone by a person's old change set": (2, 0, 1),
    "paused before, resumed": (2, 0, 1),
    "slow and failing queries": (2, 0, 1),
    "promote of an unknown version": (2, 0, 1),
    "rejected champion without another": (1, 0, 0),
    "rollback to a named version": (1, 3, 2),
    "rollback command": (1, 2, 1),
    "rollback refused": (1, 2, 1),
    "rejected champion": (1, 2, 1),
    "rollback fails": (2, 2, 0),
    "endpoint undoes a rollback": (2, 2, 0),
    "rollback to what failed": (2, 2, 1),
    "stopped and started": (2, 0, 1),
    "stopped before any version": (1, 0, 0),
    "approved while stopped": (2, 0, 1),
    "left stopped": (1, 0, 0),
    "rollback asked for while stopped": (1, 2, 1),
    "stopped while the champion is replaced": (2, 0, 1),
}
BY_START = {
    "superseded in": (3, 0, 1),
    "promoted from": (2, 0, 1),
    "paused in": (2, 0, 1),
    "stopped in": (2, 0, 1),
    "champion rejected in": (1, 3, 1),
    "rollback command in": (1, 3, 1),
}
LOSES = (1, 2, 0)
"""Every other ending: version 2 does not become champion, and version 1 goes on serving."""


HAPPENINGS = [
    "approve", "approve", "reject", "edit", "event", "event", "event", "step", "step", "step", "schedule", "schedule",
    "lose", "deploy", "broken deploy", "scale", "command", "time", "stop", "start",
]  # fmt: skip


def expected(ending):
    starts = (found for start, found in BY_START.items() if ending.startswith(start))
    return ENDINGS.get(ending) or next(starts, LOSES)


@pytest.fixture(scope="module")
def stories(release_controller):
    """By strategy, the story of each of its endings: each is played once."""

    @cache
    def told(strategy):
        before = release_controller.logs.log.level
        release_controller.logs.log.setLevel(logging.WARNING)
        try:
            return {ending: Story.of(scenario, release_controller) for ending, scenario in scenarios(strategy).items()}
        finally:
            release_controller.logs.log.setLevel(before)

    return told


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_undisturbed_release_ends_as_it_should(stories, strategy):
    for ending, story in stories(strategy).items():
        world, final = story.ended, story.final
        names = ("champion", "failed", "previous")
        assert tuple(number(final["parameters"][name]) for name in names) == expected(ending), ending
        assert final["parameters"]["champion"] == world.serving.held.champion == world.ssm.released, ending
        assert [final["parameters"][name] for name in ("candidate", "challenger", "shadow", "command")] == ["none"] * 4
        assert (final["violations"], final["locked"]) == ([], []), ending
        champion = number(final["released"])
        there = champion and ending != "left stopped"
        status, weights = ("InService", {"champion": 1.0}) if there else ("", {})
        config = f"config-champion{champion}" if there else ""
        assert final["endpoint"] == (status, config, weights), ending
        assert len(world.told) == len(final["ledger"][0]) + sum(
            "needs help" in told or "is UPDATE" in told or "serving version" in told for told in world.told
        )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_message_says_what_happened_why_and_what_to_do(stories, strategy):
    for ending, story in stories(strategy).items():
        world = story.ended
        for subject, body, chat in zip(world.told, world.outlets.bodies, world.outlets.chats, strict=True):
            assert subject.startswith("[test] loan-approval: "), ending
            what, why, todo = body.strip().split("\n")
            assert what.startswith("What happened: ")
            assert why.startswith("Why: ")
            assert todo.startswith("What to do: ")
            # A command to copy has no full stop behind it.
            assert all(line.endswith(".") for line in (what, why, todo) if " run: " not in line), body
            assert "None" not in body
            assert (chat["version"], chat["source"]) == ("1.0", "custom")
            content = chat["content"]
            assert (content["textType"], content["title"]) == ("client-markdown", subject)
            assert content["description"] and len(content["nextSteps"]) == 1


def some(stories, strategy, chance):
    """A sample of the strategy's stories, by their ending."""
    return chance.sample(list(stories(strategy).items()), ENDINGS_SAMPLED)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_end_after_a_call_leads_to_the_same_state(quiet, stories, strategy):
    """The event is then delivered again, or lost."""
    chance = random.Random(strategy)
    for ending, story in some(stories, strategy, chance):
        points = sorted(chance.sample(range(story.calls), CRASHES))
        for nth, point in zip(points, story.start(quiet).keep(points), strict=True):
            resumed = point.resume(quiet, story.scenario, retried=chance.random() < 0.5)
            assert resumed.to_the_end().final() == story.final, (ending, nth, point.call)


def test_end_after_every_call_of_a_release(quiet, stories):
    story = stories("shadow")["better"]
    kept = story.start(quiet).keep_all()
    assert len(kept) == story.calls > 100
    for nth, point in enumerate(kept):
        resumed = point.resume(quiet, story.scenario, retried=nth % 2 == 0)
        assert resumed.to_the_end().final() == story.final, (nth, point.call)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_second_run_between_two_calls_does_no_harm_and_no_work(quiet, stories, strategy):
    chance = random.Random(strategy)
    for ending, story in some(stories, strategy, chance):
        nth = chance.randint(1, story.calls)
        beside = play_beside(story.start(quiet), nth)
        assert (beside.final(), beside.work()) == (story.final, story.ended.work()), (ending, nth)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_random_schedule_with_a_fifth_of_the_calls_failing_ends_the_same(quiet, stories, strategy):
    endings = stories(strategy)
    for seed in range(SCHEDULES):
        chance = random.Random(f"{strategy} {seed}")
        ending = chance.choice(list(endings))
        found = play_unluckily(endings[ending].start(quiet), chance, 0.2).final()
        assert found == endings[ending].final, (ending, seed)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_random_history_ends_with_what_the_rules_say(start, seed):
    """People do anything at any time: the endpoint still serves something good, and all is told."""
    chance = random.Random(seed)
    versions = range(1, 7)
    quality = {version: chance.choice(["better", "worse", "same", "changed"]) for version in versions}
    odd = {kind: {v for v in versions if chance.random() < 0.15} for kind in ("bad", "sly", "broken", "noisy")}
    world = World(quality=quality, page_size=chance.choice([1, 3, 100]), **odd)
    stages = list(chance.choice(list(STRATEGIES.values())))
    experiment = POLICY["experiment"] | {"inconclusive": chance.choice(["keep", "promote"])}
    controller = start(world, stages=stages, experiment=experiment)
    faults = chance.choice([0.0, 0.05, 0.2])

    def fault(name):
        if chance.random() < faults:
            raise chance.choice([CrashError(name), refused("ThrottlingException", "Rate exceeded", name)])

    world.before_call = world.after_call = fault
    for _ in range(chance.randint(10, 80)):
        happen(chance, controller)
    world.before_call = world.after_call = lambda name: None
    if world.serving.endpoint_status == "Updating" and not world.serving.operation:
        world.serving.scale()
    world.command("none")
    controller.settle()
    if world.serving.switch or not world.serving.held.running:
        world.serving.start()
        controller.settle()
    assert world.serving.held.running

    assert world.value("champion") == world.serving.held.champion == world.ssm.released
    assert [world.value(name) for name in ("candidate", "challenger", "shadow", "command")] == ["none"] * 4
    assert world.serving.violations == []
    champion = number(world.ssm.released)
    if champion:
        assert champion not in (world.serving.bad - world.serving.unwatched) | world.serving.broken
        assert world.serving.endpoint_status == "InService"
        assert (world.serving.config, world.serving.weights) == (f"config-champion{champion}", {"champion": 1.0})
        assert any(subject.endswith(f"version {champion} is released") for subject in world.told)
    approved = [version for version, approval in world.registry.packages.items() if approval == "Approved"]
    assert max(approved, default=0) <= max(champion, number(world.value("failed")))
    begun = [entry["entry"].partition("#")[2] for entry in world.ledger() if entry["kind"] == "done"]
    assert len(begun) == len(set(begun))
    assert world.final()["locked"] == []
    before = len(world.calls)
    controller.run(SCHEDULE)
    assert all(name.startswith(IDLE) for name in world.calls[before:])


def happen(chance, controller):
    """One thing happens."""
    world = controller.world
    what = chance.choice(HAPPENINGS)
    version = chance.randint(1, 6)
    if what == "approve":
        world.approve(version)
    elif what == "reject" and version in world.registry.packages and arn(version) != world.ssm.released:
        world.approve(version, "Rejected")
    elif what == "edit" and version in world.registry.packages:
        world.registry.edit(version, note="edited")
    elif what == "event" and world.events:
        event = chance.choice(world.events)
        if chance.random() < 0.7:
            world.events.remove(event)
        controller.deliver(event)
    elif what == "lose" and world.events:
        world.events.remove(chance.choice(world.events))
    elif what == "step":
        world.step()
    elif what == "schedule":
        try:
            controller.wake()
        except (CrashError, ClientError):
            return
    elif what == "scale":
        world.serving.scale()
    elif what == "deploy":
        world.serving.deploy()
    elif what == "broken deploy":
        world.serving.deploy(ends="bad")
    elif what == "stop":
        world.serving.stop()
    elif what == "start":
        world.serving.start()
    elif what == "command":
        world.command(
            chance.choice(["pause", "none", "rollback", f"promote {arn(version)}", f"rollback {arn(version)}"])
        )
    elif what == "time":
        world.clock.pass_seconds(chance.choice([60, 600, 7200]))
