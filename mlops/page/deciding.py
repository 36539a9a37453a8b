"""An approval or a rejection from the page: the same as `mlops approve` and `mlops reject`."""

from mlops import decisions, people, registry
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
    if word == REJECT:
        outlook = decisions.rejection(target, number)
        registry.reject(sagemaker, outlook.package, reason=text)
        return outlook.text
    outlook = decisions.approval(target, number)
    by = people.caller(target.clients("sts"))
    registry.approve(sagemaker, outlook.package, reason=text, by=by, strategy=None)
    return outlook.text
