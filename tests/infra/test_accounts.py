"""dev, staging and prod in an account each: what crosses the border, and that nothing else does.

An action across accounts takes two permissions: by what the caller has, and by what the resource, or the role that is
lent, lets in. Both are evaluated here, by the evaluation of IAM's rules in `permissions`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.core import iam_evaluator

from tests.infra.callers import ANYTHING, ARTIFACTS, Caller, plain
from tests.infra.environments import ACCOUNTS, ACCOUNTS_REGION, STACKS, new_app
from tests.infra.event_patterns import matches

STAGING, PROD, STRANGER = ACCOUNTS["staging"], ACCOUNTS["prod"], "999999999999"
GROUP = f"arn:aws:sagemaker:{ACCOUNTS_REGION}:{STAGING}:model-package-group/mlops-staging-loan-approval"
VERSION = f"arn:aws:sagemaker:{ACCOUNTS_REGION}:{STAGING}:model-package/mlops-staging-loan-approval/7"
KEY = f"arn:aws:kms:{ACCOUNTS_REGION}:{STAGING}:key/staging"
BUS = "arn:aws:events:{}:{}:event-bus/default"
ALARM = f"arn:aws:cloudwatch:{ACCOUNTS_REGION}:{PROD}:alarm:mlops-prod-loan-approval-monitoring-degradation"
READER = f"arn:aws:iam::{PROD}:role/mlops-prod-loan-approval-degradation"
PARAMETER = f"arn:aws:ssm:{ACCOUNTS_REGION}:{PROD}:parameter/mlops/prod/loan-approval/release"
CONTROLLER = "mlops-staging-loan-approval-mo-RetrainingFunctionRole-1"

# Who of production reads what was made in staging: stack, and how the role's logical id starts.
READERS = {
    "endpoint": ("serving", "Role"),
    "monitors": ("monitoring", "MonitoringRole"),
    "record keeper": ("governance", "RecordsFunctionRole"),
}


@pytest.fixture(autouse=True)
def bucket_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket's ARN does not tell its account, so the evaluation takes the caller's: here a test says it."""
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key: str, context: Any) -> Any:
        if key.lower() == "s3:resourceaccount":
            return context.service_context.get("s3:resourceaccount")
        return resolve(key, context)

    monkeypatch.setattr(iam_evaluator, "_resolve_condition_key", resolved)


@pytest.fixture(scope="session")
def registry_policy(accounts):
    group = accounts("staging")["training"].only("AWS::SageMaker::ModelPackageGroup")
    return plain(group["Properties"]["ModelPackageGroupPolicy"])


@pytest.fixture(scope="session")
def bucket_policy(accounts):
    policies = accounts("staging")["foundation"].resources("AWS::S3::BucketPolicy")
    [artifacts] = [each for name, each in policies.items() if name.startswith("ArtifactsPolicy")]
    return plain(artifacts["Properties"]["PolicyDocument"])


@pytest.fixture(scope="session")
def key_policy(accounts):
    return plain(accounts("staging")["foundation"].only("AWS::KMS::Key")["Properties"]["KeyPolicy"])


@pytest.fixture(scope="session")
def caller(accounts) -> Callable[[str, str], Caller]:
    def made(stack: str, role: str) -> Caller:
        template = accounts("prod")[stack]
        return Caller(PROD, role, template.statements(template.role(role)))

    return made


@pytest.fixture
def whoever():
    """Somebody in production's account who may do anything there, as CloudFormation's own role by default."""
    return Caller(PROD, "admin", ANYTHING)


