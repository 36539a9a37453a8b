"""What requests need, without a server: actions, resources and condition keys as AWS has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.core.api import Context
from local_aws.permissions import encryption, journal, sagemaker_requests
from local_aws.permissions.deployed import Deployed, Lookup
from local_aws.permissions.requests import Request, needs

ROLE = "arn:aws:iam::111122223333:role/mlops-role"
GROUP = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/loans"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/k"


def of(ctx: Context, service: str, operation: str, params: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    headers = {"x-amz-target": f"Service.{operation}"}
    return needs(ctx, Request(service, "POST", "/", headers, json.dumps(params).encode(), {}))


def test_a_job_needs_its_name_its_role_and_its_tags(ctx: Context) -> None:
    params = {"ProcessingJobName": "j", "RoleArn": ROLE, "Tags": [{"Key": "a", "Value": "b"}]}
    job = ctx.arn("processing-job/j")
    assert sagemaker_requests.needs(ctx, "CreateProcessingJob", params) == [
        ("sagemaker:CreateProcessingJob", job, {}),
        ("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"}),
        ("sagemaker:AddTags", job, {}),
    ]


def test_a_version_is_registered_in_its_group_with_its_status(ctx: Context) -> None:
    params = {"ModelPackageGroupName": "loans", "ModelApprovalStatus": "Approved"}
    status = {"sagemaker:ModelApprovalStatus": "Approved"}
    assert sagemaker_requests.needs(ctx, "CreateModelPackage", params) == [
        ("sagemaker:CreateModelPackage", GROUP, status),
        ("sagemaker:CreateModelPackage", ctx.arn("model-package/loans/*"), status),
    ]


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("ListModelPackages", {"ModelPackageGroupName": "loans"}, "model-package-group/loans"),
        ("ListModelPackages", {}, "*"),
        ("ListPipelineExecutions", {"PipelineName": "p"}, "pipeline/p"),
        ("DescribeModelPackage", {"ModelPackageName": "loans/1"}, "model-package/loans/1"),
        ("StartPipelineExecution", {"PipelineName": "p"}, "pipeline/p"),
        ("CreateTransformJob", {"ModelName": "m", "TransformJobName": "t"}, "transform-job/t"),
        ("CreateArtifact", {"Source": {}}, "artifact/new"),
    ],
)
def test_an_operation_is_about_what_it_names(
    ctx: Context, operation: str, params: dict[str, Any], resource: str
) -> None:
    [(_, found, _)] = sagemaker_requests.needs(ctx, operation, params)
    assert found == (resource if resource == "*" else ctx.arn(resource))


def test_an_arn_names_itself(ctx: Context) -> None:
    arn = "arn:aws:sagemaker:eu-west-1:444455556666:model-package/loans/3"
    assert sagemaker_requests.needs(ctx, "UpdateModelPackage", {"ModelPackageArn": arn})[0][1] == arn


def test_feature_groups_and_endpoints_are_named_by_the_path(ctx: Context) -> None:
    get = Request("sagemaker", "GET", "/FeatureGroup/bank", {}, b"", {})
    assert needs(ctx, get) == [("sagemaker:GetRecord", ctx.arn("feature-group/bank"), {})]
    invoke = Request("sagemaker", "POST", "/endpoints/loans/invocations", {}, b"", {})
    assert needs(ctx, invoke) == [("sagemaker:InvokeEndpoint", ctx.arn("endpoint/loans"), {})]
    body = json.dumps({"Identifiers": [{"FeatureGroupName": "a"}, {"FeatureGroupName": "b"}]}).encode()
    batch = Request("sagemaker", "POST", "/BatchGetRecord", {}, body, {})
    assert [each[1] for each in needs(ctx, batch)] == [ctx.arn("feature-group/a"), ctx.arn("feature-group/b")]


def test_writing_a_batch_needs_the_right_to_put_records_too(ctx: Context) -> None:
    entry = {"FeatureGroupName": "bank", "Record": []}
    body = json.dumps({"Entries": [entry, entry]}).encode()
    found = needs(ctx, Request("sagemaker", "POST", "/BatchWriteRecord", {}, body, {}))
    group = ctx.arn("feature-group/bank")
    assert found == [("sagemaker:BatchWriteRecord", group, {}), ("sagemaker:PutRecord", group, {})]


def test_each_parameter_is_a_resource_of_its_own(ctx: Context) -> None:
    arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/"
    assert of(ctx, "ssm", "GetParameters", {"Names": ["/a/b", "/a/c:label"]}) == [
        ("ssm:GetParameters", f"{arn}a/b", {}),
        ("ssm:GetParameters", f"{arn}a/c", {}),
    ]


def test_alarms_are_named_and_metrics_have_a_namespace(ctx: Context) -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
    assert [each[1] for each in of(ctx, "monitoring", "DescribeAlarms", {"AlarmNames": ["a", "b"]})] == [
        f"{arn}a",
        f"{arn}b",
    ]
    assert of(ctx, "monitoring", "DescribeAlarms", {})[0][1] == f"{arn}*"
    assert of(ctx, "monitoring", "PutMetricData", {"Namespace": "n"}) == [
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "n"})
    ]


def test_each_event_names_its_bus_and_its_source(ctx: Context) -> None:
    entries = [{"Source": "mlops.release", "DetailType": "Released"}]
    assert of(ctx, "events", "PutEvents", {"Entries": entries}) == [
        (
            "events:PutEvents",
            "arn:aws:events:eu-west-1:111122223333:event-bus/default",
            {"events:source": "mlops.release", "events:detail-type": "Released"},
        )
    ]


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"Key": {"model": {"S": "loans"}, "entry": {"S": "1"}}}, ["loans"]),
        ({"Item": {"model": {"S": "loans"}, "entry": {"S": "1"}}}, ["loans"]),
        (
            {
                "KeyConditionExpression": "model = :m AND entry > :e",
                "ExpressionAttributeValues": {":m": {"S": "loans"}},
            },
            ["loans"],
        ),
        (
            {
                "KeyConditionExpression": "#m = :m",
                "ExpressionAttributeNames": {"#m": "model"},
                "ExpressionAttributeValues": {":m": {"S": "loans"}},
            },
            ["loans"],
        ),
        ({}, None),
    ],
)
def test_a_request_to_a_table_has_its_leading_keys(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], keys: list[str] | None
) -> None:
    monkeypatch.setattr("local_aws.seam.table_keys", lambda _ctx, _table: ["model", "entry"])
    [(_, _, context)] = of(ctx, "dynamodb", "Query", {"TableName": "ledger", **params})
    assert context.get("dynamodb:LeadingKeys") == keys


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::data/x/y", ["kms:Decrypt"]),
        ("s3:PutObject", "arn:aws:s3:::data/x/y", ["kms:GenerateDataKey"]),
        ("s3:ListBucket", "arn:aws:s3:::data", []),
        ("s3:GetObject", "arn:aws:s3:::other/x", []),
        ("sns:Publish", "arn:aws:sns:eu-west-1:111122223333:topic", ["kms:GenerateDataKey", "kms:Decrypt"]),
        ("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:111122223333:table/ledger", ["kms:Decrypt"]),
    ],
)
def test_what_is_encrypted_needs_its_key(ctx: Context, action: str, resource: str, expected: list[str]) -> None:
    kinds = (("S3::Bucket", "data"), ("SNS::Topic", "topic"), ("DynamoDB::Table", "ledger"))
    deployed = Deployed(keys={(f"AWS::{kind}", name): KEY for kind, name in kinds})
    found = encryption.needs(ctx, (action, resource, {}), deployed)
    assert [each[0] for each in found] == expected
    assert all(each[1] == KEY and each[2]["kms:ViaService"].startswith(action.split(":")[0]) for each in found)


def test_the_journal_has_a_line_for_each_kind_of_decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many objects are read below a prefix: the policy's own resource stands for them."""
    found = Deployed(places={"data-1234": "foundation/Data"}, roles={"mlops-role": "serving/Role"})
    lookup = Lookup()
    monkeypatch.setattr(lookup, "now", lambda fresh=False: found)
    written = journal.Journal(tmp_path / "j", lookup)
    for key in ("a", "b"):
        written.write(
            ROLE, ("s3:GetObject", f"arn:aws:s3:::data-1234/x/{key}", {}), [("arn:aws:s3:::data-1234/x/*", {})]
        )
    condition = {"StringLike": {"s3:prefix": ["x", "x/*"]}}
    listing = ("s3:ListBucket", "arn:aws:s3:::data-1234", {"s3:prefix": "x/y"})
    written.write(ROLE, listing, [("arn:aws:s3:::data-1234", condition)])
    written.write(ROLE, ("s3:PutObject", "arn:aws:s3:::data-1234/x/a", {}), [])
    lines = [json.loads(line) for line in (tmp_path / "j").read_text().splitlines()]
    assert [(each["role"], each["resource"], each["context"], each["decision"]) for each in lines] == [
        ("serving/Role", "arn:aws:s3:::{foundation/Data}/x/*", {}, "allowed"),
        ("serving/Role", "arn:aws:s3:::{foundation/Data}", {"s3:prefix": ["x/*"]}, "allowed"),
        ("serving/Role", "arn:aws:s3:::{foundation/Data}/x/a", {}, "refused"),
    ]
