"""The governance stack: the record keeper with its wakes, its rights and its alarms, and the alarm on reviews."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from mlops_constructs.naming import ModelNames
from mlops_constructs.record_keeper_access import _stem
from mlops_constructs.review_alarm import GOVERNANCE_NAMESPACE
from tests.infra.environments import ENVIRONMENTS, ROOT, Template, flat, new_app
from tests.unit.lambdas.record_keeper.names import ENVIRON

HOME = ("local", "dev", "staging")
"""Where versions are made; prod takes them from staging."""

REVIEWED = ("local", "prod")
"""Where config/ asks for reviews: what serves elsewhere decides nothing."""


@pytest.fixture
def governance(templates):
    return lambda environment: templates(environment)["governance"]


@pytest.fixture
def governance_with(tmp_path):
    """The governance template of an environment whose model's runs are to be tracked."""

    def synthesize(environment, tracking):
        from mlops_constructs.naming import EnvironmentNames
        from stacks.foundation import FoundationStack
        from stacks.governance import GovernanceStack
        from stacks.settings import load

        for file in (ROOT / "config").glob("*.toml"):
            text = file.read_text()
            if file.stem == environment:
                # From a private network no tracking server is reached, so the settings refuse both together.
                text = text.replace('mode = "vpc"', 'mode = "public"')
                text += f'\n[models.loan_approval.experiments]\ntracking = "{tracking}"\n'
            (tmp_path / file.name).write_text(text)
        settings = load(tmp_path, environment)
        names = EnvironmentNames(settings.project, settings.environment)
        app = new_app(tmp_path / "cdk.out")
        shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings)
        model = names.model("loan_approval")
        GovernanceStack(app, model.governance_stack, names=model, settings=settings, foundation=shared.foundation)
        app.synth()
        return Template(json.loads(Path(app.outdir, f"{model.governance_stack}.template.json").read_text()))

    return synthesize


