"""Two accounts in one server, and a third one that nobody lets in, over boto3."""

import json
import uuid
from typing import Any

import pytest

from tests.deployed import until
from tests.local_aws_fixture import LocalAws

from .accounts import (
    OWNER,
    REGION,
    STRANGER,
    TAKER,
    Accounts,
    allowing,
    own,
    refused,
    trusting,
)

IMAGE = f"{OWNER}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5"
SHARED = ["ListModelPackages", "DescribeModelPackage", "CreateModel"]


@pytest.fixture(scope="module")
def others(local_aws: LocalAws) -> tuple[Any, Any]:
    return local_aws.of(TAKER).client, local_aws.of(STRANGER).client


@pytest.fixture
def accounts(local_aws: LocalAws, others: tuple[Any, Any]) -> Accounts:
    for client in others:
        client("events").remove_permission(RemoveAllPermissions=True)
    return Accounts(local_aws.client, *others, f"accounts-{uuid.uuid4().hex[:8]}", local_aws)


# Model packages: developer guide, model-registry-deploy-xaccount; IAM user guide, troubleshoot_access-denied.


def test_versions_of_another_account_are_read_by_arn_under_the_policy_of_their_group(accounts: Accounts) -> None:
    arn = accounts.registered()
    taker = accounts.taker("sagemaker")
    code, text = refused(taker.describe_model_package, ModelPackageName=arn)
    assert code == "AccessDeniedException"
    assert text == (
        f"User: arn:aws:iam::{TAKER}:root is not authorized to perform: sagemaker:DescribeModelPackage on resource: "
        f"{arn} because no resource-based policy allows the sagemaker:DescribeModelPackage action"
    )
    assert refused(taker.list_model_packages, ModelPackageGroupName=accounts.group)[0] == "AccessDeniedException"
    accounts.share(*SHARED)
    assert taker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
    listed = taker.list_model_packages(ModelPackageGroupName=accounts.group)["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in listed] == [arn]
    stranger = accounts.stranger("sagemaker")
    assert refused(stranger.describe_model_package, ModelPackageName=arn)[0] == "AccessDeniedException"


def test_a_name_means_a_group_of_the_own_account(accounts: Accounts) -> None:
    accounts.registered()
    accounts.share(*SHARED)
    code, text = refused(accounts.taker("sagemaker").list_model_packages, ModelPackageGroupName=accounts.name)
    assert (code, TAKER in text) == ("ValidationException", True)


def test_a_version_of_another_account_is_changed_only_if_the_policy_says_so_and_its_owner_is_told(
    accounts: Accounts,
) -> None:
    arn = accounts.registered()
    url = _told(accounts, accounts.owner)
    accounts.share(*SHARED)
    change = {"ModelPackageArn": arn, "CustomerMetadataProperties": {"prod-tests": "passed"}}
    taker = accounts.taker("sagemaker")
    assert refused(taker.update_model_package, **change)[0] == "AccessDeniedException"
    accounts.share("UpdateModelPackage", Null={"sagemaker:ModelApprovalStatus": "true"})
    decision = {**change, "ModelApprovalStatus": "Rejected"}
    assert refused(taker.update_model_package, **decision)[0] == "AccessDeniedException"
    taker.update_model_package(**change)
    found = accounts.owner("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == {"prod-tests": "passed"}
    assert _received(accounts.owner, url)["account"] == OWNER


def test_a_stack_shares_a_group_and_unshares_it(accounts: Accounts) -> None:
    def template(policy: dict[str, Any]) -> str:
        group = {"ModelPackageGroupName": accounts.name, **policy}
        return json.dumps({"Resources": {"Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": group}}})

    stacks = accounts.owner("cloudformation")
    policy = allowing(TAKER, ["sagemaker:DescribeModelPackageGroup"], [accounts.group])
    stacks.create_stack(StackName=accounts.name, TemplateBody=template({"ModelPackageGroupPolicy": policy}))
    stacks.get_waiter("stack_create_complete").wait(StackName=accounts.name, WaiterConfig={"Delay": 1})
    taker = accounts.taker("sagemaker")
    assert taker.describe_model_package_group(ModelPackageGroupName=accounts.group)["ModelPackageGroupArn"]
    stacks.update_stack(StackName=accounts.name, TemplateBody=template({}))
    stacks.get_waiter("stack_update_complete").wait(StackName=accounts.name, WaiterConfig={"Delay": 1})
    refusal = refused(taker.describe_model_package_group, ModelPackageGroupName=accounts.group)
    assert refusal[0] == "AccessDeniedException"


def test_a_model_is_made_of_another_accounts_version_if_group_bucket_and_key_let_it(accounts: Accounts) -> None:
    key = accounts.owner("kms").create_key()["KeyMetadata"]["Arn"]
    bucket = _bucket(accounts, key)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/loan/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = accounts.registered(InferenceSpecification=specification)

    def make(client: Any, name: str) -> dict[str, Any]:
        given = {"PrimaryContainer": {"ModelPackageName": arn}, "ExecutionRoleArn": f"arn:aws:iam::{TAKER}:role/model"}
        made: dict[str, Any] = client("sagemaker").create_model(ModelName=name, **given)
        return made

    name = accounts.name
    assert refused(make, client=accounts.taker, name=name)[0] == "AccessDeniedException"
    accounts.share(*SHARED)
    assert refused(make, client=accounts.taker, name=name)[1].startswith("Could not access model data at s3://")
    _let_in(accounts, bucket, "loan")
    assert refused(make, client=accounts.taker, name=name)[1].startswith("Could not access model data at s3://")
    accounts.owner("kms").create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    via = {
        "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{name}"},
    }
    accounts.owner("kms").put_key_policy(
        KeyId=key, PolicyName="default", Policy=json.dumps(allowing(TAKER, ["kms:Decrypt"], ["*"], **via))
    )
    assert make(accounts.taker, name)["ModelArn"] == f"arn:aws:sagemaker:{REGION}:{TAKER}:model/{name}"
    assert refused(make, client=accounts.stranger, name=name)[0] == "AccessDeniedException"


