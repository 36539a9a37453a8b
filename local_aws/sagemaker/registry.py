"""Model packages: the versions of the model registry, their approval and the events that tell of it.

Only versioned packages (in a group) are emulated; an unversioned one is refused. Event shapes: AWS documentation,
"Events that Amazon SageMaker AI sends to Amazon EventBridge", SageMaker model package state change. Versions of
another account's group are found by their ARN under the group's policy (`sharing`); the account that owns them gets
their events.
"""

import hashlib
from typing import Any

from local_aws.core import events, listing, store, tags
from local_aws.core.api import AwsError, ConflictException, Context, ValidationException, operation
from local_aws.sagemaker import package_groups, sharing, times, user_context

Row = dict[str, Any]

_packages = store.table("model-packages")
_MOST_METADATA = 50
_EVENT_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
    "LastModifiedTime",
)
# What UpdateModelPackage simply replaces.
_REPLACED = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


def package(ctx: Context, name_or_arn: str) -> Row:
    """The row of a package by its ARN ("…:model-package/<group>/<version>") or "<group>/<version>"."""
    name = name_or_arn.split(":model-package/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
    row = _packages.get((ctx.account, ctx.region, name))
    if row is None or (name_or_arn.startswith("arn:") and row["ModelPackageArn"] != name_or_arn):
        arn = name_or_arn if name_or_arn.startswith("arn:") else ctx.arn(f"model-package/{name}")
        raise ValidationException(f"ModelPackage {arn} does not exist.")
    return row


def shared(ctx: Context, name_or_arn: str, action: str, params: Row | None = None) -> tuple[Context, Row]:
    """The package with its owner, for an action that the policy of its group lets the caller do with these members.

    Errors: AwsError (AccessDeniedException) where it is another account's and the policy does not allow it;
    ValidationException where the own account has no such package."""
    of = sharing.owner(ctx, name_or_arn)
    name = name_or_arn.split(":model-package/", 1)[-1]
    policy = package_groups.policy(of, name.partition("/")[0])
    sharing.check(ctx, of, policy, action, of.arn(f"model-package/{name}"), keys=_condition_keys(params or {}))
    return of, package(of, name_or_arn)


def _condition_keys(params: Row) -> Row:
    """What a policy can ask of a change (service authorization reference, SageMaker: UpdateModelPackage)."""
    members = ("ModelApprovalStatus", "CustomerMetadataPropertiesToRemove")
    keys = {f"sagemaker:{member}".lower(): params[member] for member in members if params.get(member)}
    given = params.get("CustomerMetadataProperties", {})
    return keys | {f"sagemaker:CustomerMetadataProperties/{key}".lower(): value for key, value in given.items()}


@operation("CreateModelPackage")
def create_model_package(caller: Context, params: Row) -> Row:
    _check_versioned(params)
    with store.lock:
        ctx, _ = package_groups.shared(caller, params["ModelPackageGroupName"], "CreateModelPackage")
        if made := _made_with(ctx, params):
            return {"ModelPackageArn": made["ModelPackageArn"]}
        group, version = package_groups.next_version(ctx, params["ModelPackageGroupName"])
        arn, now = ctx.arn(f"model-package/{group}/{version}"), store.now()
        row = {key: value for key, value in params.items() if key not in ("Tags", "ClientToken")}
        row |= {
            "ModelPackageGroupName": group,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": user_context.current(),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": params.get("CertifyForMarketplace", False),
            "ModelApprovalStatus": params.get("ModelApprovalStatus", "PendingManualApproval"),
            "_ClientToken": params.get("ClientToken"),
        }
        if "InferenceSpecification" in row:
            row["InferenceSpecification"] = _with_digests(row["InferenceSpecification"])
        _packages[ctx.account, ctx.region, f"{group}/{version}"] = row
        tags.set(arn, params.get("Tags"))
    _tell(ctx, row, None)
    return {"ModelPackageArn": arn}


@operation("DescribeModelPackage")
def describe_model_package(ctx: Context, params: Row) -> Row:
    return shared(ctx, params["ModelPackageName"], "DescribeModelPackage")[1]


@operation("UpdateModelPackage")
def update_model_package(caller: Context, params: Row) -> Row:
    with store.lock:
        ctx, row = shared(caller, params["ModelPackageArn"], "UpdateModelPackage", params)
        after = {**row, **_changes(row, params)}
        updated = [key for key in after if after[key] != row.get(key)]
        after |= {"LastModifiedTime": store.now(), "LastModifiedBy": user_context.current()}
        name = f"{row['ModelPackageGroupName']}/{row['ModelPackageVersion']}"
        _packages[ctx.account, ctx.region, name] = after
    _tell(ctx, after, updated)
    return {"ModelPackageArn": row["ModelPackageArn"]}


@operation("DeleteModelPackage")
def delete_model_package(caller: Context, params: Row) -> Row:
    with store.lock:
        ctx, row = shared(caller, params["ModelPackageName"], "DeleteModelPackage")
        del _packages[ctx.account, ctx.region, f"{row['ModelPackageGroupName']}/{row['ModelPackageVersion']}"]
        tags.remove(row["ModelPackageArn"])
    return {}


@operation("ListModelPackages")
def list_model_packages(ctx: Context, params: Row) -> Row:
    rows = _packages.rows(ctx.account, ctx.region)
    if "ModelPackageGroupName" in params:
        of, group = package_groups.shared(ctx, params["ModelPackageGroupName"], "ListModelPackages")
        name = group["ModelPackageGroupName"]
        rows = [row for row in _packages.rows(of.account, of.region) if row["ModelPackageGroupName"] == name]
    elif params.get("ModelPackageType", "Unversioned") == "Unversioned":
        rows = []  # AWS's default without a group: unversioned packages only, and there are none here
    return listing.page(
        rows,
        params,
        key="ModelPackageSummaryList",
        sort={
            "Name": lambda row: [row["ModelPackageGroupName"], row["ModelPackageVersion"]],
            "CreationTime": lambda row: row["CreationTime"],
        },
        default_sort="CreationTime",
        default_order="Ascending",
        filters={
            "ModelApprovalStatus": lambda row, status: row["ModelApprovalStatus"] == status,
            "NameContains": lambda row, text: text.lower() in row["ModelPackageGroupName"].lower(),
        },
    )


@operation("BatchDescribeModelPackage")
def batch_describe_model_package(ctx: Context, params: Row) -> Row:
    found: Row = {}
    missing: Row = {}
    for arn in params["ModelPackageArnList"]:
        try:
            found[arn] = shared(ctx, arn, "DescribeModelPackage")[1]
        except AwsError as error:
            missing[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": missing}


def _check_versioned(params: Row) -> None:
    if "ModelPackageGroupName" in params and "ModelPackageName" in params:
        raise ValidationException(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if "ModelPackageGroupName" not in params:
        raise ValidationException(
            "ModelPackageName: unversioned model packages are not emulated by the local AWS; "
            "give a ModelPackageGroupName."
        )


def _made_with(ctx: Context, params: Row) -> Row | None:
    """The package that an earlier request with the same client token made."""
    token = params.get("ClientToken")
    if token is None:
        return None
    name = package_groups.name_of(params["ModelPackageGroupName"])
    for row in _packages.rows(ctx.account, ctx.region):
        if row.get("_ClientToken") == token:
            if row["ModelPackageGroupName"] != name:
                raise ConflictException(f"ClientToken {token} was used with another ModelPackageGroupName.")
            return row
    return None


def _with_digests(specification: Row) -> Row:
    return {**specification, "Containers": [_with_digest(item) for item in specification.get("Containers", [])]}


def _with_digest(container: Row) -> Row:
    """AWS resolves an image to its digest in ECR; here, where no image is kept, the digest is that of its name."""
    image = container.get("Image")
    if image is None or "ImageDigest" in container:
        return container
    name, _, pinned = image.partition("@")
    return {**container, "ImageDigest": pinned or f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"}


def _changes(row: Row, params: Row) -> Row:
    changes = {key: params[key] for key in _REPLACED if key in params}
    if "InferenceSpecification" in params:
        changes["InferenceSpecification"] = _with_digests(params["InferenceSpecification"])
    if added := params.get("AdditionalInferenceSpecificationsToAdd"):
        changes["AdditionalInferenceSpecifications"] = _added(row, added)
    if "CustomerMetadataProperties" in params or "CustomerMetadataPropertiesToRemove" in params:
        changes["CustomerMetadataProperties"] = _metadata(row, params) or None
    return changes


def _added(row: Row, added: list[Row]) -> list[Row]:
    before: list[Row] = row.get("AdditionalInferenceSpecifications", [])
    taken = {item["Name"] for item in before} & {item["Name"] for item in added}
    if taken:
        raise ValidationException(f"AdditionalInferenceSpecifications already has: {', '.join(sorted(taken))}.")
    return before + [_with_digests(item) for item in added]


def _metadata(row: Row, params: Row) -> dict[str, str]:
    merged = {**row.get("CustomerMetadataProperties", {}), **params.get("CustomerMetadataProperties", {})}
    for key in params.get("CustomerMetadataPropertiesToRemove", []):
        merged.pop(key, None)
    if len(merged) > _MOST_METADATA:
        raise ValidationException(
            f"CustomerMetadataProperties: {len(merged)} entries; a model package can have at most {_MOST_METADATA}."
        )
    return merged


def _tell(ctx: Context, row: Row, updated: list[str] | None) -> None:
    detail = {key: row[key] for key in _EVENT_MEMBERS if key in row}
    for key in ("CreationTime", "LastModifiedTime"):
        detail[key] = times.seconds(row[key])
    if updated is not None:
        detail["UpdatedModelPackageFields"] = updated
    events.emit(ctx, "SageMaker Model Package State Change", detail, [row["ModelPackageArn"]])
