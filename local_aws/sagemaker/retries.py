"""RetryPolicies of pipeline steps (AWS documentation, "Retry policy for pipeline steps")."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

_INTERVAL, _BACKOFF, _MOST = 1, 2.0, 5
SECONDS_A_MINUTE = 60


class Retries:
    """Counts the retries of one step under its policies; the first policy that names an exception decides."""

    def __init__(self, policies: Sequence[Mapping[str, Any]]) -> None:
        self._policies = policies
        self._used = [0] * len(policies)
        self._began = time.monotonic()

    def delay(self, exception: str | None) -> float | None:
        """Seconds to wait before another attempt, or None when there is to be none."""
        for index, policy in enumerate(self._policies):
            if exception in policy.get("ExceptionType", []):
                return self._delay(index, policy)
        return None

    def _delay(self, index: int, policy: Mapping[str, Any]) -> float | None:
        used = self._used[index]
        minutes = policy.get("ExpireAfterMin")
        waited = time.monotonic() - self._began
        if used >= policy.get("MaxAttempts", _MOST) or (minutes and waited > minutes * SECONDS_A_MINUTE):
            return None
        self._used[index] += 1
        return float(policy.get("IntervalSeconds", _INTERVAL) * policy.get("BackoffRate", _BACKOFF) ** used)
