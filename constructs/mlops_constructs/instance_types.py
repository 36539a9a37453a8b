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


@cache
def known(shape: str) -> tuple[str, ...]:
    """Values of one of the API's enumerations of instance types, for example `TrainingInstanceType`."""
    return tuple(service().shape_for(shape).enum)


def has_local_storage(instance_type: str) -> bool:
    """Whether volumes of this instance type are encrypted by hardware, so that no KMS key may be named."""
    return _LOCAL_STORAGE.match(instance_type) is not None


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
