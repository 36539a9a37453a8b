"""Windows whose outcomes have matured."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.findings import BIAS, CALIBRATION, EMPTY, JUDGED, MODEL_QUALITY, OUTCOME_MONITORS, TOO_FEW, Window

from .conftest import JANUARY, application, captured

AT = datetime(2003, 1, 10, 8, tzinfo=UTC)
LATER = datetime(2003, 3, 1, tzinfo=UTC)
ONE = ["--outcome-windows", str(JANUARY)]


@pytest.fixture(scope="module")
def rows(loans):
    return loans["2003-01"][:300]


@pytest.fixture(scope="module")
def applications(rows):
    return [application(row) for row in rows]


@pytest.fixture
def watched(account, applications):
    """A month's applications, answered, and no outcome yet."""
    return account.capture(applications, AT)


def approved(account, window=JANUARY):
    key = f"version-3/{window.key}/calibration/judgement.json"
    return account.read(key)["rows"]


def part(account, execution="run1"):
    (window,) = account.read(f"version-3/runs/{execution}/outcomes.json")["windows"].values()
    return window


def test_outcomes_of_approved_loans_are_judged(account, watched):
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    counted = part(account)
    assert counted["rows"] == 300
    assert 0 < counted["known"] < 300, "nobody learns what became of a declined application"
    for monitor, expected in ((MODEL_QUALITY, counted["known"]), (CALIBRATION, counted["known"]), (BIAS, 300)):
        judgement = account.judgement(JANUARY, monitor)
        assert (judgement.status, judgement.rows) == (JUDGED, expected)


def test_documents_are_those_of_model_monitor_and_clarify(account, watched):
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    folder = f"version-3/{JANUARY.key}"
    assert set(account.written()) == {
        *(f"{folder}/model_quality/{name}.json" for name in ("statistics", "constraints", "constraint_violations")),
        *(f"{folder}/bias/{name}.json" for name in ("analysis", "constraint_violations")),
        f"{folder}/calibration/constraint_violations.json",
        *(f"{folder}/{monitor}/judgement.json" for monitor in OUTCOME_MONITORS),
        "version-3/runs/run1/outcomes.json",
    }
    assert "binary_classification_metrics" in account.read(f"{folder}/model_quality/statistics.json")


def test_twice_as_many_charge_offs_as_training_knew_are_a_breach(account, watched):
    account.tell({record: str(int(place % 4 == 0)) for place, record in enumerate(watched)}, LATER)
    account.watch_outcomes(*ONE)
    judgement = account.judgement(JANUARY, CALIBRATION)
    assert judgement.breached
    assert judgement.findings[0].value > 2


def test_as_many_as_training_knew_are_none(account, watched, rows):
    """The loans' own labels, as they were two years after the approval."""
    from loan_approval.monitor import matured

    account.tell({record: str(int(matured(row, 730))) for record, row in zip(watched, rows, strict=True)}, LATER)
    account.watch_outcomes(*ONE)
    assert not account.judgement(JANUARY, CALIBRATION).breached
    assert not account.judgement(JANUARY, MODEL_QUALITY).breached
    assert not account.judgement(JANUARY, BIAS).breached


def test_no_outcome_counts_for_nothing_unless_it_means_something(account, watched):
    account.tell({watched[0]: "1"}, LATER)
    account.watch_outcomes(*ONE)
    assert part(account)["known"] <= 1
    assert account.judgement(JANUARY, CALIBRATION).status in (TOO_FEW, EMPTY)
    account.watch_outcomes(*ONE, "--missing-means", "0", execution="run2")
    counted = part(account, "run2")
    assert counted["known"] > 100
    assert counted["without_outcome"] == counted["known"] - counted["matched"]
    assert account.judgement(JANUARY, CALIBRATION).status == JUDGED


