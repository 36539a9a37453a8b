"""Executions of Model Monitor's schedules: of which version, of which window, and how they ended. Pure.

Shapes: API reference, ListMonitoringExecutions and DescribeProcessingJob. A monitoring job tells its window in its
environment, as start_time and end_time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from settings import Schedule

COMPLETED, VIOLATED = "Completed", "CompletedWithViolations"
ENDED = (COMPLETED, VIOLATED, "Failed", "Stopped")

NO_DATA = re.compile(r"had no data", re.IGNORECASE)
"""The reason of a failure, in AWS's words, where nothing was captured: it has no status of its own."""

_VERSION = re.compile(r".*-v(?P<version>\d+)", re.DOTALL)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, order=True)
class Execution:
    """One run of a schedule. definition: the name of its job definition, which ends in the version it was made for."""

    scheduled: datetime
    kind: str
    status: str
    job_arn: str
    definition: str
    reason: str

    @classmethod
    def read(cls, kind: str, summary: Mapping[str, Any]) -> Execution:
        return cls(
            scheduled=summary["ScheduledTime"].astimezone(UTC),
            kind=kind,
            status=summary["MonitoringExecutionStatus"],
            job_arn=summary.get("ProcessingJobArn", ""),
            definition=summary.get("MonitoringJobDefinitionName", ""),
            reason=summary.get("FailureReason", ""),
        )

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def version(self) -> str:
        """Number of the version that its job definition is for; "" if it is none of this project's."""
        match = _VERSION.fullmatch(self.definition)
        return match["version"] if match else ""

    @property
    def run(self) -> str:
        """The job's name; where no job was started, the monitor and the time it was scheduled for."""
        if self.job_arn:
            return self.job_arn.rpartition("/")[2]
        return f"{self.kind.lower()}-{self.scheduled:%Y%m%dT%H%M%SZ}"

    @property
    def had_no_data(self) -> bool:
        return self.status == "Failed" and bool(NO_DATA.search(self.reason))


@dataclass(frozen=True)
class Window:
    """From `start` on and before `end`, in UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:{_TIME}}/{self.end:{_TIME}}"

    @property
    def key(self) -> str:
        """As the pipeline's steps spell windows in S3 keys (pipeline_code/monitoring/findings.py)."""
        return f"{self.start:%Y%m%dT%H%M%SZ}-{self.end:%Y%m%dT%H%M%SZ}"


def window_of(execution: Execution, job: Mapping[str, Any] | None, schedule: Schedule) -> Window:
    """What the job says; else what follows from the hour that it was scheduled for."""
    told = (job or {}).get("Environment", {})
    try:
        start, end = (datetime.strptime(told[name], _TIME).replace(tzinfo=UTC) for name in ("start_time", "end_time"))
    except (KeyError, ValueError, TypeError):
        hour = execution.scheduled.replace(minute=0, second=0, microsecond=0)
        start = hour - timedelta(hours=schedule.start_hours)
        end = hour - timedelta(hours=schedule.end_hours)
    return Window(start, end)


def folder_of(job: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """Bucket and prefix of the job's output; None where the job has none."""
    for output in (job or {}).get("ProcessingOutputConfig", {}).get("Outputs", []):
        uri = str(output.get("S3Output", {}).get("S3Uri", ""))
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if uri.startswith("s3://") and prefix:
            return bucket, prefix.rstrip("/")
    return None
