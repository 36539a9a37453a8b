"""`mlops approve` and `mlops reject`: the registry is told, and the person what comes of it."""

from dataclasses import replace

import pytest

from mlops import target
from mlops.__main__ import main
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import ALICE, World


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip()


def test_approving_notes_who_did_and_why(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval", CustomerMetadataProperties={"test_auc": "0.7"})
    assert main(["approve", "4", "--reason", "better on new data"]) == 0
    package = world.registry.versions[4]
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "better on new data"
    assert package["CustomerMetadataProperties"] == {"test_auc": "0.7", "approved_by": ALICE}
    assert said(capsys) == (
        "version 4 is approved and goes on: as shadow, then as challenger, then in place of version 3"
    )


def test_a_hotfix_skips_the_experiments(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    assert main(["approve", "4", "--strategy", "replace"]) == 0
    assert world.registry.versions[4]["CustomerMetadataProperties"]["release_strategy"] == "replace"
    assert said(capsys) == "version 4 is approved and goes on: in place of version 3"


def test_the_strategy_of_an_earlier_approval_does_not_stay(world: World) -> None:
    world.serve(3)
    world.registry.add(4, "Rejected", CustomerMetadataProperties={"release_strategy": "replace"})
    assert main(["approve", "4"]) == 0
    assert world.registry.versions[4]["CustomerMetadataProperties"] == {"approved_by": ALICE}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3, "version 3 is approved; it serves already"),
        (2, "version 2 is approved; version 3 goes on serving, mlops rollback 2 goes back to it"),
        (
            4,
            "version 4 is approved, but not tried, since it is not newer than version 5, which failed, lost or "
            "was rejected; a newer one is",
        ),
        (5, "version 5 is approved, but not tried, since it failed, lost or was rejected; a newer one is"),
        (6, "version 6 is approved, but version 7 is newer and on its way: only that is tried"),
    ],
)
def test_an_approval_that_releases_nothing_says_why(
    world: World, capsys: pytest.CaptureFixture[str], number: int, text: str
) -> None:
    world.serve(3)
    world.registry.versions.get(number) or world.registry.add(number, "PendingManualApproval")
    world.set(ReleaseParameter.FAILED, world.registry.arn(5))
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(7)} shadow")
    assert main(["approve", str(number), "--wait"]) == 0
    assert said(capsys) == text


def test_the_first_version_needs_no_experiment(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry.add(1, "PendingManualApproval")
    assert main(["approve", "1"]) == 0
    assert said(capsys) == "version 1 is approved and goes on: as the first champion"


def test_while_paused_an_approval_waits_for_resume(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry.add(1, "PendingManualApproval")
    world.set(ReleaseParameter.COMMAND, "pause")
    assert main(["approve", "1"]) == 0
    assert said(capsys) == "version 1 is approved and goes on after mlops resume: as the first champion"


def test_production_approves_in_the_registry_that_it_takes_from(
    prod: World, capsys: pytest.CaptureFixture[str]
) -> None:
    prod.serve(3)
    prod.registry.add(4, "PendingManualApproval")
    assert main(["approve", "4", "--env", "prod"]) == 0
    assert prod.registry.group == "mlops-staging-loan-approval"
    assert said(capsys).startswith(
        "version 4 is approved and goes on after the tests of staging and a second person "
        "(mlops release 4 --env prod): "
    )


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_versions_of_another_account_are_decided_on_there(
    prod: World, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prod.registry.add(4, "PendingManualApproval")
    group = "arn:aws:sagemaker:eu-west-1:333344445555:model-package-group/mlops-staging-loan-approval"
    apart = replace(prod.target, package_group=group)
    monkeypatch.setattr(target, "find", lambda *_: apart)
    assert main([word, "4", "--env", "prod"]) == 1
    assert capsys.readouterr().err == (
        "mlops: version 4 of mlops-staging-loan-approval: is in the account of staging, whose people decide on it; "
        f"with that account's credentials: mlops {word} 4 --env staging\n"
    )
    assert prod.registry.versions[4]["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_version_that_does_not_exist_names_the_newest(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry.add(2)
    assert main(["approve", "9"]) == 1
    assert capsys.readouterr().err == (
        "mlops: version 9 of mlops-local-loan-approval: does not exist; the newest is 2\n"
    )


def test_a_version_whose_registration_failed_is_not_approved(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry.add(2, "PendingManualApproval", status="Failed")
    assert main(["approve", "2"]) == 1
    assert "its registration is Failed" in capsys.readouterr().err
    assert world.registry.versions[2]["ModelApprovalStatus"] == "PendingManualApproval"


def test_rejecting_the_champion_says_where_it_goes_back_to(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    assert main(["reject", "3", "--reason", "wrong data"]) == 0
    assert world.registry.versions[3]["ModelApprovalStatus"] == "Rejected"
    assert world.registry.versions[3]["ApprovalDescription"] == "wrong data"
    assert said(capsys) == "version 3 is rejected: version 2 takes its place, if that is approved"


def test_rejecting_the_only_champion_says_that_it_serves_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3)
    assert main(["reject", "3", "--wait"]) == 0
    assert said(capsys).startswith("version 3 is rejected, but serves on: none is known to go back to")


def test_rejecting_the_candidate_ends_it_and_any_other_changes_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.add(4)} shadow")
    world.registry.add(5, "PendingManualApproval")
    assert main(["reject", "4"]) == 0
    assert said(capsys) == "version 4 is rejected: its time as candidate (shadow) ends"
    assert main(["reject", "5"]) == 0
    assert said(capsys) == "version 5 is rejected; nothing that serves changes"
