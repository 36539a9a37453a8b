"""Which windows of predictions a run judges.

Windows are as long as the schedule's step and start at whole multiples of it since midnight UTC, so that those of
consecutive runs neither overlap nor leave a gap, whenever within its hour a run starts.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import List

from monitoring.findings import Window

NONE = "none"
"""As a parameter of the pipeline: no windows, or no time, are given. SageMaker takes no empty text: not as a parameter
("string "" is too short"), and not as a container's argument ("may not contain null or empty strings").
"""


def read_windows(text: str) -> List[Window]:
    """Windows in ISO 8601, comma-separated; each once, in the order given.

    Raises ValueError with the text that is none.
    """
    return list(dict.fromkeys(Window.read(part.strip()) for part in text.split(",") if part.strip()))


def last_window(scheduled: datetime, hours: int, delay: timedelta) -> Window:
    """The newest whole window that had ended `delay` before, by when its captures are in S3.

    Raises ValueError for a time without a zone, or hours that do not divide a day.
    """
    if scheduled.tzinfo is None:
        raise ValueError(f"scheduled {scheduled.isoformat()}: has no zone; write it with Z")
    if hours < 1 or 24 % hours:
        raise ValueError(f"window of {hours} hours: does not divide a day; take 1, 2, 3, 4, 6, 8, 12 or 24")
    latest = scheduled.astimezone(timezone.utc) - delay
    end = latest.replace(hour=latest.hour - latest.hour % hours, minute=0, second=0, microsecond=0)
    return Window(end - timedelta(hours=hours), end)


def matured_window(scheduled: datetime, hours: int, delay: timedelta, matures_after: timedelta) -> Window:
    """The newest whole window whose last prediction matured `delay` before, by when its outcome can be known."""
    return last_window(scheduled, hours, delay + matures_after)
