"""The CodePipeline that brings a commit to every environment: source, build, itself, then one after the other."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs import delivery_builds
from mlops_constructs.access import allow
from mlops_constructs.build_machine import Builds
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.delivery_failures import DeliveryFailures
from mlops_constructs.delivery_names import DeliveryNames
from mlops_constructs.delivery_project import ARTIFACTS, BuildRole, DeliveryProject
from mlops_constructs.delivery_settings import BuildSettings, Source, StageSettings
from mlops_constructs.delivery_source import DeliverySource
from mlops_constructs.delivery_stage import DeliveryStage, Place, build_action

MODES = {
    "superseded": codepipeline.ExecutionMode.SUPERSEDED,
    "queued": codepipeline.ExecutionMode.QUEUED,
}
ITSELF = "delivery"
"""What `make synth` and `make deploy` call the pipeline's own stack."""


class DeliveryPipeline(Construct):
    """One service role does all actions: it starts machines, and each machine has the role of its environment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: DeliveryNames,
        source: Source,
        build: BuildSettings,
        mode: str,
        stages: Mapping[Place, StageSettings],
        itself: Place,
        artifacts: s3.IBucket,
        topic: sns.ITopic,
        protection: DataProtection,
    ) -> None:
        """stages: the environments in their order. itself: the pipeline's own account and bootstrap."""
        super().__init__(scope, construct_id)
        self._artifacts, self._topic, self._protection = artifacts, topic, protection
        self._role = iam.Role(
            self,
            "Role",
            description=f"Service role of {names.base}: starts its builds",
            assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"),
        )
        origin = DeliverySource(self, "Source", settings=source, role=self._role, artifacts=artifacts)
        built = codepipeline.Artifact("Build")
        checks = self._build_checks(build, [ITSELF, *(place.environment for place in stages)])
        update = self._build_update(itself)
        self._stages = [
            DeliveryStage(
                self,
                place.environment,
                place=place,
                settings=settings,
                built=built,
                commit=origin.commit,
                artifacts=artifacts,
                topic=topic,
                protection=protection,
            )
            for place, settings in stages.items()
        ]
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=names.base,
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=MODES[mode],
            restart_execution_on_update=True,  # by the pipeline that the commit asks for
            artifact_bucket=artifacts,
            cross_account_keys=False,  # the builds assume roles; actions and artifacts stay in this account
            role=self._role.without_policy_updates(),
            use_pipeline_role_for_actions=True,
            triggers=origin.triggers,
            stages=[
                codepipeline.StageProps(stage_name="Source", actions=[origin.action]),
                codepipeline.StageProps(
                    stage_name="Build", actions=[build_action("Build", checks, origin.artifact, outputs=[built])]
                ),
                codepipeline.StageProps(stage_name="UpdatePipeline", actions=[build_action("Update", update, built)]),
                *(stage for each in self._stages for stage in each.stages),
            ],
        )
        failures = DeliveryFailures(self, "Failures", pipeline=self.pipeline, topic=topic, protection=protection)
        origin.start(self.pipeline, failures.dead_letters)
        self._allow([checks, update, *(project for each in self._stages for project in each.projects)])

    def _build_checks(self, settings: BuildSettings, environments: Sequence[str]) -> DeliveryProject:
        """Has no right on AWS but to its artifacts and its log: whatever a commit does there stays there."""
        builds = delivery_builds.build(settings, environments)
        return self._project("Build", builds, "Checks and synthesizes a commit", leaves="Build")

    def _build_update(self, itself: Place) -> DeliveryProject:
        """Deploys the stack that this is a part of, with the roles of CDK's bootstrap in this account."""
        project = self._project("Update", delivery_builds.deploy(ITSELF, 60), "Updates the pipeline itself")
        role = self.node.find_child("UpdateRole")
        assert isinstance(role, BuildRole)
        role.let_take(itself.bootstrap_roles(cdk.Stack.of(self), "deploy", "file-publishing", "lookup"))
        return project

    def _project(self, name: str, builds: Builds, description: str, *, leaves: str = "") -> DeliveryProject:
        role = BuildRole(
            self,
            f"{name}Role",
            description=f"{description} (docs/delivery.md)",
            artifacts=self._artifacts,
            protection=self._protection,
            leaves=leaves,
        )
        return DeliveryProject(
            self, name, builds=builds, description=description, role=role, protection=self._protection
        )

    def _allow(self, projects: Sequence[DeliveryProject]) -> None:
        """What the actions and rules call (CodePipeline's user guide: the service role's permissions)."""
        builds = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
        allow(self._role, builds, [each.project_arn for each in projects])
        objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        allow(self._role, objects, [self._artifacts.arn_for_objects("*")], why=ARTIFACTS)
        bucket = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"]
        allow(self._role, bucket, [self._artifacts.bucket_arn])
        allow(self._role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._protection.key.key_arn])
        allow(self._role, ["sns:Publish"], [self._topic.topic_arn])
        alarms = [each.alarm_arn for stage in self._stages if stage.alarms for each in stage.alarms.alarms]
        if alarms:
            allow(self._role, ["cloudwatch:DescribeAlarms"], alarms)
