"""The few physical names that people, events and permissions need, and AWS's limits on them.

Everything else gets a generated name: those can be replaced without a conflict and never collide.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from mlops_constructs.errors import ConstructError

_WORDS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FOLDER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# Where the API reference of each service puts the limit.
ENDPOINT_LIMIT = 63  # CreateEndpoint: EndpointName; a model package group has the same
JOB_LIMIT = 63  # CreateTransformJob: TransformJobName
PREDICTIONS = "-predictions"
TRANSFORM_JOB_SUFFIX = 13  # of a scheduled time, such as 20261121-0300; those of requests are shorter
PIPELINE_LIMIT = 256  # CreatePipeline: PipelineName
SCHEDULE_LIMIT = 63  # CreateMonitoringSchedule: MonitoringScheduleName; EventBridge Scheduler takes one more
ROLE_LIMIT = 64  # CreateRole: RoleName
STATEMENT_LIMIT = 64  # PutPermission: StatementId
CARD_LIMIT = 63  # CreateModelCard: ModelCardName
FEATURE_GROUP_LIMIT = 64  # CreateFeatureGroup: FeatureGroupName
DOMAIN_LIMIT = 50  # CodeArtifact, CreateDomain: domain
FUNCTION_LIMIT = 64  # CreateFunction: FunctionName
STACK_LIMIT = 128  # CreateStack: StackName
PARAMETER_LEVELS = 15  # PutParameter: Name, parts of a hierarchy
PARAMETER_LIMIT = 1011  # PutParameter: Name, counted with the ARN that it becomes a part of
_LONGEST_ARN_BEGINNING = len("arn:aws-iso-b:ssm:ap-southeast-99:111122223333:parameter")
_RESERVED = ("aws", "ssm")  # PutParameter: Name, what it may not start with


class ReleaseParameter(StrEnum):
    """What a model's release state consists of; the value is the last part of the parameter's name."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    CHALLENGER_WEIGHT = "challenger-weight"
    SHADOW = "shadow"
    FAILED = "failed"
    PREVIOUS = "previous"
    CANDIDATE = "candidate"
    COMMAND = "command"
    ALLOWED = "allowed"


