"""An approval or a rejection from the page: the same as `mlops approve` and `mlops reject`."""

from mlops import people, registry, release_state
from mlops.commands.registry import consequence, prospect
from mlops.errors import CommandError
from mlops.target import Target

LONGEST_REASON = 1024
"""Characters (API reference: ApprovalDescription)."""
APPROVE, REJECT = "approve", "reject"


def decide(target: Target, number: int, word: str, reason: str) -> str:
    """Approve or reject a version; returns what comes of it, in one line.

    Raises CommandError for a version that is not there or cannot be released, and for a reason that is missing, too
    long, or has characters that the registry refuses.
    """
    text = " ".join(reason.split())
    if not text:
        raise CommandError(f"version {number}: say why; the reason is kept with the version")
    if len(text) > LONGEST_REASON:
        raise CommandError(f"reason: {len(text)} characters; at most {LONGEST_REASON} are kept")
    sagemaker = target.clients("sagemaker")
    package = registry.version(sagemaker, target.package_group, number)
    state = release_state.read(target.clients("ssm"), target.names)
    if word == REJECT:
        said, _ = consequence(state, target, number)
        registry.reject(sagemaker, package, reason=text)
        return said
    if (status := package["ModelPackageStatus"]) != "Completed":
        raise CommandError(f"version {number} of {target.group_name}: its registration is {status}; train another")
    said, _ = prospect(state, target, number, replaces=False)
    registry.approve(sagemaker, package, reason=text, by=people.caller(target.clients("sts")), strategy=None)
    return said
