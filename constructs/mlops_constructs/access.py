"""Grants by name: a role gets listed actions on listed resources, and a wildcard only with its reason.

The reason is written onto the role as an acknowledgement of cdk-nag's finding, so that the permission and its
explanation cannot part.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from mlops_constructs.acknowledge import acknowledge, acknowledge_in_standards
from mlops_constructs.errors import ConstructError

Conditions = Mapping[str, Mapping[str, Any]]

NO_RESOURCE = "The action has no resource to name (service authorization reference)"

INLINE = (
    "Decided for all roles: what one role alone may do stands in a policy of its own, which nothing else can be given "
    "and which goes when the role goes (IAM user guide: inline policies, for a strict one-to-one relationship)."
)
"""Why roles have inline policies, which the standards do not want."""

_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")
_explained: WeakSet[IConstruct] = WeakSet()
_flat: WeakKeyDictionary[cdk.Stack, dict[str, tuple[str, str]]] = WeakKeyDictionary()
"""Both forms of the tokens that a stack was asked for: the same few stand in hundreds of resources."""


def allow(
    role: iam.IRole | iam.ManagedPolicy,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    why: str | None = None,
    conditions: Conditions | None = None,
) -> None:
    """Add a statement to a policy, or to a role's own; `why` is required if a resource or an action has a `*`."""
    wildcards = [f"Action::{action}" for action in actions if "*" in action]
    for resource in resources:
        wildcards += [f"Resource::{form}" for form in sorted(_flat_forms(role, resource)) if "*" in form]
    if wildcards and not why:
        raise ConstructError(f"{role.node.path}: {wildcards[0]} needs a reason: pass why=…")
    iam.Grant.add_to_principal(
        grantee=role, actions=list(actions), resource_arns=list(resources), conditions=dict(conditions or {})
    )
    if wildcards:
        acknowledge(role, {f"AwsSolutions-IAM5[{finding}]": why or "" for finding in wildcards})
    if not isinstance(role, iam.ManagedPolicy):
        explain_inline(role)


def explain_inline(role: iam.IRole) -> None:
    """Accept that `role` has an inline policy; for a role that gets its rights otherwise than by `allow`."""
    if role not in _explained:
        _explained.add(role)
        acknowledge_in_standards(role, {"IAMNoInlinePolicy": INLINE})


def _flat_forms(scope: IConstruct, arn: str) -> set[str]:
    """How cdk-nag spells a resource: as it stands, and with references to other stacks as imported values."""
    if "*" not in arn or not _TOKEN.search(arn):
        return {arn}  # tokens hide no wildcard, and each look at one is a question to CDK's engine
    stack = cdk.Stack.of(scope)
    known = _flat.setdefault(stack, {})
    for token in _TOKEN.findall(arn):
        if token not in known:
            known[token] = _flat_token(stack, token)
    return {
        _TOKEN.sub(lambda token: known[token.group()][0], arn),
        _TOKEN.sub(lambda token: known[token.group()][1], arn),
    }


def _flat_token(stack: cdk.Stack, token: str) -> tuple[str, str]:
    """A token as it stands in `stack`, and as it does once CDK has turned references between stacks into exports."""
    flat = _flatten(stack.resolve(token))
    [reference] = cdk.Tokenization.reverse_string(token).tokens
    if isinstance(reference, cdk.Reference):
        producer = cdk.Stack.of(reference.target)
        if producer.node.path != stack.node.path:
            return flat, _flatten(stack.resolve(producer.export_value(token)))
    return flat, flat


def _flatten(value: Any) -> str:
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return _flatten(name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flatten(part) for part in parts)
    return json.dumps(value, separators=(",", ":"))
