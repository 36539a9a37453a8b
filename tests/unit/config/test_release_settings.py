"""How a model is released: the way, the experiment, the metric, and what environments need of each other."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_constructs.release_policy import policy_json
from mlops_constructs.release_settings import ExperimentSettings, MetricSettings
from stacks.settings import SettingsError, load
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ("local", "dev", "staging", "prod")
RELEASE = "models.loan_approval.release"
EXPERIMENT, METRIC, TEST = f"{RELEASE}.experiment", f"{RELEASE}.metric", f"{RELEASE}.test"
CONDITION = "must be an SQL condition over probability, decision"


@pytest.fixture(scope="module")
def controller():
    """The modules of the release controller, which read what is configured."""
    return load_folder(LAMBDAS / "release_controller", "configured_controller")


def release(environment):
    return load(ROOT / "config", environment).models["loan_approval"].release


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("enabled", [True, False])
def test_the_controller_reads_what_is_configured(environment, enabled, controller):
    settings = release(environment)
    policy = controller.policy.Policy.read(policy_json(settings, environment=environment, enabled=enabled))
    assert policy.enabled is enabled
    assert policy.stages == settings.stages
    assert policy.metric == controller.policy.Metric(**settings.metric.model_dump())
    assert policy.experiment == controller.policy.Experiment(**settings.experiment.model_dump())
    assert (policy.tests, policy.second_person) == (settings.tests, settings.second_person)
    assert policy.keep_versions == settings.keep_versions
    assert policy.evidence_key == f"{environment}-tests"
    assert policy.evidence == tuple(f"{each}-tests" for each in settings.requires)


def test_what_production_asks_for_is_what_staging_notes(controller):
    staging, prod = (
        controller.policy.Policy.read(policy_json(release(each), environment=each, enabled=True))
        for each in ("staging", "prod")
    )
    assert staging.tests
    assert prod.evidence == (staging.evidence_key,)


def test_environments_are_in_order():
    """Tried in dev, tested in staging, compared with the champion where customers are."""
    assert {each: release(each).stages for each in ENVIRONMENTS} == {
        "local": ("shadow", "challenger"),
        "dev": (),
        "staging": (),
        "prod": ("shadow", "challenger"),
    }
    assert (release("prod").takes_from, release("prod").requires) == ("staging", ("staging",))
    assert {each for each in ENVIRONMENTS if release(each).second_person} == {"prod"}
    assert {each for each in ENVIRONMENTS if release(each).tests} == {"staging"}


FILES = "must be another environment that has a file: dev, local, staging"
WAYS = '["replace"], ["shadow"], ["challenger"] or ["shadow", "challenger"]'


@pytest.mark.parametrize(
    ("section", "setting", "expected"),
    [
        (RELEASE, "strategy = []", f"strategy = []: must be {WAYS}"),
        (RELEASE, 'strategy = ["replace", "shadow"]', f'strategy = ["replace", "shadow"]: must be {WAYS}'),
        (RELEASE, 'strategy = ["challenger", "shadow"]', f'strategy = ["challenger", "shadow"]: must be {WAYS}'),
        (RELEASE, 'strategy = ["shadow", "shadow"]', f'strategy = ["shadow", "shadow"]: must be {WAYS}'),
        (
            RELEASE,
            'strategy = ["canary"]',
            'strategy[0] = "canary": must be one of "replace", "shadow", "challenger"',
        ),
        (
            RELEASE,
            'takes_from = "stagging"',
            f'takes_from = "stagging": {FILES} (nearest: staging)',
        ),
        (
            RELEASE,
            'takes_from = "prod"',
            f'takes_from = "prod": {FILES} (nearest: dev)',
        ),
        (
            RELEASE,
            'takes_from = "local"',
            'takes_from = "local": must be an environment whose account is known, as one\'s own: set account and '
            "region in config/prod.toml too, or in neither",
        ),
        (
            RELEASE,
            'requires = ["stage"]',
            f'requires[0] = "stage": {FILES} (nearest: staging)',
        ),
        (RELEASE, 'requires = ["dev"]', 'requires[0] = "dev": must be an environment whose release.tests is true'),
        (
            RELEASE,
            'requires = ["staging", "staging"]',
            'requires = ["staging", "staging"]: must be a list of different environments',
        ),
        (
            RELEASE,
            "keep_versions = 5",
            "keep_versions = 5: must be 0, since the versions are those of staging (takes_from)",
        ),
        (RELEASE, "keep_versions = -1", "keep_versions = -1: must be a whole number from 0 to 10000"),
        (
            EXPERIMENT,
            'allocation = "thompson"',
            'allocation = "thompson": must be fixed, unless rule is "open_ended": a planned horizon needs the planned '
            "shares",
        ),
        (EXPERIMENT, "share_percent = 60", "share_percent = 60: must be a whole number from 1 to 50"),
        (EXPERIMENT, "step_percent = 51", "step_percent = 51: must be a whole number from 1 to 50"),
        (
            EXPERIMENT,
            "share_percent = 20\nstep_percent = 30",
            "step_percent = 30: must be at most share_percent, which is 20",
        ),
        (
            EXPERIMENT,
            "step_seconds = 60",
            "step_seconds = 60: must be at least 180, since retain is true and alarms look 180 s back (alarms.periods)",
        ),
        (
            EXPERIMENT,
            "look_seconds = 899\nsettle_seconds = 60",
            "look_seconds = 899: must be at least 900, the 15 minutes of release.schedule_minutes",
        ),
        (
            EXPERIMENT,
            "max_hours = 1\nsettle_seconds = 3600",
            "settle_seconds = 3600: must be below 3600, the 1 hours of max_hours",
        ),
        (
            EXPERIMENT,
            "max_hours = 1\nlook_seconds = 7200",
            "look_seconds = 7200: must be below 3600, the 1 hours of max_hours",
        ),
        (
            EXPERIMENT,
            "effect = 0.25\ndiscordance = 0.3",
            "effect = 0.25: must be below 0.2, or baseline 0.8 could not change by it either way",
        ),
        (
            EXPERIMENT,
            "discordance = 0.02",
            "discordance = 0.02: must be above effect, which is 0.02: only pairs that differ make a difference",
        ),
        (EXPERIMENT, "error_rate = 0.3", "error_rate = 0.3: must be a number above 0 to 0.2"),
        (EXPERIMENT, "power = 1", "power = 1: must be a number from 0.5 below 1"),
        (
            METRIC,
            'success = "dezision = outcome"',
            f'success = "dezision = outcome": {CONDITION}, outcome: no dezision (nearest is decision)',
        ),
        (
            METRIC,
            "positive = \"outcome = '1'\"",
            f"positive = \"outcome = '1'\": {CONDITION}: no outcome",
        ),
        (
            METRIC,
            "success = \"decision = 'approve'\"",
            "success = \"decision = 'approve'\": must be a condition that compares a field with outcome",
        ),
        (METRIC, "positive = 'true'", 'positive = "true": must be a condition on a field'),
        (
            METRIC,
            'fields = ["decision", "Outcome"]',
            'fields[1] = "Outcome": must be another field: outcome means something else in a condition',
        ),
        (
            METRIC,
            'fields = ["probability", "decision", "Decision"]',
            'fields[2] = "Decision": must be there once; SQL does not tell upper from lower case',
        ),
        (METRIC, 'fields = ["a b"]', 'fields[0] = "a b": must be the name of a field of the response'),
        (
            TEST,
            "requests = 2",
            "test.concurrency = 4: must be at most requests, which is 2",
        ),
        (TEST, "max_p95_ms = 0", "max_p95_ms = 0: must be a whole number from 1 to 60000"),
    ],
)
def test_a_wrong_setting_is_one_line(section, setting, expected, refusal):
    line = refusal(f"[{section}]\n{setting}")
    assert line.endswith(expected)
    places = ("config/prod.toml: models.loan_approval.release.", "config/base.toml: model_defaults.release.")
    assert line.startswith(places)


def test_versions_are_not_removed_where_another_environment_may_serve_them(refusal):
    assert refusal(f"[{RELEASE}]\nkeep_versions = 30", "staging") == (
        f"config/staging.toml: {RELEASE}.keep_versions = 30: must be 0, since prod takes its versions from here and "
        f"may serve any of them"
    )


def test_versions_come_from_an_environment_that_makes_its_own(refusal):
    """Staging takes from dev, so production can not take from staging."""
    addition = f'[{RELEASE}]\ntakes_from = "dev"'
    assert refusal(addition, "prod", file="staging").endswith(
        'takes_from = "staging": must be an environment with versions of its own: staging takes them from elsewhere too'
    )


def test_versions_come_from_an_environment_that_has_the_model(refusal):
    assert refusal("[models.fraud.training]\ndata_prefix = 'fraud'").endswith(
        'takes_from = "staging": must be an environment that has the model fraud'
    )


def test_versions_come_with_the_image_that_they_were_trained_in(refusal):
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
    assert refusal(f'[images]\nxgboost = "{image}"', "prod", file="staging").endswith(
        'takes_from = "staging": must be an environment with the same framework and image: a version brings the image '
        "it was trained in"
    )


def test_tests_count_only_for_versions_of_the_same_registry(refusal):
    """With versions of its own, production would wait for ever for staging to test them."""
    assert refusal(f'[{RELEASE}]\ntakes_from = ""') == (
        'config/prod.toml: model_defaults.release.requires[0] = "staging": must be an environment that serves the '
        "versions of prod too"
    )


def test_an_environment_by_itself_does_not_mind_mistakes_of_others(config):
    (config / "staging.toml").write_text("retain = 3")
    assert load(config, "dev").environment == "dev"
    with pytest.raises(SettingsError, match=r"config/staging.toml: retain = 3: must be true or false"):
        load(config, "prod")


def experiment(**changes):
    return ExperimentSettings(**release("prod").experiment.model_dump() | changes)


def test_a_bandit_may_share_requests_out_while_the_end_is_open():
    assert experiment(rule="open_ended", allocation="thompson").allocation == "thompson"


@pytest.mark.parametrize("baseline", [0.05, 0.5, 0.95])
def test_the_effect_fits_between_nothing_and_all(baseline):
    room = min(baseline, 1 - baseline)
    assert experiment(baseline=baseline, effect=round(room * 0.9, 4), discordance=0.99)
    with pytest.raises(ValueError, match="could not change by it"):
        experiment(baseline=baseline, effect=round(room * 1.1, 4), discordance=0.99)


CONDITIONS = [
    "(decision = 'approve') = (outcome = '0')",
    "DECISION <> 'it''s' AND cast(Outcome AS double) >= 0.5",
    "outcome is not null and (decision in ('a', 'b;--') or abs(cast(probability as double) - 1) < 0.25)",
    "case when outcome = '1' then decision = 'decline' else true end",
]
NO_CONDITIONS = {
    "decision = outcome; drop table t": "no ';' outside quotes",
    "decision = outcome -- or not": "no comments",
    "decision = outcome /* or not */": "no comments",
    "outcome in (select 1)": "no select",
    "decision = (outcome": "a parenthesis is not closed",
    "decision = outcome) or (1 = 1": "a parenthesis closes that was not opened",
    "decision = 'outcome": "a quote is not closed",
    '"decision" = outcome': "no '\"' outside quotes",
    "outcome = '0' and decision = chr(39)": "no chr",
    "outcome = {{database}}": "no '{' outside quotes",
    "1 / 2 = outcome": "no '/' outside quotes",
    "decision = outcome \\": r"no '\\' outside quotes",
}


def metric(success):
    return MetricSettings(fields=["probability", "decision"], success=success, positive="decision = 'approve'")


@pytest.fixture
def query(controller):
    """The SQL that the controller makes of a condition."""
    policy = controller.policy.Policy.read(policy_json(release("local"), environment="local", enabled=True))
    now = datetime(2026, 11, 21, tzinfo=UTC)

    def text(success):
        return controller.query.text(
            database="d",
            policy=replace(policy, metric=replace(policy.metric, success=success)),
            stage="shadow",
            champion_version=1,
            candidate_version=2,
            since=now,
            weighted_since=now,
            until=now,
        )

    return text


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_may_be_any_of_these_and_the_controller_takes_it(condition, query):
    assert metric(condition).success == condition
    assert query(condition)


@pytest.mark.parametrize("condition", NO_CONDITIONS)
def test_a_condition_cannot_leave_its_place(condition):
    with pytest.raises(ValueError, match=re.escape(NO_CONDITIONS[condition])):
        metric(condition)


@pytest.mark.parametrize("condition", NO_CONDITIONS)
def test_what_is_refused_at_synthesis_the_controller_refuses_too(condition, query, controller):
    with pytest.raises(controller.query.QueryError):
        query(condition)
