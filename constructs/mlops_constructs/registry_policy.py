"""What other accounts may do with the versions of a model: the resource policy of its package group."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk

from mlops_constructs.registry import Registry

READ = ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")
"""On group and versions: the developer guide's policies have ListModelPackages on either (deploy a model version from
a different account; cross-account discoverability)."""

NEITHER = {"sagemaker:ModelApprovalStatus": "true", "sagemaker:CustomerMetadataPropertiesToRemove": "true"}
"""What is absent from a request that only notes something: it decides nothing, and nothing is forgotten by it."""


def registry_policy(stack: cdk.Stack, registry: Registry, takers: Mapping[str, bool]) -> dict[str, Any]:
    """The policy of a group in `stack`, in PascalCase, as the resource's property of type Any takes it.

    takers: by account, whether it tests versions and notes the results with them. An account is named and not its
    roles: those need not be there yet, and IAM refuses a policy that names somebody who is not. Nobody in another
    account approves, registers or removes a version.
    """
    group, versions = registry.group_arn(stack), registry.versions_arn(stack)
    statements = []
    for account, tests in sorted(takers.items()):
        principal = stack.format_arn(
            service="iam", region="", account=account, resource="root", arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
        )
        common = {"Effect": "Allow", "Principal": {"AWS": principal}}
        statements += [
            {**common, **_statement(f"Group{account}", ["sagemaker:DescribeModelPackageGroup"], [group])},
            {**common, **_statement(f"Read{account}", READ, [group, versions])},
            {**common, **_statement(f"Serve{account}", ["sagemaker:CreateModel"], [versions])},
        ]
        if tests:
            noted = _statement(f"Note{account}", ["sagemaker:UpdateModelPackage"], [versions])
            statements.append({**common, **noted, "Condition": {"Null": NEITHER}})
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": sid, "Action": list(actions), "Resource": list(resources)}
