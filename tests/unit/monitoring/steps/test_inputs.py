"""Windows of captured predictions, judged by their inputs."""

import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.collect import Sample
from monitoring.findings import ATTRIBUTION, DATA_DRIFT, DATA_QUALITY, EMPTY, INPUT_MONITORS, JUDGED, TOO_FEW, Window
from monitoring.steps import options
from monitoring.steps.job import StepError

from .conftest import JANUARY, application, captured

AT = datetime(2003, 1, 10, 8, tzinfo=UTC)
ONE = ["--windows", str(JANUARY)]


@pytest.fixture(scope="module")
def rows(loans):
    """Six hundred applications, some of each month of the training period."""
    training = [month for month in loans if "2000-10" <= month <= "2002-09"]
    return [application(row) for month in training for row in loans[month][:25]]


def part(account, execution="run1"):
    return account.read(f"version-3/runs/{execution}/inputs.json")


def counted(account):
    (window,) = part(account)["windows"].values()
    return window


def test_a_month_like_those_of_training_breaches_nothing(account, rows):
    account.capture(rows, AT)
    account.watch_inputs(*ONE)
    for monitor in INPUT_MONITORS:
        judgement = account.judgement(JANUARY, monitor)
        assert (judgement.status, judgement.rows, judgement.breached) == (JUDGED, len(rows), False), monitor


def test_documents_are_those_of_model_monitor_and_clarify(account, rows):
    account.capture(rows[:200], AT)
    account.watch_inputs(*ONE)
    folder = f"version-3/{JANUARY.key}"
    assert set(account.written()) == {
        *(f"{folder}/data_quality/{name}.json" for name in ("statistics", "constraints", "constraint_violations")),
        f"{folder}/data_drift/constraint_violations.json",
        *(f"{folder}/attribution/{name}.json" for name in ("analysis", "constraint_violations")),
        *(f"{folder}/{monitor}/judgement.json" for monitor in INPUT_MONITORS),
        "version-3/runs/run1/inputs.json",
    }
    assert account.read(f"{folder}/data_quality/statistics.json")["dataset"] == {"item_count": 200}


def test_inputs_of_another_world_have_drifted(account, rows):
    account.capture([{**row, "GrAppv": row["GrAppv"] * 20, "State": "TX"} for row in rows], AT)
    account.watch_inputs(*ONE)
    judgement = account.judgement(JANUARY, DATA_DRIFT)
    assert judgement.breached
    assert {"GrAppv", "State"} <= {finding.subject for finding in judgement.findings if finding.breaches}
    assert not account.judgement(JANUARY, DATA_QUALITY).breached, "every value is one that the schema allows"


def test_broken_rules_are_named_with_their_feature(account, rows):
    """As an endpoint would have captured them whose model checks less than ours."""
    broken = [{**row, "NoEmp": -1} if place % 3 else {**row, "State": None} for place, row in enumerate(rows[:200])]
    answer = {"probability": 0.1, "decision": "approve", "model_version": "3"}
    lines = [captured(row, answer, AT, f"r{place}") for place, row in enumerate(broken)]
    account.put(f"loans/loans/champion/{AT:%Y/%m/%d/%H}/a.jsonl", "\n".join(lines), "capture")
    account.watch_inputs(*ONE)
    judgement = account.judgement(JANUARY, DATA_QUALITY)
    found = {(finding.subject, finding.check) for finding in judgement.findings}
    assert judgement.breached
    assert ("State", "completeness_check") in found
    assert judgement.metrics["feature_non_null_State"] == pytest.approx(133 / 200)
    violations = account.read(f"version-3/{JANUARY.key}/data_quality/constraint_violations.json")["violations"]
    assert {(each["feature_name"], each["constraint_check_type"]) for each in violations} == found


def capture_as_sent(account, rows):
    """Requests with members that the model does not know, or without some that it does."""
    answer = {"probability": 0.1, "decision": "approve", "model_version": "3"}
    lines = [captured(row, answer, AT, f"r{place}") for place, row in enumerate(rows)]
    account.put(f"loans/loans/champion/{AT:%Y/%m/%d/%H}/a.jsonl", "\n".join(lines), "capture")


