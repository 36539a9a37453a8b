"""The role of a model's monitoring pipeline and of each of its jobs."""

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.foundation import Foundation
from mlops_constructs.model_metrics import MONITORING_NAMESPACE
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.published_code import PublishedCode
from mlops_constructs.registry import Registry
from mlops_constructs.sagemaker_role import SageMakerRole

EVENT_SOURCE = "mlops.monitoring"
EVENT_TYPE = "Model Monitoring Run Completed"
BUS = "default"

_ACTIONS = ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")


class MonitoringRole(SageMakerRole):
    """Reads what the endpoint saw and what the champion was made with; writes findings, figures and one event a run.

    registry: where the model's versions are. source: where their artifacts are, if not in this environment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        foundation: Foundation,
        source: ArtifactSource | None = None,
    ) -> None:
        super().__init__(scope, construct_id, description=f"Pipeline {names.monitoring_pipeline} and its jobs")
        self._names = names
        self.grant_logs("/aws/sagemaker/ProcessingJobs")
        self.grant_metrics([MONITORING_NAMESPACE, "/aws/sagemaker/ProcessingJobs"])
        self.grant_pass_to_sagemaker()
        self._allow_storage(foundation, source)
        self._allow_jobs()
        self._allow_champion(registry)
        self._allow_events()

    def grant_code(self, code: PublishedCode) -> None:
        """Read this one object of the bootstrap bucket."""
        allow(self, ["s3:GetObject"], [code.bucket.arn_for_objects(code.key)])
        beginning = {"StringLike": {"s3:prefix": [code.key]}}
        allow(self, ["s3:ListBucket"], [code.bucket.bucket_arn], conditions=beginning)

    def _allow_storage(self, foundation: Foundation, source: ArtifactSource | None) -> None:
        names, key = self._names, foundation.protection.key
        foundation.capture.grant_read_below(self, names.folder)
        foundation.artifacts.grant_write_below(self, names.findings)
        if source:
            source.grant_read_below(self, names.folder)
            foundation.artifacts.grant_read_below(self, names.findings)
        else:
            foundation.artifacts.grant_read_below(self, names.folder)
        self.grant_volumes(key)
        self.grant_network(foundation.protection.network)
        # Asked for by jobs that name a key for their outputs (developer guide: execution roles).
        allow(self, ["kms:Encrypt"], [key.key_arn])

    def _allow_jobs(self) -> None:
        allow(
            self,
            [f"sagemaker:{action}" for action in _ACTIONS],
            [self._arn("sagemaker", "processing-job", "pipelines-*")],
            why="SageMaker Pipelines names its jobs pipelines-<execution>-<step>-<suffix>.",
        )

    def _allow_champion(self, registry: Registry) -> None:
        parameter = self._names.release_parameter(ReleaseParameter.CHAMPION)
        allow(self, ["ssm:GetParameter"], [self._arn("ssm", "parameter", parameter[1:])])
        allow(
            self,
            ["sagemaker:DescribeModelPackage"],
            [registry.versions_arn(cdk.Stack.of(self))],
            why="The registry numbers a group's versions; the wildcard stands for the number.",
        )

    def _allow_events(self) -> None:
        allow(
            self,
            ["events:PutEvents"],
            [self._arn("events", "event-bus", BUS)],
            conditions={"StringEquals": {"events:source": EVENT_SOURCE, "events:detail-type": EVENT_TYPE}},
        )

    def _arn(self, service: str, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service=service, resource=resource, resource_name=name)
