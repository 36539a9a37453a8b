"""pause, resume, promote, rollback, release: what is checked, what is written, what is said."""

import json

import pytest

from mlops.__main__ import main
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import ALICE, BOB, World


def command(world: World) -> str:
    return world.get(ReleaseParameter.COMMAND)


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip()


def err(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


def test_pause_and_resume(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume"]) == 0
    assert out(capsys) == "loan-approval in local is not paused; nothing to do"
    assert main(["pause"]) == 0
    assert command(world) == "pause"
    assert out(capsys).startswith("loan-approval in local is paused: ")
    assert main(["pause"]) == 0
    assert "paused already" in out(capsys)
    assert main(["resume"]) == 0
    assert command(world) == "none"
    assert out(capsys) == "loan-approval in local goes on"


def test_a_command_that_is_still_to_be_done_is_not_lost_to_another_but_can_be_taken_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3, previous=2)
    promotion = f"promote {world.registry.add(4)}"
    world.set(ReleaseParameter.COMMAND, promotion)
    for other in (["pause"], ["rollback"], ["promote", "4"]):
        assert main(other) == 1
        assert err(capsys) == (
            "mlops: loan-approval in local: promote 4 is still to be done; wait, or take it back: mlops resume"
        )
    assert command(world) == promotion
    assert main(["resume"]) == 0
    assert command(world) == "none"
    assert out(capsys) == "loan-approval in local goes on; the command promote 4 is taken back"


def test_promote_takes_the_candidate(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.add(4)} shadow")
    assert main(["promote"]) == 0
    assert command(world) == f"promote {world.registry.arn(4)}"
    assert out(capsys) == "version 4 replaces version 3 now, canary, under the alarms that roll it back"


def test_promote_of_another_version_says_that_the_candidate_gives_way_and_that_the_pause_ends(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.add(4)} challenger")
    world.set(ReleaseParameter.COMMAND, "pause")
    package = world.registry.add(5)
    assert main(["promote", "5"]) == 0
    assert command(world) == f"promote {package}"
    assert out(capsys).endswith("; version 4 (challenger) gives way; the pause ends with it")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["promote"], "there is no candidate; name a version: mlops promote VERSION"),
        (["promote", "5"], "version 5 is the champion already"),
        (["promote", "4"], "version 4 is older than the champion 5; use mlops rollback 4"),
        (
            ["promote", "6"],
            "version 6 is not newer than version 7, which failed, lost or was rejected; approve a newer one",
        ),
        (["rollback"], "knows of no champion before; name a version: mlops rollback VERSION"),
        (["rollback", "5"], "version 5 is the champion already"),
        (["promote", "7"], "version 7 failed, lost or was rejected; approve a newer one"),
        (["release", "8"], "needs no second person (release.second_person is false); approving releases it"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    world: World, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    for number in range(1, 10):
        world.registry.add(number)
    world.serve(5)
    world.set(ReleaseParameter.FAILED, world.registry.arn(7))
    assert main(arguments) == 1
    assert err(capsys) == f"mlops: loan-approval in local: {reason}"
    assert command(world) == "none"
    assert world.get(ReleaseParameter.ALLOWED) == "none"


@pytest.mark.parametrize("word", ["promote", "rollback"])
def test_only_an_approved_version_moves(world: World, capsys: pytest.CaptureFixture[str], word: str) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    assert main([word, "4"]) == 1
    assert err(capsys) == (
        "mlops: version 4 of mlops-local-loan-approval: is PendingManualApproval; approve it first: mlops approve 4"
    )
    assert command(world) == "none"


def test_rollback_goes_to_the_version_before(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    assert main(["rollback"]) == 0
    assert command(world) == "rollback"
    assert out(capsys) == "version 3 gives way to version 2, and is not tried again by itself"


def test_rollback_to_any_approved_version_says_what_becomes_of_the_candidate(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3, previous=2)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.add(4)} challenger")
    package = world.registry.add(1)
    assert main(["rollback", "1"]) == 0
    assert command(world) == f"rollback {package}"
    assert out(capsys).endswith("; version 4 (challenger) leaves and starts anew, unless mlops reject 4")


def test_after_a_rollback_there_is_no_version_before(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The controller leaves `previous` as it was: at the version that serves again."""
    world.serve(2, previous=2)
    assert main(["rollback"]) == 1
    assert err(capsys).endswith("knows of no champion before; name a version: mlops rollback VERSION")


def test_a_rollback_whose_champion_is_written_already_is_still_under_way(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(2, previous=2)
    world.registry.add(2)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(2)} rollback")
    for arguments in (["rollback"], ["rollback", "2"]):
        assert main(arguments) == 1
        assert "is going back to version 2 already" in err(capsys)


def test_a_rollback_under_way_is_not_asked_for_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(2)} rollback")
    assert main(["rollback"]) == 1
    assert "is going back to version 2 already" in err(capsys)
    assert main(["promote"]) == 1
    assert "is going back to version 2; name a version to promote instead" in err(capsys)


def test_rollback_needs_a_champion(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry.add(1)
    assert main(["rollback", "1"]) == 1
    assert "nothing serves, so nothing can be rolled back" in err(capsys)


def test_a_second_person_releases(prod: World, capsys: pytest.CaptureFixture[str]) -> None:
    prod.serve(3)
    package = prod.registry.add(4, CustomerMetadataProperties={"approved_by": ALICE})
    prod.person.arn = BOB
    assert main(["release", "4", "--env", "prod"]) == 0
    assert prod.get(ReleaseParameter.ALLOWED) == package
    assert out(capsys) == (
        "version 4, approved by alice@example.com, released by bob@example.com: "
        "goes to prod once the tests of staging have passed"
    )


@pytest.mark.parametrize(
    "package",
    [
        {"CustomerMetadataProperties": {"approved_by": ALICE}},
        {"LastModifiedBy": {"IamIdentity": {"Arn": ALICE}}},
        {"LastModifiedBy": {"UserProfileName": "alice@example.com"}},
        {"CustomerMetadataProperties": {"approved_by": BOB}, "LastModifiedBy": {"IamIdentity": {"Arn": ALICE}}},
    ],
)
def test_who_approved_cannot_release_too_not_even_in_another_role(
    prod: World, capsys: pytest.CaptureFixture[str], package: dict[str, object]
) -> None:
    prod.serve(3)
    prod.registry.add(4, **package)
    prod.person.arn = ALICE.replace("Approver", "Releaser")
    assert main(["release", "4", "--env", "prod"]) == 1
    assert err(capsys) == (
        "mlops: loan-approval in prod: version 4 was approved by you (alice@example.com); a second person releases it"
    )
    assert prod.get(ReleaseParameter.ALLOWED) == "none"


@pytest.mark.parametrize("number", [2, 3])
def test_only_a_newer_version_is_released(prod: World, capsys: pytest.CaptureFixture[str], number: int) -> None:
    prod.serve(3, previous=2)
    assert main(["release", str(number), "--env", "prod"]) == 1
    assert err(capsys).endswith("version 3 serves; only a newer one is released")


def test_json_says_what_was_done(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    assert main(["rollback", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["environment"], answer["model"], answer["version"]) == ("local", "loan-approval", 2)