# Buckets: S3 user guide, example-walkthroughs-managing-access-example2.


def test_a_bucket_lets_another_account_read_below_a_prefix_over_tls_and_no_third_one(accounts: Accounts) -> None:
    bucket = _bucket(accounts)
    taker = accounts.taker("s3")
    assert refused(taker.get_object, Bucket=bucket, Key="loan/model.tar.gz")[0] == "AccessDenied"
    _let_in(accounts, bucket, "loan")
    assert taker.get_object(Bucket=bucket, Key="loan/model.tar.gz")["Body"].read() == b"model"
    assert refused(taker.get_object, Bucket=bucket, Key="mortgage/model.tar.gz")[0] == "AccessDenied"
    assert refused(taker.put_object, Bucket=bucket, Key="loan/model.tar.gz", Body=b"")[0] == "AccessDenied"
    assert refused(accounts.stranger("s3").get_object, Bucket=bucket, Key="loan/model.tar.gz")[0] == "AccessDenied"


def test_a_bucket_lets_in_the_one_role_that_its_policy_names(accounts: Accounts) -> None:
    bucket = _bucket(accounts)
    read = own(["s3:GetObject"], [f"arn:aws:s3:::{bucket}/*"])
    named, other = (accounts.role(accounts.taker, trusting({"AWS": TAKER}), read) for _ in range(2))
    policy = allowing(TAKER, ["s3:GetObject"], [f"arn:aws:s3:::{bucket}/*"])
    policy["Statement"][0]["Principal"] = {"AWS": named}
    accounts.owner("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    given = {"Bucket": bucket, "Key": "loan/model.tar.gz"}
    assert accounts.session(accounts.taker, named)("s3").get_object(**given)["ContentLength"] == 5
    assert refused(accounts.session(accounts.taker, other)("s3").get_object, **given)[0] == "AccessDenied"


# Roles: API reference, AssumeRole; IAM user guide, reference_policies_condition-keys (aws:PrincipalArn).


def test_a_role_of_another_account_is_assumed_under_its_trust_policy_and_acts_in_its_account(
    accounts: Accounts,
) -> None:
    role = accounts.role(accounts.taker, trusting({"AWS": f"arn:aws:iam::{OWNER}:root"}))
    reader = accounts.session(accounts.owner, role)
    assert reader("sts").get_caller_identity()["Account"] == TAKER
    code, text = refused(accounts.session, client=accounts.stranger, role=role)
    assert code == "AccessDenied"
    user = f"arn:aws:iam::{STRANGER}:root"
    assert text == f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}"
    missing = f"arn:aws:iam::{TAKER}:role/none"
    assert refused(accounts.session, client=accounts.owner, role=missing)[0] == "AccessDenied"


