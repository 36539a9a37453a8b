"""CloudWatch behavior that ministack lacks."""

from __future__ import annotations


def install() -> None:
    """Evaluate alarms ourselves."""
    from local_aws.cloudwatch import alarms

    alarms.install()
