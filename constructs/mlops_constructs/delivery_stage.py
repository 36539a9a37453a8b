"""The stages of one environment: approval, deployment and its proof, training."""

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs import delivery_builds
from mlops_constructs.build_machine import Builds
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.delivery_alarms import SETTLE_MINUTES, WATCHED_LIMIT, DeliveryAlarms
from mlops_constructs.delivery_names import DeliveryNames, delivery_role
from mlops_constructs.delivery_project import BuildRole, DeliveryProject
from mlops_constructs.delivery_settings import OnFailure, StageSettings
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.settings import AlarmSettings

_FAILED_ACTIONS = codepipeline.FailureConditions(
    result=codepipeline.Result.RETRY, retry_mode=codepipeline.RetryMode.FAILED_ACTIONS
)


@dataclass(frozen=True)
class Place:
    """An environment to deliver to. account, region: those of a token where only the deployment knows them.

    here: whether that is the pipeline's own account and region. models: those that serve, with their alarms.
    """

    names: EnvironmentNames
    account: str
    region: str
    qualifier: str
    here: bool
    models: Mapping[ModelNames, AlarmSettings]

    @property
    def environment(self) -> str:
        return self.names.environment

    def bootstrap_roles(self, stack: cdk.Stack, *roles: str) -> list[str]:
        """ARNs of CDK's bootstrap roles there (CDK's developer guide: bootstrapping)."""
        return [self._role(stack, f"cdk-{self.qualifier}-{role}-role-{self.account}-{self.region}") for role in roles]

    def own_role(self, stack: cdk.Stack) -> str:
        return self._role(stack, delivery_role(self.names))

    def _role(self, stack: cdk.Stack, name: str) -> str:
        return stack.format_arn(service="iam", region="", account=self.account, resource="role", resource_name=name)


