"""What can be scaled here: the instances of an endpoint's production variant.

Other namespaces and dimensions are refused by name. Source: API reference, RegisterScalableTarget.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local_aws.core.api import AwsError, Context, ValidationException, call

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")


class ObjectNotFound(AwsError):
    """There is no such scalable target, policy or scheduled action."""

    def __init__(self, message: str) -> None:
        super().__init__("ObjectNotFoundException", message)


def check(params: dict[str, Any]) -> None:
    """Refuse what is not an endpoint variant's instance count.

    Errors: ValidationException."""
    if params["ServiceNamespace"] != NAMESPACE:
        raise ValidationException(f"ServiceNamespace {params['ServiceNamespace']} is not emulated locally: {NAMESPACE}")
    if params.get("ScalableDimension", DIMENSION) != DIMENSION:
        raise ValidationException(
            f"ScalableDimension {params['ScalableDimension']} is not emulated locally: {DIMENSION}"
        )


@dataclass(frozen=True)
class Variant:
    """An endpoint's variant as a resource ID names it."""

    endpoint: str
    name: str

    @classmethod
    def of(cls, resource_id: str) -> Variant:
        """Errors: ValidationException for any other resource ID."""
        found = _RESOURCE.fullmatch(resource_id)
        if found is None:
            raise ValidationException(f"Unsupported resource ID: {resource_id}; give endpoint/<name>/variant/<name>.")
        return cls(found["endpoint"], found["variant"])


@dataclass(frozen=True)
class Capacity:
    """The instances that a variant shall have, and whether that can be changed now."""

    count: int
    changeable: bool


def capacity(ctx: Context, variant: Variant) -> Capacity:
    """The variant's capacity.

    Errors: ValidationException if the endpoint or its variant does not exist."""
    described = call(ctx, "DescribeEndpoint", {"EndpointName": variant.endpoint})
    pending = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
    for found in [*described.get("ProductionVariants", []), *pending]:
        if found["VariantName"] == variant.name:
            return Capacity(found["DesiredInstanceCount"], described["EndpointStatus"] == "InService")
    raise ValidationException(f'Could not find variant {variant.name} of endpoint "{described["EndpointArn"]}".')


def set_capacity(ctx: Context, variant: Variant, count: int) -> None:
    """Change the variant's instance count, as SageMaker's clients do."""
    change = {"VariantName": variant.name, "DesiredInstanceCount": count}
    params = {"EndpointName": variant.endpoint, "DesiredWeightsAndCapacities": [change]}
    call(ctx, "UpdateEndpointWeightsAndCapacities", params)
