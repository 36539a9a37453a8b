"""Model cards and their versions.

A change of the content makes a version, a change of the status does not (developer guide, model-cards: "Any edits
other than an approval status update made to a model card result in additional model card versions"). The status is
that of the newest version; an earlier one keeps what it had. Errors: API reference of the operations; that the content
of an archived card cannot change, ModelPackageModelCard.
"""

from __future__ import annotations

from typing import Any

from local_aws.core import listing, store, tags
from local_aws.core.api import ConflictException, Context, ResourceNotFound, ValidationException, operation
from local_aws.sagemaker import model_cards_schema, user_context

Row = dict[str, Any]

_cards = store.table("model-cards")
_versions = store.table("model-card-versions")


def card(ctx: Context, name_or_arn: str) -> Row:
    """The card's row. Raises ResourceNotFound where there is none."""
    row = _cards.get(_key(ctx, name_or_arn.rpartition("/")[2]))
    if row is None or (name_or_arn.startswith("arn:") and row["ModelCardArn"] != name_or_arn):
        raise ResourceNotFound(f"Model card {name_or_arn} does not exist.")
    return row


def version(ctx: Context, name_or_arn: str, number: int | None) -> Row:
    """A version's row, by default of the newest. Raises ResourceNotFound where there is none."""
    row = card(ctx, name_or_arn)
    name, wanted = row["ModelCardName"], number if number is not None else row["_Newest"]
    found = _versions.get(_key(ctx, f"{name}/{wanted}"))
    if found is None:
        raise ResourceNotFound(f"Model card {name} version {wanted} does not exist.")
    return found


@operation("CreateModelCard")
def create_model_card(ctx: Context, params: Row) -> Row:
    model_cards_schema.check(params["Content"])
    name = params["ModelCardName"]
    arn = ctx.arn(f"model-card/{name}")
    with store.lock:
        if _key(ctx, name) in _cards:
            raise ConflictException(f"Model card {arn} already exists.")
        now, user = store.now(), user_context.current()
        row = {"ModelCardName": name, "ModelCardArn": arn, "CreationTime": now, "CreatedBy": user, "_Newest": 1}
        if "SecurityConfig" in params:
            row["SecurityConfig"] = params["SecurityConfig"]
        _cards[_key(ctx, name)] = row
        _add_version(ctx, row, 1, params["Content"], params["ModelCardStatus"])
        tags.set(arn, params.get("Tags"))
    return {"ModelCardArn": arn}


@operation("DescribeModelCard")
def describe_model_card(ctx: Context, params: Row) -> Row:
    row = card(ctx, params["ModelCardName"])
    found = {**version(ctx, params["ModelCardName"], params.get("ModelCardVersion")), **row}
    if params.get("IncludedData") == "MetadataOnly":
        found["Content"] = ""
    return found


@operation("UpdateModelCard")
def update_model_card(ctx: Context, params: Row) -> Row:
    content, status = params.get("Content"), params.get("ModelCardStatus")
    if (content is None) == (status is None):
        raise ValidationException(
            "Either Content or ModelCardStatus must be given: you cannot update both model card content and model card "
            "status in a single call."
        )
    if content is not None:
        model_cards_schema.check(content)
    with store.lock:
        row = card(ctx, params["ModelCardName"])
        newest = version(ctx, row["ModelCardName"], None)
        if content is None:
            changes = {"ModelCardStatus": status, "LastModifiedTime": store.now()}
            changes["LastModifiedBy"] = user_context.current()
            _versions[_key(ctx, f"{row['ModelCardName']}/{row['_Newest']}")] = {**newest, **changes}
        else:
            if newest["ModelCardStatus"] == "Archived":
                raise ConflictException(f"Model Card is in Archived state: {row['ModelCardArn']}.")
            number = row["_Newest"] + 1
            _cards[_key(ctx, row["ModelCardName"])] = {**row, "_Newest": number}
            _add_version(ctx, row, number, content, newest["ModelCardStatus"])
    return {"ModelCardArn": row["ModelCardArn"]}


@operation("DeleteModelCard")
def delete_model_card(ctx: Context, params: Row) -> Row:
    """All versions and export jobs go at once; on AWS it takes a while. What was exported stays."""
    with store.lock:
        row = card(ctx, params["ModelCardName"])
        name = row["ModelCardName"]
        for number in range(1, row["_Newest"] + 1):
            _versions.pop(_key(ctx, f"{name}/{number}"), None)
        jobs = store.table("model-card-export-jobs")
        for job in jobs.rows(ctx.account, ctx.region):
            if job["ModelCardName"] == name:
                jobs.pop(_key(ctx, job["ModelCardExportJobArn"]), None)
        del _cards[_key(ctx, name)]
        tags.remove(row["ModelCardArn"])
    return {}


@operation("ListModelCards")
def list_model_cards(ctx: Context, params: Row) -> Row:
    rows = [{**version(ctx, row["ModelCardName"], None), **row} for row in _cards.rows(ctx.account, ctx.region)]
    return listing.page(
        rows,
        params,
        key="ModelCardSummaries",
        sort={"Name": lambda row: row["ModelCardName"], "CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters={"ModelCardStatus": lambda row, status: row["ModelCardStatus"] == status},
    )


@operation("ListModelCardVersions")
def list_model_card_versions(ctx: Context, params: Row) -> Row:
    name = card(ctx, params["ModelCardName"])["ModelCardName"]
    return listing.page(
        [row for row in _versions.rows(ctx.account, ctx.region) if row["ModelCardName"] == name],
        params,
        key="ModelCardVersionSummaryList",
        sort={"Version": lambda row: row["ModelCardVersion"]},
        default_sort="Version",
        default_order="Descending",
        filters={"ModelCardStatus": lambda row, status: row["ModelCardStatus"] == status},
    )


def _add_version(ctx: Context, row: Row, number: int, content: str, status: str) -> None:
    now, user = store.now(), user_context.current()
    _versions[_key(ctx, f"{row['ModelCardName']}/{number}")] = {
        "ModelCardName": row["ModelCardName"],
        "ModelCardArn": row["ModelCardArn"],
        "ModelCardVersion": number,
        "ModelCardStatus": status,
        "Content": content,
        "CreationTime": now,
        "LastModifiedTime": now,
        "LastModifiedBy": user,
    }


def _key(ctx: Context, name: str) -> store.Key:
    return ctx.account, ctx.region, name
