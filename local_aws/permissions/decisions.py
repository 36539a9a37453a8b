"""Comparing what a role needs with its policies."""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local_aws import seam
from local_aws.core.api import AwsError, Context
from local_aws.permissions import encryption, requests
from local_aws.permissions.deployed import Lookup
from local_aws.permissions.journal import Journal

log = logging.getLogger("local_aws.permissions")

JOURNAL = "permissions.jsonl"


class Mode(enum.Enum):
    """What becomes of a request that nothing allows."""

    OFF = "off"
    RECORD = "record"
    ENFORCE = "enforce"


DEFAULT = Mode.ENFORCE
_mode = Mode.OFF
_policies = seam.Policies()
_lookup = Lookup()
_journal: Journal | None = None


def install(mode: Mode, home: Path) -> None:
    """Compare the requests of roles from now on; each decision is written once into the state directory `home`."""
    global _mode, _journal
    _mode = mode
    if mode is Mode.OFF:
        return
    _journal = Journal(home / JOURNAL, _lookup)
    seam.function_credentials(_of_function)
    seam.check_requests(_checked)


def credentials(role: str | None, session: str) -> dict[str, str]:
    """The environment in which an SDK acts as a session of `role`; empty where roles are not told apart, or IAM has no
    such role: then the account's own key is to be used."""
    if _mode is Mode.OFF or not role or not seam.role_exists(role):
        return {}
    return seam.role_session(role, session)


def allowed(role: str | None, ctx: Context, needs: Iterable[seam.Needed]) -> seam.Needed | None:
    """Compare and record; the first thing that is not allowed, or None if all is, or if nothing is refused here."""
    if _mode is Mode.OFF or not role or not seam.role_exists(role):
        return None
    refused: seam.Needed | None = None
    deployed = _lookup.now()
    for need in (each for one in needs for each in (_placed(one), *encryption.needs(ctx, one, deployed))):
        fits, granted = seam.grants(role, _policies.of(role, need[0]), need, ctx.region)
        assert _journal is not None
        new = _journal.write(role, need, granted)
        if not fits:
            refused = refused or need
            if new:
                log.warning("%s: %s on %s is not allowed", role.rpartition("/")[2], need[0], need[1])
    return refused if _mode is Mode.ENFORCE else None


def _placed(need: seam.Needed) -> seam.Needed:
    """With the account that owns the bucket, which its ARN does not tell."""
    action, resource, context = need
    owner = seam.bucket_owner(resource) if resource.startswith("arn:aws:s3:::") else None
    return (action, resource, {**context, "s3:ResourceAccount": owner}) if owner else need


def require(role: str | None, ctx: Context, needs: Iterable[seam.Needed]) -> None:
    """As `allowed`, for what AWS does in a role's name.

    Errors: AwsError AccessDeniedException with AWS's text."""
    if (refused := allowed(role, ctx, needs)) is not None and role is not None:
        action, resource, _ = refused
        who = f"arn:aws:sts::{ctx.account}:assumed-role/{role.rpartition('/')[2]}/SageMaker"
        raise AwsError(
            "AccessDeniedException",
            f"User: {who} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action",
        )


def _of_function(config: dict[str, Any]) -> dict[str, str] | None:
    """Keys of a function that is started, which is when it begins to write its log."""
    role, name = str(config.get("Role", "")), str(config["FunctionName"])
    _, _, _, region, account, *_ = str(config["FunctionArn"]).split(":")
    ctx = Context(account, region)
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    found = credentials(role, name)
    if found:
        stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:stream"
        # A function that may not write its log runs all the same, on AWS too.
        allowed(role, ctx, [(f"logs:{each}", stream, {}) for each in ("CreateLogStream", "PutLogEvents")])
    return found or None


def _checked(
    key: str, service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> seam.Response | None:
    role = seam.acting_role(key)
    requests.calling.set(role)
    if role is None:
        return None
    ctx = seam.current()
    needs = requests.needs(ctx, requests.Request(service, method, path, headers, body, query))
    if (refused := allowed(role, ctx, needs)) is None:
        return None
    return seam.refusal(service, role, seam.session_name(key), refused, headers)
