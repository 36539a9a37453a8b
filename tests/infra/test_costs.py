"""What costs is tagged, budgets tell, and endpoints that nobody needs can stop."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local_aws.cloudformation import schema_check, schemas
from tests.infra.environments import ENVIRONMENTS, ROOT, STACKS, TRAINED, Template, flat, new_app
from tests.infra.evaluation import deployed
from tests.infra.serving_stack import CHALLENGER_WITH_SHARE, CHAMPION, at

OF_THE_PROJECT = {"project": "mlops"}
UNTAGGED = {
    # CloudFormation replaces a group for another tag, and its name forbids that (stacks/environment.py).
    "AWS::SageMaker::FeatureGroup",
    # A changed tag would write the template's value back, and undo a release (release_parameters).
    "AWS::SSM::Parameter",
}
PAYING = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::Pipeline",
)
OF_A_MODEL = ("state", "training", "serving", "release", "monitoring", "governance")


def tags(resource: dict[str, Any]) -> dict[str, str]:
    given = resource["Properties"].get("Tags", [])
    return given if isinstance(given, dict) else {each["Key"]: each["Value"] for each in given}


def paying(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    return (
        (name, each)
        for name, each in template.body["Resources"].items()
        if each["Type"] in PAYING and each["Type"] not in UNTAGGED
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_costs_carries_project_environment_and_model(
    environment: str, templates: Callable[[str], dict[str, Template]]
) -> None:
    seen = set()
    for kind in STACKS[environment]:
        expected = OF_THE_PROJECT | {"environment": environment}
        expected |= {"model": "loan-approval"} if kind in OF_A_MODEL else {}
        for name, resource in paying(templates(environment)[kind]):
            assert tags(resource).items() >= expected.items(), (kind, name)
            seen.add(resource["Type"])
    assert seen >= set(PAYING) - ({"AWS::SageMaker::Pipeline"} if environment not in TRAINED else set())


@pytest.mark.parametrize("environment", TRAINED)
@pytest.mark.parametrize("kind", ["training", "monitoring"])
def test_jobs_of_pipelines_carry_the_tags_of_their_pipeline(
    environment: str, kind: str, templates: Callable[[str], dict[str, Template]]
) -> None:
    pipeline = templates(environment)[kind].only("AWS::SageMaker::Pipeline")["Properties"]
    body = json.dumps(pipeline["PipelineDefinition"]["PipelineDefinitionBody"])
    given = {each["Key"]: each["Value"] for each in pipeline["Tags"]}
    for key, value in given.items():
        assert json.dumps({"Key": key, "Value": value}, separators=(",", ":"))[1:-1].replace(
            '"', '\\"'
        ) in body.replace('\\\\"', '\\"')


@cache
def with_budgets(folder: Path) -> dict[str, Template]:
    from mlops_constructs.naming import EnvironmentNames
    from stacks.foundation import FoundationStack
    from stacks.overview import OverviewStack
    from stacks.settings import load

    config = folder / "config"
    config.mkdir()
    for file in (ROOT / "config").glob("*.toml"):
        (config / file.name).write_text(file.read_text())
    with (config / "dev.toml").open("a") as dev:
        dev.write("\n[budget]\nmonthly_usd = 900\n\n[models.loan_approval.budget]\nmonthly_usd = 300\n")
    settings = load(config, "dev")
    names = EnvironmentNames(settings.project, settings.environment)
    app = new_app(folder / "cdk.out")
    shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings)
    OverviewStack(app, names.overview_stack, names=names, settings=settings, foundation=shared.foundation)
    app.synth()
    found = {"foundation": names.foundation_stack, "overview": names.overview_stack}
    read = {kind: Path(app.outdir, f"{stack}.template.json").read_text() for kind, stack in found.items()}
    return {kind: Template(json.loads(text)) for kind, text in read.items()}


@pytest.fixture(scope="module")
def budgets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    return with_budgets(tmp_path_factory.mktemp("budgets"))


def test_a_budget_counts_what_carries_all_its_tags_and_tells_the_topic(budgets: dict[str, Template]) -> None:
    found = {
        each["Properties"]["Budget"]["BudgetName"]: each["Properties"]
        for each in budgets["overview"].resources("AWS::Budgets::Budget").values()
    }
    assert set(found) == {"mlops-dev", "mlops-dev-loan-approval"}
    environment, model = found["mlops-dev"], found["mlops-dev-loan-approval"]
    of_both = ["user:project$mlops", "user:environment$dev"]
    assert environment["Budget"]["CostFilters"] == {"TagKeyValue": of_both}
    assert model["Budget"]["CostFilters"] == {"TagKeyValue": [*of_both, "user:model$loan-approval"]}
    assert [each["Budget"]["BudgetLimit"] for each in (environment, model)] == [
        {"Amount": 900, "Unit": "USD"},
        {"Amount": 300, "Unit": "USD"},
    ]
    for budget in found.values():
        assert (budget["Budget"]["BudgetType"], budget["Budget"]["TimeUnit"]) == ("COST", "MONTHLY")
        told = {
            (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
            for each in budget["NotificationsWithSubscribers"]
        }
        assert told == {(kind, percent) for kind in ("ACTUAL", "FORECASTED") for percent in (80, 100)}
        subscribers = [each["Subscribers"] for each in budget["NotificationsWithSubscribers"]]
        assert all(one["SubscriptionType"] == "SNS" and "Topic" in flat(one["Address"]) for [one] in subscribers)


def test_cloudformation_takes_the_budgets(budgets: dict[str, Template]) -> None:
    schema = schemas.schema("AWS::Budgets::Budget", "eu-west-1")
    assert schema is not None
    for budget in budgets["overview"].resources("AWS::Budgets::Budget").values():
        properties = deepcopy(budget["Properties"])
        for each in properties["NotificationsWithSubscribers"]:
            each["Subscribers"][0]["Address"] = "arn:aws:sns:eu-west-1:111122223333:topic"
        assert schema_check.problems(schema, properties) == []


def test_only_budgets_of_this_account_may_write_into_the_encrypted_topic(
    budgets: dict[str, Template], templates: Callable[[str], dict[str, Template]]
) -> None:
    foundation = budgets["foundation"]
    topic = foundation.only("AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
    key = foundation.only("AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    for statements, actions in ((topic, "sns:Publish"), (key, ["kms:Decrypt", "kms:GenerateDataKey"])):
        [statement] = [each for each in statements if each.get("Sid") == "BudgetsOfThisAccount"]
        assert statement["Principal"] == {"Service": "budgets.amazonaws.com"}
        assert statement["Action"] == actions
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        source = flat(statement["Condition"]["ArnLike"]["aws:SourceArn"])
        assert source == "arn:<AWS::Partition>:budgets::<AWS::AccountId>:*"
    without = templates("dev")
    assert "budgets.amazonaws.com" not in json.dumps(without["foundation"].body)
    assert without["overview"].resources("AWS::Budgets::Budget") == {}


STOPPING = ("local", "dev")


@pytest.mark.parametrize("environment", STOPPING)
@pytest.mark.parametrize("released", [CHAMPION, CHALLENGER_WITH_SHARE])
def test_a_stopped_endpoint_leaves_nothing_that_runs(
    environment: str, released: dict[str, str], templates: Callable[[str], dict[str, Template]]
) -> None:
    template = templates(environment)["serving"]
    on = at(template, **released)
    values = {"ChampionPackage": "none", "ChallengerPackage": "none", "ChallengerWeight": "0", "ShadowPackage": "none"}
    none = deployed(template, values | {"Running": "on"})
    names = {"champion": "ChampionPackage", "challenger": "ChallengerPackage", "weight": "ChallengerWeight"}
    held = {names[key]: value for key, value in released.items()}
    off = deployed(template, values | held | {"Running": "off"})
    assert "AWS::SageMaker::Endpoint" in {each["Type"] for each in on.body["Resources"].values()}
    assert set(off.body["Resources"]) == set(none.body["Resources"])
    assert off.body["Outputs"]["ChampionPackage"]["Value"] == released["champion"]
    assert off.body["Outputs"]["RunningNow"]["Value"] == "off"
    assert "EndpointConfigName" not in off.body["Outputs"]


@pytest.mark.parametrize("environment", [each for each in ENVIRONMENTS if each not in STOPPING])
def test_what_serves_customers_has_no_switch(environment: str, templates: Callable[[str], dict[str, Template]]) -> None:
    template = templates(environment)["serving"]
    assert "Running" not in template.body["Parameters"]
    assert template.resources("AWS::Scheduler::Schedule") == {}


def schedules(template: Template) -> dict[str, dict[str, Any]]:
    found = template.resources("AWS::Scheduler::Schedule").values()
    return {each["Properties"]["Name"]: each["Properties"] for each in found}


def test_two_schedules_update_the_stack_and_change_only_whether_it_runs(
    templates: Callable[[str], dict[str, Template]],
) -> None:
    serving = templates("dev")["serving"]
    found = schedules(serving)
    assert set(found) == {"mlops-dev-loan-approval-stop", "mlops-dev-loan-approval-start"}
    for name, value in (("mlops-dev-loan-approval-stop", "off"), ("mlops-dev-loan-approval-start", "on")):
        target = found[name]["Target"]
        assert flat(target["Arn"]) == "arn:<AWS::Partition>:scheduler:::aws-sdk:cloudformation:updateStack"
        request = json.loads(flat(target["Input"]))
        assert request["StackName"] == "mlops-dev-loan-approval-serving"
        assert request["UsePreviousTemplate"] is True
        given = {each["ParameterKey"]: each for each in request["Parameters"]}
        # What an update does not name takes its default: an endpoint would be switched on by it.
        assert set(given) == set(serving.body["Parameters"])
        assert given.pop("Running")["ParameterValue"] == value
        assert "<aws.scheduler.scheduled-time>" in given.pop("RunningAsked")["ParameterValue"]
        assert all(each["UsePreviousValue"] is True and "ParameterValue" not in each for each in given.values())
        assert "DeadLetterConfig" in target


def test_who_stops_the_endpoint_may_do_nothing_else(templates: Callable[[str], dict[str, Template]]) -> None:
    serving = templates("dev")["serving"]
    allowed = serving.allowed(serving.role("StopRole"))
    update = (
        "arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/mlops-dev-loan-approval-serving/*"
    )
    assert ("cloudformation:UpdateStack", update) in allowed
    place = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/mlops/dev/loan-approval/release/"
    read = {resource for action, resource in allowed if action == "ssm:GetParameters"}
    assert read == {f"{place}{name}" for name in ("champion", "challenger", "challenger-weight", "shadow")}
    assert {action for action, _ in allowed} == {
        "cloudformation:UpdateStack",
        "ssm:GetParameters",
        "sqs:SendMessage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    trust = serving.body["Resources"][serving.role("StopRole")]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "scheduler.amazonaws.com"}]


def test_by_hand_alone_there_are_a_switch_and_no_schedule(templates: Callable[[str], dict[str, Template]]) -> None:
    serving = templates("local")["serving"]
    assert serving.body["Parameters"]["Running"]["Default"] == "on"
    assert schedules(serving) == {}


def test_an_update_that_turns_the_switch_always_changes_a_resource(
    templates: Callable[[str], dict[str, Template]],
) -> None:
    """CloudFormation refuses others: there may be no champion, or the endpoint is stopped already."""
    said = templates("local")["serving"].only("AWS::SSM::Parameter")["Properties"]["Value"]
    assert flat(said) == "<Running> <RunningAsked>"
