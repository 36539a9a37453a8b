"""Artifacts, actions and contexts: Create, Describe, Update, Delete and List of each; DescribeTrialComponent.

There is one artifact a SourceUri, and one action and one context a name (developer guide, lineage-tracking-entities:
"there can be only one artifact with a unique SourceUri"; lineage-tracking-manual-creation: "An error occurs if you
try to create an entity that already exists"). The API reference asks for unique names of artifacts too, which
SageMaker does not check: its SDK's own integration tests make many of one name.
"""

from __future__ import annotations

from typing import Any

from local_aws.core import listing, store, tags
from local_aws.core.api import Context, ResourceNotFound, ValidationException, operation
from local_aws.lineage import graph
from local_aws.lineage.graph import ACTION, ARTIFACT, CONTEXT, TRIAL_COMPONENT, Kind
from local_aws.sagemaker import user_context

Row = dict[str, Any]

_MOST_PROPERTIES = 30


@operation("CreateArtifact")
def create_artifact(ctx: Context, params: Row) -> Row:
    source = params["Source"]["SourceUri"]
    if graph.key(ctx, graph.artifact_id(source)) in ARTIFACT.table:
        raise ValidationException(f"Artifact with SourceUri {source} already exists.")
    return {"ArtifactArn": graph.add(ctx, ARTIFACT, graph.artifact_id(source), params)["ArtifactArn"]}


@operation("CreateAction")
def create_action(ctx: Context, params: Row) -> Row:
    return {"ActionArn": graph.add(ctx, ACTION, params["ActionName"], params)["ActionArn"]}


@operation("CreateContext")
def create_context(ctx: Context, params: Row) -> Row:
    return {"ContextArn": graph.add(ctx, CONTEXT, params["ContextName"], params)["ContextArn"]}


@operation("DescribeArtifact")
def describe_artifact(ctx: Context, params: Row) -> Row:
    return graph.named(ctx, ARTIFACT, params["ArtifactArn"])


@operation("DescribeAction")
def describe_action(ctx: Context, params: Row) -> Row:
    return graph.named(ctx, ACTION, params["ActionName"])


@operation("DescribeContext")
def describe_context(ctx: Context, params: Row) -> Row:
    return graph.named(ctx, CONTEXT, params["ContextName"])


@operation("DescribeTrialComponent")
def describe_trial_component(ctx: Context, params: Row) -> Row:
    """Of a job only: experiments are not emulated."""
    return graph.named(ctx, TRIAL_COMPONENT, params["TrialComponentName"])


@operation("UpdateArtifact")
def update_artifact(ctx: Context, params: Row) -> Row:
    return _update(ctx, ARTIFACT, params["ArtifactArn"], params, ("ArtifactName",))


@operation("UpdateAction")
def update_action(ctx: Context, params: Row) -> Row:
    return _update(ctx, ACTION, params["ActionName"], params, ("Description", "Status"))


@operation("UpdateContext")
def update_context(ctx: Context, params: Row) -> Row:
    return _update(ctx, CONTEXT, params["ContextName"], params, ("Description",))


@operation("DeleteArtifact")
def delete_artifact(ctx: Context, params: Row) -> Row:
    if ("ArtifactArn" in params) == ("Source" in params):
        raise ValidationException("Either ArtifactArn or Source must be specified, and not both.")
    if "ArtifactArn" in params:
        return _delete(ctx, ARTIFACT, params["ArtifactArn"])
    source = params["Source"]["SourceUri"]
    if graph.key(ctx, graph.artifact_id(source)) not in ARTIFACT.table:
        raise ResourceNotFound(f"Artifact with SourceUri {source} does not exist.")
    return _delete(ctx, ARTIFACT, graph.artifact_id(source))


@operation("DeleteAction")
def delete_action(ctx: Context, params: Row) -> Row:
    return _delete(ctx, ACTION, params["ActionName"])


@operation("DeleteContext")
def delete_context(ctx: Context, params: Row) -> Row:
    return _delete(ctx, CONTEXT, params["ContextName"])


@operation("ListArtifacts")
def list_artifacts(ctx: Context, params: Row) -> Row:
    return _list(ctx, ARTIFACT, params)


@operation("ListActions")
def list_actions(ctx: Context, params: Row) -> Row:
    return _list(ctx, ACTION, params)


@operation("ListContexts")
def list_contexts(ctx: Context, params: Row) -> Row:
    return _list(ctx, CONTEXT, params)


def _update(ctx: Context, kind: Kind, name: str, params: Row, replaced: tuple[str, ...]) -> Row:
    with store.lock:
        row = graph.named(ctx, kind, name)
        properties = {**row.get("Properties", {}), **params.get("Properties", {})}
        for removed in params.get("PropertiesToRemove", []):
            properties.pop(removed, None)
        if len(properties) > _MOST_PROPERTIES:
            raise ValidationException(
                f"Properties: {len(properties)} entries; a lineage entity can have at most {_MOST_PROPERTIES}."
            )
        changes = {member: params[member] for member in replaced if member in params}
        after = {**row, **changes, "Properties": properties, "LastModifiedTime": store.now()}
        if user := user_context.current():
            after["LastModifiedBy"] = user
        kind.table[graph.key(ctx, kind.arn(row).rpartition("/")[2])] = after
    return {f"{kind.prefix}Arn": kind.arn(row)}


def _delete(ctx: Context, kind: Kind, name: str) -> Row:
    """An entity goes only when it has no associations left.

    That AWS refuses it follows from its SDK, whose delete() takes `disassociate`, and from its examples.
    """
    with store.lock:
        row = graph.named(ctx, kind, name)
        arn = kind.arn(row)
        if any(arn in (edge["SourceArn"], edge["DestinationArn"]) for edge in graph.edges(ctx)):
            raise ValidationException(f"{kind.prefix} {arn} cannot be deleted: it has associations. Delete them first.")
        del kind.table[graph.key(ctx, arn.rpartition("/")[2])]
        tags.remove(arn)
    return {f"{kind.prefix}Arn": arn}


def _list(ctx: Context, kind: Kind, params: Row) -> Row:
    return listing.page(
        kind.table.rows(ctx.account, ctx.region),
        params,
        key=f"{kind.prefix}Summaries",
        sort={"Name": kind.name, "CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "SourceUri": lambda row, uri: row["Source"]["SourceUri"] == uri,
            f"{kind.prefix}Type": lambda row, wanted: kind.type(row) == wanted,
            "CreatedAfter": lambda row, time: row["CreationTime"] >= time,
            "CreatedBefore": lambda row, time: row["CreationTime"] <= time,
        },
    )
