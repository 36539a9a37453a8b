"""What everybody who works in an environment may look at, and what some may besides."""

from collections.abc import Collection, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.environment_arns import BUNDLES, OWN, EnvironmentArns
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.registry import Registry

VERSIONS = "The registry numbers a group's versions; the wildcard stands for the number."

_JOBS = "SageMaker names jobs, and what lineage knows, by ids in the account's one namespace."
_OBJECTS = "All objects of the bucket: a person looks at every model of the environment."
_EXECUTIONS = "Executions have ids for names; their pipelines' names start as the other environment's do."
_GROUPS = "SageMaker names log groups after kinds of jobs, CloudFormation those of functions after their stacks."

# What has no resource to name (service authorization reference).
_LISTS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "sagemaker:ListActions",
    "sagemaker:ListArtifacts",
    "sagemaker:ListAssociations",
    "sagemaker:ListContexts",
    "sagemaker:ListFeatureGroups",
    "sagemaker:ListModelCards",
    "sagemaker:ListModelPackageGroups",
    "sagemaker:ListModelPackages",
    "sagemaker:ListMonitoringSchedules",
    "sagemaker:QueryLineage",
    "ssm:DescribeParameters",
)


class PeopleSight(iam.ManagedPolicy):
    """What `status`, `history`, `monitor`, `lineage`, `audit` and `card` read: registry, pipelines, endpoints, release
    state, ledger, lineage, cards, artifacts and evidence. It changes nothing.

    A policy of its own, which all roles have: with it in each of them they would be too long (IAM quotas: 6,144
    characters).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        foundation: Foundation,
        registries: Sequence[Registry],
    ) -> None:
        """registries: of each model, where its versions are."""
        super().__init__(
            scope,
            construct_id,
            managed_policy_name=f"{names.base}-viewer",
            description=f"What everybody who works in {names.base} may look at (docs/access.md)",
        )
        self._arns = EnvironmentArns(self, names)
        allow(self, _LISTS, ["*"], why=f"{NO_RESOURCE}, and all of them only read names, states and figures.")
        self._let_see_versions({(each.environment_names.base, each.account) for each in registries})
        places = {each.environment_names.base for each in registries if not each.elsewhere}
        self._let_see_making(sorted(places - {names.base}))
        self._let_see_resources()
        self._let_see_jobs_and_lineage()
        foundation.ledger.grant_look(self)
        for bucket in (foundation.evidence, foundation.artifacts):
            let_read(self, bucket, foundation)

    def _let_see_versions(self, places: Collection[tuple[str, str]]) -> None:
        """places: what the names begin with where versions are, and the account, "" for this one."""
        stack = cdk.Stack.of(self)
        for base, account in sorted(places):
            kinds = {"DescribeModelPackageGroup": "model-package-group", "DescribeModelPackage": "model-package"}
            for action, kind in kinds.items():
                arn = stack.format_arn(
                    service="sagemaker", resource=kind, resource_name=f"{base}-*", account=account or stack.account
                )
                allow(self, [f"sagemaker:{action}"], [arn], why=OWN)

    def _let_see_making(self, bases: Sequence[str]) -> None:
        """How versions were made in other environments of the account; what is made here is among its own resources."""
        if bases:
            allow(
                self,
                ["sagemaker:DescribePipelineDefinitionForExecution", "sagemaker:DescribePipelineExecution"],
                self._arns.sagemaker(*(f"pipeline/{each}-*/execution/*" for each in bases)),
                why=_EXECUTIONS,
            )

    def _let_see_resources(self) -> None:
        allow(
            self,
            [
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeFeatureGroup",
                "sagemaker:DescribeModelCard",
                "sagemaker:DescribePipeline",
                "sagemaker:DescribePipelineDefinitionForExecution",
                "sagemaker:DescribePipelineExecution",
                "sagemaker:ListModelCardVersions",
                "sagemaker:ListPipelineExecutions",
                "sagemaker:ListPipelineExecutionSteps",
                "sagemaker:ListPipelineParametersForExecution",
            ],
            self._arns.sagemaker_own("endpoint", "feature-group", "model-card", "pipeline"),
            why=OWN,
        )
        stacks = ["cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"]
        allow(self, stacks, [self._arns.stacks()], why=OWN)
        allow(self, ["scheduler:GetSchedule"], [self._arns.schedules()], why=OWN)
        parameters = ["GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath"]
        allow(self, [f"ssm:{each}" for each in parameters], [self._arns.parameters()], why=OWN)

    def _let_see_jobs_and_lineage(self) -> None:
        allow(
            self,
            [
                "sagemaker:DescribeAction",
                "sagemaker:DescribeArtifact",
                "sagemaker:DescribeContext",
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:DescribeTrainingJob",
            ],
            self._arns.sagemaker(
                "action/*",
                "artifact/*",
                "context/*",
                "hyper-parameter-tuning-job/*",
                "processing-job/pipelines-*",
                "training-job/pipelines-*",
            ),
            why=_JOBS,
        )


def let_read(policy: iam.ManagedPolicy, bucket: EncryptedBucket, foundation: Foundation) -> None:
    """Every version of every object; the key opens nothing that its service does not hand out."""
    allow(policy, ["s3:GetObject", "s3:GetObjectVersion"], [bucket.arn_for_objects("*")], why=_OBJECTS)
    allow(policy, ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"], [bucket.bucket_arn])
    allow(policy, ["kms:Decrypt"], [foundation.protection.key.key_arn])


def let_check(policy: iam.ManagedPolicy, arns: EnvironmentArns, foundation: Foundation) -> None:
    """See whether all that a version was made of is still there: S3 tells it to those alone who may read it."""
    let_read(policy, foundation.data, foundation)
    allow(policy, ["s3:GetObject", "s3:GetObjectVersion"], [arns.code_bundles()], why=BUNDLES)


def let_read_logs(policy: iam.ManagedPolicy, arns: EnvironmentArns, *beginnings: str) -> None:
    """What jobs and functions wrote, in groups whose names start so."""
    allow(
        policy,
        ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
        [arns.logs(f"{each}*") for each in beginnings],
        why=_GROUPS,
    )
