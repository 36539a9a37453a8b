"""CloudWatch: alarms of both kinds, metric math and dashboards; metrics and the rest are ministack's."""

from __future__ import annotations


def install() -> None:
    """Declare the operations, and evaluate alarms on a tick."""
    from local_aws.cloudwatch import alarm_operations, alarms, dashboards, metric_data, queue_metrics, service  # noqa: F401

    service.install()
    alarms.install()
    queue_metrics.install()
