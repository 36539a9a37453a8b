"""Rights of one kind of person: a policy by name, for permission sets of Identity Center, and a role that has it."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import Conditions, allow

SESSION = cdk.Duration.hours(4)


class PersonRole(Construct):
    """Starts with nothing. What is denied stays denied whatever else somebody adds to the role or the permission set.

    A permission set that names the policy gives it to people under their own names, and is the better way: who takes a
    role chooses what the session is called.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        shared: Sequence[iam.IManagedPolicy],
        name: str,
        description: str,
        principals: Sequence[str],
    ) -> None:
        """shared: of several roles. principals: ARNs of who takes the role; without any, the account decides."""
        super().__init__(scope, construct_id)
        self.policy = iam.ManagedPolicy(self, "Policy", managed_policy_name=name, description=description)
        self.role = iam.Role(
            self,
            "Role",
            description=description,
            assumed_by=_with_mfa(principals),
            managed_policies=[*shared, self.policy],
            max_session_duration=SESSION,
        )

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        why: str | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        """As `access.allow`."""
        allow(self.policy, actions, resources, why=why, conditions=conditions)

    def deny(
        self,
        sid: str,
        actions: Sequence[str],
        resources: Sequence[str] = ("*",),
        *,
        conditions: Conditions | None = None,
    ) -> None:
        self.policy.add_statements(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                actions=list(actions),
                resources=list(resources),
                conditions=dict(conditions or {}),
            )
        )

    def deny_all_but(self, sid: str, actions: Sequence[str]) -> None:
        """Deny every action that is not one of these."""
        self.policy.add_statements(
            iam.PolicyStatement(sid=sid, effect=iam.Effect.DENY, not_actions=list(actions), resources=["*"])
        )

    def deny_elsewhere(self, sid: str, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Deny these actions on every resource that is not one of these."""
        self.policy.add_statements(
            iam.PolicyStatement(sid=sid, effect=iam.Effect.DENY, actions=list(actions), not_resources=list(resources))
        )


def _with_mfa(principals: Sequence[str]) -> iam.IPrincipal:
    """Sessions of a role, or who has shown a second factor.

    An IAM user's own key opens nothing without one. A session of single sign-on has shown its factor to the identity
    provider, and IAM cannot see that: the key aws:MultiFactorAuthPresent is not in what the session asks for (user
    guide: global condition keys), so to ask for it would lock those people out.
    """
    trusted = [iam.ArnPrincipal(each) for each in principals] or [iam.AccountRootPrincipal()]
    conditions: Sequence[Conditions] = (
        {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    )
    return iam.CompositePrincipal(
        *(iam.PrincipalWithConditions(each, dict(condition)) for condition in conditions for each in trusted)
    )