class SharedParameter(StrEnum):
    """What an environment tells the others that take versions from it; the last part of the parameter's name."""

    ARTIFACTS_BUCKET = "artifacts-bucket"
    KEY = "key"


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
        for pipeline in (self.pipeline, self.monitoring_pipeline):
            _within("pipeline", pipeline, PIPELINE_LIMIT)
        for stack in self.stacks:
            _within("stack", stack, STACK_LIMIT)
        for parameter in ReleaseParameter:
            self.release_parameter(parameter)

    def registry(self, takes_from: str) -> "ModelNames":
        """Names of the same model where its versions come from: another environment, or with "" this one."""
        return replace(self, environment=takes_from or self.environment)

    @property
    def public(self) -> str:
        """The model's name outside Python, where hyphens are the custom."""
        return self.folder.replace("_", "-")

    @property
    def base(self) -> str:
        return f"{self.project}-{self.environment}-{self.public}"

    @property
    def tags(self) -> dict[str, str]:
        """What costs are allocated by."""
        return {"project": self.project, "environment": self.environment, "model": self.public}

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
    def monitoring_pipeline(self) -> str:
        return f"{self.base}-monitoring"

    @property
    def monitoring_schedule(self) -> str:
        """The schedule's name, and the dimension of every figure that a monitor publishes."""
        return _fitting(self.base, "-monitoring", SCHEDULE_LIMIT)

    @property
    def stop_schedule(self) -> str:
        """The schedule that stops the endpoint."""
        return _fitting(self.base, "-stop", SCHEDULE_LIMIT)

    @property
    def start_schedule(self) -> str:
        """The schedule that starts it again."""
        return _fitting(self.base, "-start", SCHEDULE_LIMIT)

    @property
    def degradation_alarm(self) -> str:
        """The alarm that retraining listens to."""
        return f"{self.monitoring_stack}-degradation"

    @property
    def degradation_reader(self) -> str:
        """The role by which another account sees whether the model got worse here."""
        return _fitting(self.base, "-degradation", ROLE_LIMIT)

    @property
    def dashboard(self) -> str:
        return self.base

    @property
    def state_stack(self) -> str:
        return f"{self.base}-state"

    @property
    def training_stack(self) -> str:
        return f"{self.base}-training"

    @property
    def serving_stack(self) -> str:
        return f"{self.base}-serving"

    @property
    def release_stack(self) -> str:
        return f"{self.base}-release"

    @property
    def monitoring_stack(self) -> str:
        return f"{self.base}-monitoring"

    @property
    def governance_stack(self) -> str:
        return f"{self.base}-governance"

    @property
    def stacks(self) -> tuple[str, ...]:
        """Every stack that the model can have."""
        made = (self.state_stack, self.training_stack, self.serving_stack, self.release_stack)
        return (*made, self.monitoring_stack, self.governance_stack)

    def card(self, version: int) -> str:
        """The model card of a version; names of the same model begin alike."""
        return _fitting(self.base, f"-v{version}", CARD_LIMIT)

    @property
    def database(self) -> str:
        """Of the model's tables; without hyphens, which SQL would take for minus signs."""
        return f"{self.project}_{self.environment}_{self.folder}".replace("-", "_")

    @property
    def workgroup(self) -> str:
        """Where predictions are queried; by its end, people's policies tell it from the environment's others."""
        return f"{self.base}{PREDICTIONS}"

    @property
    def feature_rows_table(self) -> str:
        """In the environment's features database: rows that wait for their features."""
        return f"{self.folder}_rows"

    @property
    def feature_rows(self) -> str:
        """Prefix of those rows in the artifacts bucket, without the slash at its end."""
        return f"{self.folder}/feature-rows"

    @property
    def feature_results(self) -> str:
        """Prefix of rows with their features in the artifacts bucket, without the slash at its end."""
        return f"{self.folder}/feature-queries"

    @property
    def ground_truth(self) -> str:
        """Prefix of outcomes in the capture bucket, without the slash at its end."""
        return f"{self.folder}/ground-truth"

    @property
    def archive(self) -> str:
        """Prefix of retired versions in the artifacts bucket, without the slash at its end."""
        return f"{self.folder}/archive"

    @property
    def findings(self) -> str:
        """Prefix of what the monitors write, in the artifacts bucket, without the slash at its end."""
        return f"{self.folder}/monitoring"

    @property
    def transform_job_prefix(self) -> str:
        """What the names of the model's transform jobs start with; room is left for what tells jobs apart.

        It ends in two hyphens, which no other name has, so that it is not the beginning of another model's prefix.
        """
        return _fitting(self.base, "--", JOB_LIMIT - TRANSFORM_JOB_SUFFIX)

    def own_prefix(self, prefix: str) -> str:
        """Where a prefix of the configuration is in a bucket that models share: below the model's folder."""
        return f"{self.folder}/{prefix}"

    @property
    def release_prefix(self) -> str:
        """What the names of the model's release parameters start with, slashes at both ends included."""
        return f"/{self.project}/{self.environment}/{self.public}/release/"

    def release_parameter(self, parameter: ReleaseParameter) -> str:
        """The SSM parameter's name, with its leading slash."""
        return ssm_parameter(f"{self.release_prefix}{parameter.value}")


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
    def tags(self) -> dict[str, str]:
        """What costs are allocated by; a model's have its name beside these."""
        return {"project": self.project, "environment": self.environment}

    def statement_id(self, what: str) -> str:
        """Of a statement in a policy that all environments of an account share, as a bus has one."""
        return _fitting(self.base, f"-{what}", STATEMENT_LIMIT)

    @property
    def key_alias(self) -> str:
        """How other accounts name the environment's key, whose ARN they do not know."""
        return f"alias/{self.base}"

    @property
    def network_stack(self) -> str:
        return f"{self.base}-network"

    @property
    def foundation_stack(self) -> str:
        return f"{self.base}-foundation"

    @property
    def overview_stack(self) -> str:
        return f"{self.base}-overview"

    @property
    def features_stack(self) -> str:
        return f"{self.base}-features"

    @property
    def access_stack(self) -> str:
        return f"{self.base}-access"

    @property
    def projects_stack(self) -> str:
        return f"{self.base}-projects"

    @property
    def stacks(self) -> tuple[str, ...]:
        """Every stack that the environment can have beside those of its models."""
        made = (self.network_stack, self.foundation_stack, self.overview_stack)
        return (*made, self.features_stack, self.access_stack, self.projects_stack)

    @property
    def new_model_function(self) -> str:
        """The function that projects of Studio ask; their template names it, which can hold no reference."""
        return _fitting(self.base, "-new-model", FUNCTION_LIMIT)

    @property
    def features_database(self) -> str:
        """Of what the feature store is asked for; no model's, since no model's folder is called `features`."""
        return f"{self.base}_features".replace("-", "_")

    @property
    def package_domain(self) -> str:
        """CodeArtifact's domain with the packages that jobs install."""
        return _fitting(self.base, "", DOMAIN_LIMIT)

    @property
    def features_workgroup(self) -> str:
        return f"{self.base}-features"

    def feature_group(self, name: str) -> str:
        """The feature group's name on AWS; raises ConstructError if that would not take it."""
        if not _FOLDER.fullmatch(name):
            raise ConstructError(
                f"feature group {name!r} cannot be named on AWS: use lower case letters, digits and single "
                f"underscores, starting with a letter"
            )
        physical = f"{self.base}-{name.replace('_', '-')}"
        if len(physical) > FEATURE_GROUP_LIMIT:
            raise ConstructError(
                f"feature group name {physical!r} has {len(physical)} characters, AWS allows {FEATURE_GROUP_LIMIT}: "
                f"shorten it by {len(physical) - FEATURE_GROUP_LIMIT}"
            )
        return physical

    @property
    def dashboard(self) -> str:
        return self.base

    def shared_parameter(self, parameter: SharedParameter) -> str:
        """The SSM parameter's name, with its leading slash."""
        return ssm_parameter(f"/{self.project}/{self.environment}/foundation/{parameter.value}")

    def model(self, folder: str) -> ModelNames:
        return ModelNames(self.project, self.environment, folder)


