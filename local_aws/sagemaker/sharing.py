"""Model package groups of other accounts, by their ARN and under their resource policy.

Source: developer guide, model-registry-deploy-xaccount and model-registry-ram-discover (which actions and resources
a policy names); IAM user guide, troubleshoot_access-denied (the texts). An account sees its own groups without a
policy, unless the policy denies it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from local_aws import seam
from local_aws.core.api import AwsError, Context, request_headers

_ARN = re.compile(r"arn:aws:sagemaker:(?P<region>[^:]+):(?P<account>\d{12}):")


def owner(ctx: Context, name_or_arn: str) -> Context:
    """Whose resource it is: the account that an ARN of this region names, else the caller's own."""
    found = _ARN.match(name_or_arn)
    if found is None or found["region"] != ctx.region:
        return ctx
    return Context(found["account"], ctx.region)


def check(
    ctx: Context,
    of: Context,
    policy: str | None,
    action: str,
    *resources: str,
    keys: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Whether the caller may do `action` on resources of `of`; one that the policy allows is enough.

    keys: condition keys of the request, in lower case.

    Raises AwsError (AccessDeniedException) if not. What does not exist is refused like what is not shared.
    """
    principal = _principal(ctx)
    name = f"sagemaker:{action}"
    decisions = [seam.decide(policy, seam.Question(principal, name, each, of.region, keys)) for each in resources]
    refused = f"User: {principal} is not authorized to perform: {name} on resource: {resources[0]}"
    if "Deny" in decisions:
        raise AwsError("AccessDeniedException", f"{refused} with an explicit deny in a resource-based policy")
    if of != ctx and "Allow" not in decisions:
        raise AwsError("AccessDeniedException", f"{refused} because no resource-based policy allows the {name} action")


def _principal(ctx: Context) -> str:
    """Who asks: the signer of the request, or the account itself where a stack or a pipeline calls."""
    headers = request_headers.get()
    return seam.caller(headers)[0] if "authorization" in headers else f"arn:aws:iam::{ctx.account}:root"
