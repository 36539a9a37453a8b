"""Model cards: what makes a version, what does not, orders, errors and exports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.core.api import ConflictException, ResourceNotFound, ValidationException


def described(text: str) -> str:
    return json.dumps({"model_overview": {"model_description": text}})


def test_a_card_is_described_as_it_was_made(call):
    security = {"KmsKeyId": "alias/cards"}
    given = {"ModelCardName": "loans-v1", "Content": described("first"), "ModelCardStatus": "Draft"}
    made = call("CreateModelCard", **given, SecurityConfig=security, Tags=[{"Key": "model", "Value": "loans"}])
    found = call("DescribeModelCard", ModelCardName=made["ModelCardArn"])
    assert {key: found[key] for key in given} == given
    assert (found["ModelCardVersion"], found["SecurityConfig"]) == (1, security)
    assert found["ModelCardArn"] == "arn:aws:sagemaker:eu-west-1:111122223333:model-card/loans-v1"
    assert call("ListTags", ResourceArn=made["ModelCardArn"])["Tags"] == [{"Key": "model", "Value": "loans"}]
    assert call("DescribeModelCard", ModelCardName="loans-v1", IncludedData="MetadataOnly")["Content"] == ""
    with pytest.raises(ConflictException, match="already exists"):
        call("CreateModelCard", **given)


def test_a_change_of_content_makes_a_version_and_one_of_status_does_not(call, card):
    call("UpdateModelCard", ModelCardName=card, ModelCardStatus="PendingReview")
    call("UpdateModelCard", ModelCardName=card, Content=described("second"))
    call("UpdateModelCard", ModelCardName=card, ModelCardStatus="Approved")
    versions = call("ListModelCardVersions", ModelCardName=card)["ModelCardVersionSummaryList"]
    assert [(row["ModelCardVersion"], row["ModelCardStatus"]) for row in versions] == [
        (2, "Approved"),
        (1, "PendingReview"),
    ]
    newest, first = (call("DescribeModelCard", ModelCardName=card, **which) for which in ({}, {"ModelCardVersion": 1}))
    assert (json.loads(newest["Content"]), newest["ModelCardVersion"]) == (json.loads(described("second")), 2)
    assert json.loads(first["Content"]) == json.loads(described("first"))
    assert first["CreationTime"] == newest["CreationTime"] < newest["LastModifiedTime"]
    [approved] = call("ListModelCardVersions", ModelCardName=card, ModelCardStatus="Approved")[
        "ModelCardVersionSummaryList"
    ]
    assert approved["ModelCardVersion"] == 2


@pytest.mark.parametrize("params", [{}, {"Content": described("x"), "ModelCardStatus": "Approved"}])
def test_content_and_status_change_one_at_a_time(call, card, params):
    with pytest.raises(ValidationException, match="cannot update both"):
        call("UpdateModelCard", ModelCardName=card, **params)


def test_an_archived_card_keeps_its_content_until_it_is_taken_back(call, card):
    call("UpdateModelCard", ModelCardName=card, ModelCardStatus="Archived")
    with pytest.raises(ConflictException, match="Model Card is in Archived state"):
        call("UpdateModelCard", ModelCardName=card, Content=described("late"))
    call("UpdateModelCard", ModelCardName=card, ModelCardStatus="Draft")
    call("UpdateModelCard", ModelCardName=card, Content=described("late"))


def test_a_deleted_card_takes_versions_and_exports_along(call, card, s3):
    call("UpdateModelCard", ModelCardName=card, Content=described("second"))
    job = export(call, card)["ModelCardExportJobArn"]
    call("DeleteModelCard", ModelCardName=card)
    for operation, params in (
        ("DescribeModelCard", {"ModelCardName": card}),
        ("UpdateModelCard", {"ModelCardName": card, "ModelCardStatus": "Draft"}),
        ("ListModelCardVersions", {"ModelCardName": card}),
        ("DescribeModelCardExportJob", {"ModelCardExportJobArn": job}),
        ("DeleteModelCard", {"ModelCardName": card}),
    ):
        with pytest.raises(ResourceNotFound, match="does not exist"):
            call(operation, **params)
    assert list(s3.objects) == ["s3://bucket/cards/loans-v1/export-1.pdf"]
    call("CreateModelCard", ModelCardName=card, Content=described("again"), ModelCardStatus="Draft")
    assert call("DescribeModelCard", ModelCardName=card)["ModelCardVersion"] == 1


def test_cards_are_listed_newest_first_by_name_and_status(call):
    for name, status in (("loans-v1", "Archived"), ("loans-v2", "Approved"), ("homes-v1", "Approved")):
        call("CreateModelCard", ModelCardName=name, Content="{}", ModelCardStatus=status)

    def names(**params: Any) -> list[str]:
        return [row["ModelCardName"] for row in call("ListModelCards", **params)["ModelCardSummaries"]]

    assert names() == ["homes-v1", "loans-v2", "loans-v1"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["homes-v1", "loans-v1", "loans-v2"]
    assert names(NameContains="loans", ModelCardStatus="Approved") == ["loans-v2"]


def export(
    call: Any, card: str, job: str = "export-1", path: str = "s3://bucket/cards/", **more: Any
) -> dict[str, Any]:
    given = {"ModelCardName": card, "ModelCardExportJobName": job, "OutputConfig": {"S3OutputPath": path}}
    made = call("CreateModelCardExportJob", **given, **more)
    return call("DescribeModelCardExportJob", **made)


def test_an_export_is_a_pdf_below_the_cards_name(call, card, s3):
    job = export(call, card)
    assert job["Status"] == "Completed"
    assert job["ModelCardExportJobArn"].endswith(":model-card/loans-v1/export-job/export-1")
    uri = job["ExportArtifacts"]["S3ExportArtifacts"]
    assert uri == "s3://bucket/cards/loans-v1/export-1.pdf"
    assert s3.objects[uri].startswith(b"%PDF-1.4")
    with pytest.raises(ConflictException, match="already exists"):
        export(call, card)


def test_an_export_takes_the_version_that_is_asked_for(call, card, s3):
    call("UpdateModelCard", ModelCardName=card, Content=described("second"))
    assert export(call, card, "newest")["ModelCardVersion"] == 2
    assert export(call, card, "first", ModelCardVersion=1)["ModelCardVersion"] == 1
    with pytest.raises(ResourceNotFound, match="version 3 does not exist"):
        export(call, card, "third", ModelCardVersion=3)
    listed = call("ListModelCardExportJobs", ModelCardName=card, ModelCardVersion=1)["ModelCardExportJobSummaries"]
    assert [row["ModelCardExportJobName"] for row in listed] == ["first"]


def test_an_export_that_cannot_be_written_fails_with_its_reason(call, card, s3):
    job = export(call, card, path="s3://elsewhere/cards")
    assert job["Status"] == "Failed"
    assert "NoSuchBucket" in job["FailureReason"]
    assert "ExportArtifacts" not in job
    [listed] = call("ListModelCardExportJobs", ModelCardName=card, StatusEquals="Failed")["ModelCardExportJobSummaries"]
    assert listed["ModelCardExportJobName"] == "export-1"