def ssm_parameter(name: str) -> str:
    """`name` itself, a path with its leading slash; raises ConstructError if SSM does not take it."""
    levels = name.count("/")
    if levels > PARAMETER_LEVELS:
        raise ConstructError(
            f"SSM parameter name {name!r} has {levels} levels, AWS allows {PARAMETER_LEVELS}: remove "
            f"{levels - PARAMETER_LEVELS}"
        )
    if name.startswith(tuple(f"/{word}" for word in _RESERVED)):
        raise ConstructError(
            f"SSM parameter name {name!r} starts with what AWS keeps for itself: give the project a name that does "
            f"not start with {' or '.join(_RESERVED)}"
        )
    _within("SSM parameter", name, PARAMETER_LIMIT - _LONGEST_ARN_BEGINNING)
    return name


def _fitting(name: str, end: str, limit: int) -> str:
    """`name` and `end`; a name too long for that is cut, and gets a hash of the whole."""
    if len(name) + len(end) <= limit:
        return f"{name}{end}"
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}{end}"
    return f"{name[: limit - len(end)].rstrip('-')}{end}"


def _within(what: str, name: str, limit: int) -> None:
    if len(name) > limit:
        raise ConstructError(
            f"{what} name {name!r} has {len(name)} characters, AWS allows {limit}: shorten the project's or "
            f"the model's name by {len(name) - limit}"
        )
