"""The few physical names that people, events and permissions need, and AWS's limits on them.

Everything else gets a generated name: those can be replaced without a conflict and never collide.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mlops_constructs.errors import ConstructError

_WORDS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FOLDER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# Where the API reference of each service puts the limit.
ENDPOINT_LIMIT = 63  # CreateEndpoint: EndpointName; a model package group has the same
PIPELINE_LIMIT = 256  # CreatePipeline: PipelineName
STACK_LIMIT = 128  # CreateStack: StackName


class ReleaseParameter(StrEnum):
    """What a model's release state consists of; the value is the last part of the parameter's name."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    CHALLENGER_WEIGHT = "challenger-weight"
    SHADOW = "shadow"
    FAILED = "failed"


@dataclass(frozen=True)
class ModelNames:
    """Names of one model in one environment; `folder` is the model's folder below `pipeline_code/`."""

    project: str
    environment: str
    folder: str

    def __post_init__(self) -> None:
        if not _FOLDER.fullmatch(self.folder):
            raise ConstructError(
                f"model {self.folder!r} cannot be named on AWS: use lower case letters, digits and single "
                f"underscores, starting with a letter"
            )
        _within("endpoint and model package group", self.base, ENDPOINT_LIMIT)
        _within("pipeline", self.pipeline, PIPELINE_LIMIT)
        for stack in (self.training_stack, self.serving_stack, self.release_stack):
            _within("stack", stack, STACK_LIMIT)

    @property
    def public(self) -> str:
        """The model's name outside Python, where hyphens are the custom."""
        return self.folder.replace("_", "-")

    @property
    def base(self) -> str:
        return f"{self.project}-{self.environment}-{self.public}"

    @property
    def package_group(self) -> str:
        return self.base

    @property
    def endpoint(self) -> str:
        return self.base

    @property
    def pipeline(self) -> str:
        return f"{self.base}-training"

    @property
    def training_stack(self) -> str:
        return f"{self.base}-training"

    @property
    def serving_stack(self) -> str:
        return f"{self.base}-serving"

    @property
    def release_stack(self) -> str:
        return f"{self.base}-release"

    def release_parameter(self, parameter: ReleaseParameter) -> str:
        """The SSM parameter's name, with its leading slash."""
        return f"/{self.project}/{self.environment}/{self.public}/release/{parameter.value}"


@dataclass(frozen=True)
class EnvironmentNames:
    """Names of one environment of the project, and the way to those of its models."""

    project: str
    environment: str

    def __post_init__(self) -> None:
        for what, value in (("project", self.project), ("environment", self.environment)):
            if not _WORDS.fullmatch(value):
                raise ConstructError(
                    f"{what} {value!r} cannot be part of AWS names: use lower case letters, digits and "
                    f"single hyphens, starting with a letter"
                )

    @property
    def base(self) -> str:
        return f"{self.project}-{self.environment}"

    @property
    def foundation_stack(self) -> str:
        return f"{self.base}-foundation"

    def model(self, folder: str) -> ModelNames:
        return ModelNames(self.project, self.environment, folder)


def _within(what: str, name: str, limit: int) -> None:
    if len(name) > limit:
        raise ConstructError(
            f"{what} name {name!r} has {len(name)} characters, AWS allows {limit}: shorten the project's or "
            f"the model's name by {len(name) - limit}"
        )
