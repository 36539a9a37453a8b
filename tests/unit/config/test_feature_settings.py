"""Feature groups, who may do what, what a version must keep: refused in one line where AWS or sense would."""

import pytest

from mlops_constructs.settings import BIAS_METRICS
from monitoring.bias_metrics import NAMES
from stacks.settings import load

GROUP = "feature_groups.bank_history"
MODEL = "models.loan_approval"


def test_a_model_uses_groups_of_its_environment(config):
    settings = load(config, "prod")
    assert list(settings.used_groups("loan_approval")) == ["bank_history"]
    assert settings.feature_groups["bank_history"].types == {
        "bank": "String",
        "known_from": "String",
        "approvals_12m": "Integral",
        "charge_offs_12m": "Integral",
        "charge_off_share_12m": "Fractional",
    }


def test_a_definition_is_what_json_can_say(config):
    import json

    definition = load(config, "prod").feature_groups["bank_history"].definition
    assert json.loads(json.dumps(definition)) == definition
    assert definition["features"]["charge_off_share_12m"] == "Fractional"
    assert (definition["online"], definition["offline"], definition["ttl_days"]) == (True, True, 0)


def test_a_feature_more_in_one_environment_is_one_line_there(config):
    with (config / "local.toml").open("a") as file:
        file.write(f'\n[{GROUP}.features]\nstate = "String"\n')
    assert load(config, "local").feature_groups["bank_history"].types["state"] == "String"
    assert "state" not in load(config, "prod").feature_groups["bank_history"].types


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            f'[{GROUP}.features]\nstate = "Text"',
            f'config/local.toml: {GROUP}.features.state = "Text": must be one of "Integral", "Fractional", "String"',
        ),
        (
            f'[{GROUP}.features]\nbank = "String"',
            f'config/local.toml: {GROUP}.features.bank = "String": must be left out: record_identifier names it, and '
            "gives it its type",
        ),
        (
            f'[{GROUP}.features]\nknown_from = "String"',
            f'config/local.toml: {GROUP}.features.known_from = "String": must be left out: event_time names it, and '
            "gives it its type",
        ),
        (
            f'[{GROUP}.features]\nwrite_time = "String"',
            f'config/local.toml: {GROUP}.features.write_time = "String": must be named otherwise: Feature Store and '
            "the join keep write_time, api_invocation_time, is_deleted, year, month, day, hour, row, record, known",
        ),
        (
            f'[{GROUP}.features]\nState = "String"',
            f'config/local.toml: {GROUP}.features.State = "String": must be named otherwise: lower case letters, '
            "digits and single underscores, starting with a letter, at most 64",
        ),
        (
            f'[{GROUP}]\nevent_time = "bank"',
            f'config/local.toml: {GROUP}.event_time = "bank": must be another feature than record_identifier, which is '
            "bank",
        ),
        (
            f'[{GROUP}]\nevent_time = "day"',
            f'config/local.toml: {GROUP}.event_time = "day": must be another name: Feature Store and the join keep '
            "write_time, api_invocation_time, is_deleted, year, month, day, hour, row, record, known",
        ),
        (
            f'[{GROUP}]\nevent_time_type = "Integral"',
            f'config/local.toml: {GROUP}.event_time_type = "Integral": must be one of "String", "Fractional"',
        ),
        (
            f"[{GROUP}]\nonline = false\noffline = false",
            f"config/local.toml: {GROUP}.offline = false: must be true, or online must be: a group is kept online, "
            "offline or both",
        ),
        (
            f"[{GROUP}]\nonline = false\nttl_days = 3",
            f"config/local.toml: {GROUP}.ttl_days = 3: must be 0, since online is false: only online records expire",
        ),
        (
            f"[{GROUP}]\noffline = false",
            f'config/base.toml: {MODEL}.features.groups[0] = "bank_history": must be a feature group that is kept '
            "online and offline: offline is false",
        ),
        (
            f"[{GROUP}]\ndescription = '{'x' * 129}'",
            f'config/local.toml: {GROUP}.description = "{"x" * 59}…: must be text of 1 to 128 characters',
        ),
        (
            "[feature_groups.empty]\ndescription = 'x'\nrecord_identifier = 'a'\nevent_time = 'b'\n"
            "event_time_type = 'String'\nonline = true\noffline = true\nttl_days = 0\n[feature_groups.empty.features]",
            "config/local.toml: feature_groups.empty.features: must be a table of 1 to 2498 features",
        ),
        (
            f'[feature_groups.{"x" * 60}]\ndescription = "x"\nrecord_identifier = "a"\nevent_time = "b"\n'
            'event_time_type = "String"\nonline = true\noffline = true\nttl_days = 0\n'
            f'features = {{ c = "String" }}',
            f"config/local.toml: feature_groups.{'x' * 60}: must be named otherwise: feature group name "
            f"'mlops-local-{'x' * 60}' has 72 characters, AWS allows 64: shorten it by 8",
        ),
        (
            '[feature_groups."Bank"]\ndescription = "x"\nrecord_identifier = "a"\nevent_time = "b"\n'
            'event_time_type = "String"\nonline = true\noffline = true\nttl_days = 0\nfeatures = { c = "String" }',
            "config/local.toml: feature_groups.Bank: must be named otherwise: feature group 'Bank' cannot be named on "
            "AWS: use lower case letters, digits and single underscores, starting with a letter",
        ),
        (
            f'[{MODEL}.features]\ngroups = ["banks"]',
            f'config/local.toml: {MODEL}.features.groups[0] = "banks": must be one of [feature_groups]: bank_history',
        ),
        (
            f'[{MODEL}.features]\ngroups = ["bank_history", "bank_history"]',
            f'config/local.toml: {MODEL}.features.groups = ["bank_history", "bank_history"]: must be a list of '
            "different feature groups",
        ),
        (
            "[models.features.training]\ndata_prefix = 'x'",
            "config/local.toml: models.features: must be named otherwise: pipeline_code/features is shared by all "
            "models",
        ),
        (
            f'[{MODEL}.training]\ndata_prefix = "feature-store/bank_history"',
            f'config/local.toml: {MODEL}.training.data_prefix = "feature-store/bank_history": must be another prefix: '
            "feature groups are kept below feature-store/",
        ),
        (
            f"[{MODEL}.training.limits]\nmax_attribution_share = 0.0",
            f"config/local.toml: {MODEL}.training.limits.max_attribution_share = 0.0: must be a number above 0 to 1",
        ),
        (
            f"[{MODEL}.training.limits.bias]\nDI = [1.25, 0.8]",
            f"config/local.toml: {MODEL}.training.limits.bias.DI = [1.25, 0.8]: must be a list of two numbers, the "
            "lowest first",
        ),
        (
            f"[{MODEL}.training.limits.bias]\nDI = [0.8]",
            f"config/local.toml: {MODEL}.training.limits.bias.DI = [0.8]: must be a list of two numbers, the lowest "
            "and the highest that is allowed",
        ),
        (
            f"[{MODEL}.training.limits.bias]\nDI = [0.8, nan]",
            f"config/local.toml: {MODEL}.training.limits.bias.DI[1] = NaN: must be a list of two numbers, "
            "the lowest and the highest that is allowed",
        ),
        (
            f"[{MODEL}.training.limits.bias]\nDisparateImpact = [0.8, 1.2]",
            f"config/local.toml: {MODEL}.training.limits.bias.DisparateImpact = [0.8, 1.2]: must be for a metric of "
            f"Clarify: {', '.join(BIAS_METRICS)}",
        ),
        (
            f'[{MODEL}.governance]\nrisk_rating = "high"',
            f'config/local.toml: {MODEL}.governance.risk_rating = "high": must be one of "High", "Medium", "Low", '
            '"Unknown"',
        ),
        (
            f'[{MODEL}.governance]\nowner = " "',
            f'config/local.toml: {MODEL}.governance.owner = " ": must be a name or an address',
        ),
        (
            f"[{MODEL}.governance]\nreview_days = -1",
            f"config/local.toml: {MODEL}.governance.review_days = -1: must be a whole number from 0 to 3650",
        ),
        (
            f'[{MODEL}.experiments]\ntracking = "arn:aws-cn:sagemaker:cn-north-1:111122223333:mlflow-app/app-A"',
            f'config/local.toml: {MODEL}.experiments.tracking = "arn:aws-cn:sagemaker:cn-north-1:111122223333:'
            'mlflow-app/app…: must be the ARN of an MLflow app or tracking server of SageMaker, or ""',
        ),
        (
            f'[{MODEL}.experiments]\ntracking = "http://localhost:5000"',
            f'config/local.toml: {MODEL}.experiments.tracking = "http://localhost:5000": must be the ARN of an MLflow '
            'app or tracking server of SageMaker, or ""',
        ),
        (
            '[access]\nauditors = ["somebody"]',
            'config/local.toml: access.auditors[0] = "somebody": must be the ARN of an IAM role or user, or of an '
            "account: arn:aws:iam::<account>:root",
        ),
        (
            '[access]\ndata_scientists = ["arn:aws:iam::111122223333:role/ana"]\n'
            'approvers = ["arn:aws:iam::111122223333:role/bo", "arn:aws:iam::111122223333:role/ana"]',
            'config/local.toml: access.approvers[1] = "arn:aws:iam::111122223333:role/ana": must be somebody who is '
            "not in data_scientists: who trains may not approve",
        ),
        (
            '[access]\noperators = ["arn:aws:iam::111122223333:role/bo", "arn:aws:iam::111122223333:role/bo"]',
            'config/local.toml: access.operators = ["arn:aws:iam::111122223333:role/bo", "arn:aws:iam::11112222…: must '
            "be a list of different principals",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(addition, expected, refusal):
    assert refusal(addition, "local") == expected


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            f"[{MODEL}.features]\ngroups = []",
            f"config/prod.toml: {MODEL}.features.groups = []: must be as in staging, where the versions come from: "
            "bank_history",
        ),
        (
            f'[{GROUP}.features]\napprovals_12m = "Fractional"',
            f"config/prod.toml: {GROUP}: must be as in staging, where loan_approval comes from: approvals_12m is "
            "Integral there",
        ),
    ],
)
def test_what_a_version_learned_from_is_there_where_it_serves(addition, expected, refusal):
    assert refusal(addition, "prod") == expected


def test_more_features_than_a_version_learned_from_do_no_harm(config):
    with (config / "prod.toml").open("a") as file:
        file.write(f'\n[{GROUP}.features]\nstate = "String"\n')
    assert load(config, "prod").feature_groups["bank_history"].types["state"] == "String"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/credit",
        "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-app/app-ABC123",
    ],
)
def test_experiments_are_tracked_by_either_kind_of_managed_mlflow_or_by_none(arn, config):
    with (config / "local.toml").open("a") as file:
        file.write(f'\n[{MODEL}.experiments]\ntracking = "{arn}"\n')
    assert load(config, "local").models["loan_approval"].experiments.tracking == arn


def test_limits_are_for_the_metrics_that_are_computed():
    assert set(BIAS_METRICS) == set(NAMES)


def test_limits_of_a_model_add_to_the_defaults(config):
    with (config / "local.toml").open("a") as file:
        file.write(f"\n[model_defaults.training.limits.bias]\nDI = [0.8, 1.25]\n[{MODEL}.training.limits.bias]\n")
        file.write("RD = [-0.1, 0.1]\n")
    limits = load(config, "local").models["loan_approval"].training.limits
    assert dict(limits.bias) == {"DI": (0.8, 1.25), "RD": (-0.1, 0.1)}
