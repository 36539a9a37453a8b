"""How long a candidate is overdue: the figure that the alarm ReleaseStuck looks at."""

from __future__ import annotations

from datetime import timedelta

from state import Observed, candidate_of, command_of

DEPLOYMENT = timedelta(days=1)
"""More than a promotion or a rollback takes, baking and the waits between included."""


def overdue_hours(observed: Observed) -> float:
    """Hours that the candidate has been in its stage beyond what that may take.

    0 without a candidate, while a person holds it, and while the endpoint is stopped. Where that happens, a deployment
    counts from the last operation of the stack, so that a night or a weekend is no delay. Raises MalformedParameter as
    every decision does.
    """
    candidate, stack = candidate_of(observed.parameters.candidate), observed.stack
    if candidate is None or command_of(observed.parameters.command).word == "pause" or not stack.running:
        return 0.0
    experiment = observed.policy.experiment
    # The look that finds the time over comes one interval later at most, and waits for late data.
    compared = timedelta(hours=experiment.max_hours, seconds=experiment.look_seconds + experiment.settle_seconds)
    if candidate.stage in ("shadow", "challenger"):
        since, allowed = candidate.since, compared
    else:
        since, allowed = max(candidate.since, stack.updated or candidate.since), DEPLOYMENT
    return max(0.0, (observed.now - since - allowed) / timedelta(hours=1))
