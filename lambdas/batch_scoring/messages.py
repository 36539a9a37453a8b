"""What people are told: what happened, why, and what to do. Pure."""

from __future__ import annotations

from gateway import Settings
from request import Ended
from shared.messages import Message

LOG_GROUP = "/aws/sagemaker/TransformJobs"


def not_started(reason: str, settings: Settings) -> Message:
    """The schedule came, and there was nothing that could be started."""
    return _message(
        settings,
        "scheduled batch scoring was not started",
        "no transform job was started at the scheduled time.",
        f"{reason}.",
        f"mend it; the next run follows the schedule, and `mlops batch {settings.input_uri}` starts one now. Without "
        'need of a schedule, set batch.schedule = "" in the configuration.',
    )


def ended(job: Ended, settings: Settings) -> Message:
    """A transform job failed, or somebody stopped it."""
    return _message(
        settings,
        f"batch scoring {job.status.lower()}",
        f"transform job {job.job} ended as {job.status}; files that it had scored completely are in its output.",
        f"{job.reason}.",
        f"look at the log streams {job.job}/* of log group {LOG_GROUP}: a row that the model refuses is named there "
        "with its field. Mend the input, then start it again with `mlops batch`.",
    )


def _message(settings: Settings, news: str, happened: str, why: str, to_do: str) -> Message:
    return Message(f"[{settings.environment}] {settings.model}", news, happened, why, to_do)
