"""CloudFormation resource types that ministack lacks, and corrections of those it has."""

from __future__ import annotations


def install() -> None:
    """Teach ministack's CloudFormation our resource types, its events and its corrections."""
    from local_aws.cloudformation import corrections, patience, recorded, stack_events, types

    corrections.install()
    types.install()
    recorded.install()
    stack_events.install()
    patience.install()
