"""`mlops cost`: what runs and what is kept, with prices from the table, and nothing guessed."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from mlops import costs, prices
from mlops.commands.cost import facts, page
from mlops.costs import Item
from mlops.errors import CommandError
from mlops_constructs.naming import EnvironmentNames

TABLE = """
checked = "2026-11-21"
[regions.us-east-1.instances]
source = "https://aws.amazon.com/sagemaker/ai/pricing/"
"ml.m5.large" = 0.115
[regions.us-east-1.hour]
interface_endpoint = { usd = 0.01, source = "https://aws.amazon.com/privatelink/pricing/" }
[regions.us-east-1.month]
kms_key = { usd = 1.0, source = "https://aws.amazon.com/kms/pricing/" }
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "prices.toml"
    file.write_text(TABLE)
    return file


@pytest.fixture
def items(table: Path) -> list[Item]:
    known = prices.of("us-east-1", table)
    return [
        Item("endpoint", "loans champion", "ml.m5.large", 2, known.instance("ml.m5.large"), "loans"),
        Item("endpoint", "loans challenger", "ml.x9.huge", 1, known.instance("ml.x9.huge"), "loans"),
        Item("job", "training", "ml.m5.large", 1, known.instance("ml.m5.large"), "loans"),
        Item("key", "1234", "KMS key", 1, known.other("kms_key")),
        Item("storage", "data", "GB", None, 0.00003),
        Item("alarms", "composite alarms", "alarm", 0, known.other("composite_alarm"), "loans"),
    ]


def test_an_hour_counts_jobs_and_a_month_of_730_hours_does_not(table: Path, items: list[Item]) -> None:
    told = facts("dev", "us-east-1", prices.of("us-east-1", table), items)
    assert told["usd_per_hour"] == pytest.approx(3 * 0.115 + 1 / 730, abs=1e-6)
    assert told["usd_per_month"] == pytest.approx(2 * 0.115 * 730 + 1, abs=0.01)
    assert json.loads(json.dumps(told)) == told


def test_a_type_without_a_price_is_said_to_be_unknown_and_left_out_of_the_sum(table: Path, items: list[Item]) -> None:
    known = prices.of("us-east-1", table)
    shown = page("dev", "us-east-1", known, items)
    (line,) = [each for each in shown if "challenger" in each]
    assert line.endswith("price unknown")
    assert any(each.endswith("not in the sums: ml.x9.huge") for each in shown)
    told = facts("dev", "us-east-1", known, items)
    assert told["complete"] is False
    (challenger,) = [each for each in told["items"] if each["name"] == "loans challenger"]
    assert (challenger["usd_per_hour"], challenger["usd_per_month"]) == (None, None)


def test_a_bucket_that_was_not_measured_yet_has_no_price(table: Path, items: list[Item]) -> None:
    (line,) = [each for each in page("dev", "us-east-1", prices.of("us-east-1", table), items) if " data " in each]
    assert "size unknown" in line and line.endswith("not measured yet")


def test_columns_stay_apart_and_each_model_is_named(table: Path) -> None:
    known = prices.of("us-east-1", table)
    bucket = "mlops-local-foundation-data666c94c7-a8625cf4bc888"
    items = [
        Item("storage", bucket, "GB", None, 0.00003),
        *(Item("alarms", "composite alarms", "alarm", 4, 0.0007, model) for model in ("loans", "mortgages")),
    ]
    shown = page("dev", "us-east-1", known, items)
    assert any(f"{bucket} " in each for each in shown)
    assert [name for each in shown for name in ("loans", "mortgages") if f"alarms, {name} " in each] == [
        "loans",
        "mortgages",
    ]


def test_where_nothing_is_deployed_that_is_said_with_what_to_do() -> None:
    def describe_stacks(StackName: str) -> None:  # noqa: N803
        message = f"Stack with id {StackName} does not exist"
        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")

    clients = {"cloudformation": SimpleNamespace(describe_stacks=describe_stacks)}
    with pytest.raises(CommandError, match=r"stack mlops-dev-foundation: does not exist; .*mlops verify says"):
        costs.of_environment(EnvironmentNames("mlops", "dev"), clients.__getitem__, prices.of("us-east-1"))


def test_the_list_says_of_which_day_and_region_its_prices_are(table: Path, items: list[Item]) -> None:
    known = prices.of("eu-west-1", table)
    first, second, *_ = page("dev", "eu-west-1", known, items)
    assert "list prices of 2026-11-21 in us-east-1" in first
    assert "no prices of eu-west-1: those of us-east-1 stand in" in second
    assert facts("dev", "eu-west-1", known, items)["prices"]["region"] == "us-east-1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('checked = "2026-11-21"', "checked is missing"),
        ('source = "https://aws.amazon.com/sagemaker/ai/pricing/"', "regions.us-east-1.instances has no source"),
        (', source = "https://aws.amazon.com/kms/pricing/"', "regions.us-east-1.month.kms_key has no source"),
    ],
)
def test_a_figure_without_its_source_or_day_is_refused(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "prices.toml"
    assert line in TABLE
    file.write_text(TABLE.replace(line, ""))
    with pytest.raises(CommandError, match=told):
        prices.read(file)


def test_the_projects_table_prices_what_the_configuration_runs() -> None:
    from stacks.settings import load

    known = prices.of("us-east-1")
    config = Path(__file__).resolve().parents[3] / "config"
    for environment in ("dev", "staging", "prod"):
        for model in load(config, environment).models.values():
            types = (model.serving.instance_type, model.batch.instance_type, model.monitoring.processing_instance_type)
            trained = (model.training.processing_instance_type, model.training.training_instance_type)
            assert all(known.instance(each) for each in (*types, *trained)), environment
    assert all(
        known.other(each)
        for each in ("kms_key", "alarm_metric", "composite_alarm", "custom_metric", "s3_gb", "interface_endpoint")
    )
