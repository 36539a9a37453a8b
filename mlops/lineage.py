"""The lineage of a version: its manifest, the graph of it, and what serves now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, evidence, lineage_drawing, lineage_page, lineage_steps, release_state
from mlops.lineage_graph import TITLES, Graph, Live, Node
from mlops.lineage_page import Link
from mlops.release_state import ReleaseState, version_of
from mlops.target import LOCAL, Target
from mlops_constructs.naming import ReleaseParameter

NO_ENDPOINT = "none"
"""The status of an endpoint that does not exist."""


@dataclass(frozen=True)
class Lineage:
    """A version's manifest and its graph."""

    manifest: Mapping[str, Any]
    graph: Graph

    @property
    def missing(self) -> list[str]:
        """What the record keeper could not establish, and why."""
        return [str(each) for each in self.manifest.get("missing") or ()]


def observe(target: Target, version: int) -> Lineage:
    """Read the manifest, the definition of its pipeline and what serves; raises NoManifest."""
    manifest = evidence.newest(target.clients("s3"), evidence.bucket(target), target.names, version)
    needs = _needs(target.clients("sagemaker"), manifest)
    return Lineage(manifest, lineage_drawing.graph(manifest, live(target, version), needs))


def live(target: Target, version: int) -> Live:
    """What the endpoint is, and whether this version answers there."""
    state = release_state.read(target.clients("ssm"), target.names)
    try:
        found = target.clients("sagemaker").describe_endpoint(EndpointName=target.names.endpoint)
    except ClientError as error:
        if not aws.is_missing(error):
            raise
        found = {"EndpointStatus": NO_ENDPOINT}
    role = _role(state, version)
    return Live(
        endpoint=target.names.endpoint,
        status=found["EndpointStatus"],
        configuration=str(found.get("EndpointConfigName", "")),
        champion=state.version(ReleaseParameter.CHAMPION),
        role=role,
        share=_share(found, role),
        arn=str(found.get("EndpointArn", "")),
    )


def tree(title: str, graph: Graph, missing: Sequence[str] = ()) -> list[str]:
    """The graph in lines for a terminal, a branch a column. Pure."""
    columns = sorted({node.column for node in graph.nodes})
    branches = [(TITLES[column], [_line(node) for node in graph.nodes if node.column is column]) for column in columns]
    if missing:
        branches.append(("Not established", list(missing)))
    return [title, *_branches(branches)]


def document(graph: Graph) -> dict[str, Any]:
    """The graph as data: every node with its identifiers, every arrow."""
    nodes = [
        {
            "id": node.id,
            "column": TITLES[node.column].lower(),
            "kind": node.kind,
            "title": node.title,
            "lines": list(node.lines),
            "ids": dict(node.ids),
        }
        for node in graph.nodes
    ]
    return {"nodes": nodes, "edges": [{"from": edge.source, "to": edge.target} for edge in graph.edges]}


def links(target: Target) -> Link:
    """Into the account's console; the local AWS has none."""
    if target.environment == LOCAL:
        return lineage_page.nowhere
    return lineage_page.console(target.clients("sagemaker").meta.region_name)


def _needs(sagemaker: Any, manifest: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Which step needed which, from the definition that the execution ran; nothing if that is gone."""
    execution = (manifest.get("pipeline") or {}).get("execution")
    if not execution:
        return {}
    try:
        found = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound", "ValidationException"):
            return {}
        raise
    return lineage_steps.definition_needs(found["PipelineDefinition"])


def _role(state: ReleaseState, version: int) -> str:
    if state.version(ReleaseParameter.CHAMPION) == version:
        return "champion"
    candidate = state.candidate
    if candidate and version_of(candidate.package) == version and candidate.stage in ("shadow", "challenger"):
        return candidate.stage
    return ""


def _share(endpoint: Mapping[str, Any], role: str) -> float:
    """Percent of the requests that a variant answers; a shadow answers nobody."""
    variants = endpoint.get("ProductionVariants", [])
    total = sum(each.get("CurrentWeight", 0.0) for each in variants)
    own = sum(each.get("CurrentWeight", 0.0) for each in variants if each["VariantName"] == role)
    return round(100 * own / total, 1) if total else 0.0


def _line(node: Node) -> str:
    more = f" ({', '.join(node.lines)})" if node.lines else ""
    return f"{node.kind}: {node.title}{more}"


def _branches(branches: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for place, (name, leaves) in enumerate(branches):
        last = place == len(branches) - 1
        yield f"{'└─' if last else '├─'} {name}"
        for leaf, text in enumerate(leaves):
            yield f"{'   ' if last else '│  '}{'└─' if leaf == len(leaves) - 1 else '├─'} {text}"
