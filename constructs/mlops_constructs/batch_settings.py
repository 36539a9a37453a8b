"""What batch scoring of a model can be told. As in `settings`, no field has a default."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse
from mlops_constructs.instance_types import TransformInstance
from mlops_constructs.schedules import Schedule
from mlops_constructs.settings import Prefix

PAYLOADS_LIMIT_MB = 100
"""What the requests under way on an instance may hold together (API reference: CreateTransformJob, MaxPayloadInMB)."""


class BatchSettings(FrozenModel):
    """Transform jobs with the model that serves."""

    enabled: bool
    schedule: Schedule
    input_prefix: Prefix
    output_prefix: Prefix
    instance_type: TransformInstance
    instance_count: Annotated[int, Field(ge=1, le=100)]
    max_concurrent: Annotated[int, Field(ge=1, le=100)]
    max_payload_mb: Annotated[int, Field(ge=1, le=PAYLOADS_LIMIT_MB)]

    @model_validator(mode="after")
    def _payloads_fit(self) -> Self:
        most = PAYLOADS_LIMIT_MB // self.max_payload_mb
        if self.max_concurrent > most:
            allowed = f"at most {most}, since max_payload_mb is {self.max_payload_mb}"
            refuse("max_concurrent", f"{allowed} and {PAYLOADS_LIMIT_MB} MB is the limit of all together")
        return self

    @model_validator(mode="after")
    def _output_is_no_input(self) -> Self:
        """Neither below the other: a run would score what an earlier one wrote."""
        places = sorted((f"{self.input_prefix}/", f"{self.output_prefix}/"), key=len)
        if places[1].startswith(places[0]):
            refuse("output_prefix", f"neither input_prefix, nor below or above it: {self.input_prefix}")
        return self