def test_a_service_role_of_another_account_is_not_for_its_root(accounts: Accounts) -> None:
    role = accounts.role(accounts.taker, trusting({"Service": "lambda.amazonaws.com"}))
    assert refused(accounts.session, client=accounts.owner, role=role)[0] == "AccessDenied"


def test_a_trust_policy_can_name_the_one_role_that_may_come(accounts: Accounts) -> None:
    assume = own(["sts:AssumeRole"], ["*"])
    named, other = (accounts.role(accounts.owner, trusting({"AWS": OWNER}), assume) for _ in range(2))
    condition = {"ArnEquals": {"aws:PrincipalArn": named}}
    role = accounts.role(accounts.taker, trusting({"AWS": f"arn:aws:iam::{OWNER}:root"}, **condition))
    came = accounts.session(accounts.session(accounts.owner, named), role)
    assert came("sts").get_caller_identity()["Account"] == TAKER
    code, _ = refused(accounts.session, client=accounts.session(accounts.owner, other), role=role)
    assert code == "AccessDenied"


# Events: EventBridge user guide, eb-cross-account, eb-event-bus-perms, eb-rule-dlq.


def test_a_rule_sends_a_version_to_another_accounts_bus_with_its_origin(accounts: Accounts) -> None:
    url = _told(accounts, accounts.taker)
    _let_events_in(accounts, accounts.taker, "SageMaker Model Package State Change")
    _forward(accounts, {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [accounts.name]}})
    arn = accounts.registered()
    event = _received(accounts.taker, url)
    assert (event["account"], event["region"], event["source"]) == (OWNER, REGION, "aws.sagemaker")
    assert (event["detail-type"], event["resources"]) == ("SageMaker Model Package State Change", [arn])


def test_an_alarm_of_one_account_is_told_to_the_other(accounts: Accounts) -> None:
    url = _told(accounts, accounts.taker, {"source": ["aws.cloudwatch"], "detail": {"alarmName": [accounts.name]}})
    _let_events_in(accounts, accounts.taker, "CloudWatch Alarm State Change")
    _forward(accounts, {"source": ["aws.cloudwatch"], "detail": {"alarmName": [accounts.name]}})
    alarms = accounts.owner("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName=accounts.name,
        Namespace="N",
        MetricName="M",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    alarms.set_alarm_state(AlarmName=accounts.name, StateValue="ALARM", StateReason="tested")
    event = _received(accounts.taker, url)
    assert (event["account"], event["detail"]["state"]["value"]) == (OWNER, "ALARM")


@pytest.mark.parametrize("missing", ["policy of the bus", "detail type in it", "right of the role", "bus"])
def test_an_event_that_may_not_pass_is_a_dead_letter(accounts: Accounts, missing: str) -> None:
    url = _told(accounts, accounts.taker)
    if missing != "policy of the bus":
        wanted = "Another" if missing == "detail type in it" else "SageMaker Model Package State Change"
        _let_events_in(accounts, accounts.taker, wanted)
    letters, letters_arn = accounts.queue(accounts.owner, f"{accounts.name}-letters")
    bus = "none" if missing == "bus" else "default"
    _forward(
        accounts,
        {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [accounts.name]}},
        letters=letters_arn,
        bus=bus,
        actions=["events:DescribeEventBus"] if missing == "right of the role" else ["events:PutEvents"],
        allow_bus=bus,
    )
    accounts.registered()
    letter = until(lambda: _message(accounts.owner, letters), "the dead letter", 10)
    code = letter["MessageAttributes"]["ERROR_CODE"]["StringValue"]
    assert code == "NO_PERMISSIONS"
    assert json.loads(letter["Body"])["detail"]["ModelPackageGroupName"] == accounts.name
    assert _message(accounts.taker, url) is None


