"""The role of a model's pipeline and of each of its jobs."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.sagemaker_role import SageMakerRole

_VERSIONS = "The registry numbers a group's versions; the wildcard stands for the number."

# "pipelines-" starts the name of every job that a pipeline makes (developer guide: pipelines, job names), but a
# tuning job's: 32 characters at most leave no room for it, so that name starts with the execution's id.
_JOBS = {
    "processing-job/pipelines-*": ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"),
    "training-job/pipelines-*": ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"),
    "hyper-parameter-tuning-job/*": (
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    ),
}


class PipelineRole(SageMakerRole):
    """Reads the model's data, writes its artifacts, starts the pipeline's jobs, registers versions."""

    def __init__(self, scope: Construct, construct_id: str, *, names: ModelNames) -> None:
        super().__init__(scope, construct_id, description=f"Pipeline {names.pipeline} and its jobs")
        self._names = names
        self.grant_logs("/aws/sagemaker/")
        self.grant_metrics()
        self.grant_pass_to_sagemaker()
        self._allow_jobs()
        self._allow_registry()
        self._allow_champion()

    def grant_storage(self, foundation: Foundation, data_prefix: str) -> None:
        """Read the model's data, read and write the model's artifacts, on encrypted volumes."""
        foundation.data.grant_read_below(self, data_prefix)
        foundation.artifacts.grant_read_below(self, self._names.folder)
        foundation.artifacts.grant_write_below(self, self._names.folder)
        self.grant_volumes(foundation.protection.key)
        self.grant_network(foundation.protection.network)
        # Asked for by jobs that name a key for their outputs (developer guide: execution roles).
        allow(self, ["kms:Encrypt"], [foundation.protection.key.key_arn])

    def grant_features(self, features: FeatureAccess) -> None:
        """Fill the groups, read them, and join them to the model's rows; those and the results are its artifacts."""
        features.grant_put(self)
        features.grant_read_online(self)
        features.grant_describe(self)
        features.grant_query(self, self._names)

    def grant_code(self, bucket: s3.IBucket, *keys: str) -> None:
        """Read these objects of the bootstrap bucket, not the bucket; a key may end in `*`."""
        allow(
            self,
            ["s3:GetObject"],
            [bucket.arn_for_objects(key) for key in keys],
            why="Code of an SDK pipeline: the files of one folder, below the hash of its content.",
        )
        allow(self, ["s3:ListBucket"], [bucket.bucket_arn], conditions={"StringLike": {"s3:prefix": list(keys)}})

    def _allow_jobs(self) -> None:
        for jobs, actions in _JOBS.items():
            allow(
                self,
                [f"sagemaker:{action}" for action in (*actions, "AddTags")],
                [self._arn(*jobs.split("/"))],
                why="SageMaker Pipelines names its jobs [pipelines-]<execution>-<step>-<suffix>.",
            )

    def _allow_registry(self) -> None:
        """Register versions, each as pending.

        Who starts an execution chooses its parameters, and `ModelApprovalStatus` is one: without the condition, who
        trains could approve. A request may as well set no status: only one that sets it to Approved registers a
        version that can be deployed (API reference: CreateModelPackage).
        """
        group = self._names.package_group
        arns = [self._arn("model-package-group", group), self._arn("model-package", f"{group}/*")]
        allow(self, ["sagemaker:DescribeModelPackageGroup"], arns[:1])
        allow(self, ["sagemaker:DescribeModelPackage"], arns[1:], why=_VERSIONS)
        allow(self, ["sagemaker:AddTags"], arns, why=_VERSIONS)
        allow(
            self,
            ["sagemaker:CreateModelPackage"],
            arns,
            why=_VERSIONS,
            conditions={"StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}},
        )

    def _allow_champion(self) -> None:
        parameter = self._names.release_parameter(ReleaseParameter.CHAMPION)
        arn = cdk.Stack.of(self).format_arn(service="ssm", resource="parameter", resource_name=parameter[1:])
        allow(self, ["ssm:GetParameter"], [arn])

    def _arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="sagemaker", resource=resource, resource_name=name)
