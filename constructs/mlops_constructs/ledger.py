"""The table that remembers every decision about releases, and holds the lock of each model's controller."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import Conditions, allow
from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.data_protection import DataProtection

# What DynamoDB does with a table's key in the name of who asks (developer guide: encryption at rest, usage notes).
_KEY_ACTIONS = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"]


_MAY_VANISH = (
    "This environment may vanish, and its ledger with it (retain is false); until then point-in-time recovery covers "
    "the table. Where data are retained there is a backup plan."
)


class Ledger(dynamodb.Table):
    """Entries by model, in the order of their sort key: appended, never changed.

    Key: `model` (the public name, or `lock#<public name>`) and `entry`. Grants are by the partition key, so a
    role of one model sees no other's entries.
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(
            scope,
            construct_id,
            partition_key=dynamodb.Attribute(name="model", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=protection.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=protection.retain,
            removal_policy=protection.removal_policy,
        )
        self._key_arn = protection.key.key_arn
        if not protection.retain:
            acknowledge_in_standards(self, {"DynamoDBInBackupPlan": _MAY_VANISH})

    def grant_append(self, role: iam.IRole, model: str) -> None:
        """Let `role` read the entries of `model` (its public name) and add some; not change or remove any.

        IAM cannot tell a new item from one that takes the place of another: who appends sets the condition
        that there is none yet.
        """
        self._allow(role, model, "GetItem", "Query", "PutItem")

    def grant_read(self, role: iam.IRole, model: str) -> None:
        """Let `role` read the entries of `model`."""
        self._allow(role, model, "Query")

    def grant_lock(self, role: iam.IRole, model: str) -> None:
        """Let `role` take, renew and give back the lock of `model`."""
        self._allow(role, f"lock#{model}", "UpdateItem", "DeleteItem")

    def grant_look(self, policy: iam.ManagedPolicy) -> None:
        """Let who has `policy` read the entries of all models."""
        allow(policy, ["dynamodb:GetItem", "dynamodb:Query"], [self.table_arn])
        self._allow_key(policy)

    def grant_note(self, policy: iam.ManagedPolicy, partitions: str) -> None:
        """Let who has `policy` add entries to partitions like this; as with `grant_append`, not to change any is
        theirs."""
        like: Conditions = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [partitions]}}
        allow(policy, ["dynamodb:PutItem"], [self.table_arn], conditions=like)
        self._allow_key(policy)

    def _allow(self, role: iam.IRole, partition: str, *actions: str) -> None:
        allow(role, [f"dynamodb:{action}" for action in actions], [self.table_arn], conditions=_within([partition]))
        self._allow_key(role)

    def _allow_key(self, role: iam.IRole | iam.ManagedPolicy) -> None:
        stack = cdk.Stack.of(role)
        allow(
            role,
            [f"kms:{action}" for action in _KEY_ACTIONS],
            [self._key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"dynamodb.{stack.region}.{stack.url_suffix}"}},
        )


def _within(partitions: Sequence[str]) -> Conditions:
    return {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": list(partitions)}}
