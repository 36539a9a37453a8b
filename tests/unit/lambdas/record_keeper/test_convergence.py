"""Whatever goes wrong between, the same manifests, cards and lineage come of it, and no revision is there twice."""

from __future__ import annotations

import itertools
import pickle
import random

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.record_keeper.keeper import Keeper
from tests.unit.lambdas.record_keeper.names import LOOK, TRACKING, refused
from tests.unit.lambdas.record_keeper.test_revisions import chain_is_whole
from tests.unit.lambdas.record_keeper.world import CrashError, World

HISTORIES = 40
LEASE = 100
FAILURES = 50
"""Numbers of executions that register nothing, from here on; the others are those of their versions."""


def registered(world):
    world.train(1, ended=False)


def finished(world):
    world.train(1)


def approved(world):
    finished(world)
    world.decide(1, by="arn:aws:iam::111122223333:user/eve")


def released(world):
    approved(world)
    world.release(1)


def retired(world):
    released(world)
    world.retire(1)


def failed(world):
    world.fail(1)


PLAYS = [registered, finished, approved, released, retired]
TRACKED = [(play, {"TRACKING": TRACKING}) for play in (retired, failed)]


def undisturbed(modules, play, **environ):
    keeper = Keeper(modules, World(), **environ)
    play(keeper.world)
    keeper.happen()
    rest(keeper)
    return keeper.world


def rest(keeper):
    """The schedule comes by, also after the lease of whoever died."""
    for _ in range(2):
        keeper.world.clock.pass_seconds(LEASE)
        keeper.deliver(LOOK)


def at_call(nth, act):
    """A hook that does something after the nth call."""
    seen = itertools.count(1)
    return lambda name: act(name) if next(seen) == nth else None


def crash(name):
    raise CrashError(name)


def after_every_call(modules, play, **environ):
    """The world after each call, with the event whose run made it: as if that run had ended there."""
    keeper, kept = Keeper(modules, World(checked=False), **environ), []
    world = keeper.world
    play(world)

    def run(event):
        world.after_call = lambda name: kept.append((name, event, pickle.dumps(world)))
        keeper.run(event)

    while world.events:
        run(world.events.pop(0))
    for _ in range(2):
        world.clock.pass_seconds(LEASE)
        run(LOOK)
    return kept


@pytest.mark.parametrize(("play", "environ"), [*((play, {}) for play in PLAYS), *TRACKED])
def test_end_after_every_call_leads_to_the_same(quiet, play, environ):
    """The event is delivered again, or lost; the schedule comes by again in any case."""
    wanted = undisturbed(quiet, play, **environ)
    final, kept = wanted.final(), after_every_call(quiet, play, **environ)
    assert len(kept) > len(wanted.calls) / 2
    for (nth, (call, event, state)), retried in itertools.product(enumerate(kept), [True, False]):
        if event == LOOK and not retried:
            continue
        keeper = Keeper(quiet, pickle.loads(state), **environ)
        keeper.world.clock.pass_seconds(60)
        if retried:
            keeper.deliver(event)
        while keeper.world.events:
            keeper.run(keeper.world.events.pop(0))
        rest(keeper)
        rest(keeper)
        assert keeper.world.final() == final, (nth, call, retried)
        assert play is failed or chain_is_whole(keeper.world, 1)
        assert len(keeper.world.revisions(1)) <= len(wanted.revisions(1)) + 1


@pytest.mark.parametrize("environ", [{}, {"TRACKING": TRACKING}])
def test_second_keeper_between_two_calls_does_no_harm(quiet, environ):
    wanted = undisturbed(quiet, released, **environ)
    final = wanted.final()
    for nth in range(1, len(wanted.calls) + 1):
        keeper = Keeper(quiet, World(checked=False), **environ)
        released(keeper.world)
        other = Keeper(quiet, keeper.world, **environ)
        keeper.world.after_call = at_call(nth, lambda _name, other=other: other.deliver(LOOK))
        keeper.happen()
        keeper.world.after_call = lambda name: None
        rest(keeper)
        assert keeper.world.final() == final, nth
        assert chain_is_whole(keeper.world, 1)


def test_revision_that_somebody_else_wrote_at_the_same_time_is_built_upon(quiet):
    """A run that lost its lease writes late; the lock is no guarantee, the condition on the object is."""
    keeper = Keeper(quiet, World())
    finished(keeper.world)
    wanted, raced = undisturbed(quiet, finished), []
    theirs = {name: value for name, value in wanted.manifest(1).items() if name not in quiet.revisions.OWN}

    def race(name):
        if name == "PutObject" and not raced:
            raced.append(name)
            body = quiet.revisions.following(theirs | {"governance": {}}, None, keeper.world.clock.now).body
            keeper.world.storage.put("s3://evidence/loan_approval/version-1/revision-0001.json", body)

    keeper.world.before_call = race
    keeper.happen()
    assert len(keeper.world.revisions(1)) == 2
    assert chain_is_whole(keeper.world, 1)
    assert keeper.world.final() == wanted.final()


