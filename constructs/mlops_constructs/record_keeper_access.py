"""What the record keeper of a model may do: one method for each thing that it works with."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.environment_arns import BUNDLES, code_bundles
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import CARD_LIMIT, ModelNames, ReleaseParameter
from mlops_constructs.registry import Registry
from mlops_constructs.registry_policy import NEITHER
from mlops_constructs.review_alarm import GOVERNANCE_NAMESPACE

_VERSIONS = "The registry numbers a group's versions; the wildcard stands for the number."
_EXECUTIONS = "The end of an execution's ARN is an id that SageMaker gives it; the pipeline's name is exact."
_OBJECTS = "Objects come and go below this one prefix; their keys cannot be listed in a policy."
_JOBS = "SageMaker Pipelines names its jobs [pipelines-]<execution>-<step>-<suffix>."
_MOST_VERSIONS = 99_999
_TRACKING = ("GetExperimentByName", "CreateExperiment", "SearchRuns", "CreateRun", "LogBatch", "UpdateRun")
_LINEAGE = "SageMaker gives lineage entities ids that nobody knows before; it only reads them and adds to them."

REVIEWS = "#reviews"
"""What the ledger's partitions of reviews end in, after the model's public name."""


class RecordKeeperAccess:
    """Grants to `role`, which is the keeper's of the model `names`; `registry` is where its versions are made."""

    def __init__(self, role: iam.IRole, *, names: ModelNames, registry: Registry) -> None:
        self._role, self._names, self._registry = role, names, registry
        self._stack = cdk.Stack.of(role)

    def to_registry(self) -> None:
        """Find versions, read what is known of them, and write where their manifest is, where they are made.

        It may neither approve a version nor take metadata away.
        """
        versions = self._registry.versions_arn(self._stack)
        allow(self._role, ["sagemaker:ListModelPackages"], ["*"], why=f"{NO_RESOURCE}; it reads names and states.")
        allow(self._role, ["sagemaker:DescribeModelPackage"], [versions], why=_VERSIONS)
        if self._registry.names == self._names:
            allow(
                self._role,
                ["sagemaker:UpdateModelPackage"],
                [versions],
                why=_VERSIONS,
                conditions={"Null": NEITHER},
            )
        champion = self._names.release_parameter(ReleaseParameter.CHAMPION)
        parameter = self._stack.format_arn(service="ssm", resource="parameter", resource_name=champion[1:])
        allow(self._role, ["ssm:GetParameters"], [parameter])

    def to_pipeline(self) -> None:
        """Read how executions of the training pipeline went, and what their jobs did."""
        allow(
            self._role,
            [
                "sagemaker:DescribePipelineExecution",
                "sagemaker:DescribePipelineDefinitionForExecution",
                "sagemaker:ListPipelineExecutionSteps",
                "sagemaker:ListPipelineParametersForExecution",
            ],
            [self._arn("pipeline", f"{self._registry.names.pipeline}/execution/*")],
            why=_EXECUTIONS,
        )
        # As in pipeline_role: a tuning job's name has no room for "pipelines-", nor have those of its training jobs.
        jobs = {
            "DescribeProcessingJob": ("processing-job", "pipelines-*"),
            "DescribeTrainingJob": ("training-job", "*"),
            "DescribeHyperParameterTuningJob": ("hyper-parameter-tuning-job", "*"),
        }
        for action, (kind, name) in jobs.items():
            allow(self._role, [f"sagemaker:{action}"], [self._arn(kind, name)], why=_JOBS)

    def to_data(self, foundation: Foundation, prefix: str) -> None:
        """See which objects were read and which version of each, not what is in them; read what the pipeline wrote."""
        for bucket, below in ((foundation.data, prefix), (foundation.artifacts, self._names.folder)):
            allow(
                self._role,
                ["s3:ListBucketVersions"],
                [bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [below, f"{below}/*"]}},
            )
        foundation.artifacts.grant_read_below(self._role, self._names.folder)

    def to_code(self) -> None:
        """Read code bundles, for the model's card in them: they are where CDK publishes what a deployment needs."""
        allow(self._role, ["s3:GetObject"], [code_bundles(self._stack)], why=BUNDLES)

    def to_evidence(self, foundation: Foundation) -> None:
        """Read the revisions of this model's manifests, and add some."""
        foundation.evidence.grant_read_below(self._role, self._names.folder)
        foundation.evidence.grant_write_below(self._role, self._names.folder)

    def to_cards(self, foundation: Foundation) -> None:
        """Make model cards and change them; they are encrypted with the environment's key."""
        allow(
            self._role,
            ["sagemaker:CreateModelCard", "sagemaker:DescribeModelCard", "sagemaker:UpdateModelCard"],
            [self._arn("model-card", f"{_stem(self._names)}*")],
            why="A card is called after the model and the version's number.",
        )
        # What SageMaker does with the key in the name of who makes a card (developer guide: model cards, encryption).
        allow(
            self._role,
            ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            [foundation.protection.key.key_arn],
        )

    def to_lineage(self) -> None:
        """Look for lineage entities, make those that are not there, connect them; not change or remove any."""
        allow(
            self._role,
            [f"sagemaker:List{each}" for each in ("Actions", "Artifacts", "Associations", "Contexts")],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names and sources.",
        )
        allow(self._role, ["sagemaker:CreateArtifact"], [self._arn("artifact", "*")], why=_LINEAGE)
        named = "Their names begin with the model's."
        allow(self._role, ["sagemaker:CreateAction"], [self._arn("action", f"{self._names.base}-*")], why=named)
        allow(self._role, ["sagemaker:CreateContext"], [self._arn("context", f"{self._names.base}-*")], why=named)
        allow(
            self._role,
            ["sagemaker:AddAssociation"],
            [self._arn(kind, "*") for kind in ("artifact", "action", "context")],
            why=_LINEAGE,
        )

    def to_experiments(self, tracking: str) -> None:
        """See which executions of the pipeline there are, and make runs of them in MLflow; not delete any there.

        An app also wants an action that stands for all of its API (AWS managed policies for SageMaker, MLflow apps).
        """
        allow(self._role, ["sagemaker:ListPipelineExecutions"], [self._arn("pipeline", self._registry.names.pipeline)])
        # Service authorization reference: SageMaker with MLflow, whose actions are named after MLflow's requests.
        actions = [f"sagemaker-mlflow:{each}" for each in _TRACKING]
        if ":mlflow-app/" in tracking:
            actions.append("sagemaker:CallMlflowAppApi")
        allow(self._role, actions, [tracking])

    def to_tell(self, foundation: Foundation) -> None:
        """Read releases and reviews in the ledger, keep the index there under a lock of its own, publish a figure."""
        partition = evidence_partition(self._names)
        foundation.ledger.grant_append(self._role, partition)
        foundation.ledger.grant_lock(self._role, partition)
        for each in (self._names.public, review_partition(self._names)):
            foundation.ledger.grant_read(self._role, each)
        allow(
            self._role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": GOVERNANCE_NAMESPACE}},
            why=f"{NO_RESOURCE}; a condition limits it to the namespace of governance.",
        )

    def _arn(self, resource: str, name: str) -> str:
        return self._stack.format_arn(service="sagemaker", resource=resource, resource_name=name)


def evidence_partition(names: ModelNames) -> str:
    """Where the ledger's table has the index of what was recorded (lambdas/record_keeper/settings.py)."""
    return f"{names.public}#evidence"


def review_partition(names: ModelNames) -> str:
    """Where the ledger's table has what people said when they reviewed a version."""
    return f"{names.public}{REVIEWS}"


def _stem(names: ModelNames) -> str:
    """What the names of all cards of the model begin with, also where naming cuts them to have room for the version."""
    if names.card(_MOST_VERSIONS).startswith(f"{names.base}-v"):
        return f"{names.base}-v"
    return names.base[: CARD_LIMIT - len(f"-01234567-v{_MOST_VERSIONS}")].rstrip("-")