@pytest.mark.parametrize(("every", "found"), [(1, True), (2, False)])
def test_a_field_that_most_requests_have_too_many_is_told_and_calls_nobody(account, rows, every, found):
    """Versions with different inputs share traffic: what one ignores another may need."""
    sent = [{**row, "colour": "red", "size": 2} if place % every == 0 else row for place, row in enumerate(rows[:200])]
    capture_as_sent(account, sent)
    account.watch_inputs(*ONE)
    judgement = account.judgement(JANUARY, DATA_QUALITY)
    extra = [each for each in judgement.findings if each.check == "extra_column_check"]
    assert not judgement.breached
    assert len(extra) == found
    for each in extra:
        assert (each.significant, each.large) == (True, False)
        assert "colour, size" in each.text
        assert "for information" in each.text
    violations = account.read(f"version-3/{JANUARY.key}/data_quality/constraint_violations.json")["violations"]
    assert violations == []


def test_a_field_too_many_hides_no_broken_rule(account, rows):
    capture_as_sent(account, [{**row, "colour": "red", "State": None} for row in rows[:200]])
    account.watch_inputs(*ONE)
    assert account.judgement(JANUARY, DATA_QUALITY).breached


def test_findings_of_one_feature_say_which_rule_is_broken(account, rows):
    capture_as_sent(account, [{**row, "NewExist": None if place % 2 else "7"} for place, row in enumerate(rows[:200])])
    account.watch_inputs(*ONE)
    texts = [each.text for each in account.judgement(JANUARY, DATA_QUALITY).findings if each.subject == "NewExist"]
    assert [text.partition(":")[0] for text in texts] == ["NewExist, completeness", "NewExist, categorical values"]


def test_a_missing_column_is_a_missing_column_to_every_monitor(account, rows):
    capture_as_sent(account, [{name: row[name] for name in row if name != "GrAppv"} for row in rows[:200]])
    account.watch_inputs(*ONE)
    for monitor in (DATA_QUALITY, DATA_DRIFT):
        breached = [each for each in account.judgement(JANUARY, monitor).findings if each.breaches]
        assert "missing_column_check" in [each.check for each in breached]
    assert part(account)["skipped"] == {ATTRIBUTION: "no row of the window can be explained"}


@pytest.mark.parametrize("document", ["{}", '{"features": null}', '{"features": []}', '{"features": [{}]}'])
def test_constraints_that_constrain_nothing_are_a_missing_baseline(account, rows, document):
    account.put("loans/runs/1/data-quality/constraints.json", document)
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    assert set(part(account)["skipped"]) == {DATA_QUALITY}
    assert "data constraints: not of the form that is expected here" in part(account)["skipped"][DATA_QUALITY]


def test_rules_that_cannot_be_judged_are_counted_by_their_reasons(account, rows):
    limits = account.read_artifact("data-quality/constraints.json")
    limits["features"][0]["inferred_type"] = "Unknown"
    limits["features"][1]["completeness"] = "most"
    limits["features"][2]["monitoring_config_overrides"] = {"evaluate_constraints": "Disabled"}
    account.put("loans/runs/1/data-quality/constraints.json", json.dumps(limits))
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    found = {name: count for name, count in counted(account).items() if "unjudged" in name}
    assert found == {
        "data_quality_unjudged": 2,
        "data_quality_unjudged_type_unknown": 1,
        "data_quality_unjudged_completeness_unknown": 1,
        "data_quality_unjudged_evaluation_disabled": 1,  # as somebody wanted it: no trouble
    }
    account.report()
    page = account.read("version-3/reports/run1/report.html")
    assert "rules of data quality that could not be judged" in page
    assert "data quality unjudged type unknown" in page


def test_of_a_whole_baseline_every_rule_is_judged(account, rows):
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    assert counted(account)["data_quality_unjudged"] == 0


