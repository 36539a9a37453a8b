"""`mlops status`: the page says what serves, what is on its way, and what waits for whom."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mlops import registry
from mlops.__main__ import main
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.pages import told
from tests.unit.mlops.world import ALICE, BOB, LOOK, START, World

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def rows(world: World) -> dict[str, str]:
    """The page by the name of each row; rows of one name are joined."""
    found: dict[str, str] = {}
    for line in told(world, NOW)[1:-1]:
        name = line[2:13].strip()
        found[name] = f"{found[name]}\n{line[13:]}" if name in found else line[13:]
    return found


def variant(name: str, weight: float, instances: int) -> dict[str, Any]:
    return {"VariantName": name, "CurrentWeight": weight, "CurrentInstanceCount": instances}


def test_before_the_first_version_nothing_serves_and_what_is_pending_waits_for_approval(world: World) -> None:
    world.registry.add(1, "PendingManualApproval")
    shown = rows(world)
    assert shown["champion"] == "none: nothing serves"
    assert shown["candidate"] == "none"
    assert shown["endpoint"] == "mlops-local-loan-approval MISSING, stack UPDATE_COMPLETE"
    assert shown["waiting"] == "version 1 waits for approval: mlops approve 1"
    assert not {"verdict", "barred", "previous", "command", "requests", "last"} & set(shown)


def test_an_experiment_shows_both_variants_the_last_look_and_how_long_it_has_been_going(world: World) -> None:
    world.serve(3, previous=2)
    world.registry.add(4)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(4)} challenger")
    world.set(ReleaseParameter.CHALLENGER_WEIGHT, "50")
    world.registry.endpoint = {
        "EndpointStatus": "InService",
        "ProductionVariants": [variant("champion", 0.5, 2), variant("challenger", 0.5, 1)],
    }
    world.note(5, "done#3", 3, minutes=-60)
    world.note(9, "look#2#3000", 4, minutes=60, verdict=json.dumps(LOOK | {"looks": 9}))
    world.note(9, "look#2#12000", 4, minutes=150, verdict=json.dumps(LOOK))
    shown = rows(world)
    assert shown["champion"] == "version 3 since 2026-11-21 08:00:00 (4 h ago)"
    assert shown["candidate"].startswith("version 4, challenger since ")
    assert shown["candidate"].endswith(", to have 50 % of the requests")
    assert shown["requests"] == "champion 50 % (2 instances), challenger 50 % (1 instance)"
    assert shown["verdict"] == (
        "version 4 is undecided so far: +1.2 points (-0.4 to +2.9); 6,120 of 24,594 outcomes "
        "(25 % of the information), look 12 (30 min ago)"
    )
    assert "" not in shown
    assert shown["previous"] == "version 2; mlops rollback goes back to it"
    assert shown["last"].startswith("2026-11-21 08:00:00  done version 3")


def test_the_last_decision_is_shown_not_the_steps_that_follow_from_it(world: World) -> None:
    world.serve(3)
    world.note(5, "done#3", 3, reason="it serves")
    for number, kind in enumerate(("write", "apply", "shift", "look"), 1):
        world.note(5 + number, f"{kind}#x", 3, minutes=number)
    assert rows(world)["last"].endswith("done version 3 it serves")


def test_after_a_rollback_there_is_no_version_before_to_go_to(world: World) -> None:
    world.serve(2, previous=2)
    assert "previous" not in rows(world)
    world.registry.add(2, "Rejected")
    assert rows(world)["waiting"].startswith("the champion is rejected, none is known to go back to")


def test_a_shadow_is_shown_as_mirrored_beside_all_of_the_requests(world: World) -> None:
    world.serve(3)
    world.registry.endpoint = {
        "EndpointStatus": "InService",
        "ProductionVariants": [variant("champion", 1.0, 2)],
        "ShadowProductionVariants": [variant("shadow", 1.0, 1)],
    }
    assert rows(world)["requests"] == "champion 100 % (2 instances), shadow 100 % mirrored (1 instance)"


def test_a_verdict_on_an_earlier_candidate_is_not_shown_as_one_on_the_candidate(world: World) -> None:
    world.serve(3)
    world.registry.add(5)
    world.note(7, "end#4", 4, verdict=json.dumps(LOOK | {"decision": "worse"}))
    assert "version 4 is worse" in rows(world)["verdict"]
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(5)} shadow")
    assert "verdict" not in rows(world)


def test_a_look_that_decided_nothing_is_not_shown_once_its_candidate_has_left(world: World) -> None:
    world.serve(3)
    world.note(7, "look#2#400", 4, verdict=json.dumps(LOOK))
    assert "verdict" not in rows(world)


def test_failed_versions_are_named_and_wait_for_nobody(world: World) -> None:
    world.serve(3)
    world.registry.add(4)
    world.set(ReleaseParameter.FAILED, world.registry.arn(4))
    shown = rows(world)
    assert shown["barred"] == "version 4 and older ones are not tried again"
    assert "waiting" not in shown


def test_a_pause_says_since_when_and_how_to_go_on(world: World) -> None:
    world.serve(3)
    world.registry.add(4)
    world.set(ReleaseParameter.COMMAND, "pause")
    shown = rows(world)
    assert shown["command"].startswith("pause")
    assert shown["waiting"] == "releases are paused: mlops resume"


def test_a_command_that_is_still_to_be_done_is_shown_with_the_version(world: World) -> None:
    world.serve(3)
    world.set(ReleaseParameter.COMMAND, f"promote {world.registry.add(4)}")
    assert rows(world)["command"].startswith("promote 4")


def test_a_rejected_champion_without_a_version_before_it_needs_somebody(world: World) -> None:
    world.registry.add(3, "Rejected")
    world.serve(3)
    assert rows(world)["waiting"] == ("the champion is rejected, none is known to go back to: mlops rollback VERSION")


def test_production_says_who_has_to_do_what_before_a_version_goes_there(prod: World) -> None:
    prod.serve(3)
    prod.registry.add(4)
    assert rows(prod)["waiting"].splitlines() == [
        "version 4 has not passed the tests of staging: they run when it serves there",
        "version 4 waits for a second person: mlops release 4 --env prod",
    ]
    prod.registry.versions[4]["CustomerMetadataProperties"] = {"staging-tests": "passed"}
    prod.set(ReleaseParameter.ALLOWED, prod.registry.arn(4))
    assert "waiting" not in rows(prod)


def test_the_champion_shows_who_approved_it_and_who_released_it(prod: World) -> None:
    prod.registry.add(4, CustomerMetadataProperties={"approved_by": ALICE})
    prod.serve(4)
    assert rows(prod)["champion"].endswith(", approved by alice@example.com")
    prod.set(ReleaseParameter.ALLOWED, prod.registry.arn(4))
    assert ", released by " in rows(prod)["champion"]


def test_the_newest_pages_of_the_registry_are_enough_for_the_page(world: World) -> None:
    for number in range(1, registry.NEWEST + 20):
        world.registry.add(number, "Rejected")
    world.serve(registry.NEWEST + 20)
    assert rows(world)["champion"].startswith(f"version {registry.NEWEST + 20} ")


def test_json_has_the_same_facts(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.serve(3, previous=2)
    world.registry.add(4, "PendingManualApproval")
    world.note(5, "done#3", 3)
    assert main(["status", "--json"]) == 0
    model = json.loads(capsys.readouterr().out)["models"]["loan-approval"]
    assert model["champion"]["version"] == 3
    assert model["champion"]["since"] == START.isoformat()
    assert model["champion"]["released_by"] == ""
    assert model["candidate"] is None
    assert model["previous"] == 2
    assert model["waiting"] == [
        {"whom": "approver", "what": "version 4 waits for approval", "remedy": "mlops approve 4", "command": True}
    ]
    assert model["endpoint"]["alarming"] == []
    assert [(each["number"], each["part"]) for each in model["versions"]] == [
        (4, ""), (3, "champion"), (2, "previous")
    ]  # fmt: skip
    assert model["unread"] == []


def test_the_page_is_printed_for_every_model(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.person.arn = BOB
    world.serve(3)
    assert main(["status"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("loan-approval in local, ")
    assert printed[1].startswith("  champion   version 3 since ")
