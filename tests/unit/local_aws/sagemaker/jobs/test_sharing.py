"""Whose resource an ARN names, and what a policy of it allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.core.api import AwsError, Context, call
from local_aws.sagemaker import sharing

OTHER = Context("444455556666", "eu-west-1")
GROUP = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/loans"
VERSION = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/1"


@pytest.fixture(autouse=True)
def _group(ctx: Context, emitted: list[dict[str, Any]]) -> None:
    call(ctx, "CreateModelPackageGroup", {"ModelPackageGroupName": "loans"})
    call(ctx, "CreateModelPackage", {"ModelPackageGroupName": "loans"})


def share(ctx: Context, *actions: str, effect: str = "Allow", account: str = OTHER.account) -> None:
    statement = {
        "Effect": effect,
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": [f"sagemaker:{action}" for action in actions],
        "Resource": [GROUP, VERSION.replace("/1", "/*")],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    call(ctx, "PutModelPackageGroupPolicy", {"ModelPackageGroupName": "loans", "ResourcePolicy": policy})


def test_an_arn_names_its_owner_and_a_name_the_caller(ctx: Context) -> None:
    assert sharing.owner(OTHER, VERSION) == ctx
    assert sharing.owner(OTHER, "loans/1") == OTHER
    # Calls stay in their region, whatever the ARN says.
    assert sharing.owner(OTHER, VERSION.replace("eu-west-1", "us-east-1")) == OTHER


def test_what_does_not_exist_is_refused_like_what_is_not_shared() -> None:
    for arn in (VERSION, VERSION.replace("/1", "/7"), VERSION.replace("loans", "none")):
        with pytest.raises(AwsError, match="because no resource-based policy allows"):
            call(OTHER, "DescribeModelPackage", {"ModelPackageName": arn})


def test_an_account_sees_its_own_without_a_policy_unless_it_is_denied(ctx: Context) -> None:
    assert call(ctx, "DescribeModelPackage", {"ModelPackageName": VERSION})["ModelPackageVersion"] == 1
    share(ctx, "DescribeModelPackage", effect="Deny", account=ctx.account)
    with pytest.raises(AwsError, match="with an explicit deny in a resource-based policy"):
        call(ctx, "DescribeModelPackage", {"ModelPackageName": VERSION})


def test_a_version_can_be_registered_in_another_accounts_group(ctx: Context, emitted: list[dict[str, Any]]) -> None:
    with pytest.raises(AwsError, match="sagemaker:CreateModelPackage"):
        call(OTHER, "CreateModelPackage", {"ModelPackageGroupName": GROUP})
    share(ctx, "CreateModelPackage")
    made = call(OTHER, "CreateModelPackage", {"ModelPackageGroupName": GROUP})["ModelPackageArn"]
    assert made == VERSION.replace("/1", "/2")
    assert emitted[-1]["resources"] == [made]


def test_a_group_of_another_account_is_not_taken_for_the_own_one_of_the_same_name(ctx: Context) -> None:
    call(OTHER, "CreateModelPackageGroup", {"ModelPackageGroupName": "loans"})
    with pytest.raises(AwsError, match="does not exist"):
        call(OTHER, "DeleteModelPackageGroup", {"ModelPackageGroupName": GROUP})


def test_tags_of_another_accounts_resource_are_not_there_for_the_caller(ctx: Context) -> None:
    call(ctx, "AddTags", {"ResourceArn": GROUP, "Tags": [{"Key": "k", "Value": "v"}]})
    with pytest.raises(AwsError, match="Could not find resource"):
        call(OTHER, "ListTags", {"ResourceArn": GROUP})
