"""Values to start from are valid, can be changed in part, and what cannot be says so in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlops_constructs import ConstructError, NetworkSettings, ServingSettings, TrainingSettings, starting
from mlops_constructs.starting_values import SECTIONS

CONSTRUCTS = Path(__file__).parents[3] / "constructs"
NEEDED = {TrainingSettings: {"data_prefix": "churn"}}


@pytest.mark.parametrize("settings", SECTIONS, ids=lambda each: each.__name__)
def test_every_section_has_values_that_go_together(settings):
    assert isinstance(starting(settings, **NEEDED.get(settings, {})), settings)


def test_a_change_inside_of_a_table_leaves_the_rest_of_it():
    before, after = starting(ServingSettings), starting(ServingSettings, autoscaling={"enabled": False})
    assert not after.autoscaling.enabled
    assert after.autoscaling.max_instances == before.autoscaling.max_instances
    assert after.alarms == before.alarms


@pytest.mark.parametrize(
    ("settings", "changes", "line"),
    [
        (TrainingSettings, {}, "training.data_prefix: missing; pass it to starting(…)"),
        (
            ServingSettings,
            {"instance_count": 9},
            "serving.instance_count: must be between autoscaling.min_instances 2 and autoscaling.max_instances 6",
        ),
        (
            ServingSettings,
            {"autoscaling": {"enable": False}},
            "serving.autoscaling.enable: unknown; see starting_values.toml for what [serving] may hold",
        ),
        (
            ServingSettings,
            {"instance_type": "m5.large"},
            "serving.instance_type = 'm5.large': must be an instance type SageMaker has, for example ml.",
        ),
        (
            ServingSettings,
            {"capture_percentage": 101},
            "serving.capture_percentage = 101: input should be less than or equal to 100",
        ),
        (NetworkSettings, {}, "NetworkSettings: has no values to start from, as "),
    ],
)
def test_what_cannot_be_is_one_line_with_its_key(settings, changes, line):
    with pytest.raises(ConstructError) as error:
        starting(settings, **changes)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_settings_and_names_are_read_without_cdk():
    """Commands read the configuration: CDK's engine would cost them seconds."""
    lines = "import sys; from mlops_constructs import ModelNames, Registry, starting; print('aws_cdk' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", lines], cwd=CONSTRUCTS, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
