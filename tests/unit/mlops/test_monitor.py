"""`mlops monitor`: runs for any windows, what they found, and the page of all that is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from mlops import monitoring, target
from mlops.__main__ import main
from mlops.errors import CommandError
from mlops_constructs.monitoring_settings import Engine
from monitoring import parts
from monitoring.findings import (
    ATTRIBUTION,
    CALIBRATION,
    DATA_DRIFT,
    JUDGED,
    MONITORS,
    TOO_FEW,
    Finding,
    Judgement,
    Window,
)
from monitoring.store import Store
from tests.unit.mlops.world import ACCOUNT, REGION, TABLE, World, refused

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
DAY = "2026-11-{0:02d}T00:00:00Z/2026-11-{1:02d}T00:00:00Z"
PREFIX = "loan_approval/monitoring"


def day(number: int) -> Window:
    return Window.read(DAY.format(number, number + 1))


def judgement(monitor: str, window: Window, breached: bool, status: str = JUDGED) -> Judgement:
    text = f"GrAppv of {window.key[:8]} moved"
    finding = Finding(monitor, "GrAppv", "check", 0.3, 0.1, 1e-6, breached, breached, text)
    return Judgement(monitor, window, status, 400, (finding,), breached)


@dataclass
class Pipelines:
    """SageMaker's pipelines: each start judges what it was asked for, at once."""

    store: Store
    exists: bool = True
    champion: bool = True
    skipped: dict[str, str] = field(default_factory=dict)
    unreadable: int = 0
    fails: str = ""
    breaching: tuple[str, ...] = (DATA_DRIFT,)
    confirmed: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    def describe_pipeline(self, PipelineName: str) -> dict[str, Any]:  # noqa: N803
        assert PipelineName == "mlops-local-loan-approval-monitoring"
        if not self.exists:
            raise refused("DescribePipeline", "ResourceNotFound", f"Pipeline '{PipelineName}' does not exist.")
        return {"PipelineName": PipelineName}

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        given = {each["Name"]: each["Value"] for each in request["PipelineParameters"]}
        assert all(len(value) <= 256 for value in given.values())
        self.asked.append(given)
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{request['PipelineName']}/execution/run{len(self.asked)}"
        if self.champion and not self.fails:
            self._judge(given, f"run{len(self.asked)}")
        return {"PipelineExecutionArn": arn}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"PipelineExecutionStatus": "Failed" if self.fails else "Succeeded", "FailureReason": self.fails}

    def list_pipeline_executions(self, **request: Any) -> dict[str, Any]:
        assert (request["SortOrder"], request["MaxResults"]) == ("Descending", 1)
        if not self.exists:
            raise refused("ListPipelineExecutions", "ResourceNotFound", "Pipeline does not exist.")
        one = {"PipelineExecutionArn": "arn:run", "PipelineExecutionStatus": "Succeeded", "StartTime": NOW}
        return {"PipelineExecutionSummaries": [one] if self.asked else []}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_pipeline_execution_steps"
        return type("Paginator", (), {"paginate": lambda *_, **__: [{"PipelineExecutionSteps": []}]})()

    def _judge(self, given: dict[str, str], run: str) -> None:
        """What the steps of the pipeline leave."""
        for step, name, monitor in (
            (parts.INPUTS, "Windows", DATA_DRIFT),
            (parts.OUTCOMES, "OutcomeWindows", CALIBRATION),
        ):
            part = parts.Part(step, "3", skipped=self.skipped if step == parts.INPUTS else {})
            for text in filter(None, given.get(name, "").split(",")):
                made = judgement(monitor, Window.read(text), monitor in self.breaching)
                parts.write_judgement(self.store, "3", made, {})
                part.judgements.append(made)
                part.windows[text] = {"rows": 400, "unreadable": self.unreadable}
            parts.write_part(self.store, run, part)
        key = parts.report_key("3", run)
        self.store.write_text(key, f"<html>{run}</html>", "text/html")
        uri = self.store.uri(key)
        latest = {"version": "3", "report": uri, "confirmed": self.confirmed, "at": "2026-11-21T10:00:00Z", "run": run}
        self.store.write(parts.LATEST, latest)


