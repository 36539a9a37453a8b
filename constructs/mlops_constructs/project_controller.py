"""The function that a project's stack asks for a model, and that answers when the build has ended."""

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.function import PythonFunction
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.project_build import TOLD

WAITING = "requests"
TEMPLATES = "templates"
ENDED = ("SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT")
"""States of builds that have ended (CodeBuild user guide: build notifications sample)."""

_REQUESTS = "A request is kept below the id of its build; the bucket holds nothing else there."
_OUTSIDE = "It starts builds, for which the private network has no endpoint; it reads no data of models."


class ProjectController(Construct):
    """Knows no secret; what CloudFormation is answered with waits, encrypted, in the bucket."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        build: codebuild.IProject,
        bucket: EncryptedBucket,
        topic: sns.ITopic,
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = bucket
        self._dead_letters = DeadLetterQueue(self, "DeadLetters", protection=protection)
        self.function = PythonFunction(
            self,
            "Function",
            name="project_controller",
            function_name=names.new_model_function,
            description=f"Makes models that projects of SageMaker Studio ask {names.base} for",
            protection=protection,
            environment={"BUILD_PROJECT": build.project_name, "BUCKET": bucket.bucket_name},
            timeout=cdk.Duration.minutes(1),
            on_failure=self._dead_letters,
            outside=_OUTSIDE,
        )
        role = self.function.execution_role
        allow(role, ["codebuild:StartBuild"], [build.project_arn])
        waiting = bucket.arn_for_objects(f"{WAITING}/*")
        allow(role, ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [waiting], why=_REQUESTS)
        allow(role, ["s3:GetObject"], [bucket.arn_for_objects(f"{TOLD}/*")], why=_REQUESTS)
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [protection.key.key_arn])
        self._listen(build)
        metrics = {
            "DeadLettersWaiting": self._dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            FailureAlarm(self, name, metric=metric, topic=topic, description=f"Projects of {names.base}: {name}")

    def publish(self, template: s3_assets.Asset, key: str) -> None:
        """Copy the template to where Studio looks for templates, with the tag that shows it there."""
        role = self.function.execution_role
        place = f"{TEMPLATES}/{key}"
        allow(role, ["s3:GetObject"], [template.bucket.arn_for_objects(template.s3_object_key)])
        actions = ["s3:DeleteObject", "s3:PutObject", "s3:PutObjectTagging"]
        allow(role, actions, [self._bucket.arn_for_objects(place)])
        published = cdk.CustomResource(
            self,
            "Template",
            resource_type="Custom::ProjectTemplate",
            service_token=self.function.function_arn,
            properties={
                "FromBucket": template.s3_bucket_name,
                "FromKey": template.s3_object_key,
                "ToBucket": self._bucket.bucket_name,
                "ToKey": place,
            },
        )
        published.node.add_dependency(role)
        if self._bucket.policy:
            published.node.add_dependency(self._bucket.policy)

    def _listen(self, build: codebuild.IProject) -> None:
        events.Rule(
            self,
            "BuildEnded",
            description=f"A build of {build.project_name} has ended: whoever waits for it is answered",
            event_pattern=events.EventPattern(
                source=["aws.codebuild"],
                detail_type=["CodeBuild Build State Change"],
                detail={"project-name": [build.project_name], "build-status": list(ENDED)},
            ),
            targets=[targets.LambdaFunction(self.function, dead_letter_queue=self._dead_letters)],
        )
