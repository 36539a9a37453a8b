"""What AWS refuses to make of a card or of lineage: it is told, tried again, and keeps no manifest from being there."""

from __future__ import annotations

import itertools

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.unit.lambdas.record_keeper.keeper import Keeper
from tests.unit.lambdas.record_keeper.names import EVIDENCE, GROUP, LOOK, arn, refused
from tests.unit.lambdas.record_keeper.test_convergence import at_call, crash, rest
from tests.unit.lambdas.record_keeper.test_revisions import chain_is_whole
from tests.unit.lambdas.record_keeper.world import CrashError, World

CARD = f"{GROUP}-v1"
CALLS = {
    "CreateModelCard": "card",
    "UpdateModelCard": "card",
    "CreateArtifact": "lineage",
    "CreateAction": "lineage",
    "CreateContext": "lineage",
    "AddAssociation": "lineage",
}
LOOKS = ("DescribeModelCard", "ListArtifacts", "ListActions", "ListContexts", "ListAssociations")
CODES = (
    "ValidationException", "AccessDenied", "AccessDeniedException", "ConflictException", "ResourceLimitExceeded",
    "InvalidParameterValue", "ResourceNotFound",
)  # fmt: skip
PASSING = ("ThrottlingException", "TooManyRequestsException", "InternalFailure", "ServiceUnavailable", "ExpiredToken")


def released(start):
    """A world with a version that needs each of the calls: its card moves when it is approved."""
    keeper = start(World(checked=False))
    keeper.world.train(1)
    keeper.happen()
    keeper.world.decide(1)
    keeper.world.release(1)
    keeper.happen()
    return keeper


def refuse(call, code="ValidationException", times=None, reason="no such thing"):
    """A hook that refuses a call: so many times, or for ever. reason: may be other than before each time."""
    numbers = itertools.count(1)

    def hook(name):
        if name == call and (times is None or next(numbers) <= times):
            raise refused(code, reason() if callable(reason) else reason, name)

    return hook


def play(start, hook, days=0):
    """The world of `released`, with a hook before each call."""
    world = World(checked=False)
    world.before_call = hook
    keeper = start(world)
    world.train(1)
    keeper.happen()
    world.decide(1)
    world.release(1)
    keeper.happen()
    keeper.hours(24 * days)
    return keeper


@pytest.mark.parametrize(("call", "code"), zip(CALLS, CODES, strict=False))
def test_call_that_is_refused_for_ever_is_a_gap_and_everything_else_is_there(start, call, code):
    world = play(start, refuse(call, code)).world
    manifest = world.manifest(1)
    assert manifest["missing"] == [f"{CALLS[call]}: {call} was refused ({code}): no such thing"]
    assert manifest["training"]["seconds"] == 61 and manifest["releases"][-1]["outcome"] == "done"
    assert world.packages[1]["CustomerMetadataProperties"]["manifest"] == f"s3://{EVIDENCE}/loan_approval/version-1/"
    assert chain_is_whole(world, 1)
    assert bool(manifest["card"]) == (call != "CreateModelCard")
    assert bool(manifest["lineage"]) == (call != "CreateArtifact")


@pytest.mark.parametrize("call", [*CALLS, *LOOKS])
def test_gap_makes_one_revision_and_is_tried_again_each_day(start, call):
    keeper = play(start, refuse(call))
    world = keeper.world
    before = world.revisions(1)
    assert world.manifest(1)["missing"]
    world.calls.clear()
    tries = itertools.count()
    world.before_call = lambda name: (name == call and next(tries), refuse(call)(name))
    keeper.hours(48)
    assert world.revisions(1) == before
    assert next(tries) >= 2
    assert "DescribePipelineExecution" not in world.calls, "how it was made is not looked for again"


@pytest.mark.parametrize("call", [*CALLS, *LOOKS])
def test_gap_closes_by_itself_when_the_cause_is_mended(start, call):
    wanted = released(start).world
    keeper = play(start, refuse(call), days=1)
    keeper.world.before_call = lambda name: None
    keeper.hours(24)
    assert keeper.world.manifest(1)["missing"] == []
    assert keeper.world.final()["lineage"] == wanted.final()["lineage"]
    assert keeper.world.final()["cards"] == wanted.final()["cards"]
    assert chain_is_whole(keeper.world, 1)
    before = keeper.world.revisions(1)
    keeper.hours(48)
    assert keeper.world.revisions(1) == before


