"""Instance types as the API itself lists them, and what their names say about the hardware."""

import difflib
import re
from functools import cache
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from mlops_constructs.definition_shapes import service

# Families whose instances have local disks: those are encrypted by the hardware, and a request that names a
# KMS key for them is refused (CreateEndpointConfig: KmsKeyId, ResourceConfig: VolumeKmsKeyId).
_LOCAL_STORAGE = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[5-9]e?|p[5-9][a-z]*(-\w+)?|trn\w+|dl1)\.")

_SIZE = re.compile(r"ml\.(?P<family>[a-z0-9-]+)\.(?P<times>\d+)?(?P<size>medium|large|xlarge)")
_LARGE, _XLARGE = 2, 4
_TWO_AS_MEDIUM = "t"  # burstable families; a medium of any other has one
_OTHERWISE = {"ml.c4.8xlarge": 36}


@cache
def known(shape: str) -> tuple[str, ...]:
    """Values of one of the API's enumerations of instance types, for example `TrainingInstanceType`."""
    return tuple(service().shape_for(shape).enum)


def has_local_storage(instance_type: str) -> bool:
    """Whether volumes of this instance type are encrypted by hardware, so that no KMS key may be named."""
    return _LOCAL_STORAGE.match(instance_type) is not None


def vcpus(instance_type: str) -> int:
    """Virtual processors of an instance type, by which SageMaker's CPUUtilization is counted: up to 100 for each.

    The size says it: 2 are large, 4 xlarge, and 4 n are n xlarge (EC2 user guide: instance types).
    """
    size = _SIZE.fullmatch(instance_type)
    if instance_type in _OTHERWISE or size is None:
        return _OTHERWISE.get(instance_type, _LARGE)
    if size["size"] == "medium":
        return 2 if size["family"].startswith(_TWO_AS_MEDIUM) else 1
    return _LARGE if size["size"] == "large" else _XLARGE * int(size["times"] or 1)


def _one_of(shape: str) -> AfterValidator:
    def check(value: str) -> str:
        if value in known(shape):
            return value
        close = difflib.get_close_matches(value, known(shape), n=3, cutoff=0.4) or ["ml.m5.large"]
        raise PydanticCustomError(
            "instance_type",
            "an instance type SageMaker has, for example {close}",
            {"close": " or ".join(close)},
        )

    return AfterValidator(check)


ProcessingInstance = Annotated[str, _one_of("ProcessingInstanceType")]
TrainingInstance = Annotated[str, _one_of("TrainingInstanceType")]
ServingInstance = Annotated[str, _one_of("ProductionVariantInstanceType")]
TransformInstance = Annotated[str, _one_of("TransformInstanceType")]
