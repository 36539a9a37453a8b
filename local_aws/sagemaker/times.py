"""The ways SageMaker's events write a time."""

from datetime import datetime


def seconds(time: datetime) -> str:
    """As in "2021-02-24T17:00:14Z": model package and pipeline events."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def milliseconds(time: datetime) -> int:
    """Since the epoch: processing job events; training and tuning events have it as text."""
    return round(time.timestamp() * 1000)
