"""Settings: merged base first, frozen, and refused with one line that names file, key, value and what is allowed."""

from pathlib import Path

import pytest

from mlops_constructs.data_protection import RETENTION
from mlops_constructs.errors import SettingRefusedError
from stacks.settings import SettingsError, blame, load
from stacks.settings.loader import environments
from stacks.settings.schema import EnvironmentSettings

CONFIG = Path(__file__).resolve().parents[3] / "config"


def append(config, environment, text):
    with (config / f"{environment}.toml").open("a") as file:
        file.write(f"\n{text}\n")


def put_first(config, environment, text):
    path = config / f"{environment}.toml"
    path.write_text(f"{text}\n{path.read_text()}")


def refusal(config, environment="prod"):
    with pytest.raises(SettingsError) as caught:
        load(config, environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_environments_are_the_files_beside_base():
    assert environments(CONFIG) == ["dev", "local", "prod", "staging"]


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_settings_cannot_change_and_can_be_keys(environment):
    settings = load(CONFIG, environment)
    assert hash(settings) == hash(load(CONFIG, environment))
    with pytest.raises(ValueError, match="frozen"):
        settings.retain = False
    with pytest.raises(TypeError):
        settings.models["other"] = settings.models["loan_approval"]


def test_an_environment_is_laid_over_base():
    base, local = load(CONFIG, "prod"), load(CONFIG, "local")
    assert base.models["loan_approval"].serving.deployment.bake_seconds == 600
    assert local.models["loan_approval"].serving.deployment.bake_seconds == 2
    assert local.models["loan_approval"].serving.deployment.canary_percent == 10
    assert (base.retain, local.retain) == (True, False)


def test_local_is_pinned_to_its_account_so_that_real_credentials_cannot_deploy_it():
    local = load(CONFIG, "local")
    assert (local.account, local.region) == ("111122223333", "eu-west-1")


def test_a_models_own_section_beats_the_defaults_of_any_file(config):
    append(config, "base", "[models.loan_approval.serving]\ncapture_percentage = 20")
    append(config, "staging", "[model_defaults.training]\nvolume_gb = 50")
    append(config, "staging", "[models.fraud.training]\ndata_prefix = 'fraud/v2'")
    settings = load(config, "staging")
    assert settings.models["loan_approval"].serving.capture_percentage == 20
    assert settings.models["fraud"].serving.capture_percentage == 100
    assert settings.models["fraud"].training.volume_gb == 50


def test_a_model_that_is_switched_off_is_kept_but_not_trained(config):
    append(config, "dev", "[models.loan_approval]\nenabled = false")
    assert load(CONFIG, "dev").models["loan_approval"].trains
    assert not load(config, "dev").models["loan_approval"].trains


def test_every_setting_is_explained_where_it_is_set():
    """In base.toml every key has a comment above it, or above its neighbors without a gap between."""
    explained = False
    for line in (CONFIG / "base.toml").read_text().splitlines():
        if line.startswith("#"):
            explained = True
        elif not line.strip() or line.startswith("["):
            explained = explained and line.startswith("[")
        elif "autoscaling" not in line:
            assert explained or line.startswith("enabled"), f"no comment: {line}"


def test_log_retention_is_what_cloudwatch_takes():
    schema = EnvironmentSettings.model_json_schema()
    assert set(schema["properties"]["log_retention_days"]["enum"]) == set(RETENTION)


SERVING = "models.loan_approval.serving"


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            f"[{SERVING}.deployment]\ncanary_percent = 80",
            f"config/prod.toml: {SERVING}.deployment.canary_percent = 80: must be a whole number from 1 to 50",
        ),
        (
            f'[{SERVING}]\ninstance_count = "3"',
            f'config/prod.toml: {SERVING}.instance_count = "3": must be a whole number from 1 to 1000',
        ),
        (
            f'[{SERVING}.deployment]\nstrategy = "canery"',
            f'config/prod.toml: {SERVING}.deployment.strategy = "canery": must be one of "canary", "linear", '
            f'"all_at_once"',
        ),
        (
            f"[{SERVING}.deployment]\nbake_seconds = 10",
            f"config/prod.toml: {SERVING}.deployment.bake_seconds = 10: must be at least 180, since retain is "
            f"true and alarms look 180 s back (alarms.periods)",
        ),
        (
            f"[{SERVING}.deployment]\nmax_timeout_seconds = 1000",
            f"config/prod.toml: {SERVING}.deployment.max_timeout_seconds = 1000: must be more than the 1500 s "
            f"that 2 baking periods and the termination wait take",
        ),
        (
            f"[{SERVING}]\ninstance_count = 12",
            f"config/prod.toml: {SERVING}.instance_count = 12: must be between autoscaling.min_instances 2 and "
            f"autoscaling.max_instances 10",
        ),
        (
            f"[{SERVING}.autoscaling]\nmax_instances = 1",
            f"config/prod.toml: {SERVING}.autoscaling.max_instances = 1: must be at least min_instances, which is 2",
        ),
        (
            f"[{SERVING}.challenger]\ninstance_count = 12",
            f"config/prod.toml: {SERVING}.challenger.instance_count = 12: must be at most autoscaling.max_instances, "
            f"which is 10",
        ),
        (
            f"[{SERVING}.autoscaling.off_hours]\nmin_instances = 3",
            "config/base.toml: model_defaults.serving.autoscaling.off_hours.max_instances = 2: must be at least "
            "min_instances, which is 3",
        ),
        (
            f'[{SERVING}.autoscaling.off_hours]\nup_cron = "cron(0 20 ? * MON-FRI *)"',
            f'config/prod.toml: {SERVING}.autoscaling.off_hours.up_cron = "cron(0 20 ? * MON-FRI *)": must be another '
            f"time than down_cron, which is cron(0 20 ? * MON-FRI *)",
        ),
        (
            f'[{SERVING}.autoscaling.off_hours]\nup_cron = "cron(0 25 ? * MON-FRI *)"',
            f'config/prod.toml: {SERVING}.autoscaling.off_hours.up_cron = "cron(0 25 ? * MON-FRI *)": must be a '
            f"schedule such as cron(0 20 ? * MON-FRI *): '25' cannot be its hours",
        ),
        (
            f'[{SERVING}.autoscaling.off_hours]\ntimezone = "Europe/Berln"',
            f'config/prod.toml: {SERVING}.autoscaling.off_hours.timezone = "Europe/Berln": must be an IANA time zone, '
            f"for example Europe/Berlin",
        ),
        (
            f'[{SERVING}]\ninstance_type = "ml.t2.medium"',
            f'config/prod.toml: {SERVING}.instance_type = "ml.t2.medium": must be not a burstable ml.t2 type '
            f"while autoscaling.enabled is true",
        ),
        (
            f"[{SERVING}.autoscaling.off_hours]\nenabled = true\nmin_instances = 1",
            f"config/prod.toml: {SERVING}.autoscaling.off_hours.min_instances = 1: must be at least 2, since retain is "
            f"true and canary begins with a part of the instances",
        ),
        (
            f'[{SERVING}]\ninstance_typ = "ml.m5.large"',
            f'config/prod.toml: {SERVING}.instance_typ = "ml.m5.large": unknown key; nearest is instance_type; '
            f"allowed are alarms, assignment, autoscaling, capture_percentage, challenger, deployment, instance_count, "
            f"instance_type, stop",
        ),
        (
            "[models.loan_approval.training]\ntuning_parallel_jobs = 20",
            "config/prod.toml: models.loan_approval.training.tuning_parallel_jobs = 20: must be at most "
            "tuning_jobs, which is 12",
        ),
        (
            "[models.loan_approval.training]\nmin_auc = 1.5",
            "config/prod.toml: models.loan_approval.training.min_auc = 1.5: must be a number from 0.5 below 1",
        ),
        (
            "[models.loan_approval.training.parameters]\nTrainFrom = [1]",
            "config/prod.toml: models.loan_approval.training.parameters.TrainFrom = [1]: must be true or false "
            "or a whole number or a number or text in quotes",
        ),
        (
            '[models.loan_approval]\nframework = "pytorch"',
            'config/prod.toml: models.loan_approval.framework = "pytorch": must be one of huggingface, xgboost',
        ),
        (
            "[models.loan_approval.release]\nreserved_concurrency = 2",
            "config/prod.toml: models.loan_approval.release.reserved_concurrency = 2: must be one of 0, 1",
        ),
        (
            '[notifications]\nemails = ["a@example.com", "nobody"]',
            'config/prod.toml: notifications.emails[1] = "nobody": must be an e-mail address',
        ),
        (
            '[images]\nxgboost = "my-image"',
            'config/prod.toml: images.xgboost = "my-image": must be <account>.dkr.ecr.<region>.amazonaws.com/'
            "<repository>:<tag>, or @sha256:<digest>",
        ),
        (
            "[models.fraud]",
            "config/prod.toml: models.fraud.training.data_prefix: missing; must be the prefix of S3 keys, "
            "letters, digits and _ . - in parts separated by /",
        ),
        (
            "[models.Fraud.training]\ndata_prefix = 'x'",
            "config/prod.toml: models.Fraud: must be named otherwise: model 'Fraud' cannot be named on AWS: use "
            "lower case letters, digits and single underscores, starting with a letter",
        ),
        (
            f"[models.{'long_' * 12}name.training]\ndata_prefix = 'x'",
            f"config/prod.toml: models.{'long_' * 12}name: must be named otherwise: endpoint and model package "
            f"group name 'mlops-prod-{'long-' * 12}name' has 75 characters, AWS allows 63: shorten the project's "
            f"or the model's name by 12",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(addition, expected, config):
    append(config, "prod", addition)
    assert refusal(config) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ('account = "123"', 'config/prod.toml: account = "123": must be twelve digits, in quotes'),
        (
            'account = "111122223333"',
            'config/prod.toml: account = "111122223333": must be together with region: set both, or neither',
        ),
        (
            'account = "111122223333"\nregion = "mx-central-1"',
            'config/prod.toml: region = "mx-central-1": must be one with a xgboost image: af-south-1, ',
        ),
        (
            'account = "111122223333"\nregion = "ca-central-1"',
            'config/prod.toml: region = "ca-central-1": must be one with CodeArtifact, since network.mode is "vpc": ',
        ),
        (
            'project = "My_Project"',
            'config/prod.toml: project = "My_Project": must be at most 20 lower case letters, digits and single '
            "hyphens, starting with a letter",
        ),
        ("models = 3", "config/prod.toml: models = 3: must be a table"),
        ('environment = "dev"', 'config/prod.toml: environment = "dev": unknown key; the file\'s name says it'),
        ("retian = true", "config/prod.toml: retian = true: unknown key; nearest is retain; allowed are access, "),
    ],
)
def test_a_wrong_setting_of_the_environment_is_one_line(first, expected, config):
    put_first(config, "prod", first)
    assert refusal(config).startswith(expected)


