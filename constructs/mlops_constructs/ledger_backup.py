"""A copy of the ledger every day in a vault of its own, for what point-in-time recovery does not cover: a table that
is gone."""

import aws_cdk as cdk
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.ledger import Ledger

KEPT_DAYS = 35  # as long as point-in-time recovery goes back at most
_SERVICE = "backup.amazonaws.com"
# Of AWSBackupServiceRolePolicyForBackup (managed policy reference) what is said of DynamoDB, here for this table.
_TABLE_ACTIONS = ("DescribeTable", "CreateBackup", "StartAwsBackupJob", "ListTagsOfResource")
_KEY_ACTIONS = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")


class LedgerBackup(Construct):
    """Vault, plan and role. Nobody can remove a recovery point before its time: the vault refuses it.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, EnvironmentKey, EnvironmentNames, LedgerBackup, SharedFoundation

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    LedgerBackup(shared, "LedgerBackup", ledger=foundation.ledger, protection=protection)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, ledger: Ledger, protection: DataProtection) -> None:
        super().__init__(scope, construct_id)
        vault = backup.BackupVault(
            self,
            "Vault",
            encryption_key=protection.key,
            removal_policy=protection.removal_policy,
            # Without a date from which nobody could change it any more: governance, as for the evidence.
            lock_configuration=backup.LockConfiguration(min_retention=cdk.Duration.days(KEPT_DAYS)),
        )
        daily = backup.BackupPlanRule(
            rule_name="daily",
            schedule_expression=events.Schedule.cron(hour="3", minute="0"),
            delete_after=cdk.Duration.days(KEPT_DAYS),
        )
        plan = backup.BackupPlan(self, "Plan", backup_vault=vault, backup_plan_rules=[daily])
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=plan.backup_plan_id,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                selection_name="ledger",
                iam_role_arn=self._build_role(ledger, vault, protection).role_arn,
                resources=[ledger.table_arn],
            ),
        )

    def _build_role(self, ledger: Ledger, vault: backup.BackupVault, protection: DataProtection) -> iam.Role:
        stack, key = cdk.Stack.of(self), protection.key.key_arn
        account = {"StringEquals": {"aws:SourceAccount": stack.account}}
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal(_SERVICE, conditions=account))
        allow(role, [f"dynamodb:{action}" for action in _TABLE_ACTIONS], [ledger.table_arn])
        allow(
            role,
            ["dynamodb:DescribeBackup", "dynamodb:DeleteBackup"],
            [f"{ledger.table_arn}/backup/*"],
            why="DynamoDB numbers the backups of the table.",
        )
        allow(role, ["backup:DescribeBackupVault"], [vault.backup_vault_arn])
        allow(role, [f"kms:{action}" for action in _KEY_ACTIONS], [key])
        allow(role, ["kms:CreateGrant"], [key], conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})
        return role
