"""Invocation metrics of endpoints, in the namespace AWS/SageMaker.

Each invocation gives every metric one value, so that Average of an error metric is the error rate, as AWS
documents it (developer guide, monitoring-cloudwatch, "endpoint invocation metrics"). The dimensions are
EndpointName and VariantName, and the same with EndpointConfigName, which tells an old fleet from a new one
during a deployment. Metrics of instances (CPU, memory, disk) do not exist here: a variant is one local
process.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_aws import clients
from local_aws.core.api import Context
from local_aws.sagemaker.batching import Batcher

NAMESPACE = "AWS/SageMaker"
FLUSH_SECONDS = 0.25
VALUES_A_DATUM = 150
DATA_A_CALL = 1000


@dataclass(frozen=True)
class Invocation:
    """One answered request; latencies in microseconds. `status` is the container's, 0 when it gave none."""

    ctx: Context
    endpoint: str
    config: str
    variant: str
    instances: int
    status: int
    model_latency: int
    overhead_latency: int
    at: datetime

    def dimensions(self) -> Iterator[tuple[tuple[str, str], ...]]:
        base = (("EndpointName", self.endpoint), ("VariantName", self.variant))
        yield base
        yield (*base, ("EndpointConfigName", self.config))

    def values(self) -> Iterator[tuple[str, str, float]]:
        """Metric name, unit, value."""
        success = 200 <= self.status < 300
        client_error = 400 <= self.status < 500
        yield "Invocations", "None", 1.0
        yield "InvocationsPerInstance", "None", 1.0 / max(self.instances, 1)
        yield "Invocation4XXErrors", "None", float(client_error)
        yield "Invocation5XXErrors", "None", float(not success and not client_error)
        yield "InvocationModelErrors", "None", float(not success)
        yield "ModelLatency", "Microseconds", float(self.model_latency)
        yield "OverheadLatency", "Microseconds", float(self.overhead_latency)


def metric_data(invocations: Sequence[Invocation]) -> list[dict[str, Any]]:
    """PutMetricData's MetricData of a batch: equal values are counted, not repeated."""
    counted: defaultdict[tuple[Any, ...], Counter[float]] = defaultdict(Counter)
    for invocation in invocations:
        # Whole seconds: a batch that crosses a second must not move values into another period.
        second = invocation.at.replace(microsecond=0)
        for dimensions in invocation.dimensions():
            for name, unit, value in invocation.values():
                counted[name, unit, dimensions, second][value] += 1
    return [
        {
            "MetricName": name,
            "Unit": unit,
            "Timestamp": second,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
            "Values": [value for value, _ in part],
            "Counts": [float(count) for _, count in part],
        }
        for (name, unit, dimensions, second), counter in counted.items()
        for part in _parts(list(counter.items()), VALUES_A_DATUM)
    ]


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _send(invocations: list[Invocation]) -> list[Invocation]:
    by_context: defaultdict[Context, list[Invocation]] = defaultdict(list)
    for invocation in invocations:
        by_context[invocation.ctx].append(invocation)
    for ctx, group in by_context.items():
        for part in _parts(metric_data(group), DATA_A_CALL):
            clients.client("cloudwatch", ctx).put_metric_data(Namespace=NAMESPACE, MetricData=part)
    return []


_batcher: Batcher[Invocation] = Batcher("sagemaker-metrics", FLUSH_SECONDS, 2000, _send)
flush = _batcher.flush


def record(
    ctx: Context,
    endpoint: str,
    config: str,
    variant: str,
    instances: int,
    status: int,
    model: float,
    total: float,
) -> None:
    """Count one invocation; `model` and `total` are seconds in the container and altogether."""
    overhead = max(total - model, 0.0)
    _batcher.put(
        Invocation(
            ctx,
            endpoint,
            config,
            variant,
            instances,
            status,
            round(model * 1e6),
            round(overhead * 1e6),
            datetime.now(UTC),
        )
    )
