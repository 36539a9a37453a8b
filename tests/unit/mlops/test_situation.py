"""What goes on in an environment: facts from what AWS says, in one JSON form, and on a page in two forms."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from mlops.ledger import Entry
from mlops.release_state import Candidate
from mlops.situation import (
    Alarm,
    Endpoint,
    Judged,
    Model,
    Monitor,
    Monitoring,
    Run,
    Situation,
    Variant,
    Version,
    Waiting,
    document,
    experiment,
    page,
    reading,
    rows,
    runs,
)
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import LOOK, World, refused

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GROUP = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/group"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/p/execution/x1"
DEFINITION = json.dumps(
    {
        "Steps": [
            {"Name": "Validate", "Type": "Processing", "Arguments": {}},
            {
                "Name": "Choose",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [{"LeftValue": {"Get": "Steps.Validate.x"}}],
                    "IfSteps": [{"Name": "Train", "Type": "Training", "Arguments": {}}],
                    "ElseSteps": [{"Name": "Tune", "Type": "Tuning", "Arguments": {}}],
                },
            },
        ]
    }
)


def looked(number: int, stage: str = "shadow", kind: str = "look", version: int = 4, **figures: Any) -> Entry:
    verdict = LOOK | {"looks": number, "boundary": 2.2414027276049464} | figures
    at = NOW + timedelta(minutes=number)
    return Entry(f"{number:010d}#{kind}", at, kind, f"{GROUP}/{version}", version, stage, "so", verdict)


def candidate(stage: str = "shadow") -> Candidate:
    return Candidate(f"{GROUP}/4", stage, NOW)


def execution(status: str) -> dict[str, Any]:
    return {
        "PipelineExecutionArn": ARN,
        "PipelineExecutionStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW + timedelta(minutes=9),
    }


def step(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"StepName": name, "StepStatus": status, "StartTime": NOW, **more}


def model(**more: Any) -> Model:
    endpoint = Endpoint("e", "InService", "s", "UPDATE_COMPLETE", (Variant("champion", 100.0, 2, 100.0, 2, 3),))
    return Model("loan-approval", True, None, None, endpoint, **more)


def lines(of: Model, **more: Any) -> list[str]:
    return page.lines(Situation("prod", NOW, (of,), **more))


def test_an_experiment_holds_the_looks_of_its_stage_oldest_first() -> None:
    began = replace(looked(11, stage="challenger", kind="begin"), verdict=LOOK | {"looks": 11, "decision": "better"})
    entries = [looked(3, "challenger"), looked(2, "challenger"), looked(1, "challenger"), began, looked(10)]
    found = experiment.of(entries, candidate("challenger"))
    assert found is not None
    assert ([each.number for each in found.looks], found.stage, found.running) == ([1, 2, 3], "challenger", True)
    assert found.error_rate == pytest.approx(0.05, abs=1e-6)


def test_what_moved_a_version_on_is_the_last_look_of_the_stage_before() -> None:
    shadow = [looked(2), looked(1), replace(looked(0, kind="begin"), verdict=None)]
    for following in ("challenger", "promote"):
        found = experiment.of([looked(3, following, kind="begin", decision="better"), *shadow], candidate(following))
        assert found is not None
        assert ([each.number for each in found.looks], found.stage, found.running) == ([1, 2, 3], "shadow", False)


def test_a_version_that_was_tried_before_shows_the_looks_of_its_last_stay() -> None:
    again = replace(looked(0, kind="begin"), verdict=None)
    found = experiment.of([looked(1), again, looked(7), looked(6)], candidate())
    assert found is not None and [each.number for each in found.looks] == [1]


def test_a_look_that_decided_is_told_once_though_two_entries_carry_it() -> None:
    end = looked(3, kind="end", decision="worse")
    found = experiment.of([end, looked(3), looked(2)], None)
    assert found is not None
    assert [(each.number, each.decision) for each in found.looks] == [(2, "continue"), (3, "worse")]
    assert not found.running


def test_an_open_ended_rule_has_its_error_rate_in_its_boundary() -> None:
    found = experiment.of([looked(1, rule="open_ended", boundary=20.0)], candidate())
    assert found is not None and found.error_rate == 0.05


def test_without_a_candidate_a_look_alone_is_no_experiment() -> None:
    assert experiment.of([looked(1)], None) is None


@pytest.mark.parametrize(("status", "ahead"), [("Executing", "Pending"), ("Failed", "NotRun")])
def test_steps_that_have_not_begun_are_shown_with_what_they_wait_for(status: str, ahead: str) -> None:
    listed = [step("Validate", "Succeeded", EndTime=NOW + timedelta(seconds=5))]
    found = runs.of_answers("training", execution(status), listed, DEFINITION)
    assert [(each.name, each.status, each.kind) for each in found.steps] == [
        ("Validate", "Succeeded", "Processing"),
        ("Choose", ahead, "Condition"),
        ("Train", ahead, "Training"),
        ("Tune", ahead, "Tuning"),
    ]
    assert [each.needs for each in found.steps] == [(), ("Validate",), ("Choose",), ("Choose",)]
    assert found.steps[0].seconds == 5
    assert (found.ended is None) == (status == "Executing")


def test_a_failed_run_says_which_step_failed_and_why() -> None:
    listed = [step("Validate", "Failed", FailureReason="column GrAppv is missing")]
    assert runs.of_answers("training", execution("Failed"), listed, "no JSON").reason == (
        "Validate: column GrAppv is missing"
    )


def test_alarms_are_the_models_own_or_the_environments(world: World) -> None:
    base = world.names.base
    names = [f"{base}-serving-Latency", f"{base}-2-serving-Latency", "mlops-local-access-TrailTouched", "other"]
    world.alarms.known = [{"AlarmName": name, "StateValue": "ALARM"} for name in names]
    seen = reading.read([world.target], NOW)
    assert [each.name for each in seen.models[0].alarms] == names[:1]
    assert [each.name for each in seen.alarms] == ["mlops-local-access-TrailTouched"]


def test_what_may_not_be_read_is_said_and_the_rest_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> None:
        raise refused("ListPipelineExecutions", "AccessDeniedException", "no")

    monkeypatch.setattr(world.registry, "list_pipeline_executions", denied)
    world.serve(3)
    (found,) = reading.read([world.target], NOW).models
    assert found.unread == ("pipelines: ListPipelineExecutions: AccessDeniedException: no",)
    assert found.champion and found.champion.version == 3
    assert any(line.startswith("  unread     pipelines: ") for line in lines(found))


def test_versions_have_their_parts_their_approver_and_the_words_of_the_approval(world: World) -> None:
    world.serve(3, previous=2)
    world.registry.add(
        4, "Rejected", ApprovalDescription="biased", CustomerMetadataProperties={"approved_by": "a/alice"}
    )
    world.registry.add(5, CustomerMetadataProperties={"approved_by": "a/alice", "test_auc": "0.71234"})
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(5)} shadow")
    world.set(ReleaseParameter.FAILED, world.registry.arn(4))
    (found,) = reading.read([world.target], NOW).models
    assert [(each.number, each.part) for each in found.versions] == [
        (5, "candidate"), (4, "failed"), (3, "champion"), (2, "previous")
    ]  # fmt: skip
    assert (found.versions[0].approved_by, found.versions[1].approved_by) == (("a/alice",), ())
    shown = [line for line in lines(found) if line.startswith("  versions")]
    assert "AUC 0.712" in shown[0] and "by alice" in shown[0]
    assert shown[1].split()[1:] == ["4", "rejected", "failed", "biased"]


def test_what_became_of_a_version_is_told_by_its_newest_decision(world: World) -> None:
    world.serve(2, previous=1)
    for number in (3, 4, 5, 6):
        world.registry.add(number)
    world.set(ReleaseParameter.FAILED, world.registry.arn(5))
    decided = (
        ("begin", 3), ("lost", 3), ("begin", 4), ("revert", 4), ("begin", 5), ("rollback", 5), ("lost", 6), ("begin", 6)
    )  # fmt: skip
    for place, (kind, version) in enumerate(decided):
        world.note(10 + place, f"{kind}#{version}", version, minutes=place)
    (found,) = reading.read([world.target], NOW).models
    parts = {each.number: each.part for each in found.versions}
    assert (parts[3], parts[4], parts[5], parts[6]) == ("lost", "rolled back", "rolled back", "")


def test_an_alarm_on_a_failed_run_says_that_the_newest_one_succeeded() -> None:
    alarm = Alarm("mlops-local-loan-approval-monitoring-TrainingFailed", "ALARM", "", about="A run failed.")
    good, failed = (Run("p", "training", "a/last", status, NOW) for status in ("Succeeded", "Failed"))
    assert rows.outlived(alarm, good) == "the newest run (last) has succeeded since"
    assert not rows.outlived(alarm, failed) and not rows.outlived(alarm, None)
    assert not rows.outlived(replace(alarm, name="x-monitoring-Bias"), good)


def test_variants_that_move_say_where_to(world: World) -> None:
    world.serve(3)
    world.registry.endpoint = {
        "EndpointStatus": "Updating",
        "ProductionVariants": [
            {"VariantName": "champion", "CurrentWeight": 9, "DesiredWeight": 5, "CurrentInstanceCount": 2},
            {"VariantName": "challenger", "CurrentWeight": 1, "DesiredWeight": 5, "CurrentInstanceCount": 1},
        ],
    }
    (found,) = reading.read([world.target], NOW).models
    assert [(each.percent, each.desired_percent, each.version) for each in found.endpoint.variants] == [
        (90.0, 50.0, 3), (10.0, 50.0, 0)
    ]  # fmt: skip
    assert any("champion 90 % (2 instances, moving to 50 %)" in line for line in lines(found))


def test_a_failed_run_and_a_model_that_got_worse_wait_for_somebody(world: World) -> None:
    worse = Monitoring(True, version="3", monitors=(Monitor("calibration", True, 3, 4, True),))
    failed = Run("p", "training", ARN, "Failed", NOW)
    older = replace(failed, arn=f"{ARN}0", status="Succeeded", began=NOW - timedelta(hours=1))
    target = world.target
    release = target.settings.retraining.model_copy(update={"on_degradation": False})
    alone = replace(target, settings=target.settings.model_copy(update={"retraining": release}))
    from mlops.situation import waiting

    found = list(waiting.of_runs(alone, (failed, older), worse))
    assert [each.remedy for each in found] == ["mlops logs x1", "mlops train"]
    assert [each.remedy for each in waiting.of_runs(alone, (older,), None)] == []


def test_drift_that_is_confirmed_names_the_features_and_is_no_fault_of_the_model() -> None:
    judged = Judged(NOW, NOW + timedelta(days=1), "judged", 600, True, ("bank", "State"), ("bank: so", "State: so"))
    drift = Monitor("data_drift", True, 3, 4, False, windows=(judged,))
    found = lines(model(monitoring=Monitoring(True, version="3", monitors=(drift,))))
    assert "  monitors   data drift  CONFIRMED, 3 of 4 windows breached  bank, State" in found


def test_every_plain_line_is_whole_and_begins_with_its_label() -> None:
    waits = Waiting("approver", "version 5 waits for approval", "mlops approve 5 --env prod")
    alarm = Alarm("mlops-prod-loan-approval-monitoring-Cost", "ALARM", "so", about="Too dear. " * 30)
    found = lines(model(waiting=(waits,), alarms=(alarm,), previous=2))
    assert found[0] == "loan-approval in prod, 2026-11-21 12:00:00 UTC"
    assert "  waiting    version 5 waits for approval: mlops approve 5 --env prod" in found
    assert "  previous   version 2; mlops rollback --env prod goes back to it" in found
    assert max(map(len, found)) > 300


@pytest.mark.parametrize("width", [80, 200])
def test_the_drawn_page_keeps_to_the_width_of_the_terminal(width: int) -> None:
    version = Version(4, "p", "Approved", "Completed", "champion", NOW, True, ("a/alice",), "a reason " * 20)
    alarm = Alarm("mlops-prod-loan-approval-monitoring-Cost", "ALARM", "so", about="Too dear. " * 30)
    seen = Situation("prod", NOW, (model(versions=(version,), alarms=(alarm,)),))
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(page.render(seen), soft_wrap=False)
    assert max(map(len, out.getvalue().splitlines())) <= width
    assert "monitoring-Cost" in out.getvalue()


def test_a_document_is_json_with_moments_in_iso_8601() -> None:
    found = json.loads(json.dumps(document(Situation("prod", NOW, (model(),)))))
    assert found["at"] == "2026-11-21T12:00:00+00:00"
    assert found["models"][0]["endpoint"]["variants"][0]["version"] == 3
