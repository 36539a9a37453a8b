"""AWS::SageMaker::FeatureGroup: its Ref is the group's name.

A group's name is given by the template, so what would replace it fails as CloudFormation words it. Features can be
added, and the time to live and the throughput changed. Source: template reference and the type's schema.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from local_aws import seam
from local_aws.cloudformation import schemas
from local_aws.cloudformation.sagemaker import SageMakerType
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_ONLINE = "OnlineStoreConfig"
_CHANGEABLE = "TtlDuration"


class FeatureGroup(SageMakerType):
    """A feature group."""

    @property
    def create_only(self) -> Container[str]:
        # Of the online store only some members are; `_change` looks at those.
        schema = schemas.schema(self.type_name, REGION)
        return [name for name in schema.create_only if name != _ONLINE] if schema else ()

    def _settled(self, ctx: Context, name: str, _props: Properties) -> Physical:
        described = self._described(ctx, name) or {}
        if described.get("FeatureGroupStatus") != "Created":
            # CloudFormation deletes a resource whose creation failed.
            self.delete(ctx, name, {})
            raise ValueError(described.get("FailureReason") or f"FeatureGroup {name} was deleted meanwhile")
        return self._physical(ctx, name)

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        before, after = old.get(_ONLINE) or {}, new.get(_ONLINE) or {}
        if _without(before) != _without(after):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        if added := _added(name, old["FeatureDefinitions"], new["FeatureDefinitions"]):
            self._call(ctx, "Update", {self.name: name, "FeatureAdditions": added})
        if before.get(_CHANGEABLE) != after.get(_CHANGEABLE):
            change = {_CHANGEABLE: after.get(_CHANGEABLE) or {}}
            self._call(ctx, "Update", {self.name: name, _ONLINE: change})
        if old.get("ThroughputConfig") != new.get("ThroughputConfig"):
            throughput = new.get("ThroughputConfig") or {"ThroughputMode": "OnDemand"}
            self._call(ctx, "Update", {self.name: name, "ThroughputConfig": throughput})
        described = self._described(ctx, name) or {}
        status = described.get("LastUpdateStatus") or {}
        if status.get("Status") == "Failed":
            raise ValueError(f"FeatureGroup {name}: {status['FailureReason']}")

    def _ref(self, name: str, _arn: str) -> str:
        return name

    def _attributes(self, described: dict[str, Any]) -> dict[str, Any]:
        return {
            "CreationTime": described["CreationTime"].isoformat(),
            "FeatureGroupStatus": described["FeatureGroupStatus"],
        }


TYPES: tuple[SageMakerType, ...] = (FeatureGroup("FeatureGroup"),)


def install() -> None:
    """Let CloudFormation provision the type, on worker threads: it calls back into this server (Glue, S3)."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
    names = {resource.type_name for resource in TYPES}
    seam.run_on_worker_threads(names.__contains__)


def _without(config: Properties) -> Properties:
    return {key: value for key, value in config.items() if key != _CHANGEABLE}


def _added(name: str, old: list[Properties], new: list[Properties]) -> list[Properties]:
    """The definitions that the group lacks; ValueError if one it has is missing or has another type."""
    before, after = ({each["FeatureName"]: each for each in definitions} for definitions in (old, new))
    if changed := [feature for feature in before if after.get(feature) != before[feature]]:
        raise ValueError(
            f"FeatureGroup {name}: features can be added, not removed or changed; "
            f"found a removed or changed feature: {', '.join(changed)}"
        )
    return [definition for feature, definition in after.items() if feature not in before]
