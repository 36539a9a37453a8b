"""QueryLineage: what an entity came from, and what came of it.

A walk goes along associations from the start: to destinations (Descendants), to sources (Ascendants), or, from every
entity that it visits, both ways (Both; developer guide, querying-lineage-entities). The start itself is part of the
answer. Filters choose among the entities that were reached; with IncludeEdges the answer also has what lies on the
shortest ways to the chosen ones, and the associations among all of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from local_aws.core.api import Context, ValidationException, operation
from local_aws.lineage import graph
from local_aws.lineage.graph import Kind

Row = dict[str, Any]

_DEPTH = 10
_PAGE = 50


@operation("QueryLineage")
def query_lineage(ctx: Context, params: Row) -> Row:
    """Vertices in the order of their distance from the start; an edge comes on the page of its later vertex."""
    if not params.get("StartArns"):
        raise ValidationException("StartArns: the local AWS needs the ARN to start from.")
    [start] = params["StartArns"]
    graph.find(ctx, start)
    walk = Walk(graph.edges(ctx), params.get("Direction", "Both"), params.get("MaxDepth", _DEPTH))
    depths = walk.depths(start)
    chosen = {arn for arn in depths if _matches(*graph.find(ctx, arn), params.get("Filters", {}))}
    with_edges = params.get("IncludeEdges", True)
    kept = walk.on_the_way(depths, chosen) if with_edges else chosen
    order = [arn for arn in depths if arn in kept]
    digest = _digest(params)
    first = _position(params, digest)
    page = order[first : first + (params.get("MaxResults") or _PAGE)]
    result: Row = {"Vertices": [_vertex(*graph.find(ctx, arn)) for arn in page], "Edges": []}
    if with_edges:
        place = {arn: number for number, arn in enumerate(order)}
        here = range(first, first + len(page))
        result["Edges"] = [
            edge
            for edge in walk.edges(depths)
            if edge["SourceArn"] in place
            and edge["DestinationArn"] in place
            and max(place[edge["SourceArn"]], place[edge["DestinationArn"]]) in here
        ]
    if first + len(page) < len(order):
        result["NextToken"] = _token(digest, first + len(page))
    return result


class Walk:
    """Breadth first from one entity, along associations in a direction, up to a depth."""

    def __init__(self, associations: Iterable[Row], direction: str, depth: int) -> None:
        self._depth = depth
        self._steps: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        for row in associations:
            if direction != "Ascendants":
                self._steps[row["SourceArn"]].append((row["DestinationArn"], row))
            if direction != "Descendants":
                self._steps[row["DestinationArn"]].append((row["SourceArn"], row))

    def depths(self, start: str) -> dict[str, int]:
        """The entities within reach with their distances from the start, nearest first."""
        found = {start: 0}
        frontier = [start]
        for depth in range(1, self._depth + 1):
            reached = dict.fromkeys(after for arn in frontier for after, _ in self._steps[arn] if after not in found)
            found.update(dict.fromkeys(reached, depth))
            frontier = list(reached)
        return found

    def on_the_way(self, depths: dict[str, int], chosen: set[str]) -> set[str]:
        """The chosen entities and those on a shortest way to one of them."""
        kept = set(chosen)
        for arn in reversed(depths):  # the farthest first
            if any(after in kept and depths.get(after) == depths[arn] + 1 for after, _ in self._steps[arn]):
                kept.add(arn)
        return kept

    def edges(self, depths: dict[str, int]) -> list[Row]:
        """The associations that the walk went along, each once."""
        walked = [row for arn, depth in depths.items() if depth < self._depth for _, row in self._steps[arn]]
        return list({graph.pair(row["SourceArn"], row["DestinationArn"]): row for row in walked}.values())


def _matches(kind: Kind, row: Row, filters: Row) -> bool:
    """Whether an entity passes all filters; times in them count themselves."""
    properties = row.get("Properties", {})
    return (
        ("Types" not in filters or kind.vertex_type(row) in filters["Types"])
        and ("LineageTypes" not in filters or kind.prefix in filters["LineageTypes"])
        and ("CreatedBefore" not in filters or row["CreationTime"] <= filters["CreatedBefore"])
        and ("CreatedAfter" not in filters or row["CreationTime"] >= filters["CreatedAfter"])
        and ("ModifiedBefore" not in filters or row["LastModifiedTime"] <= filters["ModifiedBefore"])
        and ("ModifiedAfter" not in filters or row["LastModifiedTime"] >= filters["ModifiedAfter"])
        and all(properties.get(name) == value for name, value in filters.get("Properties", {}).items())
    )


def _vertex(kind: Kind, row: Row) -> Row:
    return {"Arn": kind.arn(row), "Type": kind.vertex_type(row)[:40], "LineageType": kind.prefix}


def _digest(params: Row) -> str:
    rest = {name: str(value) for name, value in params.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]


def _token(digest: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, position]).encode()).decode()


def _position(params: Row, digest: str) -> int:
    if not params.get("NextToken"):
        return 0
    try:
        made_for, position = json.loads(base64.urlsafe_b64decode(params["NextToken"].encode()))
    except (ValueError, TypeError) as error:
        raise ValidationException("Invalid NextToken: it was not given by this operation.") from error
    if made_for != digest:
        raise ValidationException("Invalid NextToken: it was given for a request with other parameters.")
    return int(position)