def test_an_event_from_another_account_goes_no_further(accounts: Accounts) -> None:
    url = _told(accounts, accounts.stranger)
    near = _told(accounts, accounts.taker)
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [accounts.name]}}
    for sender, receiver, account in (("owner", "taker", TAKER), ("taker", "stranger", STRANGER)):
        _let_events_in(accounts, getattr(accounts, receiver), "SageMaker Model Package State Change", OWNER, TAKER)
        _forward(accounts, pattern, sender=getattr(accounts, sender), account=account)
    accounts.registered()
    assert _received(accounts.taker, near)["account"] == OWNER
    assert _message(accounts.stranger, url) is None


def test_a_stack_opens_a_bus_and_closes_it(accounts: Accounts) -> None:
    bus = f"arn:aws:events:{REGION}:{TAKER}:event-bus/default"
    statement = allowing(OWNER, ["events:PutEvents"], [bus])["Statement"][0]
    properties = {"StatementId": accounts.name, "Statement": statement}
    stacks, events = accounts.taker("cloudformation"), accounts.taker("events")
    resources = {"Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": properties}}
    stacks.create_stack(StackName=accounts.name, TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName=accounts.name, WaiterConfig={"Delay": 1})
    assert accounts.name in events.describe_event_bus()["Policy"]
    stacks.delete_stack(StackName=accounts.name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=accounts.name, WaiterConfig={"Delay": 1})
    assert accounts.name not in events.describe_event_bus().get("Policy", "")


def _bucket(accounts: Accounts, key: str = "") -> str:
    """A bucket of the owner with two models in it, which only TLS reaches."""
    s3, name = accounts.owner("s3"), accounts.name
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    for folder in ("loan", "mortgage"):
        s3.put_object(Bucket=name, Key=f"{folder}/model.tar.gz", Body=b"model", **encryption)
    return name


def _let_in(accounts: Accounts, bucket: str, folder: str) -> None:
    policy = allowing(TAKER, ["s3:GetObject"], [f"arn:aws:s3:::{bucket}/{folder}/*"])
    tls = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy["Statement"].append(tls)
    accounts.owner("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _told(accounts: Accounts, client: Any, pattern: dict[str, Any] | None = None) -> str:
    """URL of a queue that gets the account's events of the group, or of `pattern`."""
    url, arn = accounts.queue(client, f"{accounts.name}-told")
    group = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [accounts.name]}}
    events = client("events")
    events.put_rule(Name=f"{accounts.name}-told", EventPattern=json.dumps(pattern or group))
    events.put_targets(Rule=f"{accounts.name}-told", Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _message(client: Any, url: str) -> dict[str, Any] | None:
    given = {"QueueUrl": url, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 0}
    found = client("sqs").receive_message(**given).get("Messages", [])
    return found[0] if found else None


def _received(client: Any, url: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(until(lambda: _message(client, url), "the event", 10)["Body"])
    return event


def _let_events_in(accounts: Accounts, client: Any, detail_type: str, *senders: str) -> None:
    account = client("sts").get_caller_identity()["Account"]
    bus = f"arn:aws:events:{REGION}:{account}:event-bus/default"
    statements = [
        allowing(
            sender,
            ["events:PutEvents"],
            [bus],
            StringEquals={"events:detail-type": detail_type, "events:source": ["aws.sagemaker", "aws.cloudwatch"]},
        )["Statement"][0]
        for sender in senders or (OWNER,)
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    client("events").put_permission(EventBusName="default", Policy=json.dumps(policy))


def _forward(
    accounts: Accounts,
    pattern: dict[str, Any],
    *,
    sender: Any = None,
    account: str = TAKER,
    letters: str = "",
    bus: str = "default",
    actions: list[str] | None = None,
    allow_bus: str = "default",
) -> None:
    """A rule that sends events to another account's bus."""
    client = sender or accounts.owner
    target = f"arn:aws:events:{REGION}:{account}:event-bus/{bus}"
    allowed = f"arn:aws:events:{REGION}:{account}:event-bus/{allow_bus}"
    here = {"StringEquals": {"aws:SourceAccount": client("sts").get_caller_identity()["Account"]}}
    trust = trusting({"Service": "events.amazonaws.com"}, **here)
    role = accounts.role(client, trust, own(actions or ["events:PutEvents"], [allowed]))
    name = f"{accounts.name}-forward"
    client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    dead = {"DeadLetterConfig": {"Arn": letters}} if letters else {}
    client("events").put_targets(Rule=name, Targets=[{"Id": "bus", "Arn": target, "RoleArn": role, **dead}])
