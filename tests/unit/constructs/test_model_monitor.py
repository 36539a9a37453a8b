"""The forms in which Model Monitor takes times, and what a model's folder has to say for it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mlops_constructs import model_monitor_payload, model_monitor_schedules
from mlops_constructs.errors import ConstructError, SettingRefusedError
from mlops_constructs.model_monitor_jobs import definition_stem, schedule_name
from mlops_constructs.model_monitor_payload import Payload
from mlops_constructs.model_monitor_role import endpoint_prefix
from mlops_constructs.naming import ModelNames
from stacks.settings import load
from tests.infra.environments import ROOT

PAYLOAD = {
    "problem_type": "BinaryClassification",
    "features": ("amount", "state"),
    "instances": "instances",
    "predictions": "predictions",
    "fields": ("probability", "decision", "model_version"),
    "probability": "probability",
    "decision": "decision",
    "version": "model_version",
    "favourable": "approve",
    "positive": "1",
    "threshold": 0.25,
}


def settings(**changes):
    monitoring = load(ROOT / "config", "dev").models["loan_approval"].monitoring
    days = changes.pop("matures_after_days", None)
    if days is not None:
        changes["labels"] = monitoring.labels.model_copy(update={"matures_after_days": days})
    return monitoring.model_copy(update=changes)


@pytest.mark.parametrize(
    ("hours", "delay", "cron", "start", "end"),
    [
        (24, 0, "cron(0 0 ? * * *)", "-P1D", "-PT0H"),
        (24, 60, "cron(0 1 ? * * *)", "-PT25H", "-PT1H"),
        (24, 1440, "cron(0 0 ? * * *)", "-P2D", "-P1D"),
        (1, 0, "cron(0 * ? * * *)", "-PT1H", "-PT0H"),
        (1, 61, "cron(0 * ? * * *)", "-PT3H", "-PT2H"),
        (6, 30, "cron(0 1/6 ? * * *)", "-PT7H", "-PT1H"),
        (12, 780, "cron(0 1/12 ? * * *)", "-PT25H", "-PT13H"),
    ],
)
def test_jobs_run_on_the_hour_after_each_window(hours, delay, cron, start, end):
    given = settings(window_hours=hours, delay_minutes=delay)
    window = model_monitor_schedules.inputs(given)
    assert model_monitor_schedules.cron(given) == cron
    assert (window.start_offset, window.end_offset) == (start, end)


@pytest.mark.parametrize("hours", [1, 2, 3, 4, 6, 8, 12, 24])
@pytest.mark.parametrize("delay", [0, 59, 60, 150, 1440])
def test_windows_follow_each_other_and_those_of_a_day_begin_at_midnight(hours, delay):
    given = settings(window_hours=hours, delay_minutes=delay, matures_after_days=30)
    field = model_monitor_schedules.cron(given).removeprefix("cron(0 ").split()[0]
    first, _, step = field.partition("/")
    starts = range(24) if field == "*" else range(int(first), 24, int(step or 24))
    for window in (model_monitor_schedules.inputs(given), model_monitor_schedules.outcomes(given)):
        ends = [datetime(2026, 11, 21, tzinfo=UTC) + timedelta(hours=start - window.end_hours) for start in starts]
        assert {end.hour % hours for end in ends} == {0}
        assert [later - earlier for earlier, later in pairwise(ends)] == [timedelta(hours=hours)] * (24 // hours - 1)
        assert window.start_hours - window.end_hours == hours
        assert window.end_hours * 60 >= delay, "captured data may be so late"


@pytest.mark.parametrize("days", [0, 1, 30, 730, 3650])
def test_offsets_have_the_form_and_the_length_that_aws_takes(days):
    window = model_monitor_schedules.outcomes(settings(matures_after_days=days))
    for offset in (window.start_offset, window.end_offset):
        assert offset.startswith("-P") and len(offset) <= 15
    assert window.end_hours == days * 24 + 1


def test_physical_names_fit_and_stay_apart():
    long = ModelNames("a" * 20, "e" * 12, "m" * 29)
    made = [schedule_name(long, kind) for kind in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")]
    assert len(set(made)) == 4 and max(map(len, made)) <= 63
    assert made[0] == long.monitoring_schedule, "the dashboard finds the distances that AWS publishes under this name"
    stem = definition_stem(long, "ModelExplainability", "0123abcd")
    assert len(f"{stem}-v123456") <= 63
    assert endpoint_prefix(long).startswith("clarify-") and len(endpoint_prefix(long)) <= 40


def test_expressions_find_features_and_probabilities():
    jmespath = pytest.importorskip("jmespath")
    payload = Payload(**{**PAYLOAD, "features": ("amount", "zip code")})
    request = {"instances": [{"zip code": "1", "amount": 2, "more": 3}, {"amount": 4, "zip code": "5"}]}
    assert jmespath.search(payload.features_attribute, request) == [[2, "1"], [4, "5"]]
    response = {"predictions": [{"probability": 0.5}, {"probability": 0.25}]}
    assert jmespath.search(payload.probability_attribute, response) == [0.5, 0.25]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_type": "Binary"}, "problem_type 'Binary': use BinaryClassification, "),
        ({"fields": ("probability",)}, "fields have no decision, model_version: name every field"),
        ({"features": tuple(f"feature_{n}" for n in range(40))}, "has 444 characters, AWS allows 256: Clarify"),
    ],
)
def test_wrong_payloads_are_refused_in_one_line(change, message):
    with pytest.raises(ConstructError) as caught:
        Payload(**{**PAYLOAD, **change})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_that_says_nothing_of_its_answers_keeps_the_projects_own_monitors(tmp_path):
    (tmp_path / "pipeline_code" / "cards").mkdir(parents=True)
    with pytest.raises(SettingRefusedError) as caught:
        model_monitor_payload.load(tmp_path / "pipeline_code", ModelNames("mlops", "dev", "cards"))
    assert str(caught.value) == (
        "models.cards.monitoring.engine = 'model-monitor': must be \"pipeline\", or "
        "pipeline_code/cards/model_monitor.py must be there"
    )


def test_payload_of_the_example_is_taken():
    names = ModelNames("mlops", "dev", "loan_approval")
    assert model_monitor_payload.load(ROOT / "pipeline_code", names).problem_type == "BinaryClassification"
