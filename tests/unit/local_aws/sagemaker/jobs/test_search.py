"""Search as boto3's users know it."""

import pytest

from local_aws.core.api import ValidationException

from .conftest import IMAGE

SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"}]}


@pytest.fixture
def find(call):
    for group, team in (("loans", "risk"), ("cards", "growth")):
        call("CreateModelPackageGroup", ModelPackageGroupName=group)
        for number in (1, 2, 3):
            call(
                "CreateModelPackage",
                ModelPackageGroupName=group,
                InferenceSpecification=SPECIFICATION,
                CustomerMetadataProperties={"auc": f"0.{number}"},
                Tags=[{"Key": "team", "Value": team}],
                ModelApprovalStatus="Approved" if number == 2 else "Rejected",
            )

    def run(*filters, **params):
        expression = params.pop("expression", {})
        if filters:
            named = [dict(zip(("Name", "Operator", "Value"), item, strict=False)) for item in filters]
            expression = {**expression, "Filters": named}
        answer = call("Search", Resource="ModelPackage", SearchExpression=expression, **params)
        found = [item["ModelPackage"] for item in answer["Results"]]
        return [(item["ModelPackageGroupName"], item["ModelPackageVersion"]) for item in found]

    return run


LOANS = ("ModelPackageGroupName", "Equals", "loans")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([LOANS], [("loans", 3), ("loans", 2), ("loans", 1)]),
        ([LOANS, ("ModelApprovalStatus", "Equals", "Approved")], [("loans", 2)]),
        ([LOANS, ("ModelPackageVersion", "GreaterThan", "1")], [("loans", 3), ("loans", 2)]),
        ([("Tags.team", "Equals", "growth"), ("ModelPackageVersion", "Equals", "1")], [("cards", 1)]),
        ([LOANS, ("CustomerMetadataProperties.auc", "In", "0.1, 0.9")], [("loans", 1)]),
        ([("ModelPackageGroupName", "Contains", "car"), ("ModelPackageVersion", "Equals", "3")], [("cards", 3)]),
        ([LOANS, ("CustomerMetadataProperties.ks", "Exists")], []),
        ([LOANS, ("CreationTime", "LessThan", "2001-01-01")], []),
        ([LOANS, ("ModelApprovalStatus", "NotEquals", "Rejected")], [("loans", 2)]),
    ],
)
def test_filters(find, filters, expected):
    assert find(*filters) == expected


def test_sorting_and_paging(find, call):
    assert find(LOANS, SortBy="ModelPackageVersion", SortOrder="Ascending") == [
        ("loans", 1),
        ("loans", 2),
        ("loans", 3),
    ]
    answer = call("Search", Resource="ModelPackage", MaxResults=4)
    assert answer["TotalHits"]["Value"] == 6
    rest = call("Search", Resource="ModelPackage", MaxResults=4, NextToken=answer["NextToken"])
    assert len(rest["Results"]) == 2


def test_expressions_can_be_alternatives(find):
    either = {"Operator": "Or", "SubExpressions": [{"Filters": [{"Name": "ModelPackageVersion", "Value": "3"}]}]}
    found = find(("ModelPackageVersion", "Equals", "1"), expression=either)
    assert sorted(found) == [("cards", 1), ("cards", 3), ("loans", 1), ("loans", 3)]


def test_nested_filters_look_at_one_element(find):
    nested = [{"NestedPropertyName": "Tags", "Filters": [{"Name": "Tags.Value", "Value": "risk"}]}]
    assert {group for group, _ in find(expression={"NestedFilters": nested})} == {"loans"}


def test_other_resources_are_refused(call, s3):
    with pytest.raises(ValidationException, match="Search of FeatureGroup is not emulated"):
        call("Search", Resource="FeatureGroup")
