"""sts:AssumeRole: another account's role, and any role for the session of a role, under its trust policy.

People with the bare key of an account take any role of their account, and may invent one: on AWS a root user
assumes no roles, and there is nobody else here. Source: API reference, AssumeRole; IAM user guide,
reference_policies_evaluation-logic-cross-account.
"""

from __future__ import annotations

from local_aws import seam
from local_aws.state import REGION


def install() -> None:
    """Refuse what a trust policy does not allow."""
    seam.guard_assume_role(_refusal)


def _refusal(caller: str, request: dict[str, str]) -> str | None:
    role = request.get("RoleArn", "")
    if role.count(":") != 5 or _is_owner(caller, role):
        return None
    context = {
        "sts:externalid": request.get("ExternalId"),
        "sts:rolesessionname": request.get("RoleSessionName"),
    }
    given = {name: value for name, value in context.items() if value is not None}
    if seam.may_assume(role, seam.Question(caller, "sts:AssumeRole", role, REGION, given)):
        return None
    # AWS does not tell a role that does not exist from one that is closed.
    return f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"


def _is_owner(caller: str, role: str) -> bool:
    return caller == f"arn:aws:iam::{role.split(':')[4]}:root"