def test_a_syntax_error_is_one_line_with_its_place(config):
    (config / "prod.toml").write_text("retain = true\nx = = 3")
    assert refusal(config) == "config/prod.toml: not valid TOML: Invalid value (at line 2, column 5)"


def test_defaults_that_are_no_table_are_refused(config):
    (config / "prod.toml").write_text("model_defaults = 3")
    assert refusal(config) == "config/prod.toml: model_defaults = 3: must be a table"


def test_the_file_named_is_the_one_that_set_the_value(config):
    base = config / "base.toml"
    base.write_text(base.read_text().replace("canary_percent = 10", "canary_percent = 60"))
    assert refusal(config).startswith("config/base.toml: model_defaults.serving.deployment.canary_percent = 60: ")


def test_a_missing_setting_is_asked_for_where_all_are(config):
    base = config / "base.toml"
    base.write_text(base.read_text().replace("\nretain = true", ""))
    assert refusal(config) == "config/base.toml: retain: missing; must be true or false"


def test_several_wrong_settings_are_counted(config):
    append(config, "prod", f"[{SERVING}]\ninstance_count = 0\ncapture_percentage = 101")
    assert refusal(config).endswith("(and 1 more)")


def test_numbers_and_lengths_are_said_as_they_are_written(config):
    append(config, "local", "[budget]\nmonthly_usd = -1")
    assert refusal(config, "local").endswith("must be a whole number from 0 to 1000000000")
    (config / "local.toml").write_text("[budget]\nnotify_percent = [1, 2, 3, 4, 5, 6]")
    assert "notify_percent = [1, 2, 3, 4, 5, 6]: must be a list of 1 to 5, each a whole number" in refusal(
        config, "local"
    )


def test_an_unknown_environment_is_told_the_nearest():
    assert refusal(CONFIG, "prd") == (
        'config/prd.toml: env = "prd": no such environment; use dev, local, prod, staging (nearest: prod)'
    )


def test_a_setting_that_is_wrong_only_where_it_is_used_is_traced_to_its_file(config):
    append(config, "base", "[models.loan_approval.training.parameters]\nTranFrom = '2000-10-01'")
    error = SettingRefusedError("models.loan_approval.training.parameters.TranFrom", "2000-10-01", "TrainFrom")
    assert str(blame(config, "prod", error)) == (
        'config/base.toml: models.loan_approval.training.parameters.TranFrom = "2000-10-01": must be TrainFrom'
    )
