"""EventBridge Scheduler: schedules, their groups, and the deliveries to targets that they set off."""

from __future__ import annotations


def install() -> None:
    """Declare the operations, answer Scheduler's requests, and run what is due on a tick."""
    from local_aws.scheduler import deliveries, groups, schedules, service  # noqa: F401

    service.install()
    deliveries.install()
