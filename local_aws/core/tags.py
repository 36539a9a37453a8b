"""Tags of SageMaker resources: AddTags, ListTags, DeleteTags.

Every resource that can be tagged calls `set_tags` when it is made, with an empty list too: an ARN that
has no row here does not exist.
"""

from __future__ import annotations

from typing import Any

from local_aws.core import store
from local_aws.core.api import Context, operation
from local_aws.core.errors import ValidationException

Tag = dict[str, str]
_MOST = 50
_table = store.table("tags")


def _key(arn: str) -> store.Key:
    parts = arn.split(":", 5)
    if len(parts) != 6:
        raise ValidationException(f"Invalid ARN: {arn}")
    return parts[4], parts[3], arn


def set(arn: str, tags: list[Tag] | None) -> None:
    """Replace the tags of `arn`, and make it taggable."""
    _table[_key(arn)] = {"Tags": _merged([], tags or [])}


def get(arn: str) -> list[Tag]:
    """The tags of `arn`, in the order they were added; empty where it has none."""
    row = _table.get(_key(arn))
    return [dict(tag) for tag in row["Tags"]] if row else []


def remove(arn: str) -> None:
    """Forget the tags of a deleted resource."""
    _table.pop(_key(arn), None)


def _merged(tags: list[Tag], more: list[Tag]) -> list[Tag]:
    merged = {tag["Key"]: tag["Value"] for tag in [*tags, *more]}
    if len(merged) > _MOST:
        raise ValidationException(f"Too many tags: {len(merged)}; a resource can have at most {_MOST}.")
    return [{"Key": key, "Value": value} for key, value in merged.items()]


def _row(ctx: Context, arn: str) -> store.Row:
    row = _table.get(_key(arn)) if _key(arn)[0] == ctx.account else None
    if row is None:
        raise ValidationException(f"Could not find resource with ARN {arn}.")
    return row


@operation("AddTags")
def add_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Add tags, or give those of the same key a new value."""
    with store.lock:
        row = _row(ctx, params["ResourceArn"])
        row["Tags"] = _merged(row["Tags"], params["Tags"])
        return {"Tags": get(params["ResourceArn"])}


@operation("DeleteTags")
def delete_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Remove the tags with the given keys; a key that is not there is no error."""
    with store.lock:
        row = _row(ctx, params["ResourceArn"])
        row["Tags"] = [tag for tag in row["Tags"] if tag["Key"] not in params["TagKeys"]]
        return {}


@operation("ListTags")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """All tags of a resource; at most 50, so there is one page."""
    return {"Tags": [dict(tag) for tag in _row(ctx, params["ResourceArn"])["Tags"]]}
