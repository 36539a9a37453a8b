"""The graph of a version's lineage: nodes in columns from source data to endpoint, and arrows between them."""

from dataclasses import dataclass
from enum import IntEnum

Ids = tuple[tuple[str, str], ...]


class Column(IntEnum):
    """From left to right; the value is the place."""

    SOURCE = 0
    PREPARATION = 1
    TRAINING = 2
    JUDGEMENT = 3
    EVIDENCE = 4
    REGISTRY = 5
    DECISION = 6
    SERVING = 7


TITLES = {column: column.name.capitalize() for column in Column} | {Column.SOURCE: "Sources"}


@dataclass(frozen=True)
class Node:
    """A thing of the graph. kind: what it is; lines: a few words on it; ids: all that identifies it, by name.

    tone: "good", "warn", "quiet", or "" for none.
    """

    id: str
    column: Column
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    ids: Ids = ()
    tone: str = ""


@dataclass(frozen=True)
class Edge:
    """From what was used to what came of it."""

    source: str
    target: str


@dataclass(frozen=True)
class Graph:
    """frame: what the steps ran in, and "" if that is not known; code and images point to it as a whole."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    frame: str = ""


FRAME = "pipeline"
"""The target of an edge that means every step of the pipeline."""
FRAMED = (Column.PREPARATION, Column.TRAINING, Column.JUDGEMENT)


@dataclass(frozen=True)
class Live:
    """What serves now. role: champion, challenger or shadow, "" if this version is none of them; champion: 0 for none.

    share: percent of the requests that this version answers.
    """

    endpoint: str
    status: str
    configuration: str
    champion: int
    role: str = ""
    share: float = 0.0
    arn: str = ""
