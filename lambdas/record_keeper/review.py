"""How long a review of the serving version is overdue: the figure that the alarm ReviewOverdue looks at. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

METRICS, NAME = "MLOps/Governance", "ReviewOverdueDays"


def days_overdue(since: datetime, reviews: Iterable[str], review_days: int, now: datetime) -> float:
    """Days beyond the date by which the version should have been looked at again; 0 before it.

    since: when it became champion. reviews: when people looked at it, ISO 8601; the newest counts.
    """
    last = max([since, *(datetime.fromisoformat(at) for at in reviews)])
    return max(0.0, (now - last - timedelta(days=review_days)) / timedelta(days=1))
