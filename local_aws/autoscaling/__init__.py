"""Application Auto Scaling of endpoint variants: the service, and the tick that scales."""

from __future__ import annotations


def install() -> None:
    """Declare the operations, and scale on a tick."""
    from local_aws.autoscaling import policies, scaling, scheduled_actions  # noqa: F401

    scaling.install()
