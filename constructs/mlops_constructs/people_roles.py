"""What people may do in an environment: train, approve, operate or audit, each with the least that its commands need.

docs/access.md has the table. What may be read is named by how the environment's names begin, what may be changed
exactly. Denials are for what somebody may add to a role later, here or in a permission set: who approves does not
train, who lets versions in does not approve, and nobody loosens what protects the evidence.
"""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access_settings import AccessSettings
from mlops_constructs.environment_arns import OWN, EnvironmentArns
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter
from mlops_constructs.people_predictions import PeoplePredictions
from mlops_constructs.people_sight import VERSIONS, PeopleSight, let_check, let_read_logs
from mlops_constructs.person_role import PersonRole
from mlops_constructs.record_keeper_access import REVIEWS
from mlops_constructs.registry import Registry

MANIFEST = "manifest"
"""Metadata of a version that leads to its evidence; the record keeper writes it."""

DECISIONS = ("Approved", "Rejected")

_JOB_LOGS = "/aws/sagemaker/"
_ASKS = (ReleaseParameter.COMMAND, ReleaseParameter.ALLOWED)
"""How people tell the release controller something; it writes the other parameters itself."""

_TRAIN = (
    "iam:PassRole",
    "sagemaker:CreateAutoMLJob*",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateModelPackage",
    "sagemaker:CreatePipeline",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:UpdatePipeline",
)
_START = ("sagemaker:RetryPipelineExecution", "sagemaker:StartPipelineExecution")
_CHANGE_OBJECTS = ("s3:DeleteObject*", "s3:PutObject*")
_CHANGE_RECORDS = ("sagemaker:DeleteRecord", "sagemaker:PutRecord")
_CHANGE_PARAMETERS = ("ssm:DeleteParameter*", "ssm:LabelParameterVersion", "ssm:PutParameter")
_LOOSEN = (
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
)


