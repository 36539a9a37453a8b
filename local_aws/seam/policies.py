"""Policies of resources and roles, evaluated by ministack's evaluator, which its own services ask with AUTH only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

Decision = Literal["Allow", "Deny", "ImplicitDeny"]
Policy = str | dict[str, Any] | None


@dataclass(frozen=True)
class Question:
    """May a principal do something?

    principal: ARN of a role's session, a user or an account's root.
    context: condition keys, in lower case, with their values.
    """

    principal: str
    action: str
    resource: str
    region: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The principal's account."""
        return self.principal.split(":")[4]


def decide(policy: Policy, question: Question) -> Decision:
    """What the policy of a resource says; a statement counts only if it names the principal or its account."""
    from ministack.core import iam_evaluator

    return _decision(iam_evaluator.evaluate_resource_policy(policy, _context(question)))


def role_decides(role_arn: str, question: Question) -> Decision:
    """What a role's own policies say; ImplicitDeny where there is no such role."""
    from ministack.core import iam_evaluator

    account, name = _place(role_arn)
    policies = iam_evaluator._gather_role_policies(name, account)
    return _decision(iam_evaluator.evaluate(_context(question), policies))


def service_may_assume(role_arn: str, service: str, region: str, keys: Mapping[str, Any]) -> bool:
    """Whether a role trusts an AWS service, e.g. "events.amazonaws.com", which comes with condition keys in lower
    case; False where there is no such role."""
    from ministack.core import iam_evaluator

    role = _role(role_arn)
    if role is None:
        return False
    asked = Question(f"arn:aws:iam::{role_arn.split(':')[4]}:root", "sts:AssumeRole", role_arn, region, keys)
    named = _with_principals(role["AssumeRolePolicyDocument"], "Service")
    return _decision(iam_evaluator.evaluate_resource_policy(named, _context(asked), service)) == "Allow"


def may_assume(role_arn: str, question: Question) -> bool:
    """Whether a role's trust policy lets a principal in; False where there is no such role.

    To ministack, an account's root is every service too, since its own services call as root: left out here.
    """
    from ministack.core import iam_evaluator

    role = _role(role_arn)
    if role is None:
        return False
    trust = _with_principals(role["AssumeRolePolicyDocument"], "AWS")
    return bool(iam_evaluator.evaluate_trust_policy(trust, question.principal, _context(question)))


def role_exists(role_arn: str) -> bool:
    """Whether the account that the ARN names has this role."""
    return _role(role_arn) is not None


def key_aliases(key_arn: str) -> list[str]:
    """The names of a KMS key, "alias/...", as `kms:ResourceAliases` has them."""
    from ministack.services import kms

    _, _, _, region, account, _, *_ = [*key_arn.split(":"), ""]
    key = key_arn.rpartition("/")[2]
    found = list(kms._aliases._data.items())
    return [str(arn).rpartition(":")[2] for (a, r, arn), of in found if (a, r, of) == (account, region, key)]


def correct_conditions() -> None:
    """Give condition keys the values that AWS gives them.

    aws:PrincipalArn of a role's session is the ARN of the role, s3:ResourceAccount the account that owns the
    bucket, and a request to this machine counts as one over TLS. Source: IAM user guide, global condition keys.
    """
    from ministack.core import iam_evaluator

    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, ctx: Any) -> Any:
        name = key.lower()
        if name == "aws:principalarn":
            return role_of_session(str(ctx.principal_arn)) or ctx.principal_arn
        if name in ("aws:resourceaccount", "s3:resourceaccount") and ctx.resource_arn.startswith("arn:aws:s3:::"):
            return bucket_owner(ctx.resource_arn) or original(key, ctx)
        return original(key, ctx)

    iam_evaluator._resolve_condition_key = resolve
    local: ContextVar[tuple[str, bool]] = ContextVar("request_origin", default=("127.0.0.1", True))
    iam_evaluator._request_origin = local


def role_of_session(principal: str) -> str:
    """The ARN of the role whose session a principal is; empty for other principals."""
    if ":assumed-role/" not in principal:
        return ""
    account, name = principal.split(":")[4], principal.split("/")[1]
    role = _role(f"arn:aws:iam::{account}:role/{name}")
    return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{name}"


def bucket_owner(arn: str) -> str | None:
    """The account of the bucket in an S3 ARN; None where there is no such bucket."""
    from ministack.services import s3

    return s3._bucket_owner_account(arn.removeprefix("arn:aws:s3:::").split("/", 1)[0])  # type: ignore[no-any-return]


def _context(question: Question) -> Any:
    from ministack.core import iam_evaluator

    kinds = {":assumed-role/": "AssumedRole", ":user/": "User"}
    kind = next((kind for mark, kind in kinds.items() if mark in question.principal), "Root")
    return iam_evaluator.EvalContext(
        principal_arn=question.principal,
        principal_type=kind,
        principal_account=question.account,
        action=question.action,
        resource_arn=question.resource,
        region=question.region,
        service_context=dict(question.context),
    )


def _decision(result: Any) -> Decision:
    found: Decision = result.decision
    return found


def _role(arn: str) -> dict[str, Any] | None:
    from ministack.services import iam

    found = iam._roles.get_scoped(_place(arn)[0], None, _place(arn)[1])
    return None if found is None else dict(found)


def _place(role_arn: str) -> tuple[str, str]:
    """Account and name of a role."""
    parts = role_arn.split(":", 5)
    return (parts[4], parts[5].rpartition("/")[2]) if len(parts) == 6 else ("", "")


def _with_principals(trust: Policy, kind: str) -> dict[str, Any]:
    """A trust policy of which each statement names principals of one kind only."""
    document = json.loads(trust) if isinstance(trust, str) else trust or {}
    statements = document.get("Statement", [])
    kept = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        if isinstance(principal, dict):
            principal = {kind: principal[kind]} if kind in principal else {}
        kept.append({**statement, "Principal": principal})
    return {**document, "Statement": kept}
