"""What the constructs refuse or decide, and no linter of templates would see."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from mlops_constructs.access import allow
from mlops_constructs.blue_green import blue_green
from mlops_constructs.errors import ConstructError
from mlops_constructs.frameworks import FRAMEWORKS
from mlops_constructs.images import Images
from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.settings import DeploymentSettings


@pytest.fixture
def app(tmp_path):
    return cdk.App(outdir=str(tmp_path))


@pytest.fixture
def stack(app):
    return cdk.Stack(app, "Stack")


@pytest.fixture
def role(stack):
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))


def deployment(strategy):
    return DeploymentSettings(
        strategy=strategy,
        canary_percent=10,
        linear_step_percent=25,
        bake_seconds=60,
        termination_wait_seconds=0,
        max_timeout_seconds=900,
    )


def alarms(stack, count):
    return [
        cloudwatch.Alarm.from_alarm_arn(stack, f"A{i}", f"arn:aws:cloudwatch:eu-west-1:1:alarm:a{i}")
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("strategy", "canary", "linear", "steps"),
    [("canary", 10, None, 2), ("linear", None, 25, 4), ("all_at_once", None, None, 1)],
)
def test_a_strategy_has_its_own_size_and_no_other(strategy, canary, linear, steps, stack):
    settings = deployment(strategy)
    config = blue_green(settings, alarms(stack, 1))
    routing = config.blue_green_update_policy.traffic_routing_configuration
    assert routing.type == strategy.upper()
    assert (routing.canary_size and routing.canary_size.value) == canary
    assert (routing.linear_step_size and routing.linear_step_size.value) == linear
    assert config.rolling_update_policy is None
    assert settings.steps == steps


@pytest.mark.parametrize("count", [0, 11])
def test_baking_without_alarms_or_with_more_than_sagemaker_takes_is_refused(count, stack):
    with pytest.raises(ConstructError, match=f"{count} rollback alarms"):
        blue_green(deployment("canary"), alarms(stack, count))


def test_ten_alarms_are_taken(stack):
    config = blue_green(deployment("canary"), alarms(stack, 10))
    assert len(config.auto_rollback_configuration.alarms) == 10


def test_a_wildcard_needs_a_reason(role):
    with pytest.raises(ConstructError, match=r"Stack/Role: Resource::\* needs a reason"):
        allow(role, ["sagemaker:ListModelPackages"], ["*"])
    with pytest.raises(ConstructError, match=r"Action::s3:\* needs a reason"):
        allow(role, ["s3:*"], ["arn:aws:s3:::bucket"])


def test_a_reason_is_written_where_cdk_nag_looks_for_it_across_stacks_too(app, role, stack):
    from cdk_nag import AwsSolutionsChecks

    other = s3.Bucket(cdk.Stack(app, "Other"), "Bucket")
    own = s3.Bucket(stack, "Own")
    for bucket in (own, other):
        allow(role, ["s3:GetObject"], [bucket.arn_for_objects("model/*")], why="Objects of one model.")
    allow(role, ["ecr:GetAuthorizationToken"], ["*"], why="No resource to name.")

    def unexplained():
        report = AwsSolutionsChecks(stack).validate_scope(stack)
        return [each.rule_name for each in report.violations if "IAM5" in each.rule_name]

    assert unexplained() == []
    app.synth()
    assert unexplained() == []


def test_an_image_is_known_for_a_region(app):
    stack = cdk.Stack(app, "Pinned", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    image = Images(stack, {}).image("xgboost")
    assert (
        stack.resolve(image.uri)
        == {
            "Fn::Join": [
                "",
                ["141502667606.dkr.ecr.eu-west-1.", {"Ref": "AWS::URLSuffix"}, "/sagemaker-xgboost:3.0-5"],
            ]
        }
        or stack.resolve(image.uri) == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    )


def test_an_image_is_looked_up_when_the_region_is_known_only_at_deployment(app, stack):
    images = Images(stack, {})
    first, second = images.image("xgboost"), images.image("xgboost")
    assert stack.resolve(first.uri) == stack.resolve(second.uri)
    [mapping] = app.synth().get_stack_by_name("Stack").template["Mappings"].values()
    assert mapping["us-east-1"] == {"account": "683313688378"}
    assert set(mapping) == set(FRAMEWORKS["xgboost"].accounts)


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
            "arn:aws:ecr:eu-west-1:111122223333:repository/mine",
        ),
        (
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b@sha256:" + "0" * 64,
            "arn:aws-cn:ecr:cn-north-1:111122223333:repository/a/b",
        ),
    ],
)
def test_an_image_of_ones_own_comes_first(uri, repository, stack):
    image = Images(stack, {"xgboost": uri}).image("xgboost")
    assert (image.uri, image.repository_arn) == (uri, repository)


def test_an_unknown_framework_and_a_region_without_an_image_are_refused(app):
    stack = cdk.Stack(app, "Nowhere", env=cdk.Environment(account="111122223333", region="mx-central-1"))
    with pytest.raises(ConstructError, match="no image is known for framework 'pytorch': use huggingface, xgboost"):
        Images(stack, {}).image("pytorch")
    with pytest.raises(ConstructError, match="no xgboost image in region 'mx-central-1'"):
        Images(stack, {}).image("xgboost")


@pytest.mark.parametrize(
    "instance_type",
    [
        "ml.m5d.large",
        "ml.c5d.xlarge",
        "ml.g5.xlarge",
        "ml.g4dn.xlarge",
        "ml.p4d.24xlarge",
        "ml.p3dn.24xlarge",
        "ml.p6-b200.48xlarge",
        "ml.trn1.2xlarge",
    ],
)
def test_instances_with_local_disks_take_no_key(instance_type):
    assert has_local_storage(instance_type)


@pytest.mark.parametrize(
    "instance_type",
    ["ml.m5.large", "ml.c6i.xlarge", "ml.r5.large", "ml.t2.medium", "ml.m6g.large", "ml.p3.2xlarge", "ml.inf2.xlarge"],
)
def test_instances_with_network_disks_do(instance_type):
    assert not has_local_storage(instance_type)
