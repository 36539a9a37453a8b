"""What templates ask of ministack's own types and ministack leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_aws import seam
from local_aws.cloudformation import corrections
from local_aws.core.api import Context
from local_aws.seam import Physical

BUCKET: Physical = ("evidence", {"Arn": "arn:aws:s3:::evidence"})


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch, ctx: Context) -> Callable[[dict[str, Any]], list[Any]]:
    """Provision a bucket with properties; the default retentions with which its objects were locked."""
    wraps: dict[str, Any] = {}
    seen: list[Any] = []
    monkeypatch.setattr(seam, "wrap_created", wraps.__setitem__)
    monkeypatch.setattr(seam, "lock_objects", lambda _ctx, bucket, retention: seen.append((bucket, retention)))
    corrections.install()

    def provision(props: dict[str, Any]) -> list[Any]:
        assert wraps["AWS::S3::Bucket"](ctx, props, BUCKET) == BUCKET
        return seen

    return provision


def retention(**given: Any) -> dict[str, Any]:
    return {
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": given}},
    }


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({}, []),
        ({"ObjectLockEnabled": "false"}, []),
        ({"ObjectLockEnabled": "true"}, [("evidence", None)]),
        (retention(Mode="GOVERNANCE", Days="30"), [("evidence", {"Mode": "GOVERNANCE", "Days": 30})]),
        (retention(Mode="COMPLIANCE", Years=7), [("evidence", {"Mode": "COMPLIANCE", "Years": 7})]),
    ],
)
def test_a_templates_object_lock_reaches_the_bucket(locked: Any, props: dict[str, Any], expected: list[Any]) -> None:
    assert locked(props) == expected


@pytest.mark.parametrize("given", [{"Mode": "GOVERNANCE"}, {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, {"Days": 1}])
def test_a_retention_that_s3_would_refuse_fails(locked: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either Days or Years"):
        locked(retention(**given))