@cache
def client(service: str) -> Any:
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)
    return session.client(service)


@pytest.fixture
def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> Pipelines:
    """The local environment with a monitoring pipeline; CloudWatch and Scheduler are moto's."""
    pipelines = Pipelines(Store(world.s3, "artifacts", PREFIX))
    played = {"sagemaker": pipelines, "logs": None}
    played |= {service: client(service) for service in ("cloudwatch", "scheduler")}
    others = world.clients
    world.clients = lambda service: played[service] if service in played else others(service)
    monkeypatch.setattr(monitoring, "utc_now", lambda: NOW)
    configure(monkeypatch, enabled=True, engine=Engine.PIPELINE, window_hours=24, delay_minutes=60, breaches=3, of=4)
    return pipelines


@pytest.fixture
def judged(watched: Pipelines) -> Callable[..., None]:
    """Let windows have been judged, one a day from the first on, and a run have concluded."""

    def put(monitor: str, *breached: bool, confirmed: tuple[str, ...] = ()) -> None:
        for number, each in enumerate(breached, 1):
            parts.write_judgement(watched.store, "3", judgement(monitor, day(number), each), {})
        watched.store.write(parts.LATEST, {"version": "3", "report": "s3://artifacts/r.html", "confirmed": confirmed})

    return put


def test_windows_are_judged_as_asked_and_what_was_found_is_told(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--windows", "2026-11-19/2026-11-20,2026-11-20/2026-11-21", "--outcome-windows", DAY.format(1, 2)]
    assert main(["monitor", "run", "--follow", *arguments]) == 0
    (asked,) = watched.asked
    assert asked == {"Windows": f"{DAY.format(19, 20)},{DAY.format(20, 21)}", "OutcomeWindows": DAY.format(1, 2)}
    assert capsys.readouterr().out.splitlines() == [
        f"{DAY.format(1, 2)}  calibration    within limits (400 rows)",
        f"{DAY.format(19, 20)}  data_drift     breached (400 rows)",
        f"{'':43}GrAppv of 20261119 moved",
        f"{DAY.format(20, 21)}  data_drift     breached (400 rows)",
        f"{'':43}GrAppv of 20261120 moved",
        "version 3: nothing confirmed",
        "report: s3://artifacts/loan_approval/monitoring/version-3/reports/run1/report.html "
        "(mlops monitor report --save report.html)",
    ]


def test_what_was_left_out_and_not_judged_is_told_by_the_run_and_by_status(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.skipped, watched.unreadable = {ATTRIBUTION: "version 3 was registered without attribution constraints"}, 7
    windows = ["--windows", ",".join(DAY.format(number, number + 1) for number in range(1, 9))]
    assert main(["monitor", "run", "--follow", *windows]) == 0
    lines = capsys.readouterr().out.splitlines()
    cut_off = "captured lines that could not be read (cut off, not JSON, not the model's format)"
    assert lines[-4:-2] == [
        "attribution was not judged: version 3 was registered without attribution constraints",
        f"left out: 56 {cut_off}",
    ]
    assert main(["monitor", "status"]) == 0
    text = capsys.readouterr().out
    why = "not judged by the newest run: version 3 was registered without attribution constraints"
    assert f"  attribution    {why}\n  model_quality  not judged yet\n" in text
    assert f"  left out       14 {cut_off}\n" in text, "the newest run had two windows"


def test_outcomes_that_could_not_be_judged_are_told_in_words() -> None:
    counted = {"matched": 9, "odd_outcomes": 1200, "misplaced_outcomes": 1}
    assert monitoring.left_out([(parts.Part(parts.OUTCOMES, "3", windows={DAY.format(1, 2): counted}),)]) == [
        "1,200 predictions whose outcome is none that the model knows (another word or number): not judged",
        "1 files of outcomes that lie in no folder of an hour: not read",
    ]


def test_without_windows_the_run_judges_what_the_schedule_would(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "run"]) == 0
    assert watched.asked == [{}]
    assert capsys.readouterr().out.endswith("/run1 has started; mlops monitor status shows what it finds\n")


def test_since_names_whole_windows_that_have_been_captured_by_now(watched: Pipelines) -> None:
    """It is 10:30, and captured data are there after an hour: the window from 8 to 10 has to wait."""
    assert main(["monitor", "run", "--since", "2026-11-21", "--hours", "2"]) == 0
    hours = [f"2026-11-21T{start:02d}:00:00Z/2026-11-21T{start + 2:02d}:00:00Z" for start in (0, 2, 4, 6)]
    assert watched.asked == [{"Windows": ",".join(hours)}]


def test_many_windows_take_several_runs_one_after_the_other_oldest_first(watched: Pipelines) -> None:
    said = [day(number) for number in range(14, 0, -1)]
    answer = monitoring.requests(said, [day(1)])
    assert [request["Windows"].count("/") for request in answer] == [6, 6, 2]
    assert answer[0]["Windows"].startswith(str(day(1))) and answer[0]["OutcomeWindows"] == str(day(1))
    assert "OutcomeWindows" not in answer[1]


def test_many_windows_are_not_started_without_following_them(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "run", "--since", "2026-11-01"]) == 2
    assert "take more than one run, of 6 each" in capsys.readouterr().err
    assert watched.asked == []


