from __future__ import annotations

import pytest

from local_aws.core import tags
from local_aws.core.api import Context, call
from local_aws.core.errors import ValidationException


@pytest.fixture
def arn(ctx: Context) -> str:
    arn = ctx.arn("model/loans")
    tags.set(arn, [{"Key": "team", "Value": "risk"}])
    return arn


def listed(ctx: Context, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call(ctx, "ListTags", {"ResourceArn": arn})["Tags"]}


def test_adding_a_tag_keeps_the_others_and_replaces_the_same_key(ctx: Context, arn: str) -> None:
    added = [{"Key": "team", "Value": "credit"}, {"Key": "cost", "Value": "7"}]
    answered = call(ctx, "AddTags", {"ResourceArn": arn, "Tags": added})
    assert listed(ctx, arn) == {"team": "credit", "cost": "7"}
    assert {tag["Key"] for tag in answered["Tags"]} == {"team", "cost"}


def test_deleting_a_key_that_is_not_there_is_no_error(ctx: Context, arn: str) -> None:
    call(ctx, "DeleteTags", {"ResourceArn": arn, "TagKeys": ["team", "nothing"]})
    assert listed(ctx, arn) == {}


def test_a_resource_that_does_not_exist_has_no_tags(ctx: Context) -> None:
    with pytest.raises(ValidationException, match="Could not find resource"):
        call(ctx, "ListTags", {"ResourceArn": ctx.arn("model/none")})


def test_a_deleted_resource_loses_its_tags(ctx: Context, arn: str) -> None:
    tags.remove(arn)
    assert tags.get(arn) == []
    with pytest.raises(ValidationException):
        call(ctx, "ListTags", {"ResourceArn": arn})


def test_fifty_tags_are_the_most(ctx: Context, arn: str) -> None:
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with pytest.raises(ValidationException, match="Too many tags: 51"):
        call(ctx, "AddTags", {"ResourceArn": arn, "Tags": many})
    assert listed(ctx, arn) == {"team": "risk"}
