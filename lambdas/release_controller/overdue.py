"""How long a candidate is overdue: the figure that the alarm ReleaseStuck looks at."""

from __future__ import annotations

from datetime import timedelta

from state import Observed, candidate_of, command_of

DEPLOYMENT = timedelta(days=1)
"""More than a promotion or a rollback takes, baking and the waits between included."""


def overdue_hours(observed: Observed) -> float:
    """Hours that the candidate has been in its stage beyond what that may take.

    0 without a candidate, and while a person holds it. Raises MalformedParameter as every decision does.
    """
    candidate = candidate_of(observed.parameters.candidate)
    if candidate is None or command_of(observed.parameters.command).word == "pause":
        return 0.0
    experiment = observed.policy.experiment
    # The look that finds the time over comes one interval later at most, and waits for late data.
    compared = timedelta(hours=experiment.max_hours, seconds=experiment.look_seconds + experiment.settle_seconds)
    allowed = compared if candidate.stage in ("shadow", "challenger") else DEPLOYMENT
    return max(0.0, (observed.now - candidate.since - allowed) / timedelta(hours=1))