class DeliveryStage(Construct):
    """`stages`, in their order; `projects` are the machines, which the pipeline's role may start.

    What deploys can be rolled back: it is a stage of its own, so that a rollback asks nobody again and trains nothing.
    A stage either rolls back or retries (CodePipeline's user guide: stage conditions, considerations).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        place: Place,
        settings: StageSettings,
        built: codepipeline.Artifact,
        commit: str,
        artifacts: s3.IBucket,
        topic: sns.ITopic,
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        self._place, self._settings, self._built, self._commit = place, settings, built, commit
        self._artifacts, self._topic, self._protection = artifacts, topic, protection
        self._names = DeliveryNames(place.names.project)
        self.projects: list[DeliveryProject] = []
        self._role = self._build_role("Role", self._names.role(place.environment), "Delivers to")
        stack = cdk.Stack.of(self)
        self._role.let_take(
            [*place.bootstrap_roles(stack, "deploy", "file-publishing", "lookup"), place.own_role(stack)]
        )
        self._variables = {"MLOPS_ROLE_ARN": place.own_role(stack)}
        self.alarms = self._build_alarms()
        self.stages = [
            *([self._build_approval()] if settings.approve else []),
            self._build_deployment(),
            *([self._build_training()] if settings.train else []),
        ]

    def _build_role(self, construct_id: str, name: str, purpose: str, *, leaves: str = "") -> BuildRole:
        return BuildRole(
            self,
            construct_id,
            role_name=name,
            description=f"{purpose} {self._place.names.base} (docs/delivery.md)",
            artifacts=self._artifacts,
            protection=self._protection,
            leaves=leaves,
        )

    def _build_alarms(self) -> DeliveryAlarms | None:
        """A rule can look at an alarm of the pipeline's own account and region only: its configuration has a name."""
        models = self._place.models
        if not (self._place.here and 0 < len(models) <= WATCHED_LIMIT):
            return None
        return DeliveryAlarms(self, "Alarms", names=self._names, environment=self._place.environment, models=models)

    def _build_approval(self) -> codepipeline.StageProps:
        """A role that only looks shows the difference: what a commit runs has nothing more before it is approved."""
        environment = self._place.environment
        role = self._build_role("DifferenceRole", self._names.difference_role(environment), "Looks at", leaves="Differ")
        role.let_take(self._place.bootstrap_roles(cdk.Stack.of(self), "lookup"))
        difference = self._action(
            "Difference",
            delivery_builds.difference(environment),
            "Shows what a deployment would change in",
            role=role,
            output=codepipeline.Artifact(f"Difference-{environment}"),
        )
        approval = actions.ManualApprovalAction(
            action_name="Approval",
            run_order=2,
            notification_topic=self._topic,
            external_entity_link=difference.variable("DIFFERENCE_LINK"),
            additional_information=(
                f"Deploy commit {self._commit} to {environment}? {difference.variable('DIFFERENCE')}. "
                "Models are released by themselves: docs/releases.md"
            ),
            timeout=cdk.Duration.days(self._settings.approval_days),
        )
        return codepipeline.StageProps(stage_name=f"Approve-{environment}", actions=[difference, approval])

    def _build_deployment(self) -> codepipeline.StageProps:
        environment, settings = self._place.environment, self._settings
        steps = [self._action("Deploy", delivery_builds.deploy(environment, settings.deploy_minutes), "Deploys")]
        if settings.verify:
            builds = delivery_builds.verify(environment, settings, self._variables, watches=self.alarms is None)
            steps.append(self._action("Verify", builds, "Looks after a deployment of", order=2))
        before, after = self._conditions()
        return codepipeline.StageProps(
            stage_name=f"Deploy-{environment}",
            actions=list(steps),
            before_entry=before,
            on_success=after,
            on_failure=_on_failure(settings.on_failure),
        )

    def _conditions(self) -> tuple[codepipeline.Conditions | None, codepipeline.Conditions | None]:
        """Nothing is deployed to what rings already, and what rings afterwards was not a success."""
        if self.alarms is None:
            return None, None
        rolls_back = self._settings.on_failure is OnFailure.ROLLBACK
        result = codepipeline.Result.ROLLBACK if rolls_back else codepipeline.Result.FAIL
        watch = self._settings.watch_minutes
        return (
            self.alarms.quiet(codepipeline.Result.FAIL, SETTLE_MINUTES),
            self.alarms.quiet(result, watch) if watch else None,
        )

    def _build_training(self) -> codepipeline.StageProps:
        """Retried once: capacity and spot come and go, and what has run already is not run again."""
        builds = delivery_builds.train(self._place.environment, self._settings, self._variables)
        commit = {"COMMIT": self._commit}
        return codepipeline.StageProps(
            stage_name=f"Train-{self._place.environment}",
            actions=[self._action("Train", builds, "Trains models of", variables=commit)],
            on_failure=_FAILED_ACTIONS,
        )

    def _action(
        self,
        name: str,
        builds: Builds,
        purpose: str,
        *,
        order: int = 1,
        role: BuildRole | None = None,
        output: codepipeline.Artifact | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> actions.CodeBuildAction:
        project = DeliveryProject(
            self,
            name,
            builds=builds,
            description=f"{purpose} {self._place.names.base}",
            role=role or self._role,
            protection=self._protection,
        )
        self.projects.append(project)
        return build_action(
            name, project, self._built, order=order, outputs=[output] if output else [], variables=variables or {}
        )


def build_action(
    name: str,
    project: DeliveryProject,
    source: codepipeline.Artifact,
    *,
    order: int = 1,
    outputs: list[codepipeline.Artifact] | None = None,
    variables: Mapping[str, str] | None = None,
) -> actions.CodeBuildAction:
    """Run `project` on what `source` holds."""
    return actions.CodeBuildAction(
        action_name=name,
        project=project,
        input=source,
        outputs=outputs or None,
        run_order=order,
        environment_variables={
            key: codebuild.BuildEnvironmentVariable(value=value) for key, value in (variables or {}).items()
        }
        or None,
    )


def _on_failure(what: OnFailure) -> codepipeline.FailureConditions | None:
    """Before the stage has succeeded once, there is nothing to roll back to, and it just fails (user guide: configure
    a stage for automatic rollback)."""
    match what:
        case OnFailure.ROLLBACK:
            return codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK)
        case OnFailure.RETRY:
            return _FAILED_ACTIONS
    return None
