"""Who said yes or no to a version, when and why: a history that only grows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from state import Json

APPROVED_BY = "approved_by"
"""Metadata of a version: the identity that approved it by the command line (mlops/people.py)."""

WAITING = "PendingManualApproval"


def history(before: Sequence[Json], package: Mapping[str, Any], keeper: str) -> tuple[list[Json], list[str]]:
    """The decisions so far with the one that the registry shows now, and what is not known of it.

    keeper: the name of the keeper's own function, whose edits of a version are no decision on it.
    """
    status = package.get("ModelApprovalStatus", "")
    said = list(before)
    last = said[-1] if said else {"status": WAITING, "by": None, "at": None, "why": None}
    why = package.get("ApprovalDescription")
    named = package.get("CustomerMetadataProperties", {}).get(APPROVED_BY) if status == "Approved" else None
    same = (status, why) == (last["status"], last["why"]) or (status == WAITING == last["status"])
    if status and not (same and (named is None or named == last["by"])):
        said.append({"status": status, "by": named or _editor(package, keeper), "at": _when(package), "why": why})
    unknown = [each for each in said if each["by"] is None and each["status"] != WAITING]
    return said, [f"approvals: who made it {each['status']} at {each['at']} is not known" for each in unknown]


def _editor(package: Mapping[str, Any], keeper: str) -> str | None:
    """Who changed the version last, or made it if nobody changed it: the decider, if nothing else changed it since.

    A function's session has the function's name.
    """
    context = package.get("LastModifiedBy") or package.get("CreatedBy") or {}
    identity = context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileArn")
    name = context.get("UserProfileName") or identity
    return None if not name or (keeper and name.rsplit("/", 1)[-1] == keeper) else str(name)


def _when(package: Mapping[str, Any]) -> str | None:
    return package.get("LastModifiedTime") or package.get("CreationTime")
