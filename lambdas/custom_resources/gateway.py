"""What is emptied or closed, how the stack is, where the answer goes: the only module that reaches AWS and the network.

Emptying is a generator that yields after each batch what is done so far, so that the caller can watch the
time; what was deleted stays deleted, so a later run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from request import BUCKET
from security_group import closing
from shared import environment, response_url

BATCH = 1000  # objects in a DeleteObjects call, and in a page of ListObjectVersions

_GONE = ("NoSuchBucket", "ResourceNotFound", "ResourceNotFoundException")


class EmptyingError(Exception):
    """Something in the bucket or group could not be deleted."""


@cache
def client(service: str) -> Any:
    """Made at its first use, and kept while the execution environment lives."""
    return environment.client(service)


def empty(kind: str, name: str) -> Iterator[int]:
    """Delete everything in it; yields the number deleted so far. A thing that does not exist is empty.

    Raises EmptyingError naming the first thing that was refused, and botocore's ClientError.
    """
    deleted = 0
    try:
        for batch in (_empty_bucket if kind == BUCKET else _empty_group)(name):
            deleted += batch
            yield deleted
    except ClientError as error:
        if not _is_gone(error):
            raise


def _empty_bucket(name: str) -> Iterator[int]:
    """All versions and delete markers, so that nothing is left that would keep the bucket from deletion.

    Each list starts anew: what it finds is what is left, and no marker names a version that is gone.
    """
    s3 = client("s3")
    while True:
        page = s3.list_object_versions(Bucket=name, MaxKeys=BATCH)
        found = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if not found:
            return
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": found, "Quiet": True})
        if errors := answer.get("Errors"):
            first = errors[0]
            raise EmptyingError(
                f"{len(errors)} of {len(found)} objects were not deleted, first "
                f"{first.get('Key')!r}: {first.get('Code')}: {first.get('Message')}"
            )
        yield len(found)


def _empty_group(name: str) -> Iterator[int]:
    """All versions of a model package group, oldest first.

    The list is read to its end before anything is deleted: its pages would shift below the reader.
    """
    sagemaker = client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=name,
        SortBy="CreationTime",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 100},
    )
    for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
        try:
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
        except ClientError as error:
            if not _is_gone(error):
                raise
        yield 1


def close(group_id: str) -> None:
    """Take all rules from a security group; raises botocore's ClientError."""
    ec2 = client("ec2")
    [group] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    for method, rules in closing(group).items():
        getattr(ec2, method)(GroupId=group_id, IpPermissions=rules)


def is_rolled_back(stack_id: str) -> bool:
    """Whether the stack is on its way back from an update that failed."""
    [stack] = client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    return "ROLLBACK" in stack["StackStatus"]


def _is_gone(error: ClientError) -> bool:
    answer = error.response["Error"]
    return answer["Code"] in _GONE or "does not exist" in answer.get("Message", "")


def send(url: str, body: bytes) -> None:
    """Answer CloudFormation; raises OSError when that cannot be delivered."""
    response_url.put(url, body, schemes=("https", "http"))  # the local AWS has no certificate
