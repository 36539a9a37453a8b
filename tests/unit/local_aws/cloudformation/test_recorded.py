from __future__ import annotations

from typing import Any

import pytest

from local_aws.cloudformation import recorded, schema_check, schemas
from local_aws.cloudformation.recorded import Recorded
from local_aws.core import store
from local_aws.core.api import Context

REGION = "eu-west-1"


def problems(type_name: str, properties: dict[str, Any]) -> list[str]:
    schema = schemas.schema(type_name, REGION)
    assert schema is not None
    return schema_check.problems(schema, properties)


def test_a_schema_names_identifier_create_only_and_read_only_properties() -> None:
    schema = schemas.schema("AWS::SageMaker::Endpoint", REGION)
    assert schema is not None
    assert schema.identifier == ("EndpointArn",)
    assert schema.create_only == ("EndpointName",)
    assert schema.read_only == ("EndpointArn",)
    assert schema.required == ("EndpointConfigName",)


def test_a_type_that_cloudformation_lacks_has_no_schema() -> None:
    assert schemas.schema("AWS::Coffee::Machine", REGION) is None


def test_a_region_without_a_copy_falls_back_to_the_one_with_every_type() -> None:
    assert "AWS::S3::Bucket" in schemas.types("xx-nowhere-1")


BUDGET = {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "10", "Unit": "USD"}}


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (BUDGET, []),
        ({**BUDGET, "Colour": "red"}, ["#/Budget: extraneous key [Colour] is not permitted"]),
        ({"TimeUnit": "MONTHLY"}, ["#/Budget: required key [BudgetType] not found"]),
        ({**BUDGET, "BudgetLimit": []}, ["#/Budget/BudgetLimit: expected type: object, found: list"]),
        (
            {**BUDGET, "BudgetLimit": {"Amount": "much", "Unit": "USD"}},
            ["#/Budget/BudgetLimit/Amount: expected type: number, found: str"],
        ),
    ],
)
def test_properties_are_checked_at_every_depth(budget: dict[str, Any], told: list[str]) -> None:
    assert problems("AWS::Budgets::Budget", {"Budget": budget}) == told


def test_an_enumeration_names_what_is_allowed() -> None:
    schema = schemas.Schema("T", {"properties": {"Mode": {"type": "string", "enum": ["a", "b"]}}})
    told = ["#/Mode: c is not a valid enum value; one of ['a', 'b']"]
    assert schema_check.problems(schema, {"Mode": "c"}) == told


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("integer", "7", True),
        ("integer", "7.5", False),
        ("number", "7.5", True),
        ("boolean", "true", True),
        ("boolean", "yes", False),
        ("integer", True, False),
        ("string", 7, True),
        ("object", '{"Version": "2012-10-17"}', True),
        ("array", "a,b", False),
    ],
)
def test_a_template_may_give_scalars_as_text(kind: str, value: object, fits: bool) -> None:
    schema = schemas.Schema("T", {"properties": {"P": {"type": kind}}})
    assert (schema_check.problems(schema, {"P": value}) == []) is fits


def test_a_recorded_resource_is_stored_until_it_is_deleted(ctx: Context) -> None:
    budget = Recorded("AWS::Budgets::Budget")
    ref, _ = budget.create(ctx, lambda _limit: "stack-Budget-1", {"Budget": BUDGET})
    (row,) = store.table("recorded_resources").values()
    assert row["Properties"] == {"Budget": BUDGET}
    changed = {"Budget": {**BUDGET, "TimeUnit": "DAILY"}}
    assert budget.update(ctx, ref, {"Budget": BUDGET}, changed)[0] == ref
    (row,) = store.table("recorded_resources").values()
    assert row["Properties"] == changed
    budget.delete(ctx, ref, changed)
    assert len(store.table("recorded_resources")) == 0


def test_ref_of_several_identifiers_joins_them(ctx: Context) -> None:
    properties = {"DomainId": "d-1", "SpaceName": "loans"}
    ref, attributes = Recorded("AWS::SageMaker::Space").create(ctx, lambda _: "n", properties)
    assert ref == "d-1|loans"
    assert attributes["SpaceArn"].startswith("arn:aws:")


def test_attributes_are_the_same_for_the_same_resource(ctx: Context) -> None:
    vpc = Recorded("AWS::EC2::VPC")
    assert vpc.create(ctx, lambda _: "n", {"CidrBlock": "10.0.0.0/16"}) == vpc.create(
        ctx, lambda _: "n", {"CidrBlock": "10.0.0.0/16"}
    )


def test_create_only_properties_are_known_without_reading_every_schema() -> None:
    create_only = Recorded("AWS::SageMaker::FeatureGroup").create_only
    assert "FeatureGroupName" in create_only
    assert "FeatureDefinitions" not in create_only


def test_a_type_that_is_recorded_is_said_so_once(ctx: Context, caplog: pytest.LogCaptureFixture) -> None:
    recorded._logged.discard("AWS::Budgets::Budget")
    caplog.set_level("INFO", logger="local_aws.recorded")
    for name in ("one", "two"):
        Recorded("AWS::Budgets::Budget").create(ctx, lambda _, name=name: name, {"Budget": BUDGET})
    assert [record.message for record in caplog.records] == [
        "AWS::Budgets::Budget is recorded: checked and stored, not emulated"
    ]
