"""AWS::SageMaker::ModelCard through the emulated operations: content, status, versions and replacement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.cloudformation.model_cards import ModelCard
from local_aws.core.api import AwsError, Context, call
from local_aws.sagemaker import model_cards  # noqa: F401 - it declares operations

TYPE = ModelCard("ModelCard")


def props(description: str, status: str, **more: Any) -> dict[str, Any]:
    content = {"ModelOverview": {"ModelDescription": description}, "IntendedUses": {"RiskRating": "High"}}
    return {"ModelCardName": "loans-v1", "Content": content, "ModelCardStatus": status, **more}


def create(ctx: Context, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return TYPE.create(ctx, lambda _limit: "generated", given)


def described(ctx: Context) -> dict[str, Any]:
    return call(ctx, "DescribeModelCard", {"ModelCardName": "loans-v1"})


def test_ref_is_the_name_and_the_content_is_the_apis(ctx: Context) -> None:
    ref, attributes = create(ctx, props("first", "Draft", Tags=[{"Key": "a", "Value": "b"}]))
    assert ref == "loans-v1"
    assert attributes["ModelCardArn"] == "arn:aws:sagemaker:eu-west-1:111122223333:model-card/loans-v1"
    content = json.loads(described(ctx)["Content"])
    expected = {"model_overview": {"model_description": "first"}, "intended_uses": {"risk_rating": "High"}}
    assert content == expected


@pytest.mark.parametrize(
    ("old", "new", "versions"),
    [
        (("first", "Draft"), ("first", "Approved"), 1),
        (("first", "Draft"), ("second", "Draft"), 2),
        (("first", "Draft"), ("second", "Archived"), 2),
        (("first", "Archived"), ("second", "Draft"), 2),
    ],
)
def test_an_update_leads_to_what_the_template_says(
    ctx: Context, old: tuple[str, str], new: tuple[str, str], versions: int
) -> None:
    ref, _ = create(ctx, props(*old))
    _, attributes = TYPE.update(ctx, ref, props(*old), props(*new))
    found = described(ctx)
    assert json.loads(found["Content"])["model_overview"]["model_description"] == new[0]
    assert found["ModelCardStatus"] == new[1]
    assert attributes["ModelCardVersion"] == versions


def test_a_content_that_is_not_of_the_schema_is_refused(ctx: Context) -> None:
    with pytest.raises(AwsError, match="risk_rating"):
        create(ctx, {**props("first", "Draft"), "Content": {"IntendedUses": {"RiskRating": "high"}}})


def test_a_deleted_card_is_gone_and_deleting_it_again_is_no_error(ctx: Context) -> None:
    ref, _ = create(ctx, props("first", "Draft"))
    TYPE.delete(ctx, ref, {})
    TYPE.delete(ctx, ref, {})
    with pytest.raises(AwsError, match="does not exist"):
        described(ctx)


def test_name_and_key_cannot_change_in_place() -> None:
    assert all(name in TYPE.create_only for name in ("ModelCardName", "SecurityConfig"))
