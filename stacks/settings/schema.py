"""Every setting of an environment, typed. Meanings are in config/base.toml, next to the values."""

from collections.abc import Mapping
from typing import Annotated, Literal, Protocol, Self, TypeVar

from pydantic import Field, model_validator

from mlops_constructs.access_settings import AccessSettings, AuditSettings
from mlops_constructs.batch_settings import BatchSettings
from mlops_constructs.budget_settings import BudgetSettings, ModelBudgetSettings
from mlops_constructs.delivery_settings import S3Source, Source
from mlops_constructs.errors import ConstructError
from mlops_constructs.feature_settings import STORE, FeatureGroupSettings, ModelFeatures
from mlops_constructs.frameworks import FRAMEWORKS
from mlops_constructs.frozen import Frozen, FrozenModel, refuse
from mlops_constructs.governance_settings import ExperimentSettings, GovernanceSettings
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.network_settings import PACKAGE_REGIONS, NetworkSettings
from mlops_constructs.project_settings import ProjectReference, ProjectsSettings
from mlops_constructs.registry import Registry
from mlops_constructs.release_settings import ReleaseSettings
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.settings import ServingSettings, Strategy, TrainingSettings
from mlops_constructs.shipped import SHARED_PACKAGES
from stacks.settings.neighbours import Neighbour

# The keys of data_protection.RETENTION; a type cannot be made from them. A test compares.
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
ProjectName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=20,
        description="at most 20 lower case letters, digits and single hyphens, starting with a letter",
    ),
]
Account = Annotated[str, Field(pattern=r"^\d{12}$", description="twelve digits, in quotes")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="a region's name, for example eu-west-1")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", description="an e-mail address")]
RoleArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$", description="the ARN of an IAM role"),
]
ImageUri = Annotated[
    str,
    Field(
        pattern=r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"
        r"/[a-z0-9._/-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$",
        description="<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or @sha256:<digest>",
    ),
]


Qualifier = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]{1,10}$", description="the qualifier of a bootstrap of CDK: 1 to 10 of a-z and 0-9"),
]


PolicyName = Annotated[
    str,
    Field(pattern=r"^[\w+=,.@-]{0,128}$", description='the name of a managed policy of the account, or ""'),
]


class _Placed(Protocol):
    account: Account | None
    region: Region | None


_P = TypeVar("_P", bound=_Placed)


def account_with_region(settings: _P) -> _P:
    """A rule for settings of what is deployed: it is somewhere, or wherever the credentials are."""
    if (settings.account is None) != (settings.region is None):
        given, missing = ("region", "account") if settings.account is None else ("account", "region")
        refuse(given, f"together with {missing}: set both, or neither")
    return settings


class DeploymentSettings(FrozenModel):
    """With what the stacks are deployed."""

    qualifier: Qualifier
    permissions_boundary: PolicyName


class Delivered(FrozenModel):
    """A pipeline delivers to the environment; account: the pipeline's, None where it is the environment's own."""

    account: Account | None
    region: Region | None
    source: Annotated[Source, Field(discriminator="kind")]


class NotificationSettings(FrozenModel):
    """Who hears about what happens."""

    emails: Annotated[tuple[Email, ...], Field(strict=False)]


class MetricsSettings(FrozenModel):
    """Who sees figures beside CloudWatch's own dashboards."""

    readers: Annotated[tuple[RoleArn, ...], Field(strict=False)]


Pack = Literal["AwsSolutions", "NIST.800-53.R5", "HIPAA.Security", "PCI.DSS.321"]


class ComplianceSettings(FrozenModel):
    """Which packs of cdk-nag's rules the templates must follow."""

    packs: Annotated[tuple[Pack, ...], Field(strict=False)]


class ModelSettings(FrozenModel):
    """One model: a folder below `pipeline_code/` and its section of the configuration."""

    enabled: bool
    framework: str
    training: TrainingSettings
    serving: ServingSettings
    release: ReleaseSettings
    batch: BatchSettings
    monitoring: MonitoringSettings
    retraining: RetrainingSettings
    features: ModelFeatures
    governance: GovernanceSettings
    sagemaker_project: ProjectReference
    budget: ModelBudgetSettings
    experiments: ExperimentSettings

    @property
    def watches(self) -> bool:
        """Whether what the model's endpoint saw is judged."""
        return self.enabled and self.monitoring.enabled

    @property
    def most_instances(self) -> int:
        """Instances that an endpoint which scales can have, all variants together, unless a fleet replaces another."""
        most, stages = self.serving.autoscaling.max_instances, self.release.stages
        tried = most if "challenger" in stages else self.serving.challenger.instance_count if stages else 0
        return most + tried

    @property
    def trains(self) -> bool:
        """Whether the model has a training pipeline and a registry of its own in this environment."""
        return self.enabled and not self.release.takes_from

    @model_validator(mode="after")
    def _there_is_something_to_watch(self) -> Self:
        if self.monitoring.enabled and not self.serving.capture_percentage:
            refuse("serving.capture_percentage", "at least 1, since monitoring.enabled is true")
        return self

    @model_validator(mode="after")
    def _stops_what_nothing_holds(self) -> Self:
        """SageMaker deletes no endpoint that a monitoring schedule of its own still watches."""
        if self.serving.stop.enabled and self.watches and self.monitoring.engine == "model-monitor":
            refuse("serving.stop.enabled", 'false, since monitoring.engine "model-monitor" holds the endpoint')
        return self

    @model_validator(mode="after")
    def _somebody_notices_degradation(self) -> Self:
        """Elsewhere, as in degradation_in, is another configuration's matter."""
        retraining = self.retraining
        listens = retraining.enabled and retraining.on_degradation and not retraining.degradation_in
        if self.trains and listens and not self.monitoring.enabled:
            refuse("retraining.on_degradation", "false, since monitoring.enabled is false: nothing finds a degradation")
        return self

    @model_validator(mode="after")
    def _instances_can_be_too_many(self) -> Self:
        """An alarm that always rings, or never, is none."""
        limit, least, most = self.monitoring.alarms.daily_instances, self.serving.instance_count, self.most_instances
        if self.serving.autoscaling.enabled and limit and not least < limit < most:
            refuse(
                "monitoring.alarms.daily_instances",
                f"above serving.instance_count, which is {least}, and below {most}, the most that there can be, "
                "or 0 for no such alarm",
            )
        return self


