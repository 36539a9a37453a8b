"""`mlops stop` and `mlops start`: the stack is updated as the schedule does it, and nothing else changes."""

from typing import Any

import pytest

from mlops.__main__ import main
from tests.unit.mlops.pages import told
from tests.unit.mlops.world import START, World, refused

KEYS = ("ChampionPackage", "ShadowPackage", "Running", "RunningAsked")


@pytest.fixture
def updates(world: World, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is asked for; the endpoint is on, and follows."""
    asked: list[dict[str, Any]] = []
    outputs = world.stacks.stacks[world.names.serving_stack]
    outputs["RunningNow"] = "on"
    describe = world.stacks.describe_stacks

    def with_parameters(StackName: str) -> dict[str, Any]:  # noqa: N803
        found = describe(StackName)
        found["Stacks"][0]["Parameters"] = [{"ParameterKey": key, "ParameterValue": "x"} for key in KEYS]
        return found

    def update_stack(**request: Any) -> None:
        asked.append(request)
        given = {each["ParameterKey"]: each for each in request["Parameters"]}
        outputs["RunningNow"] = given["Running"]["ParameterValue"]

    monkeypatch.setattr(world.stacks, "describe_stacks", with_parameters)
    monkeypatch.setattr(world.stacks, "update_stack", update_stack, raising=False)
    return asked


def test_a_stop_changes_the_switch_and_leaves_every_other_parameter_as_it_is(
    world: World, updates: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop"]) == 0
    (request,) = updates
    assert (request["StackName"], request["UsePreviousTemplate"]) == (world.names.serving_stack, True)
    given = {each["ParameterKey"]: each for each in request["Parameters"]}
    assert set(given) == set(KEYS)
    assert given["Running"]["ParameterValue"] == "off"
    assert given["RunningAsked"]["ParameterValue"].startswith("by alice@example.com, ")
    assert given["ChampionPackage"] == {"ParameterKey": "ChampionPackage", "UsePreviousValue": True}
    assert "mlops-local-loan-approval is being stopped" in capsys.readouterr().out


def test_what_is_stopped_waits_for_a_start(world: World, updates: list[dict[str, Any]]) -> None:
    world.serve(1)
    assert main(["stop"]) == 0
    shown = "\n".join(told(world, START))
    assert "the endpoint is stopped, and releases wait: mlops start" in shown
    assert main(["start"]) == 0
    assert "stopped" not in "\n".join(told(world, START))


def test_what_is_so_already_is_not_updated(updates: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start"]) == 0
    assert updates == []
    assert "is on already; nothing to do" in capsys.readouterr().out


def test_an_endpoint_without_a_switch_names_the_setting(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop"]) == 1
    assert "set serving.stop.enabled = true, where retain is false, and deploy" in capsys.readouterr().err


def test_a_stack_that_is_being_updated_is_left_alone(
    world: World, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(**_request: Any) -> None:
        raise refused(
            "UpdateStack", "ValidationError", "Stack x is in UPDATE_IN_PROGRESS state and can not be updated."
        )

    monkeypatch.setattr(world.stacks, "update_stack", busy, raising=False)
    assert main(["stop"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_stack_that_takes_no_update_is_not_said_to_be_busy(
    world: World, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    describe = world.stacks.describe_stacks

    def failed(StackName: str) -> dict[str, Any]:  # noqa: N803
        found: dict[str, Any] = describe(StackName)
        found["Stacks"][0]["StackStatus"] = "UPDATE_ROLLBACK_FAILED"
        return found

    def refuse(**_request: Any) -> None:
        raise refused(
            "UpdateStack", "ValidationError", "Stack x is in UPDATE_ROLLBACK_FAILED state and can not be updated"
        )

    monkeypatch.setattr(world.stacks, "describe_stacks", failed)
    monkeypatch.setattr(world.stacks, "update_stack", refuse, raising=False)
    assert main(["stop"]) == 1
    assert "is UPDATE_ROLLBACK_FAILED and takes no update; docs/operations.md" in capsys.readouterr().err
