"""Which entities of SageMaker's lineage stand for a version, and how they hang together. Pure.

    DataSet, Image, Code ──ContributedTo──► ModelTraining ──Produced──► Model ──ContributedTo──► ModelPackage
                                                                                                     │
                                                                     Endpoint ◄──AssociatedWith──────┘

SageMaker has one artifact for a source (developer guide: lineage tracking entities), and makes some by itself when a
job runs: those are found by their source and used. Data have the version in their source, since the same address
holds other data later; SageMaker's own artifacts do not (ibid.: "not on the key and hash").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["artifact", "action", "context"]
Edge = Literal["ContributedTo", "Produced", "AssociatedWith"]

NAME_LIMIT = 120  # API reference: ExperimentEntityName
PACKAGE = "package"
"""The key of the artifact that stands for the version."""


@dataclass(frozen=True)
class Entity:
    """What is to be there. key: unique in one version's lineage; name: only where SageMaker asks for one."""

    key: str
    kind: Kind
    type: str
    uri: str
    name: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Association:
    """Between two entities, by their keys."""

    source: str
    destination: str
    type: Edge


@dataclass(frozen=True)
class Lineage:
    """Entities and associations, in an order in which they can be made."""

    entities: tuple[Entity, ...]
    associations: tuple[Association, ...]


def lineage(manifest: Mapping[str, Any], base: str, endpoint: str) -> Lineage:
    """What stands for the version of a manifest. base: how the names of the model's things begin; endpoint: its ARN."""
    version = manifest["version"]
    told = {"model": manifest["model"], "environment": manifest["environment"], "version": str(version)}
    inputs = [*_data(manifest), *_code(manifest), *_images(manifest)]
    entities, associations = [*inputs], []
    if manifest["training"]:
        job = manifest["training"]["job"]
        entities.append(Entity("training", "action", "ModelTraining", job, _named(base, version, "training"), told))
    if manifest["artifact"]:
        uri, model_version = manifest["artifact"]["uri"], manifest["artifact"]["version_id"]
        properties = {"version_id": model_version} if model_version else {}
        entities.append(Entity("model", "artifact", "Model", uri, properties=properties))
        if manifest["training"]:
            associations.append(Association("training", "model", "Produced"))
    entities.append(Entity(PACKAGE, "artifact", "ModelPackage", manifest["package"], properties=told))
    if manifest["artifact"]:
        associations.append(Association("model", PACKAGE, "ContributedTo"))
    used_by = "training" if manifest["training"] else PACKAGE
    associations += [Association(each.key, used_by, "ContributedTo") for each in inputs]
    if any(each["outcome"] == "done" for each in manifest["releases"]):
        entities.append(Entity("endpoint", "context", "Endpoint", endpoint, f"{base}-endpoint"[:NAME_LIMIT]))
        associations.append(Association(PACKAGE, "endpoint", "AssociatedWith"))
    return Lineage(tuple(entities), tuple(associations))


def _data(manifest: Mapping[str, Any]) -> list[Entity]:
    """One for each address that was read, in the state that it was in."""
    found = {}
    for each in manifest["data"]["inputs"]:
        state = json.dumps([(item["key"], item["version_id"]) for item in each["objects"]])
        digest = hashlib.sha256(state.encode()).hexdigest()[:16]
        found[each["uri"]] = Entity(
            f"data {each['uri']}",
            "artifact",
            "DataSet",
            f"{each['uri']}?state={digest}" if each["objects"] else each["uri"],
            properties={"uri": each["uri"], "objects": str(len(each["objects"]))},
        )
    return list(found.values())


def _code(manifest: Mapping[str, Any]) -> list[Entity]:
    uri = manifest["code"]["bundle"]["uri"] if manifest["code"] else None
    commit = manifest["code"]["commit"] if manifest["code"] else None
    return [Entity("code", "artifact", "Code", uri, properties={"commit": commit} if commit else {})] if uri else []


def _images(manifest: Mapping[str, Any]) -> list[Entity]:
    return [
        Entity(
            f"image {each['uri']}",
            "artifact",
            "Image",
            each["uri"],
            properties={"digest": each["digest"]} if each["digest"] else {},
        )
        for each in manifest["images"]
    ]


def _named(base: str, version: int, what: str) -> str:
    return f"{base}-v{version}-{what}"[:NAME_LIMIT]
