"""What a feature group is, and which ones a model uses. As in `settings`, no field has a default.

Limits come from the API reference (CreateFeatureGroup), and from Athena, which reads the offline store: Glue knows no
upper case in the name of a column.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import Frozen, FrozenModel, refuse

STORE = "feature-store"
"""Prefix of the offline stores in the data bucket, without the slash at its end."""

FEATURES_LIMIT = 2500  # CreateFeatureGroup: FeatureDefinitions
_OF_THE_STORE = ("write_time", "api_invocation_time", "is_deleted")  # CreateFeatureGroup: FeatureName
_PARTITIONS = ("year", "month", "day", "hour")  # of the offline store's table (developer guide: offline store)
_OF_THE_JOIN = ("row", "record", "known")  # pipeline_code/features/as_of.py: columns beside the features
RESERVED = (*_OF_THE_STORE, *_PARTITIONS, *_OF_THE_JOIN)

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST_NAME = 64
_NAME_HELP = f"lower case letters, digits and single underscores, starting with a letter, at most {_LONGEST_NAME}"
FeatureName = Annotated[
    str, Field(pattern=rf"^{_NAME.pattern}$", max_length=_LONGEST_NAME, description=f"a name: {_NAME_HELP}")
]


class FeatureType(StrEnum):
    """Types of SageMaker Feature Store."""

    INTEGRAL = "Integral"
    FRACTIONAL = "Fractional"
    STRING = "String"


class EventTimeType(StrEnum):
    """How the store takes event times: as ISO 8601 text in UTC, or as Unix seconds."""

    STRING = "String"
    FRACTIONAL = "Fractional"


class FeatureGroupSettings(FrozenModel):
    """One feature group; `features` are those besides the record identifier, which is a text, and the event time."""

    description: Annotated[str, Field(min_length=1, max_length=128, description="text of 1 to 128 characters")]
    record_identifier: FeatureName
    event_time: FeatureName
    event_time_type: Annotated[EventTimeType, Field(strict=False)]
    online: bool
    offline: bool
    ttl_days: Annotated[int, Field(ge=0, le=36_500)]
    features: Annotated[Mapping[str, Annotated[FeatureType, Field(strict=False)]], Frozen]

    @property
    def types(self) -> dict[str, str]:
        """Type of every feature by its name, record identifier and event time first."""
        first = {self.record_identifier: FeatureType.STRING.value, self.event_time: self.event_time_type.value}
        return {**first, **{name: kind.value for name, kind in self.features.items()}}

    @property
    def definition(self) -> dict[str, Any]:
        """All of it in types of JSON, as the guard of changes compares it."""
        features = {name: kind.value for name, kind in self.features.items()}
        return {**self.model_dump(exclude={"features"}), "features": features}

    @model_validator(mode="after")
    def _is_kept_somewhere(self) -> Self:
        if not (self.online or self.offline):
            refuse("offline", "true, or online must be: a group is kept online, offline or both")
        if self.ttl_days and not self.online:
            refuse("ttl_days", "0, since online is false: only online records expire")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if self.event_time == self.record_identifier:
            refuse("event_time", f"another feature than record_identifier, which is {self.record_identifier}")
        for key in ("record_identifier", "event_time"):
            if (name := getattr(self, key)) in self.features:
                refuse(f"features.{name}", f"left out: {key} names it, and gives it its type")
            if name in RESERVED:
                refuse(key, f"another name: Feature Store and the join keep {', '.join(RESERVED)}")
        return self

    @model_validator(mode="after")
    def _features_can_be_columns(self) -> Self:
        if not 1 <= len(self.features) <= FEATURES_LIMIT - 2:
            refuse("features", f"a table of 1 to {FEATURES_LIMIT - 2} features")
        for name in self.features:
            if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
                refuse(f"features.{name}", f"named otherwise: {_NAME_HELP}")
            if name in RESERVED:
                refuse(f"features.{name}", f"named otherwise: Feature Store and the join keep {', '.join(RESERVED)}")
        return self


class ModelFeatures(FrozenModel):
    """The feature groups that a model learns from, and reads online for each request."""

    groups: Annotated[tuple[FeatureName, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.groups)) < len(self.groups):
            refuse("groups", "a list of different feature groups")
        return self
