"""--wait: a release is followed until it has happened, was refused, or cannot happen any more."""

import json

import pytest

from mlops.__main__ import main
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import World

CHAMPION, CANDIDATE, COMMAND = ReleaseParameter.CHAMPION, ReleaseParameter.CANDIDATE, ReleaseParameter.COMMAND


class Controller:
    """What the release controller does to the parameters and the ledger, step by step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.generation = 20

    def __call__(self, parameter: ReleaseParameter, number: int = 0, stage: str = "") -> None:
        arn = self.world.registry.arn(number) if number else "none"
        self.world.set(parameter, f"{arn} {stage}".strip())

    def note(self, key: str, version: int, reason: str) -> None:
        self.generation += 1
        self.world.note(self.generation, key, version, minutes=self.generation, reason=reason)


def test_a_promotion_is_followed_to_its_confirmation_with_the_ledger_as_it_comes(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.note(9, "begin#4#shadow", 4, reason="long ago")
    controller = Controller(world)
    controller(CANDIDATE, 4, "shadow")
    world.registry.add(4)
    meanwhile(
        lambda: controller(CANDIDATE, 4, "promote"),
        lambda: controller.note("begin#4#promote", 4, "a person asked for it"),
        lambda: controller(COMMAND),
        lambda: controller(CHAMPION, 4),  # written, not yet confirmed
        lambda: controller.note("done#4", 4, "it serves"),
        lambda: controller(CANDIDATE),
    )
    assert main(["promote", "--wait"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("version 4 replaces version 3 now")
    assert [line.split()[2] for line in lines[1:3]] == ["begin", "done"]
    assert lines[3:] == ["version 4 serves"]


def test_a_command_that_the_controller_refuses_ends_the_wait_with_its_reason(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4)
    controller = Controller(world)

    def refuse() -> None:
        written = world.ssm.get_parameter(Name=world.names.release_parameter(COMMAND))["Parameter"]["Version"]
        controller.note(f"refused#{written}", 4, "version 4 is not approved in the registry")

    meanwhile(refuse)
    assert main(["promote", "4", "--wait"]) == 1
    assert capsys.readouterr().err == (
        "mlops: loan-approval in local: refused: version 4 is not approved in the registry\n"
    )


def test_a_promotion_that_is_rolled_back_fails_with_the_last_reason(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4)
    controller = Controller(world)
    meanwhile(
        lambda: controller(CANDIDATE, 4, "promote"),
        lambda: controller(COMMAND),
        lambda: controller(CHAMPION, 4),
        lambda: controller.note("revert#4", 4, "alarm errors went off"),
        lambda: controller(ReleaseParameter.FAILED, 4),
        lambda: controller(CHAMPION, 3),
        lambda: controller(CANDIDATE),
    )
    assert main(["promote", "4", "--wait"]) == 1
    assert capsys.readouterr().err == (
        "mlops: loan-approval in local: version 4: it did not become the champion: alarm errors went off\n"
    )


def test_a_rollback_is_reached_though_the_next_version_starts_at_once(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3, previous=2)
    controller = Controller(world)
    controller(CANDIDATE, 5, "shadow")

    def confirmed_and_next() -> None:
        controller(CANDIDATE)
        controller(CANDIDATE, 5, "shadow")

    meanwhile(
        lambda: controller(ReleaseParameter.FAILED, 3),
        lambda: controller(CANDIDATE, 2, "rollback"),
        lambda: controller(COMMAND),
        lambda: controller(CHAMPION, 2),
        confirmed_and_next,
    )
    assert main(["rollback", "--wait"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "version 2 serves"


@pytest.mark.parametrize(
    ("parameter", "number", "why"),
    [
        (ReleaseParameter.FAILED, 4, "it failed, lost or was rejected"),
        (ReleaseParameter.CANDIDATE, 5, "version 5 took its place"),
        (ReleaseParameter.CHAMPION, 5, "version 5 serves"),
    ],
)
def test_an_approved_version_that_loses_its_chance_ends_the_wait(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str], parameter: ReleaseParameter, number: int, why: str
) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    controller = Controller(world)
    stage = "shadow" if parameter is CANDIDATE else ""
    meanwhile(
        lambda: controller(CANDIDATE, 4, "shadow"),
        lambda: controller(CANDIDATE),
        lambda: controller(parameter, number, stage),
    )
    assert main(["approve", "4", "--wait"]) == 1
    assert capsys.readouterr().err == f"mlops: loan-approval in local: version 4: {why}\n"


def test_what_is_told_is_the_decision_that_ended_it_not_the_steps_after(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    controller = Controller(world)
    meanwhile(
        lambda: controller.note("failed#4", 4, "alarm latency went off"),
        lambda: controller.note("write#candidate", 4, "nothing is left of it"),
        lambda: controller(ReleaseParameter.FAILED, 4),
    )
    assert main(["approve", "4", "--wait"]) == 1
    assert capsys.readouterr().err.endswith("it failed, lost or was rejected: alarm latency went off\n")


def test_one_look_between_two_writes_does_not_end_the_wait(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    controller = Controller(world)
    meanwhile(
        lambda: controller(ReleaseParameter.FAILED, 4),
        lambda: controller(ReleaseParameter.FAILED),
        lambda: controller(CHAMPION, 4),
    )
    assert main(["approve", "4", "--wait"]) == 0


def test_a_rejected_champion_has_left_when_the_way_back_is_confirmed(world: World, meanwhile) -> None:
    world.serve(3, previous=2)
    controller = Controller(world)
    steps: list[str] = []

    def step(name: str, *change: object) -> None:
        steps.append(name)
        controller(*change)  # type: ignore[arg-type]

    meanwhile(
        lambda: step("back", CANDIDATE, 2, "rollback"),
        lambda: step("written", CHAMPION, 2),
        lambda: step("confirmed", CANDIDATE),
        lambda: step("too late", CANDIDATE),
    )
    assert main(["reject", "3", "--wait"]) == 0
    assert steps == ["back", "written", "confirmed"]


def test_a_way_back_that_fails_ends_the_wait(world: World, meanwhile, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    controller = Controller(world)
    meanwhile(
        lambda: controller(CANDIDATE, 2, "rollback"),
        lambda: controller(ReleaseParameter.PREVIOUS),
        lambda: controller(CANDIDATE),
    )
    assert main(["reject", "3", "--wait"]) == 1
    assert "version 3: it serves on, since none is known to go back to" in capsys.readouterr().err


def test_when_the_time_is_over_the_exit_code_says_that_it_is_not_a_failure(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4)
    meanwhile()
    assert main(["promote", "4", "--wait", "--timeout", "5"]) == 3
    assert capsys.readouterr().err == (
        "mlops: loan-approval in local: not yet after 5 s; it goes on by itself, unless it waits for somebody: "
        "mlops status\n"
    )


def test_a_pause_does_not_end_by_itself(world: World, meanwhile, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    world.set(COMMAND, "pause")
    meanwhile()
    assert main(["approve", "4", "--wait", "--timeout", "5"]) == 3
    assert capsys.readouterr().err == (
        "mlops: loan-approval in local: not yet after 5 s; releases are paused: mlops resume\n"
    )


def test_json_waits_without_a_word_and_answers_once(
    world: World, meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    world.serve(3)
    world.registry.add(4)
    controller = Controller(world)
    meanwhile(
        lambda: controller.note("begin#4", 4, "asked for"),
        lambda: controller(COMMAND),
        lambda: controller(CHAMPION, 4),
    )
    assert main(["promote", "4", "--wait", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 4
