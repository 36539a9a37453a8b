"""config/delivery.toml: what a pipeline delivers to, refused with one line that names file, key, value and the fix."""

from pathlib import Path

import pytest

from stacks.settings import SettingsError, load, load_delivery
from stacks.settings.loader import environments

CONFIG = Path(__file__).resolve().parents[3] / "config"
HERE = "config/delivery.toml: "


@pytest.fixture
def change(config):
    """Replace a text of delivery.toml, or append one."""

    def changed(old, new=""):
        file = config / "delivery.toml"
        text = file.read_text()
        assert not old or old in text
        file.write_text(text.replace(old, new, 1) if old else f"{text}\n{new}\n")
        return config

    return changed


def refusal(config):
    with pytest.raises(SettingsError) as caught:
        load_delivery(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_pipeline_is_no_environment():
    assert "delivery" not in environments(CONFIG)
    with pytest.raises(SettingsError, match="no such environment; use dev, local, prod, staging"):
        load(CONFIG, "delivery")


def test_every_environment_of_the_order_has_a_stage_with_the_defaults_below_its_own():
    delivery = load_delivery(CONFIG)
    assert tuple(delivery.settings.stages) == delivery.settings.order == ("dev", "staging", "prod")
    stages = delivery.settings.stages
    assert [stages[name].approve for name in stages] == [False, False, True]
    assert [stages[name].train for name in stages] == [True, True, False]
    assert delivery.project == "mlops"
    assert hash(delivery.settings) == hash(load_delivery(CONFIG).settings)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            '"staging", "prod"]',
            '"stagin", "prod"]',
            HERE + 'order[1] = "stagin": must be an environment that has a file: dev, local, prod, staging '
            "(nearest: staging)",
        ),
        (
            '["dev", "staging", "prod"]',
            '["dev", "prod", "staging"]',
            HERE + 'order[1] = "prod": must be after staging: loan_approval takes its versions from there, or asks for '
            "its tests",
        ),
        ('["dev", "staging"', '["dev", "dev"', HERE + 'order[1] = "dev": must be another environment: each is'),
        ('order = ["dev", "staging", "prod"]', "order = []", HERE + "order = []: must be a list of environments"),
        ("[stages.prod]", "[stages.prd]", HERE + "stages.prd: must be of an environment in order: dev, staging, prod"),
        (
            "train = false\napprove = true",
            "approve = true",
            HERE + "stage_defaults.train = true: must be false: no model is trained in prod",
        ),
        (
            'kind = "connection"',
            'kind = "git"',
            HERE + 'source.kind = "git": must be one of "connection", "codecommit"',
        ),
        ('kind = "connection"\n', "", HERE + 'source.kind: missing; must be one of "connection", "codecommit", "s3"'),
        (
            'kind = "connection"',
            'kind = "codecommit"',
            HERE + 'source.repository = "example/mlops": must be the name of a CodeCommit repository (and 2 more)',
        ),
        (
            'connection = "arn:aws:codeconnections:',
            'connection = "arn:aws:codestar:',
            HERE + 'source.connection = "arn:aws:codestar:eu-west-1:111122223333:connection/00000000…: must be',
        ),
        (
            'execution_mode = "superseded"',
            'execution_mod = "superseded"',
            HERE + 'execution_mod = "superseded": unknown key; nearest is execution_mode',
        ),
        ("watch_minutes = 30", "watch_minutes = 500", HERE + "stages.prod.watch_minutes = 500: must be a whole number"),
        (
            "watch_minutes = 10",
            "watch_minutes = -1",
            HERE + "stage_defaults.watch_minutes = -1: must be a whole number",
        ),
        (
            'on_failure = "rollback"',
            'on_failure = "undo"',
            HERE + 'stage_defaults.on_failure = "undo": must be one of "rollback", "retry", "stop"',
        ),
        (
            'execution_mode = "superseded"',
            'execution_mode = "parallel"',
            HERE + 'execution_mode = "parallel": must be one of "superseded", "queued"',
        ),
        (
            "watch_minutes = 30",
            "watch_minute = 30",
            HERE + "stages.prod.watch_minute = 30: unknown key; nearest is watch_minutes",
        ),
        (
            "retain = true",
            'account = "111122223333"\nretain = true',
            HERE + 'account = "111122223333": must be together',
        ),
        (
            "retain = true",
            'account = "111122223333"\nregion = "eu-west-1"\nretain = true',
            HERE + 'order[0] = "dev": must be one whose account is set where the pipeline\'s is: config/delivery.toml '
            "has one, dev none",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_place_and_the_fix(change, old, new, expected):
    assert refusal(change(old, new)).startswith(expected)


def test_a_wrong_default_of_the_stages_is_one_mistake(change):
    said = refusal(change("approval_days = 7", "approval_days = 90"))
    assert said == HERE + "stage_defaults.approval_days = 90: must be a whole number from 1 to 60"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ('kind = "codecommit"\nrepository = "mlops"\nbranch = "main"', "codecommit"),
        ('kind = "s3"\nbucket = "sources"\nkey = "mlops/main.zip"', "s3"),
    ],
)
def test_a_source_has_the_keys_of_its_kind(config, source, kind):
    file = config / "delivery.toml"
    before, _, after = file.read_text().partition("[source]")
    file.write_text(f"{before}[source]\n{source}\n\n[build]{after.partition('[build]')[2]}")
    assert load_delivery(config).settings.source.kind == kind


def test_an_environment_knows_who_delivers_to_it(change):
    assert load(CONFIG, "prod").delivery.account is None
    assert load(CONFIG, "local").delivery is None
    config = change("", "")
    (config / "delivery.toml").unlink()
    assert load(config, "prod").delivery is None
    assert refusal(config).startswith("config/delivery.toml: not there")


def test_an_environments_own_file_cannot_say_who_delivers_to_it(refusal):
    assert refusal("[delivery]\naccount = '111122223333'").startswith("config/prod.toml: delivery: unknown key")


def test_an_environment_of_another_account_is_not_here(change):
    config = change("retain = true", 'account = "111111111111"\nregion = "eu-west-1"\nretain = true')
    for name, account in (("dev", "111111111111"), ("staging", "222222222222"), ("prod", "222222222222")):
        file = config / f"{name}.toml"
        file.write_text(f'account = "{account}"\nregion = "eu-west-1"\n{file.read_text()}')
    delivery = load_delivery(config)
    assert [delivery.is_here(name) for name in delivery.settings.order] == [True, False, False]
    assert load(config, "prod").delivery.account == "111111111111"


def test_every_key_has_a_comment_above_it_or_above_its_neighbors():
    previous = ""
    for line in (CONFIG / "delivery.toml").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert previous, line
        previous = "" if not line.strip() or line.startswith("[") else previous or line