class EnvironmentSettings(FrozenModel):
    """One environment."""

    project: ProjectName
    environment: str
    account: Account | None = None
    region: Region | None = None
    retain: bool
    log_retention_days: LogRetentionDays
    deployment: DeploymentSettings
    delivery: Delivered | None = None
    """Filled by the loader, from config/delivery.toml."""
    notifications: NotificationSettings
    metrics: MetricsSettings
    images: Annotated[Mapping[str, ImageUri], Frozen]
    access: AccessSettings
    audit: AuditSettings
    network: NetworkSettings
    compliance: ComplianceSettings
    projects: ProjectsSettings
    budget: BudgetSettings
    feature_groups: Annotated[Mapping[str, FeatureGroupSettings], Frozen]
    models: Annotated[Mapping[str, ModelSettings], Frozen]
    neighbours: Annotated[tuple[Neighbour, ...], Field(strict=False)] = ()
    """The environments that this one has to do with. Not from its file: the loader knows the others'."""

    @property
    def elsewhere(self) -> tuple[Neighbour, ...]:
        """The neighbours in another account. Where an account is not written down, none is known to be another."""
        ours = self.account
        return tuple(each for each in self.neighbours if ours and each.account and each.account != ours)

    def registry(self, model: str) -> Registry:
        """Where the versions of `model` (its folder) are registered."""
        place = self.models[model].release.takes_from
        account = next((each.account for each in self.elsewhere if each.environment == place), None)
        names = EnvironmentNames(self.project, self.environment).model(model)
        return Registry(names.registry(place), account or "")

    def used_groups(self, model: str) -> dict[str, FeatureGroupSettings]:
        """The feature groups that `model` (its folder) uses, by their names."""
        return {name: self.feature_groups[name] for name in self.models[model].features.groups}

    @property
    def has_budgets(self) -> bool:
        """Whether AWS Budgets has something to tell the environment's topic."""
        return any([self.budget.monthly_usd, *(model.budget.monthly_usd for model in self.models.values())])

    _account_with_region = model_validator(mode="after")(account_with_region)

    @model_validator(mode="after")
    def _projects_can_push(self) -> Self:
        """A connection and a repository of CodeCommit are used in their own account and region."""
        if not self.projects.enabled:
            return self
        if self.delivery is None:
            refuse("projects.enabled", "false, since config/delivery.toml does not deliver to this environment")
        if isinstance(self.delivery.source, S3Source):
            refuse(
                "projects.enabled", 'false, since source.kind of config/delivery.toml is "s3", which takes no branch'
            )
        if (self.delivery.account, self.delivery.region) != (self.account, self.region):
            refuse("projects.enabled", "false, since the pipeline of config/delivery.toml is elsewhere")
        return self

    @model_validator(mode="after")
    def _models_can_be_named(self) -> Self:
        for name in self.models:
            if name in SHARED_PACKAGES:
                refuse(f"models.{name}", f"named otherwise: pipeline_code/{name} is shared by all models")
            try:
                EnvironmentNames(self.project, self.environment).model(name)
            except ConstructError as error:
                refuse(f"models.{name}", f"named otherwise: {error}")
        return self

    @model_validator(mode="after")
    def _feature_groups_can_be_named(self) -> Self:
        for name in self.feature_groups:
            try:
                EnvironmentNames(self.project, self.environment).feature_group(name)
            except ConstructError as error:
                refuse(f"feature_groups.{name}", f"named otherwise: {error}")
        return self

    @model_validator(mode="after")
    def _training_data_are_no_features(self) -> Self:
        """A role that reads the data of its model must not read every group, nor a file of a store start a training."""
        for name, model in self.models.items():
            if model.training.data_prefix.partition("/")[0] == STORE:
                refuse(f"models.{name}.training.data_prefix", f"another prefix: feature groups are kept below {STORE}/")
        return self

    @model_validator(mode="after")
    def _models_use_feature_groups_that_are_there(self) -> Self:
        """Online for requests, offline for learning: with one of them a model would learn what it never sees."""
        for model, settings in self.models.items():
            for position, name in enumerate(settings.features.groups):
                key = f"models.{model}.features.groups.{position}"
                group = self.feature_groups.get(name)
                if group is None:
                    refuse(key, f"one of [feature_groups]: {', '.join(sorted(self.feature_groups)) or 'there is none'}")
                elif not (group.online and group.offline):
                    missing = "offline" if group.online else "online"
                    refuse(key, f"a feature group that is kept online and offline: {missing} is false")
        return self

    @model_validator(mode="after")
    def _images_exist(self) -> Self:
        for name, model in self.models.items():
            if model.framework in self.images:
                continue
            if model.framework not in FRAMEWORKS:
                known = ", ".join(sorted({*FRAMEWORKS, *self.images}))
                refuse(f"models.{name}.framework", f"one of {known}")
            regions = FRAMEWORKS[model.framework].accounts
            if self.region and self.region not in regions:
                refuse("region", f"one with a {model.framework} image: {', '.join(sorted(regions))}")
        return self

    @model_validator(mode="after")
    def _packages_can_be_had(self) -> Self:
        """A private network has a repository of CodeArtifact, and endpoints for it, which not every region has."""
        if self.network.private and self.region and self.region not in PACKAGE_REGIONS:
            refuse("region", f'one with CodeArtifact, since network.mode is "vpc": {", ".join(PACKAGE_REGIONS)}')
        return self

    @model_validator(mode="after")
    def _alarms_can_go_off_while_baking(self) -> Self:
        """Only where it counts: what may vanish may also be released without watching it for long."""
        for name, model in self.models.items() if self.retain else ():
            window = model.serving.alarms.window_seconds
            watched = {"serving.deployment.bake_seconds": model.serving.deployment.bake_seconds}
            if "challenger" in model.release.stages:
                watched["release.experiment.step_seconds"] = model.release.experiment.step_seconds
            for key, seconds in watched.items():
                if seconds < window:
                    refuse(
                        f"models.{name}.{key}",
                        f"at least {window}, since retain is true and alarms look {window} s back (alarms.periods)",
                    )
        return self

    @model_validator(mode="after")
    def _experiments_can_be_reached(self) -> Self:
        """The environment's own VPC has no endpoint for MLflow, and an app of MLflow has none at all."""
        for name, model in self.models.items() if self.network.own else ():
            if model.experiments.tracking:
                refuse(
                    f"models.{name}.experiments.tracking",
                    '"", since network.mode is "vpc": no endpoint of the environment\'s own VPC leads to MLflow; with '
                    "network.vpc_id it can be a VPC that has one",
                )
        return self

    @model_validator(mode="after")
    def _stops_where_nothing_is_kept(self) -> Self:
        """What serves customers does not close at night."""
        for name, model in self.models.items() if self.retain else ():
            if model.serving.stop.enabled:
                refuse(f"models.{name}.serving.stop.enabled", "false, since retain is true")
        return self

    @model_validator(mode="after")
    def _degradation_is_no_accident(self) -> Self:
        """One odd window is no trend; where nothing is kept, one may do."""
        for name, model in self.models.items() if self.retain else ():
            if model.monitoring.enabled and model.monitoring.breaches < 2:
                refuse(f"models.{name}.monitoring.breaches", "at least 2, since retain is true")
        return self

    @model_validator(mode="after")
    def _looks_end_before_the_next(self) -> Self:
        """A query that outlives the controller's run is read by the next one, if that still asks for the same look."""
        for name, model in self.models.items() if self.retain else ():
            seconds = model.release.schedule_minutes * 60
            if model.release.stages and model.release.experiment.look_seconds < seconds:
                refuse(
                    f"models.{name}.release.experiment.look_seconds",
                    f"at least {seconds}, the {model.release.schedule_minutes} minutes of release.schedule_minutes",
                )
        return self

    @model_validator(mode="after")
    def _fleets_can_be_split(self) -> Self:
        """SageMaker takes a first step of at most half of the instances (developer guide: canary traffic shifting)."""
        for name, model in self.models.items() if self.retain else ():
            serving = model.serving
            if serving.deployment.strategy is Strategy.ALL_AT_ONCE:
                continue
            counts = {"instance_count": serving.instance_count}
            if serving.autoscaling.enabled:
                counts["autoscaling.min_instances"] = serving.autoscaling.min_instances
                if serving.autoscaling.off_hours.enabled:
                    counts["autoscaling.off_hours.min_instances"] = serving.autoscaling.off_hours.min_instances
            for key, count in counts.items():
                if count < 2:
                    refuse(
                        f"models.{name}.serving.{key}",
                        f"at least 2, since retain is true and {serving.deployment.strategy.value} begins with a part "
                        "of the instances",
                    )
        return self
