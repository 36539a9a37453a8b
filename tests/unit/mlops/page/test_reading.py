"""What the page is told: its answer first, the names of alarms, decisions of people."""

from dataclasses import replace
from typing import Any

import pytest

from mlops import target
from mlops.__main__ import main
from mlops.errors import CommandError
from mlops.page import deciding, reading
from mlops.page.cache import answer
from mlops.page.headline import headline
from mlops.page.reading import Environment
from mlops.page.server import NotThere
from mlops.situation import Candidate, Model, Monitor, Monitoring
from tests.console_stage import MODEL, NOW, PACKAGE, Stage, base, experiment, judgements
from tests.unit.mlops.world import World

BASE = "mlops-local-loan-approval"


def candidate(stage: str) -> Candidate:
    return Candidate(2, f"{PACKAGE}/2", stage, NOW, 50)


@pytest.mark.parametrize(
    ("model", "tone", "title"),
    [
        (base(), "good", "Version 1 serves"),
        (replace(base(), champion=None), "quiet", "Nothing serves yet"),
        (replace(base(), candidate=candidate("shadow")), "info", "Version 2 is tried as a shadow"),
        (replace(base(), candidate=candidate("challenger")), "info", "Version 2 is tried as challenger"),
        (replace(base(), candidate=candidate("rollback")), "info", "Version 2 takes its place back"),
        (replace(base(), endpoint=replace(base().endpoint, alarming=("Latency",))), "bad", "An alarm of the"),
        (replace(base(), endpoint=replace(base().endpoint, stopped=True)), "warn", "The endpoint is stopped"),
        (replace(base(), endpoint=replace(base().endpoint, status="MISSING")), "warn", "Version 1 is the champion"),
        (
            replace(base(), monitoring=Monitoring(True, "1", monitors=(Monitor("model_quality", True, 3, 4, True),))),
            "warn",
            "Version 1 serves, and got worse",
        ),
    ],
)  # fmt: skip
def test_the_answer_comes_first(model: Model, tone: str, title: str) -> None:
    said = headline(model)

    assert said["tone"] == tone
    assert said["title"].startswith(title)


def test_the_sentences_say_who_approved_and_how_far_an_experiment_is() -> None:
    text = headline(replace(base(), candidate=candidate("shadow"), experiment=experiment(4)))["text"]

    assert text == (
        "Version 1 is the champion, approved by ada. 40 % of the planned information is in. "
        "Its monitors confirm: data drift."
    )


def test_before_the_first_champion_it_says_what_waits() -> None:
    assert headline(replace(base(), champion=None))["text"] == "Version 2 waits for an approval below."
    assert "mlops train" in headline(replace(base(), champion=None, versions=()))["text"]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        (f"{BASE}-monitoring-InputDrift", "monitoring: InputDrift"),
        (f"{BASE}-release-ControllerFunctionFailsDE33EFE3-3F6B15F24372C", "release: ControllerFunctionFails"),
        (f"{BASE}-serving-champion-Latency-{BASE}-serving-ServingConfig79EEF2", "serving: champion Latency"),
    ],
)
def test_alarms_are_called_by_what_they_watch(name: str, called: str) -> None:
    assert reading.called(name, BASE) == called


def test_every_part_of_the_stage_has_a_json_form() -> None:
    for part in ("situation", "drift", "ledger", "alarms", "manifests", "lineage"):
        assert answer(Stage().part(MODEL, part, None)).body


def test_drift_comes_first_among_the_heat_maps_and_says_whether_it_is_confirmed() -> None:
    found = reading.drift({"version": "1", "confirmed": ["data_drift"]}, judgements())

    assert [(each["name"], each["confirmed"], each["windows"]) for each in found["monitors"]] == [
        ("Data drift", True, 3)
    ]


def environment() -> Environment:
    return Environment(target.find_all("local", None))


def test_an_approval_from_the_page_is_that_of_the_command(world: World) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    said = environment().decide("loan-approval", 4, "approve", "better  on\nnew data")

    package = world.registry.versions[4]
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "better on new data")
    assert package["CustomerMetadataProperties"]["approved_by"]
    assert said == "version 4 is approved and goes on: as shadow, then as challenger, then in place of version 3"


def test_a_rejection_from_the_page_is_that_of_the_command(world: World) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    said = environment().decide("loan-approval", 4, "reject", "unfair")

    assert world.registry.versions[4]["ModelApprovalStatus"] == "Rejected"
    assert said == "version 4 is rejected; nothing that serves changes"


@pytest.mark.parametrize(("reason", "why"), [(" \n", "say why"), ("x" * (deciding.LONGEST_REASON + 1), "at most 1024")])
def test_a_reason_is_asked_for(world: World, reason: str, why: str) -> None:
    world.serve(3)
    world.registry.add(4, "PendingManualApproval")
    with pytest.raises(CommandError, match=why):
        environment().decide("loan-approval", 4, "approve", reason)
    assert world.registry.versions[4]["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_version_that_was_not_registered_well_is_not_approved(world: World) -> None:
    world.registry.add(4, "PendingManualApproval", "Failed")
    with pytest.raises(CommandError, match="its registration is Failed"):
        environment().decide("loan-approval", 4, "approve", "better")


@pytest.mark.parametrize(("model", "part"), [("unknown", "situation"), ("loan-approval", "unknown")])
def test_what_the_environment_has_not_is_named(world: World, model: str, part: str) -> None:
    with pytest.raises(NotThere, match="has"):
        environment().part(model, part, None)


def test_the_page_is_for_the_local_environment_only(capsys: Any) -> None:
    assert main(["console", "--env", "prod"]) == 2
    assert "use SageMaker Studio and CloudWatch" in capsys.readouterr().err


def test_commands_of_the_page_name_the_model_where_there_are_several(world: World) -> None:
    several = replace(target.find("local", None), many=True)
    (run,) = reading.situation(base(), several.command)["pipelines"]

    assert run["command"] == "mlops logs abc --model loan-approval"