@pytest.mark.parametrize("call", CALLS)
def test_call_that_is_refused_once_comes_to_the_same_as_if_it_never_was(start, call):
    keeper = play(start, refuse(call, times=1), days=1)
    wanted = released(start)
    wanted.hours(24)
    assert keeper.world.final()["lineage"] == wanted.world.final()["lineage"]
    assert keeper.world.final()["cards"] == wanted.world.final()["cards"]
    assert keeper.world.manifest(1)["missing"] == []


@pytest.mark.parametrize("call", CALLS)
def test_run_raises_after_all_versions_are_done(start, quiet, call):
    keeper = start(World(checked=False))
    world = keeper.world
    world.before_call = refuse(call)
    for version in (1, 2):
        world.train(version)
    keeper.happen()
    for version in (1, 2):
        world.decide(version)
        world.release(version)
    with pytest.raises(quiet.refusals.ChangeRefused, match=f"version 2: .*{call} .*; version 1: .*{call} ") as raised:
        keeper.look()
    assert "\n" not in str(raised.value)
    assert all(world.manifest(version)["releases"] for version in (1, 2))
    assert f"pass#{world.clock.now:%Y-%m-%d}" in world.index(), "everything is recorded"
    world.clock.pass_seconds(5 * 3600)
    assert keeper.run(LOOK)["action"] == "Nothing", "the lock is free"


def test_lambdas_next_try_finds_all_recorded(start, quiet):
    """Outside of the version's own hour of the day, in which it is tried again at each look."""
    keeper = start(World(checked=False))
    keeper.world.before_call = refuse("CreateArtifact")
    keeper.world.train(1)
    with pytest.raises(quiet.refusals.ChangeRefused):
        keeper.look()
    assert keeper.look() == "nothing changed"
    keeper.world.pass_days(1)
    rung = 0
    for _ in range(24):
        keeper.world.clock.pass_seconds(3600)
        try:
            keeper.look()
        except quiet.refusals.ChangeRefused:
            rung += 1
    assert rung == 1


@pytest.mark.parametrize("call", [*CALLS, *LOOKS])
def test_what_a_retry_may_mend_is_no_gap(start, call):
    wanted = released(start).world
    keeper = play(start, refuse(call, "ThrottlingException", times=2))
    rest(keeper)
    assert [keeper.world.final()[name] for name in ("lineage", "cards")] == [
        wanted.final()[name] for name in ("lineage", "cards")
    ]
    assert not any(b"was refused" in body for body in keeper.world.revisions(1))


def test_answers_and_faults_are_known_by_their_codes(record_keeper):
    for codes, wanted in ((CODES, True), (PASSING, False)):
        for code in codes:
            assert record_keeper.refusals.is_answer(refused(code, "", "CreateArtifact")) is wanted, code