def test_the_library_returns_the_judgements_of_all_runs_and_the_newest_conclusion(
    watched: Pipelines, world: World
) -> None:
    watched.confirmed = [CALIBRATION]
    said: list[tuple[str, str]] = []
    answer = monitoring.run(world.target, [day(n) for n in range(1, 9)], [day(1)], lambda *each: said.append(each))
    assert [each.window for each in answer.judgements if each.monitor == DATA_DRIFT] == [day(n) for n in range(1, 9)]
    assert [each.window for each in answer.judgements if each.monitor == CALIBRATION] == [day(1)]
    assert (answer.version, answer.confirmed, answer.degradation) == ("3", (CALIBRATION,), True)
    assert len(answer.executions) == 2 and answer.report.endswith("/run2/report.html")


def test_drifted_inputs_alone_are_no_degradation(watched: Pipelines, world: World) -> None:
    watched.confirmed = [DATA_DRIFT]
    assert monitoring.run(world.target, [day(1)]).degradation is False


def test_a_run_that_fails_tells_its_reason(watched: Pipelines, capsys: pytest.CaptureFixture[str]) -> None:
    watched.fails = "WatchInputs: model loan_approval: has no monitor.py"
    assert main(["monitor", "run", "--follow"]) == 1
    assert capsys.readouterr().err == (
        "mlops: pipeline mlops-local-loan-approval-monitoring: Failed: "
        "WatchInputs: model loan_approval: has no monitor.py\n"
    )


def test_where_nothing_serves_the_run_judged_nothing_and_an_earlier_conclusion_is_not_its_own(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "run", "--follow"]) == 0
    watched.champion = False
    assert main(["monitor", "run", "--follow"]) == 1
    assert "the run run2 judged nothing, since no version serves; approve one first" in capsys.readouterr().err


