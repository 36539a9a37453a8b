"""What the pipeline that delivers commits can be told. As in `settings`, no field has a default."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mlops_constructs.frozen import FrozenModel

Branch = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=200, description="the name of a branch")
]
# Eight of them at most (template reference: GitFilePathFilterCriteria).
Ignored = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=255)], ...],
    Field(strict=False, max_length=8, description="a list of at most 8 patterns of file names"),
]
Minutes = Annotated[int, Field(ge=5, le=2160)]
"""As long as CodeBuild lets a build run (API reference: CreateProject)."""


class OnFailure(StrEnum):
    """What a stage does when an action of it failed."""

    ROLLBACK = "rollback"
    RETRY = "retry"
    STOP = "stop"


class ConnectionSource(FrozenModel):
    """A branch at GitHub, GitLab or Bitbucket, read through CodeConnections."""

    kind: Literal["connection"]
    connection: Annotated[
        str,
        Field(
            pattern=r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}$",
            description="the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
        ),
    ]
    repository: Annotated[
        str, Field(pattern=r"^[\w.-]+(/[\w.-]+)+$", max_length=200, description="<owner>/<name> of a repository")
    ]
    branch: Branch
    ignore: Ignored


class CodeCommitSource(FrozenModel):
    """A branch of a CodeCommit repository in the pipeline's account and region."""

    kind: Literal["codecommit"]
    repository: Annotated[str, Field(pattern=r"^[\w.-]{1,100}$", description="the name of a CodeCommit repository")]
    branch: Branch


class S3Source(FrozenModel):
    """An archive in a bucket of the pipeline's account and region."""

    kind: Literal["s3"]
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="the name of a bucket")]
    key: Annotated[str, Field(pattern=r"^[\w./-]+\.zip$", max_length=900, description="the key of a .zip file")]


Source = ConnectionSource | CodeCommitSource | S3Source


class BuildSettings(FrozenModel):
    """The machine that lints, tests and synthesizes."""

    compute: Literal["small", "medium", "large", "xlarge"]
    timeout_minutes: Minutes


class StageSettings(FrozenModel):
    """How one environment is delivered to."""

    train: bool
    verify: bool
    approve: bool
    approval_days: Annotated[int, Field(ge=1, le=60)]
    on_failure: Annotated[OnFailure, Field(strict=False)]
    watch_minutes: Annotated[int, Field(ge=0, le=480)]
    deploy_minutes: Minutes
    train_minutes: Minutes
