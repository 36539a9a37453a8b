"""A model's release parameters as the command line reads and writes them.

The controller writes all of them but two: `command` and `allowed` are how people tell it something.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops.errors import CommandError
from mlops_constructs.naming import ModelNames, ReleaseParameter

NONE = "none"
"""The value of a release parameter that names nothing."""

PAUSE = "pause"
"""The command that stays until somebody resumes."""

_VERSION = re.compile(r":model-package/[^/\s]+/(\d+)$")


@dataclass(frozen=True)
class Parameter:
    """A parameter's value, the version of that value, and when it was written."""

    value: str
    version: int
    modified: datetime


@dataclass(frozen=True)
class Candidate:
    """The version on its way, its stage (shadow, challenger, promote, rollback), and since when it is there."""

    package: str
    stage: str
    since: datetime


@dataclass(frozen=True)
class ReleaseState:
    """All release parameters of one model."""

    parameters: Mapping[str, Parameter]

    def __getitem__(self, name: ReleaseParameter) -> Parameter:
        return self.parameters[name.value]

    def version(self, name: ReleaseParameter) -> int:
        """The version that a parameter names; 0 for none."""
        return version_of(self[name].value)

    @property
    def champion(self) -> str:
        return self[ReleaseParameter.CHAMPION].value

    @property
    def previous(self) -> int:
        """The version that a rollback goes to; 0 for none, as after a rollback, when that version serves."""
        parameter = self[ReleaseParameter.PREVIOUS].value
        return 0 if parameter == self.champion else version_of(parameter)

    def barred(self, number: int) -> str:
        """Why a version is not tried again, or ""."""
        failed = self.version(ReleaseParameter.FAILED)
        if number > failed:
            return ""
        gone = "failed, lost or was rejected"
        return gone if number == failed else f"is not newer than version {failed}, which {gone}"

    @property
    def candidate(self) -> Candidate | None:
        parameter = self[ReleaseParameter.CANDIDATE]
        if parameter.value == NONE:
            return None
        package, _, stage = parameter.value.partition(" ")
        return Candidate(package, stage, parameter.modified)

    @property
    def command(self) -> str:
        """What a person asked for and the controller has not done yet; "pause" stays until `resume`."""
        return self[ReleaseParameter.COMMAND].value

    @property
    def share(self) -> int:
        """Percent of the requests that the challenger is to get."""
        return int(self[ReleaseParameter.CHALLENGER_WEIGHT].value)


def version_of(package: str) -> int:
    """The version number at the end of a package ARN; 0 for "none" and anything else."""
    found = _VERSION.search(package)
    return int(found[1]) if found else 0


def in_words(command: str) -> str:
    """A command as a person would write it: "promote 4" for "promote arn:…/4"."""
    word, _, package = command.partition(" ")
    return f"{word} {version_of(package)}" if package else word


def read(ssm: Any, names: ModelNames) -> ReleaseState:
    """Read all release parameters; raises CommandError if some are not deployed."""
    prefix = names.release_prefix
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=prefix)
    found = {
        item["Name"].removeprefix(prefix): Parameter(item["Value"], item["Version"], item["LastModifiedDate"])
        for page in pages
        for item in page["Parameters"]
    }
    if missing := [name.value for name in ReleaseParameter if name.value not in found]:
        raise CommandError(
            f"SSM parameters {prefix}{{{','.join(missing)}}}: do not exist; deploy the foundation: "
            f"npx cdk deploy --all -c env={names.environment}"
        )
    return ReleaseState(found)


def write(ssm: Any, names: ModelNames, parameter: ReleaseParameter, value: str) -> int:
    """Write a parameter; returns the version of its new value."""
    answer = ssm.put_parameter(Name=names.release_parameter(parameter), Value=value, Type="String", Overwrite=True)
    return int(answer["Version"])


def writers(ssm: Any, names: ModelNames, *parameters: ReleaseParameter) -> dict[ReleaseParameter, str]:
    """The identity that wrote each parameter last, where SSM tells it; nobody for whom may not ask."""
    wanted = {names.release_parameter(parameter): parameter for parameter in parameters}
    try:
        answer = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": list(wanted)}])
    except ClientError as error:
        # The call cannot be allowed for some parameters only, so many are not; a page without names is still one.
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return {}
        raise
    return {
        wanted[item["Name"]]: item["LastModifiedUser"] for item in answer["Parameters"] if item.get("LastModifiedUser")
    }
