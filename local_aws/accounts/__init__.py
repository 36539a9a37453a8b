"""Several accounts in one server: what passes from one to another, and under whose policy."""

from __future__ import annotations


def install() -> None:
    """Let policies of roles, buckets and buses decide about other accounts' principals."""
    from local_aws import seam
    from local_aws.accounts import assume_role, event_forwarding

    seam.correct_conditions()
    seam.judge_requests_of_other_accounts()
    assume_role.install()
    event_forwarding.install()
