"""What an auditor may do besides looking: check that everything is there, export model cards, ask the trail, and read
what protects all that. Nothing is changed by it."""

from mlops_constructs.access import NO_RESOURCE
from mlops_constructs.audit_tables import RESULTS, TABLE, AuditTables
from mlops_constructs.audit_trail import AuditTrail
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.environment_arns import OWN, EnvironmentArns
from mlops_constructs.foundation import Foundation
from mlops_constructs.people_sight import let_check
from mlops_constructs.person_role import PersonRole
from mlops_constructs.prediction_tables import RESULTS_FOLDER

CARD_EXPORTS = "model-cards"
"""Folder of exported cards in a model's folder of the artifacts bucket (mlops/commands/card.py)."""

_FILES = "The trail names its files after region, day and hour, in folders of their own."
_EXPORTED = "SageMaker names exported cards below this one folder."
_RESULTS = "Athena names results after the query's execution."

_READS = (
    "athena:BatchGet*",
    "athena:Get*",
    "athena:List*",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "cloudformation:Describe*",
    "cloudformation:Get*",
    "cloudformation:List*",
    "cloudtrail:Describe*",
    "cloudtrail:Get*",
    "cloudtrail:List*",
    "cloudtrail:LookupEvents",
    "cloudwatch:Describe*",
    "cloudwatch:Get*",
    "cloudwatch:List*",
    "dynamodb:Describe*",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "glue:Get*",
    "iam:Get*",
    "iam:List*",
    "kms:Decrypt",
    "kms:Describe*",
    "kms:GenerateDataKey",
    "kms:Get*",
    "kms:List*",
    "logs:Describe*",
    "logs:FilterLogEvents",
    "logs:Get*",
    "s3:AbortMultipartUpload",
    "s3:Get*",
    "s3:List*",
    "s3:PutObject",
    "sagemaker:CreateModelCardExportJob",
    "sagemaker:Describe*",
    "sagemaker:List*",
    "sagemaker:QueryLineage",
    "sagemaker:Search",
    "scheduler:Get*",
    "scheduler:List*",
    "ssm:Describe*",
    "ssm:Get*",
    "sts:GetCallerIdentity",
)


class AuditorRights:
    """Grants to `role`, the auditor's."""

    def __init__(self, role: PersonRole, arns: EnvironmentArns, foundation: Foundation) -> None:
        self._role, self._arns, self._foundation = role, arns, foundation

    def to_versions(self) -> None:
        """Check what versions were made of, and export their cards."""
        let_check(self._role.policy, self._arns, self._foundation)
        self._role.allow(
            ["sagemaker:CreateModelCardExportJob", "sagemaker:DescribeModelCardExportJob"],
            self._arns.sagemaker_own("model-card"),
            why=OWN,
        )
        # SageMaker writes with the rights of who exports (developer guide: model cards, cross-account support).
        self._role.allow(["s3:PutObject"], self._exports(), why=_EXPORTED)
        self._role.allow(["kms:GenerateDataKey"], [self._foundation.protection.key.key_arn])

    def to_protection(self) -> None:
        """Read who has which rights here, and whether evidence is locked."""
        self._role.allow(
            [
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ],
            [self._arns.iam("role"), self._arns.iam("policy")],
            why=OWN,
        )
        self._let_check(self._foundation.evidence)

    def to_trail(self, trail: AuditTrail, tables: AuditTables) -> None:
        """Read the trail's files and validate them; query the table, and keep results where they belong."""
        role, bucket, key = self._role, trail.bucket, self._foundation.protection.key
        role.allow(
            ["cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys", "cloudtrail:LookupEvents"],
            ["*"],
            why=f"{NO_RESOURCE}, and all of them only read the record of what was done.",
        )
        role.allow(["cloudtrail:GetEventSelectors", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"], [trail.arn])
        role.allow(["s3:GetObject"], [bucket.arn_for_objects("*")], why=_FILES)
        role.allow(["s3:GetBucketLocation", "s3:ListBucket"], [bucket.bucket_arn])
        self._let_check(bucket)
        role.allow(
            [
                "athena:BatchGetNamedQuery",
                "athena:GetNamedQuery",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetWorkGroup",
                "athena:ListNamedQueries",
                "athena:ListQueryExecutions",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [tables.workgroup_arn],
        )
        role.allow(["glue:GetDatabase", "glue:GetTable"], self._arns.catalog(tables.database_name, TABLE))
        role.allow(["s3:AbortMultipartUpload", "s3:PutObject"], self._results(), why=_RESULTS)
        role.allow(["kms:GenerateDataKey"], [key.key_arn])

    def and_nothing_else(self) -> None:
        """Deny whatever else somebody adds: an auditor reads, asks, and writes answers and cards in their places."""
        self._role.deny_all_but("AuditorsChangeNothing", _READS)
        self._role.deny_elsewhere(
            "AnswersHaveTheirPlace",
            ["s3:PutObject"],
            [*self._results(), *self._answers(), *self._exports()],
        )

    def _results(self) -> list[str]:
        return [self._foundation.artifacts.arn_for_objects(f"{RESULTS}/*")]

    def _answers(self) -> list[str]:
        return [self._foundation.capture.arn_for_objects(f"*/{RESULTS_FOLDER}/*")]

    def _exports(self) -> list[str]:
        return [self._foundation.artifacts.arn_for_objects(f"*/{CARD_EXPORTS}/*")]

    def _let_check(self, bucket: EncryptedBucket) -> None:
        self._role.allow(
            ["s3:GetBucketObjectLockConfiguration", "s3:GetBucketPolicy", "s3:GetBucketVersioning"],
            [bucket.bucket_arn],
        )
        self._role.allow(
            ["s3:GetObjectRetention"], [bucket.arn_for_objects("*")], why="How long each object is locked is its own."
        )
