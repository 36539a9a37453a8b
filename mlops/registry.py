"""Versions in the model registry: find one, list the newest, approve, reject."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops.aws import is_missing
from mlops.errors import CommandError
from mlops.people import APPROVED_BY, as_metadata

STRATEGY = "release_strategy"
"""Metadata of a version: "replace" lets it skip shadow and challenger."""

NEWEST = 100
"""How many versions a look at the registry covers: one page."""


@dataclass(frozen=True)
class Version:
    """A version as the registry lists it."""

    package: str
    number: int
    approval: str
    status: str


def newest(sagemaker: Any, group: str) -> list[Version]:
    """The newest versions, newest first; raises CommandError if there is no such group."""
    try:
        # The order is given: ListModelPackages sorts the oldest first when it is not.
        listed = sagemaker.list_model_packages(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=NEWEST
        )["ModelPackageSummaryList"]
    except ClientError as error:
        _explain_missing(error, group)
        raise
    return [
        Version(item["ModelPackageArn"], item["ModelPackageVersion"], item["ModelApprovalStatus"],
                item["ModelPackageStatus"])
        for item in listed
    ]  # fmt: skip


def version(sagemaker: Any, group: str, number: int) -> dict[str, Any]:
    """DescribeModelPackage's answer for one version; raises CommandError, naming the newest, if it does not exist."""
    try:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    except ClientError as error:
        _explain_missing(error, group)
        raise
    package = f"{arn.replace(':model-package-group/', ':model-package/')}/{number}"
    try:
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=package)
    except ClientError as error:
        if not is_missing(error):
            raise
        known = newest(sagemaker, group)
        what = f"the newest is {known[0].number}" if known else "it has none; run the training pipeline first"
        raise CommandError(f"version {number} of {_name(group)}: does not exist; {what}") from error
    return found


def approved(sagemaker: Any, group: str, number: int) -> dict[str, Any]:
    """As `version`, and CommandError unless it can be released."""
    found = version(sagemaker, group, number)
    if (status := found["ModelPackageStatus"]) != "Completed":
        raise CommandError(f"version {number} of {_name(group)}: its registration is {status}; use a Completed one")
    if (approval := found["ModelApprovalStatus"]) != "Approved":
        raise CommandError(
            f"version {number} of {_name(group)}: is {approval}; approve it first: mlops approve {number}"
        )
    return found


def approve(sagemaker: Any, package: Mapping[str, Any], *, reason: str, by: str, strategy: str | None) -> None:
    """Approve a version and note who did; `strategy` is that of this approval, not of an earlier one."""
    metadata = {APPROVED_BY: as_metadata(by)} | ({STRATEGY: strategy} if strategy else {})
    stale = not strategy and STRATEGY in package.get("CustomerMetadataProperties", {})
    sagemaker.update_model_package(
        ModelPackageArn=package["ModelPackageArn"],
        ModelApprovalStatus="Approved",
        ApprovalDescription=reason,
        CustomerMetadataProperties=metadata,
        **({"CustomerMetadataPropertiesToRemove": [STRATEGY]} if stale else {}),
    )


def reject(sagemaker: Any, package: Mapping[str, Any], *, reason: str) -> None:
    sagemaker.update_model_package(
        ModelPackageArn=package["ModelPackageArn"], ModelApprovalStatus="Rejected", ApprovalDescription=reason
    )


def _explain_missing(error: ClientError, group: str) -> None:
    if is_missing(error):
        raise CommandError(
            f"model package group {_name(group)}: does not exist; deploy the model's stacks first"
        ) from error


def _name(group: str) -> str:
    """A group in another account is known by its ARN."""
    return group.rpartition("/")[2]
