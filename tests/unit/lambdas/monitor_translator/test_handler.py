"""What the translator makes of Model Monitor's executions."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from monitoring import emit, findings
from monitoring.parts import Part
from tests.real_samples import sample, sample_folder
from tests.unit.lambdas.checked_client import refusal
from tests.unit.lambdas.conftest import LAMBDAS
from tests.unit.lambdas.monitor_translator.conftest import BASE, ENVIRON, KINDS, LOOK

DRIFT = {"feature_name": "amount", "constraint_check_type": "baseline_drift_check", "description": "0.4 exceeds 0.1"}
TYPE = {"feature_name": "state", "constraint_check_type": "data_type_check", "description": "Value: 0.99"}
QUALITY = {"metric_name": "auc", "constraint_check_type": "LessThanThreshold", "description": "Metric auc with 0.6"}
ENDED = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Processing Job State Change",
    "detail": {"ProcessingJobName": "groundtruth-merge-1", "ProcessingJobStatus": "Completed"},
}
RELEASED = {"source": "mlops.release", "detail-type": "Model Release Done", "detail": {"endpoint": BASE, "version": 3}}


def judgement(world, day, monitor, version=3):
    window = f"202611{day - 1:02}T000000Z-202611{day:02}T000000Z"
    return world.document(f"version-{version}/{window}/{monitor}/judgement.json")


class TestOneExecution:
    def test_one_document_is_two_judgements_of_data(self, world):
        world.execute("DataQuality", 20, [DRIFT, TYPE])
        world.run()
        drift, quality = judgement(world, 20, "data_drift"), judgement(world, 20, "data_quality")
        assert (drift["breached"], [each["subject"] for each in drift["findings"]]) == (True, ["amount"])
        assert (quality["breached"], [each["subject"] for each in quality["findings"]]) == (True, ["state"])
        assert drift["window"] == "2026-11-19T00:00:00Z/2026-11-20T00:00:00Z"

    def test_judgements_and_parts_are_those_of_the_projects_own_monitors(self, world):
        job = world.execute("DataQuality", 20, [DRIFT])
        world.run()
        document = judgement(world, 20, "data_drift")
        read = findings.Judgement.read(document)
        assert read.document() | {"findings": document["findings"]} == document
        assert read.findings[0].breaches and read.rows == 1000
        part = world.document(f"version-3/runs/{job}/model-monitor.json")
        assert json.loads(json.dumps(Part.read(part).document())) == part

    def test_figures_have_the_names_that_alarms_look_at(self, world):
        world.execute("DataQuality", 20, [DRIFT], rows=1234)
        world.run()
        [figures] = world.metrics
        assert figures == {
            "rows": 1234,
            "windows_judged": 1,
            "data_quality_breached": 0,
            "data_drift_breached": 1,
            "degradation_confirmed": 0,
            "run_succeeded": 1,
            **{f"{monitor}_confirmed": 0 for monitor in findings.MONITORS},
        }
        assert {emit.ROWS, emit.WINDOWS_JUDGED, emit.DEGRADATION, emit.breached("data_drift")} <= figures.keys()

    def test_metrics_of_model_quality_are_told_by_their_names(self, world):
        metrics = {"auc": {"value": 0.61}, "f1": {"value": "NaN"}, "confusion_matrix": {"0": {}}}
        world.execute("ModelQuality", 20, [QUALITY], statistics={"binary_classification_metrics": metrics})
        world.run()
        assert world.metrics[0]["auc"] == 0.61
        assert "f1" not in world.metrics[0]
        assert world.metrics[0]["model_quality_breached"] == 1

    def test_the_event_is_that_of_the_report_step(self, world):
        job = world.execute("ModelQuality", 20, [QUALITY])
        world.run()
        [event] = world.events
        assert set(event) == {
            *("environment", "model", "endpoint", "version", "run", "report"),
            *("windows", "monitors", "degradation", "counts"),
        }
        assert (event["environment"], event["model"], event["endpoint"], event["version"]) == (
            "prod", "loan-approval", BASE, "3",
        )  # fmt: skip
        assert (event["run"], event["windows"]) == (job, {"judged": 1, "too_few": 0, "empty": 0})
        assert set(event["monitors"]) == set(findings.MONITORS)
        assert event["monitors"]["model_quality"] == {
            "status": "judged",
            "breached": True,
            "confirmed": False,
            "breaches": 1,
            "windows": 1,
            "subjects": ["auc"],
        }
        assert event["monitors"]["calibration"]["status"] == "not run"

    def test_the_last_word_names_a_report_that_is_there(self, world):
        job = world.execute("ModelQuality", 20, [QUALITY])
        world.run()
        latest = world.document("latest.json")
        assert latest == {
            "version": "3",
            "report": f"s3://artifacts/loan_approval/monitoring/version-3/reports/{job}/report.html",
            "confirmed": [],
            "at": "2026-11-21T01:30:00Z",
            "run": job,
        }
        bucket, _, key = latest["report"].removeprefix("s3://").partition("/")
        assert "Metric auc with 0.6" in world.objects[bucket, key].decode()

    def test_texts_of_others_are_no_markup(self, world):
        job = world.execute("DataQuality", 20, [{**DRIFT, "description": "<script>alert(1)</script>"}])
        world.run()
        page = world.objects["artifacts", f"loan_approval/monitoring/version-3/reports/{job}/report.html"].decode()
        assert "<script>" not in page and "&lt;script&gt;" in page


class TestConfirmation:
    def test_as_many_of_the_newest_judged_windows_as_the_policy_asks_for(self, world):
        for day, found in ((17, [QUALITY]), (18, []), (19, [])):
            world.execute("ModelQuality", day, found)
        world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 0
        world.execute("ModelQuality", 20, [QUALITY])
        world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 0, "the first of the two is no longer among three"
        world.execute("ModelQuality", 21, [QUALITY])
        world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 1
        assert world.metrics[-1]["degradation_confirmed"] == 1
        assert world.events[-1]["degradation"] is True
        assert world.document("latest.json")["confirmed"] == ["model_quality"]

    @pytest.mark.parametrize(("kind", "entry"), [("DataQuality", DRIFT), ("DataQuality", TYPE)])
    def test_inputs_alone_never_say_that_the_model_got_worse(self, world, kind, entry):
        for day in (18, 19, 20):
            world.execute(kind, day, [entry])
        world.run()
        assert 1 in {world.metrics[-1]["data_drift_confirmed"], world.metrics[-1]["data_quality_confirmed"]}
        assert world.metrics[-1]["degradation_confirmed"] == 0

    def test_windows_that_were_not_judged_count_for_nothing(self, world):
        world.execute("ModelQuality", 17, [QUALITY])
        world.execute("ModelQuality", 18, [], rows=10)
        world.execute("ModelQuality", 19, status="Failed", reason="Job inputs had no data", job=False)
        world.execute("ModelQuality", 20, [QUALITY])
        world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 1
        assert judgement(world, 18, "model_quality")["status"] == "too_few"
        assert judgement(world, 19, "model_quality")["status"] == "empty"

    def test_windows_that_overlap_count_once_and_those_before_them_still_count(self, world):
        for day in range(15, 20):
            world.execute("ModelQuality", day, [QUALITY] if day in (16, 19) else [], days=2)
            world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 0, "17 and 15 held; 16 shares a day with each"
        world.execute("ModelQuality", 20, [QUALITY], days=2)
        world.run()
        assert world.metrics[-1]["model_quality_confirmed"] == 1, "20 and 16 of 20, 18 and 16"
        said = world.events[-1]["monitors"]["model_quality"]
        assert (said["breaches"], said["windows"]) == (2, 3)

    def test_it_confirms_what_the_projects_own_monitors_confirm(self, monitor_translator):
        rng, begin = random.Random(3), datetime(2026, 11, 1, tzinfo=UTC)
        for _ in range(200):
            starts = [begin + timedelta(hours=rng.randrange(72)) for _ in range(rng.randrange(12))]
            windows = [findings.Window(start, start + timedelta(hours=rng.choice((1, 6, 24)))) for start in starts]
            made = [findings.Judgement("bias", each, "judged", 9, (), rng.random() < 0.5) for each in windows]
            theirs = monitor_translator.telling.confirm([each.document() for each in made], "bias", 2, 3)
            ours = findings.confirm(made, "bias", 2, 3)
            assert (theirs.confirmed, theirs.breached, theirs.judged) == (ours.confirmed, ours.breached, ours.judged)

    def test_a_new_version_begins_anew(self, world):
        for day in (18, 19):
            world.execute("ModelQuality", day, [QUALITY])
        world.run()
        assert world.metrics[-1]["degradation_confirmed"] == 1
        world.champion = world.deployed = world.champion[:-1] + "4"
        world.execute("ModelQuality", 20, [QUALITY])
        world.execute("ModelQuality", 21, [], version=4)
        world.run()
        assert (world.events[-1]["version"], world.metrics[-1]["degradation_confirmed"]) == ("4", 0)
        assert len(world.events) == 3, "what ends of the version before is not told any more"


class TestIdempotence:
    def test_events_come_several_times_and_change_nothing(self, world):
        world.execute("DataQuality", 20, [DRIFT])
        for event in (ENDED, ENDED, RELEASED, LOOK):
            world.run(event)
        assert len(world.events) == len(world.metrics) == 1

    def test_executions_are_told_in_the_order_of_their_windows(self, world):
        names = [world.execute("DataQuality", day, []) for day in (20, 18, 19)]
        world.run()
        assert [event["run"] for event in world.events] == [names[1], names[2], names[0]]

    @pytest.mark.parametrize("method", ["put_metric_data", "put_events"])
    def test_a_run_that_ends_in_the_middle_is_made_good_by_the_next(self, world, method):
        world.execute("ModelQuality", 20, [QUALITY])
        world.refused[method] = refusal("Throttling", "Rate exceeded")
        with pytest.raises(ClientError):
            world.run()
        assert world.events == []
        world.run()
        world.run()
        assert len(world.events) == 1
        assert {event["run"] for event in world.events} == {"modelquality-monitoring-202611200000-abc"}

    def test_executions_that_run_wait(self, world):
        world.execute("DataQuality", 20, status="InProgress")
        world.run()
        assert world.events == []
        world.executions["DataQuality"][0]["MonitoringExecutionStatus"] = "Completed"
        world.run()
        assert len(world.events) == 1

    def test_many_at_once_are_told_over_several_looks(self, world, monitor_translator):
        for kind in KINDS:
            for day in range(2, 21):
                world.execute(kind, day, [])
        world.run()
        assert len(world.events) == monitor_translator.reconcile.MOST < 4 * 19
        for _ in range(4):
            world.run()
        assert len(world.events) == len({event["run"] for event in world.events}) == 4 * 19

    def test_another_run_at_the_same_time_leaves_it_to_the_first(self, world, monitor_translator):
        table, settings = world.table, monitor_translator.settings.Settings.read(ENVIRON)
        lock = monitor_translator.lock.Lock(table, settings.ledger_table, settings.partition, lambda: world.now)
        assert lock.acquire()
        world.execute("DataQuality", 20, [DRIFT])
        assert world.run()["action"] == "Busy"
        assert world.events == []


class TestOddDocuments:
    def test_unknown_types_and_missing_descriptions_are_counted_and_breach_nothing(self, world):
        unknown = {"feature_name": "a", "constraint_check_type": "moon_phase_check", "description": "?"}
        bare = {"feature_name": "state", "constraint_check_type": "completeness_check"}
        world.execute("DataQuality", 20, [unknown, bare, "text"])
        world.run()
        counts = world.events[0]["counts"]
        assert counts["violations_of_unknown_type"] == 1
        assert counts["violations_without_description"] == 1
        assert counts["violations_unreadable"] == 1
        assert judgement(world, 20, "data_drift")["breached"] is False
        [finding] = judgement(world, 20, "data_quality")["findings"]
        assert finding["text"] == "completeness_check: feature_name state"

    def test_the_text_decides_nothing(self, world):
        world.execute("DataQuality", 20, [{**TYPE, "description": "baseline_drift_check: Baseline drift distance"}])
        world.run()
        assert judgement(world, 20, "data_drift")["breached"] is False

    @pytest.mark.parametrize(
        ("document", "counted"),
        [(b'{"violations": [{"feature_na', "documents_unreadable"), (None, "documents_missing")],
    )
    def test_violations_that_nobody_can_read_are_neither_a_breach_nor_a_window_that_held(
        self, world, document, counted
    ):
        world.execute("ModelQuality", 20, document, status="CompletedWithViolations")
        world.run()
        assert world.events[0]["counts"][counted] == 1
        assert world.events[0]["monitors"]["model_quality"]["status"] == "failed"
        assert world.metrics[0]["run_failed"] == 1
        assert "model_quality_breached" not in world.metrics[0]
        assert world.written("version-3/20261119") == []

    def test_truncated_statistics_leave_the_verdict(self, world):
        world.execute("ModelQuality", 20, [QUALITY])
        key = next(key for key in world.objects if key[1].endswith("statistics.json") and "model-monitor" in key[1])
        world.objects[key] = b'{"dataset": {"item'
        world.run()
        assert judgement(world, 20, "model_quality")["breached"] is True
        assert world.events[0]["counts"]["documents_unreadable"] == 1

    @pytest.mark.parametrize("violations", [{"violations": None}, {"violations": []}, []])
    def test_no_violations_in_any_form(self, world, violations):
        world.execute("DataQuality", 20, json.dumps(violations).encode(), status="Completed")
        world.run()
        assert judgement(world, 20, "data_quality")["breached"] is False
        assert world.events[0]["counts"] == {"rows": 1000, "no_baseline": 0}

    def test_a_failed_execution_is_told_and_counted(self, world):
        world.execute("ModelBias", 20, status="Failed", reason="ClientError: no access")
        world.run()
        assert world.metrics[0]["run_failed"] == 1
        assert world.events[0]["counts"]["failed_executions"] == 1
        assert world.events[0]["monitors"]["bias"]["status"] == "failed"

    def test_no_data_is_an_empty_window_and_no_failure(self, world):
        world.execute("DataQuality", 20, status="Failed", reason="Job inputs had no data", job=False)
        world.run()
        assert world.metrics[0]["run_succeeded"] == 1
        assert world.metrics[0]["rows"] == 0
        assert world.events[0]["run"] == "dataquality-20261120T010700Z"
        assert judgement(world, 20, "data_quality")["status"] == "empty", "its window follows from the schedule"

    def test_executions_of_foreign_definitions_are_left_alone(self, world):
        world.execute("DataQuality", 20, [DRIFT])
        world.executions["DataQuality"][0]["MonitoringJobDefinitionName"] = "by-hand"
        world.run()
        assert world.events == []


class TestRealDocuments:
    @pytest.mark.parametrize(
        ("name", "kind", "monitors"),
        [
            ("constraint_violations", "DataQuality", {"data_quality", "data_drift"}),
            ("bias_drift_violations_2", "ModelBias", {"bias"}),
            ("attribution_drift_violations_2", "ModelExplainability", {"attribution"}),
        ],
    )
    def test_every_violation_is_one_finding_of_a_monitor(self, world, name, kind, monitors):
        from monitoring.documents_read import read_violations

        text = (sample_folder() / "monitor" / f"{name}.json").read_bytes()
        world.execute(kind, 20, text, status="CompletedWithViolations")
        world.run()
        found = [each for monitor in monitors for each in judgement(world, 20, monitor)["findings"]]
        expected = read_violations(text).violations
        assert len(found) == len(expected) > 0
        assert {(each["subject"], each["check"]) for each in found} == {(each.subject, each.check) for each in expected}
        assert {each["text"] for each in found} == {each.text for each in expected}
        assert world.events[0]["counts"].get("violations_of_unknown_type", 0) == 0
        breached = {monitor for monitor in monitors if world.events[0]["monitors"][monitor]["breached"]}
        assert breached == {each["monitor"] for each in found}

    def test_rows_are_those_of_real_statistics(self, world):
        job = world.execute("DataQuality", 20, [])
        key = next(key for key in world.objects if key[1].endswith("statistics.json") and "model-monitor" in key[1])
        document = sample("monitor/statistics.json")
        world.objects[key] = json.dumps(document).encode()
        world.run()
        assert world.events[0]["run"] == job
        assert world.metrics[0]["rows"] == document["dataset"]["item_count"]

    def test_the_documented_event_wakes_it(self, world):
        world.execute("DataQuality", 20, [DRIFT])
        assert world.run(sample("events/processing_job.json"))["action"] == "Looked"
        assert len(world.events) == 1


class TestEvents:
    @pytest.mark.parametrize("status", ["InProgress", "Stopping"])
    def test_jobs_that_run_are_ignored(self, world, status):
        event = {**ENDED, "detail": {**ENDED["detail"], "ProcessingJobStatus": status}}
        assert world.run(event)["action"] == "Ignored"

    def test_releases_of_other_models_are_ignored(self, world):
        assert world.run({**RELEASED, "detail": {"endpoint": "other"}})["action"] == "Ignored"

    @pytest.mark.parametrize(
        "event",
        [
            None,
            {},
            {**ENDED, "source": "somebody"},
            {**ENDED, "detail": {"ProcessingJobName": "a", "ProcessingJobStatus": "Violated"}},
            {**ENDED, "detail-type": "SageMaker Model Monitor Execution Status Change"},
            {**RELEASED, "detail": {}},
        ],
    )
    def test_what_nobody_sends_goes_to_the_dead_letters_with_its_reason(self, world, event):
        assert world.run(event)["action"] == "Malformed"
        [buried] = world.buried
        assert buried["event"] == event and "expected" in buried["reason"]


def test_importing_it_needs_no_environment():
    command = [sys.executable, "-c", "import handler"]
    folder = LAMBDAS / "monitor_translator"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS)}
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=60)


def test_missing_and_wrong_variables_are_named(monitor_translator):
    read, error = monitor_translator.settings.Settings.read, monitor_translator.environment.ConfigurationError
    with pytest.raises(error, match="environment of the function: MODEL, POLICY not set"):
        read({name: value for name, value in ENVIRON.items() if name not in ("MODEL", "POLICY")})
    for name in ("SCHEDULES", "PAYLOAD", "POLICY"):
        with pytest.raises(error, match=f"{name}: "):
            read({**ENVIRON, name: '{"a": 1}'})


def test_names_are_those_of_the_projects_own_monitors(monitor_translator):
    telling, judging = monitor_translator.telling, monitor_translator.judging
    assert judging.MONITORS == findings.MONITORS
    assert telling.DEGRADING == findings.DEGRADING
    assert (telling.NAMESPACE, telling.SOURCE, telling.DETAIL_TYPE) == (emit.NAMESPACE, emit.SOURCE, emit.DETAIL_TYPE)
    assert (telling.ROWS, telling.WINDOWS_JUDGED, telling.DEGRADATION, telling.MOST_SUBJECTS) == (
        emit.ROWS, emit.WINDOWS_JUDGED, emit.DEGRADATION, emit.MOST_SUBJECTS,
    )  # fmt: skip
    assert {monitor for each in judging.CHECKS.values() for monitor in each} == {*findings.MONITORS} - {"calibration"}
    assert set(judging.CHECKS) == set(KINDS)


def test_it_knows_every_check_that_the_projects_readers_know(monitor_translator):
    from monitoring import documents_read

    known = {
        check for each in monitor_translator.judging.CHECKS.values() for checks in each.values() for check in checks
    }
    assert known == documents_read.CHECKS - set(documents_read.OURS)