def test_an_outcome_that_comes_late_is_seen_by_a_later_run(account, watched):
    ready = [*ONE, "--matures-after-days", "50"]
    account.tell(dict.fromkeys(watched[:200], "0"), LATER)
    account.watch_outcomes(*ready, "--scheduled", "2003-03-02T00:00:00Z")
    before = part(account)["known"]
    account.tell(dict.fromkeys(watched[200:], "0"), LATER + timedelta(days=9), name="late")
    account.watch_outcomes(*ready, "--scheduled", "2003-03-02T00:00:00Z")
    assert part(account)["known"] == before, "a run of an earlier time knows what was known then"
    account.watch_outcomes(*ready, "--scheduled", "2003-04-01T00:00:00Z", execution="run2")
    assert part(account, "run2")["known"] > before
    assert approved(account) == part(account, "run2")["known"], "the window's judgement is the newer one"


def test_an_old_window_that_is_judged_again_knows_no_more_than_when_it_matured(account, watched):
    account.tell(dict.fromkeys(watched[:150], "0"), JANUARY.end + timedelta(days=30))
    account.tell(dict.fromkeys(watched[150:], "1"), JANUARY.end + timedelta(days=31), name="later")
    account.watch_outcomes(*ONE)
    assert part(account)["matched"] == 150


def test_the_newest_word_on_a_record_counts(account, watched):
    account.tell(dict.fromkeys(watched, "1"), LATER)
    account.tell(dict.fromkeys(watched, "0"), LATER + timedelta(hours=1), name="corrected")
    account.watch_outcomes(*ONE)
    assert account.judgement(JANUARY, CALIBRATION).metrics["observed_events"] == 0


def test_a_request_that_was_captured_twice_counts_once_with_its_first_answer(account, watched, rows):
    account.capture([application(row) for row in rows[:50]], AT + timedelta(hours=2), name="a")
    first = {"probability": 0.01, "decision": "approve", "model_version": "3"}
    earlier = captured(application(rows[0]), first, AT - timedelta(hours=1), watched[0])
    account.put(f"loans/loans/champion/{AT:%Y/%m/%d}/07/b.jsonl", earlier, "capture")
    account.watch_outcomes(*ONE)
    counted = part(account)
    assert (counted["rows"], counted["duplicates"]) == (300, 51)


def test_other_versions_and_broken_lines_are_counted(account, watched, rows):
    more = ['{"captureData": {"endpointInput"', "", "[]"]
    account.capture([application(row) for row in rows[:20]], AT, version="2", name="older", more=more)
    account.watch_outcomes(*ONE)
    counted = part(account)
    assert (counted["rows"], counted["other_version"], counted["unreadable"]) == (300, 20, 2)


def test_unreadable_outcomes_are_counted(account, watched):
    account.put("loans/ground-truth/2003/03/01/00/x.jsonl", '{"groundTruthData"\n', "capture")
    account.watch_outcomes(*ONE)
    assert part(account)["unreadable_outcomes"] == 1


def test_an_empty_window_is_said_to_be_empty(account):
    account.watch_outcomes(*ONE)
    for monitor in OUTCOME_MONITORS:
        assert account.judgement(JANUARY, monitor).status == EMPTY


def test_the_window_of_a_schedule_is_the_newest_that_has_matured(account):
    account.watch_outcomes("--scheduled", "2003-02-10T02:00:00Z")
    assert list(account.read("version-3/runs/run1/outcomes.json")["windows"]) == [
        "2003-01-10T00:00:00Z/2003-01-11T00:00:00Z"
    ]


def test_windows_of_inputs_only_ask_nothing_of_outcomes(account):
    account.watch_outcomes("--windows", str(JANUARY))
    assert account.read("version-3/runs/run1/outcomes.json")["windows"] == {}


