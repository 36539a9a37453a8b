"""Where commits come from, what starts the pipeline, and what it takes to read them."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.delivery_project import ARTIFACTS
from mlops_constructs.delivery_settings import CodeCommitSource, ConnectionSource, S3Source, Source

NAME = "Source"

# What the service role needs for each kind of source (CodePipeline's user guide: add permissions to the service role).
_USE_CONNECTION = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
_READ_REPOSITORY = [
    "codecommit:CancelUploadArchive",
    "codecommit:GetBranch",
    "codecommit:GetCommit",
    "codecommit:GetUploadArchiveStatus",
    "codecommit:UploadArchive",
]
_READ_BUCKET = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"]
_READ_ARCHIVE = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]


class DeliverySource(Construct):
    """Its action, the artifact that it makes, the commit as a variable of the pipeline, and triggers."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Source, role: iam.Role, artifacts: s3.IBucket
    ) -> None:
        """role: the pipeline's, which reads and writes in `artifacts`."""
        super().__init__(scope, construct_id)
        self._settings, self._artifacts = settings, artifacts
        self.artifact = codepipeline.Artifact(NAME)
        common: dict[str, Any] = {"action_name": NAME, "output": self.artifact}
        self.action: actions.Action
        self._news: events.EventPattern | None = None
        match settings:
            case ConnectionSource():
                self._build_connection(settings, role, common)
            case CodeCommitSource():
                self._build_repository(settings, role, common)
            case S3Source():
                self._build_archive(settings, role, common)

    @property
    def triggers(self) -> list[codepipeline.TriggerProps]:
        """Filters of pushes, which exist for connections alone (API reference: PipelineTriggerDeclaration)."""
        match self._settings:
            case ConnectionSource(branch=branch, ignore=ignore):
                pushes = codepipeline.GitPushFilter(
                    branches_includes=[branch], file_paths_excludes=list(ignore) or None
                )
                configuration = codepipeline.GitConfiguration(source_action=self.action, push_filter=[pushes])
                kind = codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION
                return [codepipeline.TriggerProps(provider_type=kind, git_configuration=configuration)]
        return []

    def start(self, pipeline: codepipeline.IPipeline, dead_letters: sqs.IQueue) -> None:
        """Let a commit or an archive start the pipeline; what a connection knows of, its trigger does."""
        if self._news:
            events.Rule(
                self,
                "News",
                description=f"Starts {cdk.Stack.of(self).stack_name} with what is new",
                event_pattern=self._news,
                targets=[targets.CodePipeline(pipeline, dead_letter_queue=dead_letters)],
            )

    def _build_connection(self, settings: ConnectionSource, role: iam.Role, common: dict[str, Any]) -> None:
        owner, _, repository = settings.repository.rpartition("/")
        action = actions.CodeStarConnectionsSourceAction(
            **common,
            connection_arn=settings.connection,
            owner=owner,
            repo=repository,
            branch=settings.branch,
            trigger_on_push=False,  # the trigger does it, for fewer pushes
        )
        self.action, self.commit = action, action.variables.commit_id
        allow(role, _USE_CONNECTION, [settings.connection])
        # The action uploads the repository with an ACL; without the right to set one, that is denied (aws-cdk #13557).
        allow(role, ["s3:PutObjectAcl"], [self._artifacts.arn_for_objects("*")], why=ARTIFACTS)

    def _build_repository(self, settings: CodeCommitSource, role: iam.Role, common: dict[str, Any]) -> None:
        repository = codecommit.Repository.from_repository_name(self, "Repository", settings.repository)
        action = actions.CodeCommitSourceAction(
            **common, repository=repository, branch=settings.branch, trigger=actions.CodeCommitTrigger.NONE
        )
        self._news = events.EventPattern(
            source=["aws.codecommit"],
            detail_type=["CodeCommit Repository State Change"],
            resources=[repository.repository_arn],
            detail={
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": [settings.branch],
            },
        )
        self.action, self.commit = action, action.variables.commit_id
        allow(role, _READ_REPOSITORY, [repository.repository_arn])

    def _build_archive(self, settings: S3Source, role: iam.Role, common: dict[str, Any]) -> None:
        bucket = s3.Bucket.from_bucket_name(self, "Bucket", settings.bucket)
        action = actions.S3SourceAction(
            **common, bucket=bucket, bucket_key=settings.key, trigger=actions.S3Trigger.NONE
        )
        self._news = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"bucket": {"name": [settings.bucket]}, "object": {"key": [settings.key]}},
        )
        self.action, self.commit = action, action.variables.version_id
        allow(role, _READ_BUCKET, [bucket.bucket_arn])
        allow(role, _READ_ARCHIVE, [bucket.arn_for_objects(settings.key)])
