"""What the pipeline's role may do for a source of commits, beside what every action needs."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from mlops_constructs.delivery_settings import CodeCommitSource, ConnectionSource, S3Source
from mlops_constructs.delivery_source import DeliverySource

CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/00000000-0000-4000-8000-000000000000"
SOURCES = {
    "connection": ConnectionSource(
        kind="connection", connection=CONNECTION, repository="example/mlops", branch="main", ignore=()
    ),
    "codecommit": CodeCommitSource(kind="codecommit", repository="mlops", branch="main"),
    "s3": S3Source(kind="s3", bucket="commits", key="mlops.zip"),
}


def allowed(kind):
    """Action and resource, as JSON, of each statement of the role for a source of this kind."""
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"))
    artifacts = s3.Bucket.from_bucket_name(stack, "Artifacts", "artifacts")
    DeliverySource(stack, "Source", settings=SOURCES[kind], role=role, artifacts=artifacts)
    found = set()
    for policy in Template.from_stack(stack).find_resources("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                found.add((action, json.dumps(statement["Resource"])))
    return found


def test_a_connection_may_upload_the_repository_with_an_acl():
    # https://github.com/aws/aws-cdk/issues/13557: "Upload to S3 failed with the following error: Access Denied".
    [resource] = [resource for action, resource in allowed("connection") if action == "s3:PutObjectAcl"]
    assert ":s3:::artifacts/*" in resource


@pytest.mark.parametrize("kind", ["codecommit", "s3"])
def test_other_sources_in_the_pipelines_account_need_no_acl(kind):
    assert not any(action == "s3:PutObjectAcl" for action, _ in allowed(kind))
