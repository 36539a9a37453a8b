"""CloudFormation resource schemas, read from the copies that cfn-lint carries."""

from __future__ import annotations

import functools
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True)
class Schema:
    """What provisioning needs of a resource type's schema; names are of top-level properties."""

    type_name: str
    document: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.document.get("properties", {}))

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.document.get("required", ()))

    @property
    def create_only(self) -> tuple[str, ...]:
        """Properties whose change replaces the resource; of a nested one, its top-level property."""
        return tuple(dict.fromkeys(path[0] for path in self._paths("createOnlyProperties")))

    @property
    def read_only(self) -> tuple[str, ...]:
        """Attributes that GetAtt returns, as "Endpoint.Address" where they are nested."""
        return tuple(".".join(path) for path in self._paths("readOnlyProperties"))

    @property
    def identifier(self) -> tuple[str, ...]:
        """The properties that make up Ref, in the cases where AWS' Ref is the primary identifier."""
        return tuple(".".join(path) for path in self._paths("primaryIdentifier"))

    def _paths(self, key: str) -> list[list[str]]:
        pointers = [str(pointer).removeprefix("/properties/") for pointer in self.document.get(key, ())]
        return [pointer.split("/") for pointer in pointers]


@functools.cache
def folder() -> Path:
    """cfn-lint's schemas; found without importing it, which would cost half a second."""
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or not spec.origin:
        raise RuntimeError("cfn-lint is not installed: the CloudFormation schemas come with it")
    return Path(spec.origin).parent / "data" / "schemas"


@functools.cache
def types(region: str) -> dict[str, str]:
    """The resource types of a region, with the name of each one's schema file."""
    index = folder() / "providers" / f"{region}.json"
    if not index.exists():
        index = folder() / "providers" / f"{_FALLBACK_REGION}.json"
    return dict(json.loads(index.read_text()))


@functools.cache
def schema(type_name: str, region: str) -> Schema | None:
    """The schema of a resource type, or None where CloudFormation has no such type."""
    name = types(region).get(type_name)
    if name is None:
        return None
    return Schema(type_name, json.loads((folder() / "resources" / f"{name}.json").read_text()))
