"""What a run amounts to: confirmations over several runs, the report, metrics and the event."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from monitoring import emit, parts
from monitoring.findings import (
    ATTRIBUTION,
    BIAS,
    CALIBRATION,
    DATA_DRIFT,
    EMPTY,
    JUDGED,
    MODEL_QUALITY,
    MONITORS,
    TOO_FEW,
    Finding,
    Judgement,
    Window,
)
from monitoring.parts import Part
from monitoring.steps import inputs, outcomes, report
from monitoring.steps.job import StepError
from monitoring.store import Store

from .conftest import ENDPOINT, JANUARY, SCHEDULE, WINDOWS, application, common

AT = datetime(2003, 1, 10, 8, tzinfo=UTC)


def day(number: int) -> Window:
    start = datetime(2003, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def judgement(monitor: str, window: Window, breached: bool = True, status: str = JUDGED) -> Judgement:
    finding = Finding(monitor, "GrAppv", "check", 3.0, 2.0, 0.001, breached, breached, "GrAppv is 3 times 2")
    metrics = {"expected_events": 5.0, "infinite": float("inf")}
    return Judgement(monitor, window, status, 500, (finding,), breached, metrics)


@pytest.fixture
def store(account):
    return Store.at(account.s3, "s3://artifacts/loans/monitoring")


@pytest.fixture
def leave(store):
    """Write what a step would have left behind."""

    def write(*judgements: Judgement, step: str = parts.OUTCOMES, execution: str = "run1", version: str = "3", **more):
        part = Part(step, version, judgements=list(judgements), **more)
        for each in judgements:
            sound = replace(each, metrics={key: value for key, value in each.metrics.items() if value < 1e9})
            parts.write_judgement(store, version, sound, {})
            part.windows.setdefault(str(each.window), {"rows": each.rows, "unreadable": 2, "matched": 7})
        part.judgements = [replace(each, metrics={"expected_events": 5.0}) for each in judgements]
        parts.write_part(store, execution, part)

    return write


def test_one_breach_confirms_nothing(account, leave):
    leave(judgement(CALIBRATION, day(0)))
    account.report()
    assert account.metrics["calibration_breached"] == 1
    assert account.metrics["calibration_confirmed"] == 0
    assert account.metrics["degradation_confirmed"] == 0
    assert account.last_event["degradation"] is False


def test_three_of_four_windows_of_several_runs_confirm(account, leave):
    said = []
    for number, breached in enumerate([True, False, True, True, False, False]):
        leave(judgement(CALIBRATION, day(number), breached), execution=f"run{number}")
        account.report(f"run{number}")
        said.append(account.metrics["degradation_confirmed"])
    assert said == [0, 0, 0, 1, 0, 0], "and it ends when newer windows are well"


def test_windows_that_were_not_judged_count_for_nothing(account, leave):
    for number in range(3):
        leave(judgement(MODEL_QUALITY, day(number)), execution=f"run{number}")
    leave(judgement(MODEL_QUALITY, day(3), False, TOO_FEW), execution="run3")
    account.report("run3")
    assert account.metrics["model_quality_confirmed"] == 1
    assert "model_quality_breached" not in account.metrics
    assert account.last_event["monitors"][MODEL_QUALITY]["status"] == TOO_FEW
    assert account.last_event["windows"] == {"judged": 0, "too_few": 1, "empty": 0}


def test_the_same_window_judged_again_is_one_window(account, leave):
    for run in range(3):
        leave(judgement(CALIBRATION, day(0)), execution=f"run{run}")
    account.report("run2")
    assert account.last_event["monitors"][CALIBRATION]["windows"] == 1


def test_windows_that_overlap_confirm_no_more_than_one_of_them(account, leave):
    for step in range(4):
        begin = day(0).start + timedelta(hours=step)
        leave(judgement(CALIBRATION, Window(begin, begin + timedelta(days=1))), execution=f"run{step}")
        account.report(f"run{step}")
    assert account.metrics["degradation_confirmed"] == 0
    said = account.last_event["monitors"][CALIBRATION]
    assert (said["breaches"], said["windows"]) == (1, 1)


def test_a_long_window_that_ended_last_is_the_newest(account, leave):
    month = Window(day(0).start, day(31).start)
    leave(judgement(DATA_DRIFT, month, False), judgement(DATA_DRIFT, day(20)), step=parts.INPUTS)
    account.report()
    assert (account.metrics["data_drift_breached"], account.metrics["rows"]) == (0, 500)


def test_the_newest_judgements_are_those_of_windows_that_ended_last(store, leave):
    month = Window(day(0).start, day(31).start)
    leave(judgement(DATA_DRIFT, month), *(judgement(DATA_DRIFT, day(number)) for number in (3, 20)))
    assert [each.window for each in parts.history(store, "3", 2)] == [day(20), month]


def test_windows_of_another_version_count_for_nothing(account, leave):
    for number in range(3):
        leave(judgement(CALIBRATION, day(number)), execution=f"run{number}", version="2")
    leave(judgement(CALIBRATION, day(3)), execution="run3")
    account.report("run3")
    assert account.metrics["calibration_confirmed"] == 0


@pytest.mark.parametrize("monitor", [DATA_DRIFT, ATTRIBUTION, BIAS])
def test_changed_inputs_are_confirmed_and_are_no_degradation(account, leave, monitor):
    leave(*(judgement(monitor, day(number)) for number in range(4)))
    account.report()
    assert account.metrics[f"{monitor}_confirmed"] == 1
    assert account.metrics["degradation_confirmed"] == 0
    assert account.read("latest.json")["confirmed"] == [monitor]


def test_metrics_have_the_dimensions_that_the_alarms_look_at(account, leave):
    leave(judgement(CALIBRATION, day(0)))
    account.report()
    for _, call in account.cloudwatch.calls:
        assert call["Namespace"] == emit.NAMESPACE
        for each in call["MetricData"]:
            assert each["Dimensions"] == [
                {"Name": "Endpoint", "Value": ENDPOINT},
                {"Name": "MonitoringSchedule", "Value": SCHEDULE},
            ]


def test_every_monitor_says_whether_it_is_confirmed_in_every_run(account, leave):
    leave(judgement(CALIBRATION, day(0)))
    account.report()
    assert {f"{monitor}_confirmed" for monitor in MONITORS} < set(account.metrics)
    assert account.metrics["windows_judged"] == 1
    assert account.metrics["expected_events"] == 5


def test_rows_and_unreadable_records_are_those_of_the_inputs(account, leave):
    leave(judgement(DATA_DRIFT, day(0)), judgement(DATA_DRIFT, day(1)), step=parts.INPUTS)
    leave(judgement(CALIBRATION, day(0)))
    account.report()
    assert (account.metrics["rows"], account.metrics["unreadable_records"]) == (500, 4)


class TestOldWindowsThatAreJudgedLate:
    """Metrics carry the time of the run, and alarms know no other."""

    def run(self, account, execution):
        account.cloudwatch.calls.clear()
        account.report(execution)
        return account.metrics

    def test_neither_ring_nor_silence_an_alarm_about_a_newer_window(self, account, leave):
        leave(judgement(DATA_DRIFT, day(5), False), step=parts.INPUTS)
        assert self.run(account, "run1")["data_drift_breached"] == 0
        leave(judgement(DATA_DRIFT, day(1), True), step=parts.INPUTS, execution="run2")
        metrics = self.run(account, "run2")
        assert not {"data_drift_breached", "rows", "expected_events"} & metrics.keys()
        assert metrics["windows_judged"] == 1

    def test_still_count_for_what_is_confirmed(self, account, leave):
        leave(judgement(CALIBRATION, day(5)))
        self.run(account, "run1")
        leave(judgement(CALIBRATION, day(3)), judgement(CALIBRATION, day(4)), execution="run2")
        metrics = self.run(account, "run2")
        assert (metrics["calibration_confirmed"], metrics["degradation_confirmed"]) == (1, 1)

    def test_the_newest_window_again_says_anew_what_it_is_like(self, account, leave):
        leave(judgement(DATA_DRIFT, day(5), True), step=parts.INPUTS)
        self.run(account, "run1")
        leave(judgement(DATA_DRIFT, day(5), False), step=parts.INPUTS, execution="run2")
        metrics = self.run(account, "run2")
        assert (metrics["data_drift_breached"], metrics["rows"]) == (0, 500)

    def test_a_day_is_newer_than_an_hour_within_it(self, account, leave):
        hour = Window(day(5).start + timedelta(hours=9), day(5).start + timedelta(hours=10))
        leave(judgement(DATA_DRIFT, hour, False), step=parts.INPUTS)
        self.run(account, "run1")
        leave(judgement(DATA_DRIFT, day(5), True), step=parts.INPUTS, execution="run2")
        assert self.run(account, "run2")["data_drift_breached"] == 1

    def test_a_window_of_a_time_to_come_hides_nothing(self, account, leave):
        leave(replace(judgement(DATA_DRIFT, day(500), False, EMPTY), rows=0), step=parts.INPUTS)
        self.run(account, "run1")
        leave(judgement(DATA_DRIFT, day(5), True), step=parts.INPUTS, execution="run2")
        metrics = self.run(account, "run2")
        assert (metrics["data_drift_breached"], metrics["rows"]) == (1, 500)


@pytest.mark.parametrize(
    "analysis", [None, {}, {"explanations": None}, {"explanations": {"kernel_shap": 5}}, {"explanations": [1]}]
)
def test_an_attribution_of_another_form_is_not_drawn(analysis):
    assert report.attributions(analysis) == {}


def test_metrics_that_are_no_numbers_are_left_out():
    values = emit.metrics([judgement(CALIBRATION, day(0))], [], {})
    assert "infinite" not in values


def test_many_metrics_go_in_calls_of_a_size_that_cloudwatch_takes(account):
    emit.put_metrics(account.cloudwatch, {f"m{number}": 1.0 for number in range(1200)}, ENDPOINT, SCHEDULE)
    assert [len(call["MetricData"]) for _, call in account.cloudwatch.calls] == [500, 500, 200]


def test_the_event_tells_of_the_run(account, leave):
    leave(*(judgement(CALIBRATION, day(number)) for number in range(3)), skipped={BIAS: "no constraints"})
    account.report()
    event = account.last_event
    assert event["run"] == "run1"
    assert (event["environment"], event["model"], event["endpoint"]) == ("local", "loan-approval", ENDPOINT)
    assert event["version"] == "3"
    assert event["report"] == "s3://artifacts/loans/monitoring/version-3/reports/run1/report.html"
    assert event["degradation"] is True
    assert event["monitors"][CALIBRATION] == {
        "status": JUDGED,
        "breached": True,
        "confirmed": True,
        "breaches": 3,
        "windows": 3,
        "subjects": ["GrAppv"],
    }
    assert event["monitors"][BIAS]["status"] == "no baseline"
    assert event["monitors"][DATA_DRIFT]["status"] == "not run"
    assert event["counts"]["matched"] == 21
    assert event["counts"]["no_baseline"] == 1
    assert "no constraints" in account.read("version-3/reports/run1/report.html")


def test_an_event_that_is_refused_ends_the_step(account, leave):
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]}
    account.events.answers["put_events"] = lambda _: refused
    leave(judgement(CALIBRATION, day(0)))
    with pytest.raises(StepError, match="event bus default: InternalFailure: try again"):
        account.report()


def test_a_run_that_is_reported_twice_says_the_same(account, leave):
    leave(*(judgement(CALIBRATION, day(number)) for number in range(3)))
    account.report()
    first = account.last_event, account.metrics, account.written()
    account.report()
    assert (account.last_event, account.metrics, account.written()) == first


def test_without_a_champion_only_the_alarm_is_answered(account):
    account.champion = "none"
    account.report()
    assert account.metrics == {"degradation_confirmed": 0}
    assert account.written() == []
    assert account.events.calls == []


def test_a_champion_released_while_the_run_was_under_way_is_reported_by_the_next(account):
    account.report()
    assert account.metrics == {"degradation_confirmed": 0}
    assert account.events.calls == []


@pytest.mark.parametrize("text", ['{"monitor": 1}', "", "{", "[]", "null", '{"findings": [], "window": 5}'])
def test_documents_that_are_no_judgements_are_passed_over(account, leave, text):
    leave(judgement(CALIBRATION, day(0)))
    account.put(f"loans/monitoring/version-3/{day(1).key}/calibration/judgement.json", text)
    account.report()
    assert account.last_event["monitors"][CALIBRATION]["windows"] == 1


def test_a_real_run_from_capture_to_report(account, loans):
    rows = [application(row) for row in loans["2002-11"]][:250]
    ids = account.capture([{**row, "GrAppv": row["GrAppv"] * 20} for row in rows], AT)
    account.tell({record: str(place % 2) for place, record in enumerate(ids)}, AT + timedelta(days=40))
    windows = ["--windows", str(JANUARY), "--outcome-windows", str(JANUARY)]
    account.watch_inputs(*windows)
    account.watch_outcomes(*windows)
    account.report(breaches=1, of=1)
    assert account.metrics["degradation_confirmed"] == 1
    assert set(account.last_event["monitors"]) == set(MONITORS)
    assert {each["status"] for each in account.last_event["monitors"].values()} == {JUDGED}
    page = account.read("version-3/reports/run1/report.html")
    assert "loan-approval" in page
    assert "GrAppv" in page
    latest = account.read("latest.json")
    assert (latest["run"], latest["version"]) == ("run1", "3")
    assert CALIBRATION in latest["confirmed"]


def test_the_steps_run_from_their_command_lines(account_of_boto3, loans, monkeypatch, capsys):
    """With clients of the environment's own, down to the metric that the alarm watches."""
    account = account_of_boto3
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="loans")
    package_arn = sagemaker.create_model_package(
        ModelPackageGroupName="loans",
        ModelApprovalStatus="Approved",
        DriftCheckBaselines=account.package["DriftCheckBaselines"],
        CustomerMetadataProperties=account.package["CustomerMetadataProperties"],
        InferenceSpecification={
            "Containers": [{"Image": "image", **account.package["InferenceSpecification"]["Containers"][0]}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    version = package_arn.rsplit("/", 1)[-1]
    boto3.client("ssm").put_parameter(Name="/champion", Value=package_arn, Type="String")
    rows = [application(row) for row in loans["2002-11"]][:250]
    ids = account.capture(rows, AT, version=version)
    account.tell(dict.fromkeys(ids, "1"), AT + timedelta(days=40))
    given = [*common("run1", 100), *WINDOWS, "--scheduled", "2003-04-01T00:00:00Z"]
    given += ["--windows", str(JANUARY), "--outcome-windows", str(JANUARY)]
    inputs.main(given)
    outcomes.main([*given, "--matures-after-days", "30"])
    told = ["--breaches", "1", "--of", "1", "--schedule-name", SCHEDULE]
    report.main([*common("run1", 100), *told, "--environment", "local", "--public-model", "loan-approval"])
    assert f"version {version}: confirmed" in capsys.readouterr().out
    metrics = boto3.client("cloudwatch").list_metrics(Namespace=emit.NAMESPACE)["Metrics"]
    assert "degradation_confirmed" in {each["MetricName"] for each in metrics}