class TestRegistry:
    def test_production_finds_versions_and_reads_them(self, caller, registry_policy):
        controller = caller("release", "ControllerFunctionRole")
        for resource in (GROUP, VERSION):
            assert controller.may("sagemaker:ListModelPackages", resource, registry_policy)
        assert controller.may("sagemaker:DescribeModelPackage", VERSION, registry_policy)
        for stack, role in (("governance", "RecordsFunctionRole"), ("monitoring", "MonitoringRole")):
            assert caller(stack, role).may("sagemaker:DescribeModelPackage", VERSION, registry_policy)

    def test_its_cloudformation_makes_models_of_them(self, whoever, registry_policy):
        assert whoever.may("sagemaker:CreateModel", VERSION, registry_policy)

    @pytest.mark.parametrize(
        "action",
        [
            "DeleteModelPackage",
            "DeleteModelPackageGroup",
            "CreateModelPackage",
            "UpdateModelPackage",
            "PutModelPackageGroupPolicy",
            "DeleteModelPackageGroupPolicy",
            "AddTags",
        ],
    )
    def test_whatever_it_may_at_home_it_neither_changes_nor_removes_nor_approves_any(
        self, action, whoever, registry_policy
    ):
        for resource in (GROUP, VERSION):
            assert not whoever.may(f"sagemaker:{action}", resource, registry_policy)

    def test_an_account_that_tests_versions_notes_the_results_and_decides_nothing(self, tmp_path):
        import aws_cdk as cdk

        from mlops_constructs.naming import ModelNames
        from mlops_constructs.registry import Registry
        from mlops_constructs.registry_policy import registry_policy

        stack = cdk.Stack(new_app(tmp_path), "Stack", env=cdk.Environment(account=STAGING, region=ACCOUNTS_REGION))
        registry = Registry(ModelNames("mlops", "staging", "loan_approval"))
        policy = stack.resolve(registry_policy(stack, registry, {PROD: True}))
        tests = Caller(PROD, "tests", ANYTHING)
        noted: dict[str, Any] = {"sagemaker__CustomerMetadataProperties/tested_prod": "passed"}
        assert tests.may("sagemaker:UpdateModelPackage", VERSION, policy, **noted)
        for decision in (
            {"sagemaker__ModelApprovalStatus": "Approved"},
            {"sagemaker__CustomerMetadataPropertiesToRemove": ["manifest"]},
        ):
            assert not tests.may("sagemaker:UpdateModelPackage", VERSION, policy, **noted, **decision)

    def test_nobody_else_is_let_in(self, registry_policy):
        for account in (STRANGER, ACCOUNTS["dev"]):
            stranger = Caller(account, "admin", ANYTHING)
            for action in ("ListModelPackages", "DescribeModelPackage", "DescribeModelPackageGroup", "CreateModel"):
                assert not stranger.may(f"sagemaker:{action}", GROUP, registry_policy)
                assert not stranger.may(f"sagemaker:{action}", VERSION, registry_policy)

    def test_production_names_the_group_by_its_arn(self, accounts):
        variables = [
            each["Properties"]["Environment"]["Variables"].get("MODEL_PACKAGE_GROUP")
            for stack in ("release", "governance")
            for each in accounts("prod")[stack].resources("AWS::Lambda::Function").values()
        ]
        assert [each for each in variables if each] == [GROUP, GROUP]

    def test_people_of_production_look_at_versions_and_do_not_decide_on_them(self, accounts, registry_policy):
        access = accounts("prod")["access"]
        policies = access.resources("AWS::IAM::ManagedPolicy").items()
        [sight] = [each["Properties"]["PolicyDocument"]["Statement"] for name, each in policies if "Sight" in name]
        viewer = Caller(PROD, "viewer", sight)
        assert viewer.may("sagemaker:DescribeModelPackage", VERSION, registry_policy)
        assert viewer.may("sagemaker:DescribeModelPackageGroup", GROUP, registry_policy)
        assert "sagemaker:ModelApprovalStatus" not in json.dumps([
            statement
            for name, each in policies
            if "Approver" in name
            for statement in each["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ])  # fmt: skip


class TestArtifacts:
    @pytest.mark.parametrize("reader", READERS)
    def test_production_reads_the_models_artifacts(self, reader, caller, bucket_policy, key_policy):
        who, owner = caller(*READERS[reader]), {"s3__ResourceAccount": STAGING}
        assert who.may("s3:GetObject", f"{ARTIFACTS}/loan_approval/model.tar.gz", bucket_policy, **owner)
        assert who.may("s3:ListBucket", ARTIFACTS, bucket_policy, **owner, s3__prefix="loan_approval/x")
        through = {"kms__ViaService": f"s3.{ACCOUNTS_REGION}.amazonaws.com"}
        alias = {"kms__ResourceAliases": ["alias/mlops-staging"]}
        assert who.may("kms:Decrypt", KEY, key_policy, **alias, **through)
        assert not who.may("kms:Decrypt", KEY, key_policy, **alias), "only what S3 hands out"
        assert not who.may("kms:Decrypt", KEY, key_policy, kms__ResourceAliases=["alias/other"], **through)

    def test_the_record_keeper_sees_which_version_of_an_object_the_model_is(self, caller, bucket_policy):
        who, owner = caller(*READERS["record keeper"]), {"s3__ResourceAccount": STAGING}
        ours, others = {"s3__prefix": "loan_approval/model"}, {"s3__prefix": "mortgage_approval/model"}
        assert who.may("s3:ListBucketVersions", ARTIFACTS, bucket_policy, **owner, **ours)
        assert not who.may("s3:ListBucketVersions", ARTIFACTS, bucket_policy, **owner, **others)

    @pytest.mark.parametrize("reader", READERS)
    def test_a_bucket_of_any_other_account_is_no_source(self, reader, caller):
        """Whoever calls a bucket like that, and lets everybody in."""
        everybody = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
        found = f"{ARTIFACTS}/loan_approval/model.tar.gz"
        assert not caller(*READERS[reader]).may("s3:GetObject", found, everybody, s3__ResourceAccount=STRANGER)

    def test_only_what_is_given_is_read_and_nothing_is_written(self, whoever, bucket_policy, key_policy):
        owner = {"s3__ResourceAccount": STAGING}
        assert whoever.may("s3:GetObject", f"{ARTIFACTS}/loan_approval/x", bucket_policy, **owner)
        assert not whoever.may("s3:GetObject", f"{ARTIFACTS}/mortgage_approval/x", bucket_policy, **owner)
        assert not whoever.may("s3:ListBucket", ARTIFACTS, bucket_policy, **owner)
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"):
            assert not whoever.may(action, f"{ARTIFACTS}/loan_approval/x", bucket_policy, **owner)
        through = {"kms__ViaService": f"s3.{ACCOUNTS_REGION}.amazonaws.com"}
        for action in ("kms:GenerateDataKey", "kms:Encrypt", "kms:ScheduleKeyDeletion", "kms:CreateGrant"):
            assert not whoever.may(action, KEY, key_policy, **through)

    def test_other_buckets_and_other_accounts_stay_closed(self, accounts, bucket_policy, key_policy):
        stranger = Caller(STRANGER, "admin", ANYTHING)
        owner, through = {"s3__ResourceAccount": STAGING}, {"kms__ViaService": f"s3.{ACCOUNTS_REGION}.amazonaws.com"}
        assert not stranger.may("s3:GetObject", f"{ARTIFACTS}/loan_approval/x", bucket_policy, **owner)
        assert not stranger.may("kms:Decrypt", KEY, key_policy, **through)
        named = {
            name
            for name, each in accounts("staging")["foundation"].resources("AWS::S3::BucketPolicy").items()
            if PROD in json.dumps(each)
        }
        assert [name.startswith("ArtifactsPolicy") for name in named] == [True]


def rules(template, beginning) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Pattern and only target of the rules whose logical ids start so."""
    for name, each in template.resources("AWS::Events::Rule").items():
        if name.startswith(beginning) and "EventPattern" in each["Properties"]:
            [target] = each["Properties"]["Targets"]
            yield each["Properties"]["EventPattern"], target


def version_event(account):
    detail = {"ModelPackageGroupName": "mlops-staging-loan-approval", "ModelApprovalStatus": "Approved"}
    return {
        "account": account,
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "detail": detail,
    }


def alarm_event(account):
    detail = {"alarmName": ALARM.rpartition(":")[2], "state": {"value": "ALARM"}}
    return {
        "account": account,
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "detail": detail,
    }


FORWARDED = {
    "versions": ("staging", "training", "ToprodForwarding", "prod", version_event),
    "degradation": ("prod", "monitoring", "TostagingForwarding", "staging", alarm_event),
}


@pytest.mark.parametrize("what", FORWARDED)
class TestEvents:
    def test_they_go_from_bus_to_bus_by_a_role_that_may_nothing_else(self, what, accounts):
        sender, stack, beginning, receiver, event = FORWARDED[what]
        template = accounts(sender)[stack]
        [(pattern, target)] = rules(template, beginning)
        bus = BUS.format(ACCOUNTS_REGION, ACCOUNTS[receiver])
        assert matches(pattern, event(ACCOUNTS[sender]))
        assert target["Arn"] == bus
        role = target["RoleArn"]["Fn::GetAtt"][0]
        assert template.allowed(role) == {("events:PutEvents", bus)}
        trust = template.body["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        [statement] = trust
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNTS[sender]}}

    def test_what_the_other_bus_does_not_take_is_kept_and_rings(self, what, accounts):
        sender, stack, beginning, _, _ = FORWARDED[what]
        template = accounts(sender)[stack]
        [(_, target)] = rules(template, beginning)
        queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
        alarms = [
            each["Properties"]
            for each in template.resources("AWS::CloudWatch::Alarm").values()
            if queue in json.dumps(each["Properties"].get("Dimensions", []))
        ]
        assert [each["MetricName"] for each in alarms] == ["ApproximateNumberOfMessagesVisible"]
        assert all(each["AlarmActions"] for each in alarms)

    def test_the_other_bus_takes_them_from_that_account_and_nothing_else(self, what, accounts):
        sender, _, _, receiver, event = FORWARDED[what]
        sent = event(ACCOUNTS[sender])
        policy = accounts(receiver)["foundation"].only("AWS::Events::EventBusPolicy")["Properties"]
        assert policy["EventBusName"] == "default"
        document = {"Statement": [policy["Statement"]]}
        bus = BUS.format(ACCOUNTS_REGION, ACCOUNTS[receiver])

        def takes(account, source, detail_type, resource=bus, action="events:PutEvents"):
            who = Caller(account, "sender", ANYTHING)
            asked = who.asks(action, resource, **{"events__source": source, "events__detail-type": detail_type})
            return iam_evaluator.evaluate_resource_policy(document, asked).decision == "Allow"

        assert takes(ACCOUNTS[sender], sent["source"], sent["detail-type"])
        assert not takes(STRANGER, sent["source"], sent["detail-type"])
        assert not takes(ACCOUNTS[sender], "mlops.release", sent["detail-type"])
        assert not takes(ACCOUNTS[sender], sent["source"], "SageMaker Endpoint State Change")
        assert not takes(ACCOUNTS[sender], sent["source"], sent["detail-type"], action="events:PutRule")


def test_forwarded_versions_wake_production_and_those_of_others_do_not(accounts):
    for stack, beginning in (
        ("release", "ControllerWakesPackageChanged"),
        ("governance", "RecordsWakesPackageChanged"),
    ):
        [(pattern, _)] = rules(accounts("prod")[stack], beginning)
        assert matches(pattern, version_event(STAGING))
        assert not matches(pattern, version_event(STRANGER))


def test_degradation_in_production_wakes_the_retraining_in_staging(accounts):
    [(pattern, _)] = rules(accounts("staging")["monitoring"], "RetrainingWakesDegraded")
    assert matches(pattern, alarm_event(PROD))
    assert not matches(pattern, alarm_event(STRANGER))


class TestDegradation:
    def lent(self, accounts):
        template = accounts("prod")["monitoring"]
        role = template.role("Reader")
        return template, role, template.body["Resources"][role]["Properties"]

    def trusts(self, accounts, account, name):
        _, _, properties = self.lent(accounts)
        who = Caller(account, name, ANYTHING)
        trust = plain(properties["AssumeRolePolicyDocument"])
        return iam_evaluator.evaluate_trust_policy(trust, who.arn, who.asks("sts:AssumeRole", READER))

    def test_staging_takes_the_role_that_production_lends(self, accounts):
        staging = accounts("staging")["monitoring"]
        assert ("sts:AssumeRole", READER) in staging.allowed(staging.role("RetrainingFunctionRole"))
        assert self.lent(accounts)[2]["RoleName"] == READER.rpartition("/")[2]
        assert self.trusts(accounts, STAGING, CONTROLLER)

    def test_nobody_else_takes_it(self, accounts):
        assert not self.trusts(accounts, STAGING, "somebody")
        assert not self.trusts(accounts, STRANGER, CONTROLLER)

    def test_it_sees_one_alarm_and_what_serves(self, accounts):
        template, role, _ = self.lent(accounts)
        assert template.allowed(role) == {
            ("cloudwatch:DescribeAlarms", ALARM),
            ("ssm:GetParameters", f"{PARAMETER}/champion"),
            ("ssm:GetParameters", f"{PARAMETER}/failed"),
        }

    def test_the_controller_is_told_which_role(self, accounts):
        functions = accounts("staging")["monitoring"].resources("AWS::Lambda::Function")
        [variables] = [
            each["Properties"]["Environment"]["Variables"]
            for name, each in functions.items()
            if name.startswith("RetrainingFunction")
        ]
        places = {each["environment"]: each.get("role") for each in json.loads(variables["PLACES"])}
        assert places == {"staging": None, "prod": READER}


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_no_template_reads_parameters_of_another_account(environment, accounts):
    """CloudFormation resolves them in its own."""
    for template in accounts(environment).values():
        for each in template.body.get("Parameters", {}).values():
            if str(each["Type"]).startswith("AWS::SSM::Parameter::Value") and "/mlops/" in each.get("Default", ""):
                assert each["Default"].startswith(f"/mlops/{environment}/")


def test_an_environment_that_has_to_do_with_no_other_account_names_none(accounts):
    body = json.dumps([template.body for template in accounts("dev").values()])
    assert not [account for account in (STAGING, PROD) if account in body]


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_without_accounts_nothing_of_this_is_there(environment, templates):
    for template in templates(environment).values():
        assert not template.resources("AWS::Events::EventBusPolicy")
        assert not template.resources("AWS::KMS::Alias")
        assert "Forwarding" not in json.dumps(list(template.body["Resources"]))
        for each in template.resources("AWS::SageMaker::ModelPackageGroup").values():
            assert "ModelPackageGroupPolicy" not in each["Properties"]


def test_each_stack_of_the_first_shape_is_there_in_the_second(accounts):
    for environment in ACCOUNTS:
        assert set(accounts(environment)) == set(STACKS[environment])