def test_only_the_champions_answers_within_the_window_count(account, rows):
    account.capture(rows[:150], AT)
    account.capture(rows[:20], AT, version="2", name="older")
    account.capture(rows[:30], datetime(2003, 1, 31, 23, 59, 45, tzinfo=UTC), name="late")
    account.watch_inputs(*ONE)
    found = counted(account)
    assert (found["rows"], found["other_version"], found["outside"]) == (165, 20, 15)


def test_broken_lines_are_counted_and_the_others_judged(account, rows):
    account.capture(rows[:150], AT, more=['{"captureData": {"endpointInp', "null", "", "\ufffd"])
    account.watch_inputs(*ONE)
    found = counted(account)
    assert (found["rows"], found["unreadable"], found["lines"]) == (150, 3, 153)


def test_values_of_any_kind_are_counted_and_never_fatal(account, rows):
    odd = [[1], {"a": 1}, True, "", "many", 1e400, None, -(10**400)]
    answer = {"probability": 0.1, "decision": "approve", "model_version": "3"}
    made = [
        {name: odd[place // 2 % len(odd)] for name in row} if place % 2 else row for place, row in enumerate(rows[:200])
    ]
    lines = [captured(row, answer, AT, f"r{place}") for place, row in enumerate(made)]
    account.put(f"loans/loans/champion/{AT:%Y/%m/%d/%H}/a.jsonl", "\n".join(lines), "capture")
    account.watch_inputs(*ONE)
    assert account.judgement(JANUARY, DATA_QUALITY).rows == 200
    found = {finding.check for finding in account.judgement(JANUARY, DATA_QUALITY).findings}
    assert {"data_type_check", "completeness_check", "categorical_values_check"} <= found


@pytest.mark.parametrize(("size", "status"), [(0, EMPTY), (99, TOO_FEW), (100, JUDGED)])
def test_few_rows_are_no_judgement(account, rows, size, status):
    account.capture(rows[:size] or rows[:1], AT, version="3" if size else "2")
    account.watch_inputs(*ONE)
    for monitor in INPUT_MONITORS:
        judgement = account.judgement(JANUARY, monitor)
        assert (judgement.status, judgement.rows, judgement.breached) == (status, size, False)


def test_each_window_reads_its_own_files(account, rows):
    hours = [Window(AT + timedelta(hours=hour), AT + timedelta(hours=hour + 1)) for hour in range(3)]
    for place, window in enumerate(hours):
        account.capture(rows[: 110 + place], window.start, name=f"w{place}")
    account.watch_inputs("--windows", ",".join(map(str, hours)))
    assert [each["rows"] for each in part(account)["windows"].values()] == [110, 111, 112]
    assert [account.judgement(window, DATA_QUALITY).rows for window in hours] == [110, 111, 112]


def test_the_window_of_a_schedule_is_the_newest_whole_one(account):
    account.watch_inputs("--scheduled", "2003-01-11T01:30:00Z")
    assert list(part(account)["windows"]) == ["2003-01-10T00:00:00Z/2003-01-11T00:00:00Z"]


def test_windows_of_outcomes_only_ask_nothing_of_inputs(account):
    account.watch_inputs("--outcome-windows", str(JANUARY))
    assert part(account)["windows"] == {}


def test_the_same_window_again_gives_the_same_documents(account, rows):
    account.capture(rows[:200], AT)
    account.watch_inputs(*ONE)
    before = {key: account.read(key) for key in account.written()}
    account.watch_inputs(*ONE)
    assert {key: account.read(key) for key in account.written()} == before


def test_a_version_without_baselines_is_skipped_in_words(account, rows):
    account.package = {}
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    assert part(account)["judgements"] == []
    assert part(account)["skipped"] == {
        DATA_QUALITY: "version 3 was registered without data constraints",
        DATA_DRIFT: "version 3 was registered without drift calibration",
        ATTRIBUTION: "version 3 was registered without attribution constraints",
    }


def test_a_model_of_other_features_is_not_explained_and_all_else_is_judged(account, rows, registered, tmp_path):
    shutil.copytree(registered.parents[1] / "model", tmp_path / "model")
    metadata = tmp_path / "model" / "model.json"
    metadata.write_text(metadata.read_text().replace("guaranteed_share", "term"))
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "model", arcname=".")
    account.s3.upload_file(str(tmp_path / "model.tar.gz"), "artifacts", "loans/runs/1/model.tar.gz")
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    assert "version 3 cannot be explained: model.json: trained on features" in part(account)["skipped"][ATTRIBUTION]
    assert account.judgement(JANUARY, DATA_DRIFT).status == JUDGED


def broken_archives(folder, model):
    """Archives that explain nothing, by what is said of them."""
    (folder / "model").mkdir()
    (folder / "model" / "xgboost-model").write_bytes((model / "xgboost-model").read_bytes())
    with tarfile.open(folder / "bare.tar.gz", "w:gz") as archive:
        archive.add(folder / "model", arcname=".")
    whole = (folder / "bare.tar.gz").read_bytes()
    return {"model.json": whole, "not a gzip file": b"<html>", "ended before": whole[: len(whole) // 2]}


@pytest.mark.parametrize("said", ["model.json", "not a gzip file", "ended before"])
def test_a_model_that_cannot_be_read_is_not_explained_and_all_else_is_judged(account, rows, registered, tmp_path, said):
    body = broken_archives(tmp_path, registered.parents[1] / "model")[said]
    account.s3.put_object(Bucket="artifacts", Key="loans/runs/1/model.tar.gz", Body=body)
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    assert "version 3 cannot be explained: " in part(account)["skipped"][ATTRIBUTION]
    assert said in part(account)["skipped"][ATTRIBUTION]
    assert account.judgement(JANUARY, DATA_DRIFT).status == JUDGED


def test_a_missing_document_is_named(account, rows):
    account.s3.delete_object(Bucket="artifacts", Key="loans/runs/1/data-quality/calibration.json")
    account.capture(rows[:150], AT)
    account.watch_inputs(*ONE)
    place = "s3://artifacts/loans/runs/1/data-quality/calibration.json"
    assert part(account)["skipped"] == {DATA_DRIFT: f"drift calibration: nothing lies at {place}"}


def test_without_a_champion_nothing_is_written(account, capsys):
    account.champion = "none"
    account.watch_inputs(*ONE)
    assert account.written() == []
    assert "no champion is released yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--windows", "yesterday"], "parameter Windows: window 'yesterday': expected start and end"),
        (["--scheduled", "noon"], "ScheduledTime 'noon': expected a time as in 2026-11-21T16:00:00Z"),
        (["--model", "nobody"], "model nobody: has no monitor.py"),
        (["--results", "artifacts"], "results: 'artifacts': expected s3://bucket/prefix"),
    ],
)
def test_what_a_person_must_mend_is_one_line(account, given, said):
    with pytest.raises(StepError, match=said):
        account.watch_inputs(*given)


def test_a_sample_is_bounded_fair_and_the_same_again():
    chosen = []
    for seed in range(200):
        sample = Sample(10, str(seed))
        for number in range(100):
            sample.offer(str(number), {"n": number})
        chosen += [row["n"] for row in sample.rows]
        assert len({row["n"] for row in sample.rows}) == 10
    assert 44 < sum(chosen) / len(chosen) < 55, "each row has the same chance"
    again = Sample(10, "199")
    for number in range(100):
        again.offer(str(number), {"n": number})
    assert again.rows == sample.rows


def test_time_without_a_schedule_is_now_to_the_second():
    now = options.scheduled_time("")
    assert now.tzinfo is UTC
    assert now.microsecond == 0
    assert abs((datetime.now(UTC) - now).total_seconds()) < 5


def test_documents_are_strict_json(account, rows):
    account.capture(rows[:200], AT)
    account.watch_inputs(*ONE)
    for key in account.written():
        json.dumps(account.read(key), allow_nan=False)