def test_a_version_without_baselines_is_skipped_in_words(account, watched):
    account.package.pop("DriftCheckBaselines")
    account.package.pop("CustomerMetadataProperties")
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    document = account.read("version-3/runs/run1/outcomes.json")
    assert document["judgements"] == []
    assert set(document["skipped"]) == set(OUTCOME_MONITORS)
    assert document["skipped"][CALIBRATION] == "version 3 was registered without outcomes"


@pytest.mark.parametrize(("text", "said"), [("{}", "not of the form"), ("[1]", "no JSON object"), ("{", "not JSON")])
def test_a_baseline_of_another_form_is_skipped_in_words(account, watched, text, said):
    account.put("loans/runs/1/model-quality/outcomes.json", text)
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    document = account.read("version-3/runs/run1/outcomes.json")
    assert said in document["skipped"][CALIBRATION]
    assert {each["monitor"] for each in document["judgements"]} == {MODEL_QUALITY, BIAS}


@pytest.mark.parametrize(
    ("place", "document", "monitor", "name"),
    [
        ("model-quality/outcome_constraints", {}, MODEL_QUALITY, "model quality constraints"),
        ("model-quality/outcome_constraints", {"regression_constraints": {}}, MODEL_QUALITY, "model quality"),
        ("model-quality/outcome_constraints", {"binary_classification_constraints": None}, MODEL_QUALITY, "model"),
        ("bias/constraints", {}, BIAS, "bias constraints"),
        ("bias/constraints", {"post_training_bias_metrics": {"facets": {"sex": []}}}, BIAS, "bias constraints"),
        ("bias/constraints", {"counts": {"rows": 0, "group": "", "facets": []}}, BIAS, "bias constraints"),
    ],
)
def test_constraints_that_constrain_nothing_are_a_missing_baseline(account, watched, place, document, monitor, name):
    account.put(f"loans/runs/1/{place}.json", json.dumps(document))
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    skipped = account.read("version-3/runs/run1/outcomes.json")["skipped"]
    assert set(skipped) == {monitor}
    assert name in skipped[monitor]
    assert "not of the form that is expected here" in skipped[monitor]


def test_constraints_that_cannot_be_judged_are_counted_by_their_reasons(account, watched):
    limits = account.read_artifact("model-quality/outcome_constraints.json")
    limits["binary_classification_constraints"]["accuracy"]["comparison_operator"] = "Beyond"
    account.tell({record: str(int(place % 4 == 0)) for place, record in enumerate(watched)}, LATER)
    account.watch_outcomes(*ONE)
    assert part(account)["model_quality_unjudged"] == 0
    account.put("loans/runs/1/model-quality/outcome_constraints.json", json.dumps(limits))
    account.watch_outcomes(*ONE)
    assert part(account)["model_quality_unjudged"] == 1
    assert part(account)["model_quality_unjudged_metric_accuracy"] == 1


def test_without_a_champion_nothing_is_written(account, watched, capsys):
    account.champion = "none"
    account.watch_outcomes(*ONE)
    assert account.written() == []
    assert "no champion is released yet" in capsys.readouterr().out


def test_the_same_window_again_gives_the_same_documents(account, watched):
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    before = {key: account.read(key) for key in account.written()}
    account.watch_outcomes(*ONE)
    assert {key: account.read(key) for key in account.written()} == before


def test_each_window_is_judged_by_itself(account, watched, rows):
    second = Window.read("2003-02-01T00:00:00Z/2003-03-01T00:00:00Z")
    account.capture([application(row) for row in rows[:10]], datetime(2003, 2, 3, tzinfo=UTC), name="b")
    account.watch_outcomes("--outcome-windows", f"{JANUARY},{second}")
    counted = account.read("version-3/runs/run1/outcomes.json")["windows"]
    assert [each["rows"] for each in counted.values()] == [300, 10]


def test_documents_are_strict_json(account, watched):
    account.tell(dict.fromkeys(watched, "0"), LATER)
    account.watch_outcomes(*ONE)
    for key in account.written():
        json.dumps(account.read(key), allow_nan=False)
