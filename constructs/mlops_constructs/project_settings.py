"""What is said of SageMaker's projects: whether an environment offers them, and which one a model belongs to."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse

StudioRole = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="the ARN of an IAM role: an execution role of Studio",
    ),
]


class ProjectsSettings(FrozenModel):
    """Projects that make a model, started in Studio."""

    enabled: bool
    roles: Annotated[tuple[StudioRole, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _somebody_may_start_them(self) -> Self:
        if self.enabled and not self.roles:
            refuse("roles", "the execution roles of Studio, since enabled is true: nobody else sees the template")
        return self


class ProjectReference(FrozenModel):
    """Id and name of a project (API reference: CreateProject; the id is SageMaker's)."""

    id: Annotated[str, Field(pattern=r"^(p-[a-z0-9]{1,18})?$", description='a project\'s id, as p-abc123, or ""')]
    name: Annotated[
        str,
        Field(
            pattern=r"^([a-zA-Z0-9](-*[a-zA-Z0-9]){0,31})?$",
            description='a project\'s name, at most 32 letters, digits and hyphens, or ""',
        ),
    ]

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.id) != bool(self.name):
            given, missing = ("id", "name") if self.id else ("name", "id")
            refuse(given, f"together with {missing}: set both, or neither")
        return self

    @property
    def tags(self) -> dict[str, str]:
        """What Studio finds a project's resources by (developer guide: SageMaker Projects, tags)."""
        return {"sagemaker:project-id": self.id, "sagemaker:project-name": self.name} if self.id else {}