def happen(chance, world):
    """One thing happens."""
    what = chance.choice(
        ["train", "fail", "end", "approve", "reject", "release", "review", "retire", "lose", "down", "time", "time"]
    )
    versions = sorted(world.packages)
    running = [version for version in versions if world.pipeline.runs[version].running]
    made = [number for number in world.pipeline.runs if number < FAILURES]
    if what == "train" and len(made) < 5:
        world.train(len(made) + 1, ended=chance.random() < 0.5, tuned=chance.random() < 0.3)
    elif what == "fail" and len(world.pipeline.runs) - len(made) < 3:
        world.fail(FAILURES + len(world.pipeline.runs) - len(made), stopped=chance.random() < 0.5)
    elif what == "down":
        world.mlflow.trouble = (503, {}) if world.mlflow.trouble is None else None
    elif what == "end" and running:
        world.end(running[0])
    elif what in ("approve", "reject") and versions:
        world.decide(chance.choice(versions), "Approved" if what == "approve" else "Rejected", f"why {chance.random()}")
    elif what in ("release", "review") and versions:
        getattr(world, what)(chance.choice(versions))
    elif what == "retire" and len(versions) > 1 and versions[0] not in running:
        world.retire(versions[0])
    elif what == "lose":
        world.events.clear()
    elif what == "time":
        world.clock.pass_seconds(chance.choice([60, 3600, 86400]))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_every_history_is_written_down_in_the_end(quiet, seed):
    chance = random.Random(seed)
    world = World(checked=False)
    keeper = Keeper(quiet, world, TRACKING=chance.choice(["", TRACKING]))
    faults = chance.choice([0.0, 0.02, 0.1])

    def fault(name):
        if chance.random() < faults:
            raise chance.choice([CrashError(name), refused("ThrottlingException", "Rate exceeded", name)])

    for _ in range(chance.randint(10, 30)):
        world.before_call = world.after_call = lambda name: None
        happen(chance, world)
        world.before_call = world.after_call = fault
        for event in [*world.events]:
            if chance.random() < 0.7:
                try:
                    keeper.run(event)
                except (CrashError, ClientError):
                    world.clock.pass_seconds(LEASE)
                world.events.remove(event)
    world.before_call = world.after_call = lambda name: None
    for version, run in world.pipeline.runs.items():
        if run.running:
            world.end(version)
    world.events.clear()
    world.clock.pass_seconds(LEASE)
    world.mlflow.trouble = None
    keeper.hours(3)
    made = len([number for number in world.pipeline.runs if number < FAILURES])
    assert sorted(world.final()["manifests"]) == list(range(1, made + 1))
    for version in range(1, made + 1):
        check(world, version)
    if keeper.settings.tracks:
        check_runs(world)
    before = {version: world.revisions(version) for version in range(1, made + 1)}
    keeper.hours(24)
    assert {version: world.revisions(version) for version in range(1, made + 1)} == before, "it never rests"


def check_runs(world):
    """Every execution is one run, which says what is true of it."""
    assert len(world.mlflow.runs) == len(world.pipeline.runs)
    for number, made in world.pipeline.runs.items():
        run = world.mlflow.run(f"run{number}")
        assert run["status"] == {"Succeeded": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}[made.status]
        assert len(run["metrics"]) == len({name for name, _, _ in run["metrics"]}), "told twice"
        if number < FAILURES:
            package = world.packages.get(number)
            assert run["tags"]["mlops.approval"] == (package["ModelApprovalStatus"] if package else "Retired")
            assert world.manifest(number)["experiment"]["run"] == run["id"]


def check(world, version):
    """The manifest against what is true in the world."""
    manifest = world.manifest(version)
    assert chain_is_whole(world, version)
    assert manifest["pipeline"]["ended_at"] is not None
    card = world.cards.cards[f"mlops-test-loan-approval-v{version}"]
    assert (manifest["card"]["status"], manifest["card"]["version"]) == (
        card["ModelCardStatus"],
        card["ModelCardVersion"],
    )
    ledger = [
        item for key, item in world.table.items.items()
        if key[0] == "loan-approval" and item["version"]["N"] == str(version) and item["kind"]["S"] in ("begin", "done")
    ]  # fmt: skip
    assert len(manifest["releases"]) == len(ledger)
    package = world.packages.get(version)
    if package is None:
        assert manifest["retired"]["at"] and card["ModelCardStatus"] == "Archived"
        return
    assert manifest["retired"] is None
    status = package["ModelApprovalStatus"]
    assert (manifest["approvals"][-1]["status"] if manifest["approvals"] else "PendingManualApproval") == status
    wanted = {"Approved": "Approved", "Rejected": "Archived"}.get(status, "PendingReview")
    assert card["ModelCardStatus"] == wanted
    assert package["CustomerMetadataProperties"]["manifest"] == f"s3://evidence/loan_approval/version-{version}/"