def variables(template):
    return template.only("AWS::Lambda::Function")["Properties"]["Environment"]["Variables"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_keeper_knows_its_model_and_where_its_versions_are_made(environment, governance):
    told = variables(governance(environment))
    registry = "staging" if environment == "prod" else environment
    assert told["BASE"] == f"mlops-{environment}-loan-approval"
    assert told["TAKES_FROM"] == ("staging" if environment == "prod" else "")
    assert told["MODEL_PACKAGE_GROUP"] == f"mlops-{registry}-loan-approval"
    assert told["PIPELINE"] == f"mlops-{registry}-loan-approval-training"
    assert flat(told["ENDPOINT_ARN"]).endswith(f":endpoint/mlops-{environment}-loan-approval")
    assert told["CHAMPION_PARAMETER"] == f"/mlops/{environment}/loan-approval/release/champion"
    assert set(json.loads(told["GOVERNANCE"])) == {"owner", "risk_rating", "review_days"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_function_reads_what_it_is_told(environment, governance):
    """The variables are exactly those that the function's settings want."""
    assert set(variables(governance(environment))) == set(ENVIRON) - {"AWS_LAMBDA_FUNCTION_NAME"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_it_is_woken_by_registry_pipeline_releases_and_each_hour(environment, governance):
    rules = governance(environment).resources("AWS::Events::Rule").values()
    patterns = {
        each["Properties"]["EventPattern"]["detail-type"][0]: each["Properties"]["EventPattern"]
        for each in rules if "EventPattern" in each["Properties"]
    }  # fmt: skip
    assert set(patterns) == {
        "SageMaker Model Package State Change",
        "SageMaker Model Building Pipeline Execution Status Change",
        "Model Release Done",
    }
    assert patterns["Model Release Done"]["detail"] == {"environment": [environment], "model": ["loan-approval"]}
    assert patterns["Model Release Done"]["source"] == ["mlops.release"]
    [schedule] = [
        each["Properties"].get("ScheduleExpression") for each in rules if "EventPattern" not in each["Properties"]
    ]
    assert schedule == "rate(1 hour)"
    for each in rules:
        [target] = each["Properties"]["Targets"]
        assert target["DeadLetterConfig"] and target["RetryPolicy"]["MaximumRetryAttempts"] == 8


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_keeper_may_do_exactly_this(environment, governance):
    template = governance(environment)
    allowed = template.allowed(template.role("RecordsFunctionRole"))
    actions = {action for action, _ in allowed}
    assert {action for action in actions if "*" in action} == set()
    own = {
        "sagemaker:AddAssociation", "sagemaker:CreateAction", "sagemaker:CreateArtifact", "sagemaker:CreateContext",
        "sagemaker:CreateModelCard", "sagemaker:DescribeHyperParameterTuningJob", "sagemaker:DescribeModelCard",
        "sagemaker:DescribeModelPackage", "sagemaker:DescribePipelineDefinitionForExecution",
        "sagemaker:DescribePipelineExecution", "sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob",
        "sagemaker:ListActions", "sagemaker:ListArtifacts", "sagemaker:ListAssociations", "sagemaker:ListContexts",
        "sagemaker:ListModelPackages", "sagemaker:ListPipelineExecutionSteps",
        "sagemaker:ListPipelineParametersForExecution", "sagemaker:UpdateModelCard", "ssm:GetParameters",
        "cloudwatch:PutMetricData",
    }  # fmt: skip
    if environment in HOME:
        own.add("sagemaker:UpdateModelPackage")
    of_others = ("logs:", "kms:", "xray:", "sqs:", "s3:", "dynamodb:")
    assert {action for action in actions if not action.startswith(of_others)} == own
    assert {action for action in actions if action.startswith("s3:")} == {
        "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketVersions",
        "s3:PutObject",
    }  # fmt: skip


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_keeper_writes_evidence_of_its_own_model_only_and_removes_none(environment, governance):
    template = governance(environment)
    allowed = template.allowed(template.role("RecordsFunctionRole"))
    [written] = [resource for action, resource in allowed if action == "s3:PutObject"]
    assert re.fullmatch(r"<.*Evidence.*>/loan_approval/\*", written)
    assert not {action for action, _ in allowed if "Delete" in action} - {"dynamodb:DeleteItem"}  # the lock


@pytest.mark.parametrize("environment", HOME)
def test_keeper_can_edit_a_version_but_neither_approve_it_nor_take_metadata_away(environment, governance):
    template = governance(environment)
    [statement] = [
        each for each in template.statements(template.role("RecordsFunctionRole"))
        if each["Action"] == "sagemaker:UpdateModelPackage"
    ]  # fmt: skip
    assert statement["Condition"] == {
        "Null": {"sagemaker:ModelApprovalStatus": "true", "sagemaker:CustomerMetadataPropertiesToRemove": "true"}
    }
    assert flat(statement["Resource"]).endswith(f":model-package/mlops-{environment}-loan-approval/*")


def test_keeper_adds_to_its_own_partition_and_reads_two_others(governance):
    template = governance("local")
    partitions = {}
    for each in template.statements(template.role("RecordsFunctionRole")):
        keys = each.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys")
        if keys:
            actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            partitions[keys if isinstance(keys, str) else keys[0]] = sorted(actions)
    assert partitions == {
        "loan-approval#evidence": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
        "lock#loan-approval#evidence": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
        "loan-approval": ["dynamodb:Query"],
        "loan-approval#reviews": ["dynamodb:Query"],
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_tracked_where_config_names_no_mlflow(environment, governance):
    template = governance(environment)
    assert variables(template)["TRACKING"] == ""
    actions = {action for action, _ in template.allowed(template.role("RecordsFunctionRole"))}
    assert not [action for action in actions if "lflow" in action or action == "sagemaker:ListPipelineExecutions"]


SERVER = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/experiments"
APP = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-app/app-ABCDEFGHIJKL"


@pytest.mark.parametrize(("tracking", "also"), [(SERVER, set()), (APP, {"sagemaker:CallMlflowAppApi"})])
def test_tracking_keeper_makes_runs_in_one_mlflow_and_deletes_none(tracking, also, governance_with):
    template = governance_with("dev", tracking)
    assert variables(template)["TRACKING"] == tracking
    allowed = template.allowed(template.role("RecordsFunctionRole"))
    assert {action for action, resource in allowed if resource == tracking} == also | {
        "sagemaker-mlflow:CreateExperiment", "sagemaker-mlflow:CreateRun", "sagemaker-mlflow:GetExperimentByName",
        "sagemaker-mlflow:LogBatch", "sagemaker-mlflow:SearchRuns", "sagemaker-mlflow:UpdateRun",
    }  # fmt: skip
    assert {resource for action, resource in allowed if "lflow" in action} == {tracking}
    [pipeline] = [resource for action, resource in allowed if action == "sagemaker:ListPipelineExecutions"]
    assert pipeline.endswith(":pipeline/mlops-dev-loan-approval-training")


def test_environment_that_takes_its_versions_tracks_none_of_their_runs(governance_with):
    template = governance_with("prod", SERVER)
    assert variables(template)["TRACKING"] == ""
    assert SERVER not in {resource for _, resource in template.allowed(template.role("RecordsFunctionRole"))}


def test_names_of_all_cards_are_covered_by_the_right():
    for project in (
        "mlops",
        "a-very-long-project-name-of-forty-letters",
        "a-very-long-project-name-of-forty-4-letters--"[:43],
    ):
        names = ModelNames(project, "test", "loan_approval")
        assert all(fnmatch(names.card(version), f"{_stem(names)}*") for version in (1, 77, 12345))


@pytest.mark.parametrize("environment", REVIEWED)
def test_overdue_review_alarms_people_and_silence_does_not(environment, governance):
    [alarm] = [
        each["Properties"] for each in governance(environment).resources("AWS::CloudWatch::Alarm").values()
        if each["Properties"]["MetricName"] == "ReviewOverdueDays"
    ]  # fmt: skip
    assert (alarm["Namespace"], alarm["Dimensions"]) == (
        "MLOps/Governance", [{"Name": "Model", "Value": f"mlops-{environment}-loan-approval"}],
    )  # fmt: skip
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert len(alarm["AlarmActions"]) == 1
    assert "has not been reviewed for more than 365 days" in alarm["AlarmDescription"]


@pytest.mark.parametrize("environment", sorted({*ENVIRONMENTS} - {*REVIEWED}))
def test_no_alarm_where_no_review_is_asked_for(environment, governance):
    assert json.loads(variables(governance(environment))["GOVERNANCE"])["review_days"] == 0
    alarms = governance(environment).resources("AWS::CloudWatch::Alarm").values()
    assert not [each for each in alarms if each["Properties"]["MetricName"] == "ReviewOverdueDays"]


def test_figure_is_published_as_the_alarm_reads_it():
    text = (ROOT / "lambdas" / "record_keeper" / "review.py").read_text()
    assert f'"{GOVERNANCE_NAMESPACE}", "ReviewOverdueDays"' in text
