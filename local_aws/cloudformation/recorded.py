"""Resource types that nothing emulates: checked against their schema, stored, and logged once.

Ref and GetAtt are made from the schema, so that templates which use them deploy; what the resource
would do, it does not do here.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Container
from dataclasses import dataclass

from local_aws import seam
from local_aws.cloudformation import schema_check, schemas
from local_aws.core import store
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

log = logging.getLogger("local_aws.recorded")

_NAME_LIMIT = 63
_resources = store.table("recorded_resources")
_installed: set[str] = set()
_logged: set[str] = set()


class _CreateOnly(Container[str]):
    """The create-only properties of a type; its schema is read when first asked."""

    def __init__(self, type_name: str) -> None:
        self._type_name = type_name

    def __contains__(self, name: object) -> bool:
        schema = schemas.schema(self._type_name, REGION)
        return schema is not None and name in schema.create_only


@dataclass(frozen=True)
class Recorded:
    """One recorded type."""

    type_name: str
    name: str | None = None
    taggable: bool = False

    @property
    def create_only(self) -> Container[str]:
        return _CreateOnly(self.type_name)

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        return self._record(ctx, physical_name(_NAME_LIMIT), props)

    def update(self, ctx: Context, ref: str, _old: Properties, new: Properties) -> Physical:
        row = _resources.get(self._key(ctx, ref))
        name = str(row["Name"]) if row else ref
        _, attributes = self._record(ctx, name, new)
        return ref, attributes

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        _resources.pop(self._key(ctx, ref), None)

    def _record(self, ctx: Context, name: str, props: Properties) -> Physical:
        schema = schemas.schema(self.type_name, REGION)
        assert schema is not None
        if problems := schema_check.problems(schema, props):
            raise ValueError(f"Properties validation failed for {self.type_name}: {'; '.join(problems)}")
        told(self.type_name)
        attributes = {path: _attribute(ctx, self.type_name, path, name) for path in schema.read_only}
        parts = [str(props.get(part, attributes.get(part, name))) for part in schema.identifier]
        ref = "|".join(parts) or name
        _resources[self._key(ctx, ref)] = {"Name": name, "Properties": props, "Attributes": attributes}
        return ref, attributes

    def _key(self, ctx: Context, ref: str) -> store.Key:
        return ctx.account, ctx.region, f"{self.type_name}|{ref}"


def install() -> None:
    """Record every type that has a schema and no emulation; to be called after all others are there."""
    for type_name in schemas.types(REGION).keys() - seam.resource_types():
        seam.add_resource_type(type_name, Recorded(type_name))
        _installed.add(type_name)


def told(type_name: str) -> None:
    """Log once that a type is recorded."""
    if type_name not in _logged:
        _logged.add(type_name)
        log.info("%s is recorded: checked and stored, not emulated", type_name)


def installed() -> set[str]:
    """The types that are recorded."""
    return set(_installed)


def _attribute(ctx: Context, type_name: str, path: str, name: str) -> str:
    """A value of the right form for a read-only property; the same for the same resource."""
    _, service, kind = type_name.split("::")
    last = path.rpartition(".")[2]
    if last.endswith("Arn"):
        return f"arn:aws:{service.lower()}:{ctx.region}:{ctx.account}:{kind.lower()}/{name}"
    if last.endswith("Id"):
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{ctx.account}/{ctx.region}/{type_name}/{name}").hex[:17]
    if last.endswith("Status"):
        return "Active"
    if last.endswith(("Time", "At", "Date")):
        return "2000-01-01T00:00:00Z"
    return name
