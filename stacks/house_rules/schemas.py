"""CloudFormation's own word on resource types: the schemas that cfn-lint brings, read without importing it."""

import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

_REGION = "us-east-1"  # has every type


@functools.cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    assert spec and spec.origin, "cfn-lint is one of the packages that a synthesis needs"
    return Path(spec.origin).parent / "data" / "schemas"


@functools.cache
def _files() -> dict[str, str]:
    return dict(json.loads((_folder() / "providers" / f"{_REGION}.json").read_text()))


@functools.cache
def schema(kind: str) -> dict[str, Any]:
    """The schema of a resource type; empty where there is none."""
    file = _files().get(kind)
    return dict(json.loads((_folder() / "resources" / f"{file}.json").read_text())) if file else {}


def tag_property(kind: str) -> str:
    """Where the tags of a type stand, or "" where it takes none."""
    found = schema(kind)
    tagging = found.get("tagging", {"taggable": found.get("taggable", True)})
    name = str(tagging.get("tagProperty", "/properties/Tags")).rpartition("/")[2]
    return name if tagging.get("taggable", True) and name in found.get("properties", {}) else ""


def longest(kind: str, name: str) -> int | None:
    """How long a text may be that is this top-level property of a type, if the schema says so."""
    limit = schema(kind).get("properties", {}).get(name, {}).get("maxLength")
    return int(limit) if limit else None