def test_fault_is_known_by_its_status_too(record_keeper):
    for status, wanted in ((400, True), (403, True), (429, False), (500, False), (503, False)):
        response = {"Error": {"Code": "Oh"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        assert record_keeper.refusals.is_answer(ClientError(response, "CreateArtifact")) is wanted


def test_request_that_botocore_itself_refuses_is_a_gap(start):
    def hook(name):
        if name == "CreateAction":
            raise ParamValidationError(report="Invalid length for parameter ActionName, value: 0")

    [text] = play(start, hook).world.manifest(1)["missing"]
    assert text == (
        "lineage: a request was refused (ParamValidationError): "
        "Parameter validation failed: Invalid length for parameter ActionName, value: 0"
    )


def test_entity_that_is_refused_keeps_no_other_from_being_drawn(start):
    graph = play(start, refuse("CreateContext")).world.graph
    assert ("Model", "ContributedTo", "ModelPackage") in graph.named()
    graph = play(start, refuse("CreateAction")).world.graph
    assert graph.named() == {("Model", "ContributedTo", "ModelPackage"), ("ModelPackage", "AssociatedWith", "Endpoint")}


def test_card_that_may_not_be_looked_at_stays_as_it_was_told(start):
    keeper = released(start)
    before = keeper.world.manifest(1)["card"]
    keeper.world.before_call = refuse("DescribeModelCard", "AccessDeniedException")
    keeper.hours(24)
    assert keeper.world.manifest(1)["card"] == before
    assert keeper.world.manifest(1)["missing"][0].startswith("card: DescribeModelCard was refused")
    assert "CreateModelCard" not in keeper.world.calls[-50:]


def test_card_that_may_not_be_rewritten_is_moved_all_the_same(start):
    """Content and status are two calls."""
    keeper = released(start)
    world, seen = keeper.world, itertools.count(1)

    def hook(name):
        if name == "UpdateModelCard" and next(seen) == 1:
            raise refused("ValidationException", "the content is none", name)

    world.cards.cards[CARD]["Content"] = "{}"
    world.decide(1, "Rejected")
    world.before_call = hook
    keeper.deliver(world.events.pop())
    assert world.cards.cards[CARD]["ModelCardStatus"] == "Archived"


def test_card_of_a_retired_version_is_archived_when_it_can_be(start):
    """A retired version is looked at no more, except for this."""
    keeper = released(start)
    world = keeper.world
    world.before_call = refuse("UpdateModelCard")
    world.retire(1)
    keeper.happen()
    keeper.hours(24)
    assert world.manifest(1)["card"]["status"] == "Approved"
    world.before_call = lambda name: None
    keeper.hours(24)
    assert world.manifest(1)["card"]["status"] == "Archived"
    assert world.manifest(1)["missing"] == []
    world.calls.clear()
    keeper.hours(24)
    assert "GetObject" not in world.calls


def test_ids_and_times_in_a_reason_make_no_revision_but_another_reason_does(start):
    numbers = itertools.count(1)
    world = World(checked=False)
    keeper = start(world)

    def reason():
        second, id_ = next(numbers), next(numbers)
        return f"refused at 12:00:{second:02d}\n  (request 0b1c9d{id_:02x}-11aa-4bbb-8ccc-0123456789ab)"

    world.before_call = refuse("CreateModelCard", reason=reason)
    world.train(1)
    keeper.happen()
    keeper.hours(72)
    assert len(world.revisions(1)) == 1
    [text] = world.manifest(1)["missing"]
    assert "\n" not in text and "refused at 12:00:01 (request" in text
    world.before_call = refuse("CreateModelCard", reason="x" * 5000)
    keeper.hours(24)
    assert len(world.revisions(1)) == 2
    assert len(world.manifest(1)["missing"][0]) < 400


@pytest.mark.parametrize("call", CALLS)
def test_end_after_every_call_leads_to_the_same_gap(quiet, call):
    def keep(hook=lambda name: None):
        keeper = Keeper(quiet, World(checked=False))
        world = keeper.world
        world.before_call = refuse(call)
        world.after_call = hook
        world.train(1, ended=False)
        world.events.clear()
        return keeper

    def run(keeper):
        """Registered, then ended, approved and released: each call is needed. How many calls a crash could follow."""
        world = keeper.world
        for happens in (lambda: None, lambda: (world.end(1), world.decide(1), world.release(1))):
            happens()
            for _ in range(2):
                try:
                    keeper.run(LOOK)
                except (CrashError, quiet.refusals.ChangeRefused):
                    world.clock.pass_seconds(100)
        world.after_call = lambda name: None
        calls = len(world.calls)
        world.events.clear()
        keeper.hours(25)
        return calls

    wanted = keep()
    calls = run(wanted)
    missing, lineage = wanted.world.manifest(1)["missing"], wanted.world.final()["lineage"]
    for nth in range(1, calls + 1, 3):
        keeper = keep(at_call(nth, crash))
        run(keeper)
        assert keeper.world.manifest(1)["missing"] == missing != [], nth
        assert keeper.world.final()["lineage"] == lineage
        assert chain_is_whole(keeper.world, 1)


def test_gap_is_told_where_the_version_is_logged(record_keeper, start, caplog):
    keeper = start(World(checked=False))
    told = []
    keeper.modules.logs.log.setLevel("INFO")
    handler = keeper.modules.logs.log.handlers[0]
    emit, handler.emit = handler.emit, lambda entry: told.append(entry.getMessage())
    try:
        keeper.world.before_call = refuse("CreateArtifact")
        keeper.world.register(1)
        keeper.deliver(LOOK)
    finally:
        handler.emit = emit
    assert any('"message": "refused"' in line and "CreateArtifact was refused" in line for line in told)
    assert arn(1) in keeper.world.manifest(1)["package"]
