"""Settings of monitoring and retraining: wrong ones are refused with the line to write instead."""

import pytest

from stacks.settings import load

MONITORING, RETRAINING = "models.loan_approval.monitoring", "models.loan_approval.retraining"


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            f"[{MONITORING}]\nwindow_hours = 5",
            f"config/prod.toml: {MONITORING}.window_hours = 5: must be one of 1, 2, 3, 4, 6, 8, 12, 24",
        ),
        (
            f"[{MONITORING}]\nbreaches = 5",
            f"config/prod.toml: {MONITORING}.breaches = 5: must be at most of, which is 4",
        ),
        (
            f"[{MONITORING}]\nbreaches = 1",
            f"config/prod.toml: {MONITORING}.breaches = 1: must be at least 2, since retain is true",
        ),
        (
            f'[{MONITORING}]\nprocessing_instance_type = "ml.m5.larg"',
            f'config/prod.toml: {MONITORING}.processing_instance_type = "ml.m5.larg": must be an instance type '
            "SageMaker has, for example ml.m5.large",
        ),
        (
            f"[{MONITORING}]\nmax_runtime_seconds = 100000",
            f"config/prod.toml: {MONITORING}.max_runtime_seconds = 100000: must be a whole number from 60 to 86400",
        ),
        (
            f"[{MONITORING}.labels]\nmatures_after_days = -1",
            f"config/prod.toml: {MONITORING}.labels.matures_after_days = -1: must be a whole number from 0 to 3650",
        ),
        (
            f"[{MONITORING}.alarms]\nno_traffic_hours = 169",
            f"config/prod.toml: {MONITORING}.alarms.no_traffic_hours = 169: must be a whole number from 1 to 168",
        ),
        (
            f"[{MONITORING}.alarms]\ndaily_instances = 2",
            f"config/prod.toml: {MONITORING}.alarms.daily_instances = 2: must be above serving.instance_count, which "
            "is 2, and below 20, the most that there can be, or 0 for no such alarm",
        ),
        (
            f"[{MONITORING}.alarms]\ndaily_instances = 20",
            f"config/prod.toml: {MONITORING}.alarms.daily_instances = 20: must be above serving.instance_count, which "
            "is 2, and below 20, the most that there can be, or 0 for no such alarm",
        ),
        (
            "[models.loan_approval.serving]\ncapture_percentage = 0",
            "config/prod.toml: models.loan_approval.serving.capture_percentage = 0: must be at least 1, since "
            "monitoring.enabled is true",
        ),
        (
            f"[{RETRAINING}]\nmax_per_month = 0",
            f"config/prod.toml: {RETRAINING}.max_per_month = 0: must be a whole number from 1 to 1000",
        ),
        (
            f'[{RETRAINING}]\nschedule = "monthly"',
            f'config/prod.toml: {RETRAINING}.schedule = "monthly": must be "" for never, a rate such as rate(1 day)',
        ),
        (
            f'[{RETRAINING}]\ndata_parameter = ""',
            f'config/prod.toml: {RETRAINING}.data_parameter = "": must be the name of a parameter that the training '
            "pipeline declares",
        ),
        (
            f'[{RETRAINING}.window]\ntrain_to = "TrainFrom"',
            f'config/prod.toml: {RETRAINING}.window.train_to = "TrainFrom": must be another parameter: TrainFrom is '
            "one of the others already",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(addition, expected, refusal):
    assert refusal(addition).startswith(expected)


def test_degradation_that_nothing_finds_cannot_start_retraining(refusal):
    addition = "[models.loan_approval.monitoring]\nenabled = false\n[models.loan_approval.retraining]\nenabled = true"
    assert refusal(addition, environment="dev") == (
        "config/base.toml: model_defaults.retraining.on_degradation = true: must be false, since monitoring.enabled is "
        "false: nothing finds a degradation"
    )


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ('["prd"]', '[0] = "prd": must be another environment that has a file: dev, local, prod (nearest: prod)'),
        ('["dev"]', '[0] = "dev": must be an environment that takes its versions from staging'),
        ('["prod", "prod"]', ' = ["prod", "prod"]: must be a list of different environments'),
    ],
)
def test_degradation_is_heard_of_where_versions_of_this_environment_serve(listed, expected, refusal):
    line = refusal(f"[{RETRAINING}]\ndegradation_in = {listed}", environment="staging")
    assert line == f"config/staging.toml: {RETRAINING}.degradation_in{expected}"


def test_degradation_is_heard_of_where_somebody_looks(config):
    from stacks.settings import SettingsError

    with (config / "prod.toml").open("a") as prod:
        prod.write(f"\n[{MONITORING}]\nenabled = false\n")
    with pytest.raises(SettingsError, match=r'degradation_in\[0\] = "prod": must be an environment whose monitoring'):
        load(config, "staging")


def test_a_fleet_that_does_not_scale_needs_no_other_limit(config):
    with (config / "dev.toml").open("a") as dev:
        dev.write("\n[models.loan_approval.serving.autoscaling]\nenabled = false\n")
        dev.write(f"[{MONITORING}.alarms]\ndaily_instances = 7\n")
    assert load(config, "dev").models["loan_approval"].monitoring.alarms.daily_instances == 7


@pytest.mark.parametrize(("environment", "most"), [("local", 4), ("dev", 2), ("staging", 3), ("prod", 20)])
def test_an_endpoint_has_at_most_so_many_instances(environment, most, config):
    """A challenger scales like the champion; where versions are only replaced there is none."""
    assert load(config, environment).models["loan_approval"].most_instances == most


def test_a_run_is_missed_after_two_windows_and_two_runs(config):
    assert load(config, "prod").models["loan_approval"].monitoring.missed_after_hours == 2 * 24 + 2
    assert load(config, "local").models["loan_approval"].monitoring.missed_after_hours == 2 * 24 + 1


def test_the_longest_wait_for_a_run_is_one_that_an_alarm_can_look_back(config):
    with (config / "prod.toml").open("a") as prod:
        prod.write(f"\n[{MONITORING}]\nmax_runtime_seconds = 86400\n")
    assert load(config, "prod").models["loan_approval"].monitoring.missed_after_hours <= 168


def test_readers_of_figures_are_roles(config):
    from stacks.settings import SettingsError

    base = config / "base.toml"
    base.write_text(base.read_text().replace("readers = []", 'readers = ["grafana"]'))
    with pytest.raises(SettingsError) as caught:
        load(config, "prod")
    assert str(caught.value) == 'config/base.toml: metrics.readers[0] = "grafana": must be the ARN of an IAM role'