class PeopleRoles(Construct):
    """Data scientist, approver and operator; the auditor's role is beside the trail that it reads."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        access: AccessSettings,
        foundation: Foundation,
        registries: Sequence[Registry],
        proofs: Sequence[str],
        unfilled: FeatureAccess,
    ) -> None:
        """registries: of each model, where its versions are. proofs: keys of a version's metadata that let
        it be released, which only tests write. unfilled: feature groups that no pipeline fills here."""
        super().__init__(scope, construct_id)
        self._names, self._foundation = names, foundation
        # What another account made, it also approves; here it is only let in, and watched.
        own = {each.environment_names.base for each in registries if not each.elsewhere}
        self._versions = [f"model-package/{base}-*" for base in sorted(own)]
        self._arns = EnvironmentArns(self, names)
        sight = PeopleSight(self, "Sight", names=names, foundation=foundation, registries=registries)
        asking = [sight, PeoplePredictions(self, "Predictions", names=names, foundation=foundation)]
        self.data_scientist = self._role("DataScientist", "data-scientist", access.data_scientists, [sight])
        self.approver = self._role("Approver", "approver", access.approvers, [sight])
        self.operator = self._role("Operator", "operator", access.operators, asking)
        self.auditor = self._role("Auditor", "auditor", access.auditors, asking)
        self._let_train(self.data_scientist)
        self._let_approve(self.approver, proofs)
        self._let_operate(self.operator)
        unfilled.grant_ingest(self.operator.policy)
        self._separate()

    def _role(
        self, construct_id: str, name: str, principals: Sequence[str], shared: Sequence[iam.ManagedPolicy]
    ) -> PersonRole:
        return PersonRole(
            self,
            construct_id,
            shared=shared,
            name=f"{self._names.base}-{name}",
            description=f"{name.replace('-', ' ').capitalize()} of {self._names.base} (docs/access.md)",
            principals=principals,
        )

    def _let_train(self, role: PersonRole) -> None:
        """Start, stop and retry pipelines; read data, features and what jobs write."""
        role.allow(["sagemaker:StartPipelineExecution"], self._arns.sagemaker_own("pipeline"), why=OWN)
        role.allow(
            ["sagemaker:RetryPipelineExecution", "sagemaker:StopPipelineExecution"],
            [f"{each}/execution/*" for each in self._arns.sagemaker_own("pipeline")],
            why=OWN,
        )
        role.allow(
            ["sagemaker:BatchGetRecord", "sagemaker:GetRecord"], self._arns.sagemaker_own("feature-group"), why=OWN
        )
        let_check(role.policy, self._arns, self._foundation)
        let_read_logs(role.policy, self._arns, _JOB_LOGS)

    def _let_approve(self, role: PersonRole, proofs: Sequence[str]) -> None:
        """Approve and reject versions, and note reviews.

        A request that sets no status has none of these values: an approver decides, or changes nothing. A decision
        may bring metadata (who approved, by which strategy), but not what others vouch for. What else the request
        may hold (a new inference specification, a source), no condition key can tell; the trail has it.
        """
        if self._versions:
            role.allow(
                ["sagemaker:UpdateModelPackage"],
                self._arns.sagemaker(*self._versions),
                conditions={"StringEquals": {"sagemaker:ModelApprovalStatus": list(DECISIONS)}},
                why=VERSIONS,
            )
        for number, key in enumerate((MANIFEST, *proofs)):
            role.deny(
                f"OthersVouch{number}",
                ["sagemaker:UpdateModelPackage"],
                conditions={"Null": {f"sagemaker:CustomerMetadataProperties/{key}": "false"}},
            )
        role.deny(
            "NothingIsForgotten",
            ["sagemaker:UpdateModelPackage"],
            conditions={
                "ForAnyValue:StringNotEquals": {"sagemaker:CustomerMetadataPropertiesToRemove": ["release_strategy"]}
            },
        )
        self._let_review(role)

    def _let_review(self, role: PersonRole) -> None:
        self._foundation.ledger.grant_note(role.policy, f"*{REVIEWS}")

    def _let_operate(self, role: PersonRole) -> None:
        """Pause, resume, promote, roll back and let in; note reviews; start the monitors; read all logs."""
        asked = [self._arns.parameters(f"*/release/{parameter.value}") for parameter in _ASKS]
        role.allow(["ssm:PutParameter"], asked, why=OWN)
        role.allow(["sagemaker:StartPipelineExecution"], self._arns.pipelines("-monitoring"), why=OWN)
        self._let_review(role)
        let_read_logs(role.policy, self._arns, _JOB_LOGS, f"{self._names.base}-")

    def _separate(self) -> None:
        trainer, approver, operator = self.data_scientist, self.approver, self.operator
        # Any status: a version is registered as pending by its pipeline, and by nobody else.
        trainer.deny(
            "WhoTrainsDoesNotApprove",
            ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
            conditions={"Null": {"sagemaker:ModelApprovalStatus": "false"}},
        )
        trainer.deny("WhoTrainsDoesNotRelease", _CHANGE_PARAMETERS, [self._arns.parameters()])
        approver.deny("WhoApprovesDoesNotTrain", (*_TRAIN, *_START, *_CHANGE_RECORDS))
        approver.deny("WhoApprovesDoesNotRelease", _CHANGE_PARAMETERS, [self._arns.parameters()])
        approver.deny(
            "WhoApprovesLeavesDataAlone",
            _CHANGE_OBJECTS,
            [each.arn_for_objects("*") for each in (self._foundation.data, self._foundation.artifacts)],
        )
        operator.deny("WhoReleasesDoesNotApprove", ["sagemaker:UpdateModelPackage"])
        operator.deny("WhoReleasesDoesNotTrain", _TRAIN)
        training = [*self._arns.pipelines("-training"), *self._arns.pipelines("-training/*")]
        operator.deny("WhoReleasesStartsNoTraining", _START, training)
        for role in (trainer, approver, operator):  # an auditor is denied all but reading
            role.deny("EvidenceStays", _CHANGE_OBJECTS, [self._foundation.evidence.arn_for_objects("*")])
            role.deny("ProtectionStays", _LOOSEN)
            # Roles of people are all in this stack: CloudFormation puts its name before theirs.
            role.deny("NoRoleLeadsToAnother", ["sts:AssumeRole"], [self._arns.iam("role", self._names.access_stack)])
