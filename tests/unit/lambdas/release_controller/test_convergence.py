"""Whatever goes wrong between, the end is the same."""

from __future__ import annotations

import random

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.release_controller.world import READS, SCHEDULE, CrashError, P, World, arn, refused

SCENARIOS = {
    "first release": ([1], {}),
    "next release": ([1, 2], {}),
    "failed first release": ([1], {"bad": {1}}),
    "failed next release": ([1, 2], {"bad": {2}}),
    "newer one after a failure": ([1, 2, 3], {"bad": {2}}),
    "stack that cannot roll back": ([1, 2], {"stuck": {2}}),
}


def play(controller, versions):
    """Approve one version after the other, each when all is quiet; a person repairs a stuck stack."""
    for version in versions:
        controller.world.approve(version)
        controller.settle()
        if controller.world.status == "UPDATE_ROLLBACK_FAILED":
            controller.world.continue_rollback()
            controller.settle()
    return controller.world


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("retried", [True, False], ids=["retried", "lost"])
def test_end_after_any_call_leads_to_the_same_state(start, scenario, retried):
    """The run ends after its nth call, for each n; the event is then delivered again, or lost."""
    versions, arguments = SCENARIOS[scenario]

    def world():
        return World(**{name: set(numbers) for name, numbers in arguments.items()})

    undisturbed = play(start(world()), versions)
    for nth in range(1, len(undisturbed.calls) + 1):
        disturbed = world()
        calls = iter(range(1, 10_000))

        def crash(name, calls=calls, nth=nth):
            if next(calls) == nth:
                raise CrashError(name)

        disturbed.after_call = crash
        controller = start(disturbed)
        if not retried:
            deliver_once(controller)
        play(controller, versions)
        assert disturbed.final() == undisturbed.final(), undisturbed.calls[:nth]
        assert disturbed.attempts == undisturbed.attempts, undisturbed.calls[:nth]


def deliver_once(controller):
    def deliver(event):
        try:
            controller.run(event)
        except CrashError:
            return

    controller.deliver = deliver


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_second_run_between_any_two_calls_does_no_harm(start, scenario):
    """A whole scheduled run happens beside the first, after its nth call, for each n."""
    versions, arguments = SCENARIOS[scenario]

    def world():
        return World(**{name: set(numbers) for name, numbers in arguments.items()})

    undisturbed = play(start(world()), versions)
    for nth in range(1, len(undisturbed.calls) + 1):
        disturbed = world()
        controller = start(disturbed)

        def beside(name, disturbed=disturbed, controller=controller, nth=nth):
            if len(disturbed.calls) == nth:
                controller.run(SCHEDULE)

        disturbed.after_call = beside
        play(controller, versions)
        assert disturbed.final() == undisturbed.final(), undisturbed.calls[:nth]
        assert disturbed.attempts == undisturbed.attempts, undisturbed.calls[:nth]


@pytest.mark.parametrize("seed", range(300))
def test_random_history_ends_with_what_the_rules_say(start, seed):
    """Approvals in any order, rejections, deployments, faults, lost and repeated events; then quiet."""
    chance = random.Random(seed)
    world = World(bad={v for v in range(1, 7) if chance.random() < 0.3}, page_size=chance.choice([1, 3, 100]))
    controller = start(world)
    faults = chance.choice([0.0, 0.05, 0.2])

    def fault(name):
        if chance.random() < faults:
            raise chance.choice([CrashError(name), refused("ThrottlingException", "Rate exceeded", name)])

    world.before_call = world.after_call = fault
    for _ in range(chance.randint(10, 60)):
        happen(chance, controller)
    world.before_call = world.after_call = lambda name: None
    if world.endpoint.get("EndpointStatus") == "Updating":
        world.scale()
    controller.settle()

    assert world.value("champion") == world.stack_champion == world.released
    if world.stack_champion != "none":
        version = number(world.stack_champion)
        assert version not in world.bad
        assert world.endpoint == {"EndpointConfigName": f"config-{version}", "EndpointStatus": "InService"}
        assert any(subject.endswith(f"version {version} is released") for subject in world.told)
    for version in world.bad:
        assert world.attempts.count(arn(version)) <= 1
    tried = {number(package) for package in world.attempts}
    for version in tried & world.bad:
        assert any(subject.endswith(f"the release of version {version} failed") for subject in world.told)
    approved = [version for version, approval in world.packages.items() if approval == "Approved"]
    newest = max(approved, default=0)
    assert newest <= max(number(world.stack_champion), number(world.value("failed")))
    assert not {number(package) for package in failures(world)} - world.bad
    start_again = len(world.calls)
    controller.wake()
    assert all(name.startswith(READS) for name in world.calls[start_again:])


def happen(chance, controller):
    """One thing happens."""
    world = controller.world
    what = chance.choice(["approve", "approve", "reject", "edit", "event", "event", "event", "step", "step",
                          "schedule", "lose", "deploy", "broken deploy", "scale"])  # fmt: skip
    version = chance.randint(1, 6)
    if what == "approve":
        world.approve(version)
    elif what == "reject" and version in world.packages:
        world.approve(version, "Rejected")
    elif what == "edit" and version in world.packages:
        world.edit_metadata(version)
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
        world.scale()
    elif what == "deploy":
        world.deploy()
    elif what == "broken deploy":
        world.deploy(ends="bad")


def failures(world):
    """The packages that the controller ever named as failed."""
    return {entry["Value"] for entry in world.parameters[f"{P}/failed"]} - {"none"}


def number(package):
    return 0 if package == "none" else int(package.rsplit("/", 1)[1])
