"""Model package groups of the registry and their resource policies.

What takes a name takes an ARN too, of another account where that group's policy allows it (`sharing`).
"""

import json
from typing import Any

from local_aws.core import listing, store, tags
from local_aws.core.api import ConflictException, Context, ValidationException, operation
from local_aws.sagemaker import sharing

Row = dict[str, Any]

_groups = store.table("model-package-groups")
_KIND = "model-package-group"


def name_of(name_or_arn: str) -> str:
    """The group's name from its name or ARN; an ARN of another kind names no group."""
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    kind, _, name = name_or_arn.split(":", 5)[-1].partition("/")
    if kind != _KIND:
        raise ValidationException(f"Invalid model package group ARN: {name_or_arn}")
    return name


def group(ctx: Context, name_or_arn: str) -> Row:
    """The own group's row; ValidationException where there is none, as SageMaker answers."""
    name = name_of(name_or_arn)
    row = _groups.get(_key(ctx, name))
    if row is None or sharing.owner(ctx, name_or_arn) != ctx:
        raise ValidationException(f"ModelPackageGroup {ctx.arn(f'{_KIND}/{name}')} does not exist.")
    return row


def exists(ctx: Context, name_or_arn: str) -> bool:
    """Whether there is such a group, in the account that an ARN names."""
    return _key(sharing.owner(ctx, name_or_arn), name_of(name_or_arn)) in _groups


def shared(ctx: Context, name_or_arn: str, action: str) -> tuple[Context, Row]:
    """The group with its owner, for an action that its policy lets the caller do.

    Errors: AwsError (AccessDeniedException) where it is another account's and the policy does not allow it;
    ValidationException where the own account has no such group."""
    of, name = sharing.owner(ctx, name_or_arn), name_of(name_or_arn)
    # The guide's policies name the group or its versions for an action on either.
    sharing.check(ctx, of, policy(of, name), action, of.arn(f"{_KIND}/{name}"), of.arn(f"model-package/{name}/*"))
    return of, group(of, name)


def policy(ctx: Context, name: str) -> str | None:
    """The resource policy of a group of `ctx`, as JSON text; None where there is none, or no group."""
    text = (_groups.get(_key(ctx, name)) or {}).get("_ResourcePolicy")
    return None if text is None else str(text)


def next_version(ctx: Context, name_or_arn: str) -> tuple[str, int]:
    """The group's name and a version number that no package of it ever had."""
    with store.lock:
        row = group(ctx, name_or_arn)
        version = row["_LastVersion"] + 1
        _groups[_key(ctx, row["ModelPackageGroupName"])] = {**row, "_LastVersion": version}
    return row["ModelPackageGroupName"], version


@operation("CreateModelPackageGroup")
def create_model_package_group(ctx: Context, params: Row) -> Row:
    name = params["ModelPackageGroupName"]
    arn = ctx.arn(f"{_KIND}/{name}")
    with store.lock:
        if exists(ctx, name):
            raise ValidationException(f"Model Package Group already exists: {arn}")
        row = {key: value for key, value in params.items() if key != "Tags"}
        row |= {
            "ModelPackageGroupArn": arn,
            "CreationTime": store.now(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
            "_LastVersion": 0,
        }
        _groups[_key(ctx, name)] = row
        tags.set(arn, params.get("Tags"))
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe_model_package_group(ctx: Context, params: Row) -> Row:
    return shared(ctx, params["ModelPackageGroupName"], "DescribeModelPackageGroup")[1]


@operation("ListModelPackageGroups")
def list_model_package_groups(ctx: Context, params: Row) -> Row:
    return listing.page(
        _groups.rows(ctx.account, ctx.region),
        params,
        key="ModelPackageGroupSummaryList",
        sort={"Name": lambda row: row["ModelPackageGroupName"], "CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Ascending",
        filters={"CrossAccountFilterOption": lambda _row, option: option == "SameAccount"},
    )


@operation("DeleteModelPackageGroup")
def delete_model_package_group(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = group(ctx, params["ModelPackageGroupName"])
        name, arn = row["ModelPackageGroupName"], row["ModelPackageGroupArn"]
        packages = store.table("model-packages").rows(ctx.account, ctx.region)
        if any(package["ModelPackageGroupName"] == name for package in packages):
            raise ConflictException(
                f"Model Package Group {arn} cannot be deleted because it still contains model packages."
            )
        del _groups[_key(ctx, name)]
        tags.remove(arn)
    return {}


@operation("PutModelPackageGroupPolicy")
def put_model_package_group_policy(ctx: Context, params: Row) -> Row:
    try:
        json.loads(params["ResourcePolicy"])
    except ValueError as error:
        raise ValidationException(f"ResourcePolicy is not a JSON document: {error}.") from error
    return _change(ctx, params["ModelPackageGroupName"], {"_ResourcePolicy": params["ResourcePolicy"]})


@operation("GetModelPackageGroupPolicy")
def get_model_package_group_policy(ctx: Context, params: Row) -> Row:
    row = group(ctx, params["ModelPackageGroupName"])
    if row.get("_ResourcePolicy") is None:
        raise ValidationException(f"Cannot find resource policy for: {row['ModelPackageGroupArn']}.")
    return {"ResourcePolicy": row["_ResourcePolicy"]}


@operation("DeleteModelPackageGroupPolicy")
def delete_model_package_group_policy(ctx: Context, params: Row) -> Row:
    _change(ctx, params["ModelPackageGroupName"], {"_ResourcePolicy": None})
    return {}


def _change(ctx: Context, name: str, changes: Row) -> Row:
    with store.lock:
        row = group(ctx, name)
        _groups[_key(ctx, name)] = {**row, **changes}
    return {"ModelPackageGroupArn": row["ModelPackageGroupArn"]}


def _key(ctx: Context, name: str) -> store.Key:
    return ctx.account, ctx.region, name
