"""IAM: sessions of roles, the policies of roles, ministack's reading of requests and its evaluator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import Response

# An action, the ARN of a resource, and the condition keys of the request.
Needed = tuple[str, str, dict[str, Any]]
Check = Callable[[str, str, str, str, dict[str, str], bytes, dict[str, Any]], Response | None]
Statement = Any
"""One statement of a policy, as ministack takes it apart: sid, effect, actions, resources, conditions."""

_OF_A_SERVICE = "LocalAwsRole"


def role_session(role: str, name: str) -> dict[str, str]:
    """The keys of the session `name` of a role, as SDKs read them from the environment; always the same ones.

    role: its ARN. The session never ends, and is known again after a restart as soon as it is asked for here.
    """
    from ministack.services import sts

    digest = hashlib.sha256(f"{role} {name}".encode()).hexdigest()
    key = f"ASIA{digest[:16].upper()}"
    account, role_name = role.split(":")[4], role.rpartition("/")[2]
    if key not in sts._sessions:
        sts.register_session(
            key,
            {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
                "UserId": f"{sts._role_id(role)}:{name}",
                "SecretAccessKey": digest[16:48],
                "SessionToken": digest[32:],
                "AccountId": account,
                "PrincipalType": "AssumedRole",
                _OF_A_SERVICE: role,
            },
        )
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": digest[16:48],
        "AWS_SESSION_TOKEN": digest[32:],
    }


def acting_role(access_key: str) -> str | None:
    """The role whose session a key belongs to: one of `role_session`, or one that such a session took on itself."""
    from ministack.services import sts

    session = sts._sessions.get(access_key)
    if session is None:
        return None
    if _OF_A_SERVICE in session:
        return str(session[_OF_A_SERVICE])
    if acting_role(session.get("SourceAccessKeyId", "")) is None:
        return None
    account, role_name = session["Arn"].split(":")[4], session["Arn"].split("/")[1]
    return f"arn:aws:iam::{account}:role/{role_name}"


def access_key(headers: Mapping[str, str], query: Mapping[str, Any]) -> str:
    """The access key that a request is signed with; empty without one."""
    from ministack.core import router

    return str(router.extract_access_key_id(dict(headers), dict(query)) or "")


def function_credentials(credentials: Callable[[dict[str, Any]], dict[str, str] | None]) -> None:
    """Start functions with the keys that `credentials` has for a configuration, or else with the account's."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original = lambda_runtime.execution_credentials

    def of_function(config: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = credentials(config) or original(config)
        return found

    lambda_runtime.execution_credentials = of_function
    lambda_svc.execution_credentials = of_function


def check_requests(check: Check) -> None:
    """Ask `check(key, service, method, path, headers, body, query)` before a request is answered; what it returns,
    if anything, is the answer. Services that are added later are not asked for."""
    from ministack import app

    def checked(service: str, handler: Any) -> Any:
        async def answer(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Response:
            key = access_key(headers, query)
            if key.startswith("ASIA"):
                denied = check(key, service, method, path, headers, body, query)
                if denied is not None:
                    return denied
            answered: Response = await handler(method, path, headers, body, query)
            return answered

        return answer

    for service, handler in list(app.SERVICE_HANDLERS.items()):
        app.SERVICE_HANDLERS[service] = checked(service, handler)


def query_parameters(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> dict[str, Any]:
    """The query of a request, with the form in its body where there is one: each name has a list of values."""
    from ministack import app

    return dict(app._routing_params(method, path, headers, body, query))


def request_needs(
    ctx: Context, service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> list[Needed]:
    """What ministack makes of a request: its actions with their resources; empty where it knows none."""
    from ministack.core import iam_actions

    query = query_parameters(method, path, headers, body, query)
    action = iam_actions.extract_iam_action(service, method, path, headers, body, query)
    if action is None:
        return []
    resource = iam_actions.extract_resource_arn(service, method, path, headers, body, query, ctx.region, ctx.account)
    context = dict(iam_actions.request_tag_context(service, action, body, query))
    if service != "s3":
        return [(action, resource, context)]
    context |= iam_actions.s3_service_context(action, query, path, headers)
    further = iam_actions.s3_additional_checks(method, path, headers, body, query)
    return [(action, resource, context), *((each, arn, {}) for each, arn in further)]


class Policies:
    """The statements of roles, taken apart once until IAM's documents change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, list[Statement], dict[str, list[Statement]]]] = {}

    def of(self, role: str, action: str) -> list[Statement]:
        """The statements about an action in the identity policies of a role, given by its ARN."""
        from ministack.core import iam_evaluator
        from ministack.services import iam

        account, name = role.split(":")[4], role.rpartition("/")[2]
        record = iam._roles.get_scoped(account, None, name) or {}
        documents = [*(record.get("InlinePolicies") or {}).values()]
        for arn in record.get("AttachedPolicies") or ():
            documents.append(iam_evaluator._resolve_managed_policy_document(arn, account))
        known = self._known.get(role)
        if known is None or known[0] != documents:
            statements = [each for one in documents for each in iam_evaluator.parse_policy_document(one)]
            known = self._known[role] = (documents, statements, {})
        _, statements, by_action = known
        if action not in by_action:
            by_action[action] = [
                each for each in statements if iam_evaluator._action_matches(action, each.actions, each.not_actions)
            ]
        return by_action[action]


def grants(role: str, statements: Iterable[Statement], need: Needed, region: str) -> tuple[bool, list[tuple[str, Any]]]:
    """Whether statements allow what a role needs, and the resources with the conditions that did.

    The resources are those of the policy, as they are written there, the longest first; without any, nothing allows
    it. A Deny that matches leaves nothing.
    """
    from ministack.core import iam_evaluator

    action, resource, context = need
    account, name = role.split(":")[4], role.rpartition("/")[2]
    asked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/session",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=region,
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={key.lower(): value for key, value in context.items()},
    )
    found: list[tuple[str, Any]] = []
    for each in statements:
        if iam_evaluator._first_match(asked, [each], each.effect) is None:
            continue
        if each.effect == "Deny":
            return False, []
        matching = [one for one in each.resources if iam_evaluator.fnmatch_iam_cs(resource, one)]
        found += [(max(matching, key=len, default="*"), each.conditions)]
    return bool(found), sorted(found, key=lambda one: -len(one[0]))


def refusal(service: str, role: str, session: str, need: Needed, headers: dict[str, str]) -> Response:
    """The answer of a service to a request that is not allowed, in its own protocol and in AWS's words."""
    from ministack.core import iam_actions

    action, resource, _ = need
    account, name = role.split(":")[4], role.rpartition("/")[2]
    who = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    status, told, body = iam_actions.access_denied_response(
        service,
        action,
        who,
        "local",
        message=iam_actions.identity_denial_message(action, who, resource, False),
        headers=headers,
        resource_arn=resource,
    )
    return int(status), dict(told), bytes(body)


def session_name(key: str) -> str:
    """The name of the session that a key belongs to."""
    from ministack.services import sts

    return str((sts._sessions.get(key) or {}).get("Arn", "")).rpartition("/")[2]


def table_keys(ctx: Context, table: str) -> list[str]:
    """The attributes of a DynamoDB table's key, the partition's first; empty where there is no such table."""
    from ministack.services import dynamodb

    found = dynamodb._tables.get_scoped(ctx.account, ctx.region, table.rpartition("/")[2]) or {}
    order = sorted(found.get("KeySchema", ()), key=lambda each: str(each["KeyType"]))
    return [str(each["AttributeName"]) for each in order]
