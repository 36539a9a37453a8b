"""SageMaker's CloudFormation types, provisioned through the same operations that clients call.

Ref is the ARN, except of a pipeline, whose Ref is its name; GetAtt returns names and ARNs.
Source: template reference, AWS::SageMaker::*, and the types' schemas.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container
from typing import Any

from local_aws import seam
from local_aws.cloudformation import schemas
from local_aws.core import shapes, store
from local_aws.core.api import AwsError, Context, call
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_NAME_LIMIT = 63
_MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_POLL_SECONDS = 0.05
_names = store.table("cloudformation_names")


class SageMakerType:
    """A type whose create, update and delete are the operations Create<kind>, Update<kind>, Delete<kind>."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.type_name = f"AWS::SageMaker::{kind}"
        self.name = f"{kind}Name"
        self.taggable = True

    @property
    def create_only(self) -> Container[str]:
        schema = schemas.schema(self.type_name, REGION)
        return schema.create_only if schema else ()

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        name = str(props.get(self.name) or physical_name(_NAME_LIMIT))
        self._call(ctx, "Create", {**self._request(props), self.name: name})
        return self._settled(ctx, name, props)

    def update(self, ctx: Context, ref: str, old: Properties, new: Properties) -> Physical:
        name = _name_of(ctx, ref)
        self._change(ctx, name, old, new)
        self._retag(ctx, name, old, new)
        return self._physical(ctx, name)

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        name = _name_of(ctx, ref)
        if self._described(ctx, name) is not None:
            self._call(ctx, "Delete", {self.name: name})
        _names.pop((ctx.account, ctx.region, ref), None)

    def _request(self, props: Properties) -> Properties:
        """The members of Create<kind> for a template's properties."""
        return dict(props)

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        """Update in place what a template may change without replacement, apart from tags."""

    def _settled(self, ctx: Context, name: str, _props: Properties) -> Physical:
        """Called after Create<kind>: waits where the resource is not ready at once."""
        return self._physical(ctx, name)

    def _physical(self, ctx: Context, name: str) -> Physical:
        described = self._described(ctx, name)
        if described is None:
            raise ValueError(f"{self.type_name} {name}: it was deleted outside of CloudFormation")
        arn = str(described[f"{self.kind}Arn"])
        ref = self._ref(name, arn)
        _names[ctx.account, ctx.region, ref] = {"Name": name}
        return ref, {self.name: name, f"{self.kind}Arn": arn, **self._attributes(described)}

    def _ref(self, _name: str, arn: str) -> str:
        return arn

    def _attributes(self, _described: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _described(self, ctx: Context, name: str) -> dict[str, Any] | None:
        try:
            return call(ctx, f"Describe{self.kind}", {self.name: name})
        except AwsError as error:
            if _says_missing(error):
                return None
            raise

    def _call(self, ctx: Context, verb: str, params: Properties) -> dict[str, Any]:
        operation = f"{verb}{self.kind}"
        return call(ctx, operation, shapes.from_template(operation, params))

    def _retag(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        before, after = (
            {str(tag["Key"]): str(tag["Value"]) for tag in props.get("Tags") or ()} for props in (old, new)
        )
        if before == after:
            return
        described = self._described(ctx, name) or {}
        arn = described[f"{self.kind}Arn"]
        if gone := sorted(before.keys() - after.keys()):
            call(ctx, "DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        if after:
            tags = [{"Key": key, "Value": value} for key, value in after.items()]
            call(ctx, "AddTags", {"ResourceArn": arn, "Tags": tags})


class ModelPackageGroup(SageMakerType):
    """A group; its resource policy is set by an operation of its own."""

    def _request(self, props: Properties) -> Properties:
        return {key: value for key, value in props.items() if key != "ModelPackageGroupPolicy"}

    def _settled(self, ctx: Context, name: str, props: Properties) -> Physical:
        self._set_policy(ctx, name, props.get("ModelPackageGroupPolicy"))
        return self._physical(ctx, name)

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        before, after = old.get("ModelPackageGroupPolicy"), new.get("ModelPackageGroupPolicy")
        if before and not after:
            call(ctx, "DeleteModelPackageGroupPolicy", {self.name: name})
        elif before != after:
            self._set_policy(ctx, name, after)

    def _set_policy(self, ctx: Context, name: str, policy: object) -> None:
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            call(ctx, "PutModelPackageGroupPolicy", {self.name: name, "ResourcePolicy": text})

    def _attributes(self, described: dict[str, Any]) -> dict[str, Any]:
        return {
            "CreationTime": described["CreationTime"].isoformat(),
            "ModelPackageGroupStatus": described["ModelPackageGroupStatus"],
        }


class Pipeline(SageMakerType):
    """A pipeline; the template gives its definition as text or as a place in S3."""

    def _request(self, props: Properties) -> Properties:
        request = {key: value for key, value in props.items() if key != "PipelineDefinition"}
        return {**request, **_definition(props["PipelineDefinition"])}

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        if _untagged(old) == _untagged(new):
            return
        request = self._request(new)
        request.pop("Tags", None)
        self._call(ctx, "Update", {**request, self.name: name})

    def _ref(self, name: str, _arn: str) -> str:
        return name


class Endpoint(SageMakerType):
    """An endpoint; creating and updating end when it is in service, or fail with its reason."""

    _ONLY_FOR_UPDATES = ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig")

    def _request(self, props: Properties) -> Properties:
        return {key: value for key, value in props.items() if key not in self._ONLY_FOR_UPDATES}

    def _settled(self, ctx: Context, name: str, _props: Properties) -> Physical:
        described = self._wait(ctx, name)
        if described["EndpointStatus"] != "InService":
            # CloudFormation deletes a resource whose creation failed.
            self.delete(ctx, name, {})
            raise ValueError(described.get("FailureReason") or f"Endpoint {name} is {described['EndpointStatus']}")
        return self._physical(ctx, name)

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        if _untagged(old) == _untagged(new):
            return
        self._when_settled(ctx, name, lambda: self._call(ctx, "Update", {**_untagged(new), self.name: name}))
        described = self._wait(ctx, name)
        served = described.get("EndpointConfigName")
        if described["EndpointStatus"] != "InService" or served != new["EndpointConfigName"]:
            reason = described.get("FailureReason") or f"Endpoint {name} is {described['EndpointStatus']}"
            back = f"; it was rolled back to {served}" if described["EndpointStatus"] == "InService" else ""
            raise ValueError(
                f"Endpoint update of {name} to {new['EndpointConfigName']} failed: {reason.rstrip('.')}{back}"
            )

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        name = _name_of(ctx, ref)
        if self._described(ctx, name) is None:
            return
        self._when_settled(ctx, name, lambda: super(Endpoint, self).delete(ctx, ref, _props))
        while self._described(ctx, name) is not None:
            time.sleep(_POLL_SECONDS)

    def _when_settled(self, ctx: Context, name: str, change: Callable[[], object]) -> None:
        """Do `change` once the endpoint does not move; again if another change, a scaling, comes between."""
        while True:
            self._wait(ctx, name)
            try:
                change()
            except AwsError as error:
                if "in-progress" not in error.message:
                    raise
            else:
                return

    def _wait(self, ctx: Context, name: str) -> dict[str, Any]:
        """The endpoint once it no longer moves; every state ends by itself, so there is no limit."""
        while True:
            described = self._described(ctx, name)
            if described is None:
                raise ValueError(f"Endpoint {name} was deleted while it was waited for")
            if described["EndpointStatus"] not in _MOVING:
                return described
            time.sleep(_POLL_SECONDS)


TYPES: tuple[SageMakerType, ...] = (
    ModelPackageGroup("ModelPackageGroup"),
    Pipeline("Pipeline"),
    SageMakerType("Model"),
    SageMakerType("EndpointConfig"),
    Endpoint("Endpoint"),
)


def install() -> None:
    """Let CloudFormation provision these types, on worker threads: an endpoint is waited for."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
    names = {resource.type_name for resource in TYPES}
    seam.run_on_worker_threads(names.__contains__)
    # They call back into this server (S3, logs) and wait for endpoints: never on its event loop.
    ours = {resource.type_name for resource in TYPES}
    seam.run_on_worker_threads(ours.__contains__)


def _definition(given: Any) -> Properties:
    """PipelineDefinition or PipelineDefinitionS3Location for the template's PipelineDefinition."""
    document = json.loads(given) if isinstance(given, str) else given
    if body := document.get("PipelineDefinitionBody"):
        return {"PipelineDefinition": body}
    place = document.get("PipelineDefinitionS3Location")
    if not place:
        raise ValueError(
            f"PipelineDefinition: give PipelineDefinitionBody or PipelineDefinitionS3Location; found {sorted(document)}"
        )
    # In templates the members are Bucket and Key; in the API, ObjectKey.
    members = {"Bucket": place["Bucket"], "ObjectKey": place["Key"]}
    if place.get("Version"):
        members["VersionId"] = place["Version"]
    return {"PipelineDefinitionS3Location": members}


def _untagged(props: Properties) -> Properties:
    return {key: value for key, value in props.items() if key != "Tags"}


def _name_of(ctx: Context, ref: str) -> str:
    """The name behind a Ref: ARNs of endpoints hold it in small letters."""
    row = _names.get((ctx.account, ctx.region, ref))
    return str(row["Name"]) if row else ref.rpartition("/")[2]


def _says_missing(error: AwsError) -> bool:
    return error.code == "ResourceNotFound" or (
        error.code == "ValidationException" and ("not find" in error.message or "does not exist" in error.message)
    )