def test_a_scheduled_run_that_ends_a_moment_later_does_not_hide_what_this_one_judged(
    watched: Pipelines, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = watched._judge

    def overtaken(given: dict[str, str], run: str) -> None:
        judge(given, run)
        judge({}, "scheduled")

    monkeypatch.setattr(watched, "_judge", overtaken)
    answer = monitoring.run(world.target, [day(1)])
    assert [each.window for each in answer.judgements] == [day(1)]
    assert answer.report.endswith("/scheduled/report.html")


def test_where_it_is_not_deployed_it_says_what_to_deploy(
    watched: Pipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.exists = False
    assert main(["monitor", "run"]) == 1
    assert capsys.readouterr().err == (
        "mlops: pipeline mlops-local-loan-approval-monitoring: does not exist; deploy it: "
        "npx cdk deploy mlops-local-loan-approval-monitoring -c env=local\n"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"enabled": False}, "is not monitored; set monitoring.enabled = true and deploy"),
        ({"engine": Engine.MODEL_MONITOR}, "is watched by Model Monitor, which runs on its schedule only"),
    ],
)
def test_what_cannot_be_started_says_why(
    watched: Pipelines, world: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], why: str
) -> None:
    configure(monkeypatch, **change)
    with pytest.raises(CommandError, match=why):
        monitoring.run(world.target)
    assert watched.asked == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--windows", "yesterday"], "'yesterday' is no window; write 2026-11-20/2026-11-21"),
        (["--windows", "2026-11-21/2026-11-20"], "expected an end after its start"),
        (["--windows", "2026-11-20/noon"], "'noon' is not a time in UTC"),
        (["--windows", ","], "is no window"),
        (["--windows", "2027-11-20/2027-11-21"], "2027-11-21T00:00:00Z: has not begun (2026-11-21T10:30:00Z)"),
        (["--outcome-windows", "2026-11-22/2026-11-23"], "has not begun"),
        (["--since", "2026-11-31"], "'2026-11-31' is not a time in UTC"),
        (["--hours", "3"], "--hours: says how long the windows from --since on are"),
        (["--since", "2026-11-20", "--windows", "2026-11-20/2026-11-21"], "give one of both"),
        (["--since", "2026-11-21", "--hours", "12"], "no window of 12 h has ended since"),
    ],
)
def test_windows_that_are_none_are_usage_errors(
    watched: Pipelines, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert main(["monitor", "run", *arguments]) == 2
    assert line in capsys.readouterr().err
    assert watched.asked == []


def test_json_has_the_judgements_and_nothing_else(watched: Pipelines, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "run", "--follow", "--json", "--windows", DAY.format(1, 2)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["judgements"][0]["window"] == DAY.format(1, 2)
    assert (answer["version"], answer["degradation"], answer["confirmed"]) == ("3", False, [])


def test_status_says_what_is_confirmed_and_why_what_rings_and_what_was_retrained(
    watched: Pipelines, world: World, judged: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    judged(DATA_DRIFT, True, True, True, True)
    judged(CALIBRATION, True, False, False, False)
    put_alarm("degradation", "OK")
    put_alarm("InputDrift", "ALARM")
    put_alarm("Cost", "INSUFFICIENT_DATA")
    client("cloudwatch").put_metric_alarm(**alarm_of("mlops-local-other-monitoring-degradation"))
    note_retraining(world, "2026-11-20T09:00:00.000Z", "start", "degradation was confirmed")
    note_retraining(world, "2026-11-20T09:00:00.000Z", "started", "degradation was confirmed")
    note_retraining(world, "2026-11-21T09:00:00.000Z", "limit", "not before 2026-11-27")
    assert main(["monitor", "status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("loan-approval in local, version 3, ")
    assert lines[1:] == [
        "  data_quality   not judged yet",
        f"  data_drift     CONFIRMED: 4 of the newest 4 judged windows breached; newest: {day(4)} breached (400 rows)",
        "                   GrAppv of 20261104 moved",
        "  attribution    not judged yet",
        "  model_quality  not judged yet",
        "  calibration    not confirmed: 1 of the newest 4 judged windows breached; "
        f"newest: {day(4)} within limits (400 rows)",
        "  bias           not judged yet",
        "  alarms         1 of 3 in ALARM, 1 without data yet",
        "  alarms           mlops-local-loan-approval-monitoring-InputDrift: because",
        "  retraining     2026-11-21 09:00:00 limit: not before 2026-11-27",
        "  retraining     2026-11-20 09:00:00 started: degradation was confirmed",
        "  schedule       none",
        "  report         s3://artifacts/r.html",
    ]


def test_status_before_the_first_run_says_how_to_begin(watched: Pipelines, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:7] == [f"  {monitor:<15}not judged yet" for monitor in MONITORS]
    assert lines[7:] == [
        "  alarms         none deployed",
        "  retraining     none yet",
        "  schedule       none",
        "  report         none; mlops monitor run --follow",
    ]


def test_status_shows_the_schedule_and_the_last_run(watched: Pipelines, capsys: pytest.CaptureFixture[str]) -> None:
    client("scheduler").create_schedule(
        Name="mlops-local-loan-approval-monitoring",
        State="DISABLED",
        ScheduleExpression="cron(0 1 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
    )
    watched.start_pipeline_execution(PipelineName="p", PipelineParameters=[])
    assert main(["monitor", "status"]) == 0
    text = capsys.readouterr().out
    assert "  schedule       mlops-local-loan-approval-monitoring DISABLED, cron(0 1 * * ? *)\n" in text
    assert "  last run       Succeeded " in text


def test_a_window_with_too_few_rows_is_shown_as_that(
    watched: Pipelines, judged: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    judged(DATA_DRIFT, False)
    parts.write_judgement(watched.store, "3", judgement(DATA_DRIFT, day(2), False, TOO_FEW), {})
    assert main(["monitor", "status"]) == 0
    told = f"the only judged window did not breach; newest: {day(2)} too few (400 rows)"
    assert told in capsys.readouterr().out


def test_status_as_json_has_the_same(
    watched: Pipelines, judged: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    judged(CALIBRATION, True)
    put_alarm("degradation", "ALARM")
    assert main(["monitor", "status", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["monitors"]["calibration"]["newest"]["breached"] is True
    assert answer["monitors"]["bias"] == {"confirmed": False, "breached": 0, "judged": 0, "newest": None}
    assert [each["state"] for each in answer["alarms"]] == ["ALARM"]


def test_the_newest_report_is_saved(watched: Pipelines, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watched.confirmed = [CALIBRATION]
    main(["monitor", "run", "--windows", DAY.format(1, 2)])
    capsys.readouterr()
    assert main(["monitor", "report", "--save", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").read_text() == "<html>run1</html>"
    assert capsys.readouterr().out.startswith("version 3, confirmed: calibration: s3://artifacts/")
    assert main(["monitor", "report", "--save", "-"]) == 0
    assert capsys.readouterr().out == "<html>run1</html>"


def test_a_report_that_is_not_there_says_how_to_get_one(
    watched: Pipelines, judged: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "report"]) == 1
    assert "no monitoring run has ended yet; start one: mlops monitor run" in capsys.readouterr().err
    judged(DATA_DRIFT, False)
    assert main(["monitor", "report"]) == 1
    assert "s3://artifacts/r.html: is gone; make a new one: mlops monitor run --follow" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"version": "3"}'])
def test_a_conclusion_that_is_none_is_named(watched: Pipelines, capsys: pytest.CaptureFixture[str], text: str) -> None:
    watched.store.write_text(parts.LATEST, text, "application/json")
    assert main(["monitor", "status"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mlops: s3://artifacts/{PREFIX}/latest.json: not ") and error.count("\n") == 1


@pytest.mark.parametrize("action", ["run", "status", "report"])
def test_every_action_has_the_options_of_all_commands(capsys: pytest.CaptureFixture[str], action: str) -> None:
    assert main(["monitor", action, "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--env", "--model", "--json"))


def alarm_of(name: str) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "MetricName": "m",
        "Namespace": "n",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def put_alarm(word: str, state: str) -> None:
    name = f"mlops-local-loan-approval-monitoring-{word}"
    client("cloudwatch").put_metric_alarm(**alarm_of(name))
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="because")


def note_retraining(world: World, at: str, kind: str, reason: str) -> None:
    """As lambdas/retraining_controller appends it."""
    second = int(datetime.fromisoformat(at).timestamp())
    texts = {"model": "loan-approval#retraining", "entry": f"{second:010d}#{kind}", "at": at, "kind": kind}
    item = {name: {"S": value} for name, value in (texts | {"reason": reason, "stage": "degradation"}).items()}
    world.dynamodb.put_item(TableName=TABLE, Item=item | {"version": {"N": "3"}, "told": {"BOOL": True}})


def configure(monkeypatch: pytest.MonkeyPatch, **monitoring_settings: Any) -> None:
    """Other monitoring settings than those of config/."""
    find = target.find

    def changed(*given: Any) -> target.Target:
        found = find(*given)
        of_monitors = found.settings.monitoring.model_copy(update=monitoring_settings)
        return replace(found, settings=found.settings.model_copy(update={"monitoring": of_monitors}))

    monkeypatch.setattr(target, "find", changed)
