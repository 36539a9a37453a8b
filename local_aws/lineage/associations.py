"""Associations between entities: AddAssociation, DeleteAssociation, ListAssociations.

Times in the filters count themselves ("created on or after the specified time"); default order: API reference.
"""

from __future__ import annotations

from typing import Any

from local_aws.core import listing, store
from local_aws.core.api import Context, ResourceNotFound, ValidationException, operation
from local_aws.lineage import graph

Row = dict[str, Any]

_EXPERIMENTS = (":experiment/", ":experiment-trial/", ":experiment-trial-component/")


@operation("AddAssociation")
def add_association(ctx: Context, params: Row) -> Row:
    source, destination = params["SourceArn"], params["DestinationArn"]
    if all(any(kind in arn for kind in _EXPERIMENTS) for arn in (source, destination)):
        raise ValidationException(
            f"An association can't be created between two experiment entities: {source}, {destination}."
        )
    for arn in (source, destination):
        graph.find(ctx, arn)
    graph.associate(ctx, source, destination, params.get("AssociationType"), automatic=False)
    return {"SourceArn": source, "DestinationArn": destination}


@operation("DeleteAssociation")
def delete_association(ctx: Context, params: Row) -> Row:
    source, destination = params["SourceArn"], params["DestinationArn"]
    with store.lock:
        if graph.associations.pop(graph.key(ctx, graph.pair(source, destination)), None) is None:
            raise ResourceNotFound(f"Association from {source} to {destination} does not exist.")
    return {"SourceArn": source, "DestinationArn": destination}


@operation("ListAssociations")
def list_associations(ctx: Context, params: Row) -> Row:
    return listing.page(
        (_summary(ctx, row) for row in graph.edges(ctx) if _wanted(row, params)),
        params,
        key="AssociationSummaries",
        sort={
            name: lambda row, name=name: row.get(name)  # type: ignore[misc]
            for name in ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "CreationTime")
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "SourceType": lambda row, wanted: row.get("SourceType") == wanted,
            "DestinationType": lambda row, wanted: row.get("DestinationType") == wanted,
            "AssociationType": lambda row, wanted: row.get("AssociationType") == wanted,
            "CreatedAfter": lambda row, time: row["CreationTime"] >= time,
            "CreatedBefore": lambda row, time: row["CreationTime"] <= time,
        },
    )


def _wanted(row: Row, params: Row) -> bool:
    return all(params.get(end) in (None, row[end]) for end in ("SourceArn", "DestinationArn"))


def _summary(ctx: Context, row: Row) -> Row:
    summary = dict(row)
    for end in ("Source", "Destination"):
        kind, entity = graph.find(ctx, row[f"{end}Arn"])
        summary[f"{end}Type"] = kind.type(entity)
        if name := kind.name(entity):
            summary[f"{end}Name"] = name
    return summary
