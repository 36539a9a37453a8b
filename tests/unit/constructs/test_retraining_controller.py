"""The retraining controller as it is deployed: what wakes it, what it is told, what it may do."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.environment_key import EnvironmentKey
from mlops_constructs.foundation import Foundation
from mlops_constructs.ledger import Ledger
from mlops_constructs.naming import ModelNames
from mlops_constructs.retraining_access import WatchedPlace
from mlops_constructs.retraining_controller import RetrainingController
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.settings import TrainingSettings
from stacks.context import feature_flags
from tests.infra.event_patterns import matches
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

NAMES = ModelNames("mlops", "staging", "loan_approval")
SETTINGS = {
    "enabled": True, "on_degradation": True, "degradation_in": ("prod",), "schedule": "cron(0 4 1 * ? *)",
    "on_new_data": True, "cooldown_hours": 168, "max_per_month": 2, "train_months": 21, "test_months": 3,
    "label_maturity_months": 24, "data_parameter": "Data",
    "window": {"train_from": "From", "train_to": "To", "test_from": "TestFrom", "test_to": "TestTo"},
}  # fmt: skip
TRAINING = {
    "data_prefix": "loans", "processing_instance_type": "ml.m5.large", "training_instance_type": "ml.m5.large",
    "volume_gb": 30, "max_runtime_seconds": 3600, "min_auc": 0.65, "limits": {"max_attribution_share": 1.0, "bias": {}},
    "tuning_jobs": 2, "tuning_parallel_jobs": 1, "spot": False, "spot_wait_seconds": 3600,
    "parameters": {},
}  # fmt: skip
ALARMS = ["mlops-staging-loan-approval-monitoring-degradation", "mlops-prod-loan-approval-monitoring-degradation"]
REGION, ACCOUNT = "eu-west-1", "111122223333"
PIPELINE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/mlops-staging-loan-approval-training"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    def built(**settings):
        app = cdk.App(outdir=str(tmp_path_factory.mktemp("retraining")), context=feature_flags(LAMBDAS.parent))
        stack = cdk.Stack(app, "Stack", env=cdk.Environment(account=ACCOUNT, region=REGION))
        key = EnvironmentKey(stack, "Key", retain=False, description="x")
        protection = DataProtection(key=key, retain=False, log_retention_days=7)
        logs = AccessLogBucket(stack, "Logs", protection=protection)
        data, artifacts, capture, evidence = (
            EncryptedBucket(stack, name, protection=protection, access_logs=logs)
            for name in ("Data", "Artifacts", "Capture", "Evidence")
        )
        foundation = Foundation(
            data=data,
            artifacts=artifacts,
            capture=capture,
            evidence=evidence,
            ledger=Ledger(stack, "Ledger", protection=protection),
            topic=sns.Topic(stack, "Topic", master_key=key, enforce_ssl=True),
            protection=protection,
        )
        RetrainingController(
            stack,
            "Retraining",
            names=NAMES,
            settings=RetrainingSettings(**SETTINGS | settings),
            training=TrainingSettings(**TRAINING),
            foundation=foundation,
            places=[WatchedPlace(NAMES), WatchedPlace(NAMES.registry("prod"))],
        )
        return stack

    return built


@pytest.fixture(scope="module")
def stack(build):
    return build()


@pytest.fixture(scope="module")
def template(stack):
    return Template.from_stack(stack)


def rules(template):
    """What each rule is made of, by what it is called in the construct."""
    return {
        name.removeprefix("RetrainingWakes")[:-8]: each["Properties"]
        for name, each in template.find_resources("AWS::Events::Rule").items()
    }


def event(source, kind, **detail):
    return {"source": source, "detail-type": kind, "resources": [], "detail": detail}


def alarm(name, state):
    return event("aws.cloudwatch", "CloudWatch Alarm State Change", alarmName=name, state={"value": state})


def execution(status, pipeline=PIPELINE):
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    return event("aws.sagemaker", kind, pipelineArn=pipeline, currentPipelineExecutionStatus=status)


@pytest.mark.parametrize(
    ("rule", "happened", "wakes"),
    [
        ("Degraded", alarm(ALARMS[0], "ALARM"), True),
        ("Degraded", alarm(ALARMS[1], "ALARM"), True),
        ("Degraded", alarm(ALARMS[0], "OK"), False),
        ("Degraded", alarm(f"{ALARMS[0]}-2", "ALARM"), False),
        ("TrainingEnded", execution("Succeeded"), True),
        ("TrainingEnded", execution("Failed"), True),
        ("TrainingEnded", execution("Executing"), False),
        ("TrainingEnded", execution("Failed", f"{PIPELINE}-2"), False),
        (
            "PackageChanged",
            event("aws.sagemaker", "SageMaker Model Package State Change", ModelPackageGroupName=NAMES.package_group),
            True,
        ),
    ],
)
def test_what_wakes_it(template, rule, happened, wakes):
    assert matches(rules(template)[rule]["EventPattern"], happened) is wakes


def test_new_data_wake_it_only_below_the_snapshots(template):
    pattern = rules(template)["DataArrived"]["EventPattern"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "loans/until="}]}
    assert pattern["detail"]["bucket"]["name"][0]["Ref"].startswith("Data")


def test_its_schedule_says_for_which_time_it_asks(template):
    rule = rules(template)["Schedule"]
    assert rule["ScheduleExpression"] == "cron(0 4 1 * ? *)"
    [target] = rule["Targets"]
    assert target["InputTransformer"] == {
        "InputPathsMap": {"time": "$.time"},
        "InputTemplate": '{"trigger":"schedule","time":<time>}',
    }


def test_what_is_lost_is_looked_for_and_what_is_not_delivered_is_kept(template):
    found = rules(template)
    assert found["Looks"]["ScheduleExpression"] == "rate(15 minutes)"
    for rule in found.values():
        [target] = rule["Targets"]
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("RetrainingDeadLetters")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [({"on_degradation": False}, "Degraded"), ({"on_new_data": False}, "DataArrived"), ({"schedule": ""}, "Schedule")],
)
def test_what_is_switched_off_wakes_nobody(build, template, settings, missing):
    assert set(rules(Template.from_stack(build(**settings)))) == set(rules(template)) - {missing}


def test_function_reads_what_it_is_told(stack, template):
    modules = load_folder(LAMBDAS / "retraining_controller", "retraining_controller")
    [function] = template.find_resources("AWS::Lambda::Function").values()
    variables = function["Properties"]["Environment"]["Variables"]
    plain = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    settings = modules.settings.Settings.read(plain)
    assert (settings.pipeline, settings.data_prefix) == ("mlops-staging-loan-approval-training", "loans")
    assert [place.alarm for place in settings.places] == ALARMS
    assert [place.parameters for place in settings.places] == [
        "/mlops/staging/loan-approval/release/", "/mlops/prod/loan-approval/release/",
    ]  # fmt: skip
    assert (settings.policy.parameters.data, settings.policy.parameters.train_to) == ("Data", "To")
    assert settings.findings_key == "loan_approval/monitoring/latest.json"
    assert function["Properties"]["Timeout"] < modules.lock.LEASE_SECONDS


def test_it_may_start_this_pipeline_and_write_nothing_but_its_own_entries(template):
    [policy] = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("RetrainingFunctionRole")
    ]
    of = {}
    for statement in policy:
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            of.setdefault(action, []).append(statement)
    assert not {action for action in of if action.startswith(("ssm:Put", "s3:Put", "s3:Delete", "iam:", "lambda:"))}
    [start] = of["sagemaker:StartPipelineExecution"]
    assert start["Resource"] == PIPELINE
    partitions = {
        action: [each["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] for each in statements]
        for action, statements in of.items()
        if action.startswith("dynamodb:")
    }
    assert partitions["dynamodb:PutItem"] == [["loan-approval#retraining"]]
    assert partitions["dynamodb:DeleteItem"] == [["lock#loan-approval#retraining"]]
    assert [statement["Condition"] for statement in of["s3:ListBucket"]] == [
        {"StringLike": {"s3:prefix": ["loans/until=*"]}},
        {"StringEquals": {"s3:prefix": ["loan_approval/monitoring/latest.json"]}},
    ]


def test_people_hear_when_it_fails_or_leaves_something_behind(template):
    alarms = template.find_resources("AWS::CloudWatch::Alarm")
    assert sorted(name[:-8] for name in alarms) == ["RetrainingDeadLettersWaiting", "RetrainingFunctionFails"]
    assert all(each["Properties"]["AlarmActions"] for each in alarms.values())


def test_no_finding_is_unexplained(stack):
    report = AwsSolutionsChecks(stack).validate_scope(stack)
    found = [(each.rule_name, place.construct_path) for each in report.violations for place in each.violating_resources]
    assert [(rule, place) for rule, place in found if "Retraining" in place] == []
