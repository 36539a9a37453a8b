"""Settings of batch scoring: wrong ones are refused with the line to write instead."""

import pytest

from stacks.settings import SettingsError, load


@pytest.fixture
def refused(config):
    def refuse(line):
        with (config / "prod.toml").open("a") as file:
            file.write(f"\n[model_defaults.batch]\n{line}\n")
        with pytest.raises(SettingsError) as caught:
            load(config, "prod")
        return str(caught.value)

    return refuse


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'schedule = "every day"',
            'schedule = "every day": must be "" for never, a rate such as rate(1 day) or rate(12 hours), or cron(',
        ),
        ('schedule = "rate(1 days)"', 'schedule = "rate(1 days)": must be "" for never, a rate such as rate(1 day)'),
        ('schedule = "cron(0 25 * * ? *)"', 'schedule = "cron(0 25 * * ? *)": must be a schedule such as cron('),
        ('input_prefix = "/in/"', 'input_prefix = "/in/": must be the prefix of S3 keys'),
        (
            'output_prefix = "batch/input/scored"',
            'output_prefix = "batch/input/scored": must be neither input_prefix, nor below or above it: batch/input',
        ),
        ('output_prefix = "batch"', 'output_prefix = "batch": must be neither input_prefix'),
        ('instance_type = "ml.t2.medium"', 'instance_type = "ml.t2.medium": must be an instance type SageMaker has'),
        ("max_payload_mb = 101", "max_payload_mb = 101: must be a whole number from 1 to 100"),
        (
            "max_payload_mb = 50",
            "max_concurrent = 4: must be at most 2, since max_payload_mb is 50 and 100 MB is the limit of all together",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_allowed(refused, line, message):
    assert message in refused(line)


@pytest.mark.parametrize("schedule", ["", "rate(1 day)", "rate(12 hours)", "cron(30 3 ? * MON-FRI *)"])
def test_a_schedule_or_none(config, schedule):
    with (config / "prod.toml").open("a") as file:
        file.write(f'\n[model_defaults.batch]\nschedule = "{schedule}"\n')
    assert load(config, "prod").models["loan_approval"].batch.schedule == schedule


def test_prefixes_that_only_begin_alike_are_two_places(config):
    with (config / "prod.toml").open("a") as file:
        file.write('\n[model_defaults.batch]\noutput_prefix = "batch/input-scored"\n')
    assert load(config, "prod").models["loan_approval"].batch.output_prefix == "batch/input-scored"
