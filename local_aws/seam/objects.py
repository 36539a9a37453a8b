"""S3: what templates ask of a bucket and ministack leaves out, and who else may use it than its own account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import acting_in, current
from local_aws.seam.identities import caller
from local_aws.seam.policies import Policy, Question, decide, key_aliases


def lock_objects(ctx: Context, bucket: str, retention: dict[str, Any] | None) -> None:
    """Turn Object Lock on for a bucket, with a default retention (Mode, and Days or Years) or none."""
    from ministack.services import s3

    with acting_in(ctx):
        s3._bucket_versioning[bucket] = "Enabled"  # Object Lock works in versioned buckets only, and turns it on
        s3._bucket_object_lock[bucket] = {"enabled": True, "default_retention": retention}


def judge_requests_of_other_accounts() -> None:
    """Let the bucket's policy decide on the very principal that asks, and the key's policy on what it decrypts.

    ministack asks as the root of the principal's account, so that a policy which names a role lets nobody in,
    and knows no key policies. Requests without credentials and buckets without a policy stay with ministack.
    """
    from ministack.services import s3

    original = s3._foreign_bucket_allows

    def allows(
        owner: str, bucket: str, key: str, method: str, query: dict[str, Any], account: str, headers: Any = None
    ) -> bool:
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        if not account or not policy:
            return bool(original(owner, bucket, key, method, query, account, headers))
        if s3._public_access_blocked(owner, bucket, "RestrictPublicBuckets") and s3._policy_is_public(policy):
            return False
        principal = caller(headers)[0] if headers else f"arn:aws:iam::{account}:root"
        ctx = Context(owner, current().region)
        question = _question(ctx, principal, bucket, key, method, query, headers or {})
        if decide(policy, question) != "Allow":
            return False
        return method != "GET" or _may_decrypt(ctx, principal, bucket, key)

    s3._foreign_bucket_allows = allows


def _question(
    ctx: Context,
    principal: str,
    bucket: str,
    key: str,
    method: str,
    query: dict[str, Any],
    headers: Mapping[str, str],
) -> Question:
    """What a request asks of a bucket of `ctx`."""
    from ministack.core import iam_actions

    path = f"/{bucket}/{key}" if key else f"/{bucket}"
    other = "GetObject" if method in ("GET", "HEAD") else "PutObject"
    action = f"s3:{iam_actions._s3_action(method, path, query) or other}"
    with acting_in(ctx):
        context = iam_actions.s3_service_context(action, query, path, dict(headers))
    arn = f"arn:aws:s3:::{bucket}"
    keys = {name.lower(): value for name, value in context.items()}
    return Question(principal, action, f"{arn}/{key}" if key else arn, ctx.region, keys)


def _may_decrypt(ctx: Context, principal: str, bucket: str, key: str) -> bool:
    """Whether the policy of the key that encrypted an object lets S3 decrypt it for a principal of elsewhere."""
    policy = _key_policy(ctx, bucket, key)
    if policy is None:
        return True
    arn, document = policy
    via = {
        "kms:viaservice": f"s3.{ctx.region}.amazonaws.com",
        "kms:calleraccount": principal.split(":")[4],
        "kms:resourcealiases": key_aliases(arn),
    }
    return decide(document, Question(principal, "kms:Decrypt", arn, ctx.region, via)) == "Allow"


def _key_policy(ctx: Context, bucket: str, key: str) -> tuple[str, Policy] | None:
    """ARN and policy of the KMS key of an object; None where it has none, or none that is known here."""
    from ministack.services import kms, s3

    with acting_in(ctx):
        found = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(key)
        used = s3._stored_sse_headers(found) if found else {}
        record = kms._resolve_key(used.get("x-amz-server-side-encryption-aws-kms-key-id"))
    return None if record is None else (str(record["Arn"]), record.get("Policy"))
