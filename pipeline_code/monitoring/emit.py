"""What a run tells the world: CloudWatch metrics for the alarms, and one event.

Metrics carry Model Monitor's namespace, dimensions and names where it has them (developer guide: "CloudWatch metrics
for monitoring"), so that a dashboard of its metrics shows these too.
"""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from monitoring.findings import DEGRADING, JUDGED, Confirmation, Judgement
from monitoring.steps.job import StepError

NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
ENDPOINT, SCHEDULE = "Endpoint", "MonitoringSchedule"
"""Dimensions."""
DEGRADATION = "degradation_confirmed"
ROWS, UNREADABLE, WINDOWS_JUDGED = "rows", "unreadable_records", "windows_judged"
METRICS_A_CALL = 500
"""Half of what PutMetricData takes (API reference), since its limit of 1 MB counts too."""

SOURCE, DETAIL_TYPE = "mlops.monitoring", "Model Monitoring Run Completed"
MOST_SUBJECTS = 20


def breached(monitor: str) -> str:
    return f"{monitor}_breached"


def confirmed(monitor: str) -> str:
    return f"{monitor}_confirmed"


def is_degraded(confirmations: Iterable[Confirmation]) -> bool:
    """Whether the model got worse: drifted inputs, bias and attribution alone never say so."""
    return any(each.confirmed for each in confirmations if each.monitor in DEGRADING)


def metrics(
    newest: Sequence[Judgement], confirmations: Sequence[Confirmation], figures: Mapping[str, float]
) -> Dict[str, float]:
    """Names and values of one run.

    newest: of each monitor the newest judgement that this run made; a monitor that judged nothing says nothing, but
    whether it is confirmed is always said, so that an alarm goes back.
    """
    values = dict(figures)
    for judgement in newest:
        if judgement.status == JUDGED:
            values.update({name: value for name, value in judgement.metrics.items() if math.isfinite(value)})
            values[breached(judgement.monitor)] = float(judgement.breached)
    values.update({confirmed(each.monitor): float(each.confirmed) for each in confirmations})
    values[DEGRADATION] = float(is_degraded(confirmations))
    return values


def put_metrics(cloudwatch: Any, values: Mapping[str, float], endpoint: str, schedule: str) -> None:
    dimensions = [{"Name": ENDPOINT, "Value": endpoint}, {"Name": SCHEDULE, "Value": schedule}]
    data = [{"MetricName": name, "Dimensions": dimensions, "Value": float(values[name])} for name in sorted(values)]
    for start in range(0, len(data), METRICS_A_CALL):
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + METRICS_A_CALL])


def put_event(events: Any, bus: str, detail: Mapping[str, Any]) -> None:
    """One event on `bus`; raises StepError if EventBridge refuses it."""
    entry = {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": json.dumps(detail, allow_nan=False),
        "EventBusName": bus,
    }
    answer = events.put_events(Entries=[entry])
    if answer.get("FailedEntryCount"):
        (refused,) = answer["Entries"]
        raise StepError(f"event bus {bus}: {refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")


def monitors(
    judgements: Sequence[Judgement],
    confirmations: Sequence[Confirmation],
    skipped: Mapping[str, str],
    counted: Mapping[str, List[Tuple[str, int]]],
) -> Dict[str, Any]:
    """The event's member of that name: one entry a monitor.

    judgements: those of this run; counted: what breached in the windows that each confirmation looked at.
    """
    statuses = {each.monitor: each for each in sorted(judgements, key=lambda each: each.window)}
    entries = {}
    for confirmation in confirmations:
        name = confirmation.monitor
        last = statuses.get(name)
        entries[name] = {
            "status": last.status if last else skipped.get(name, "not run"),
            "breached": bool(last and last.breached),
            "confirmed": confirmation.confirmed,
            "breaches": confirmation.breached,
            "windows": confirmation.judged,
            "subjects": [subject for subject, _ in counted.get(name, [])[:MOST_SUBJECTS]],
        }
    return entries
