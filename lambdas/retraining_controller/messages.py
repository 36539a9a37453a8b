"""What the notification topic is told: what happened, why, and what to do. Pure."""

from __future__ import annotations

from datetime import datetime

from settings import Settings
from shared.messages import Message, sentence
from state import Run, Tell


def started(run: Run, execution: str, settings: Settings) -> Message:
    return _message(
        settings,
        f"retraining started ({run.trigger})",
        f"pipeline {settings.pipeline} was started as {run.name} ({execution}), with the data {run.data}",
        run.reason,
        "nothing; what it makes is registered and waits for approval like any other version. To stop it: aws sagemaker "
        f"stop-pipeline-execution --pipeline-execution-arn {execution}",
    )


def failed(run: Run, reason: str, until: datetime, settings: Settings) -> Message:
    """until: when it may be tried again."""
    return _message(
        settings,
        "retraining failed",
        f"{run.name} of pipeline {settings.pipeline} failed; no version came of it. It was started since {run.reason}",
        reason,
        f"mend what the step names. If there is still a reason then, it is tried again after {until:%Y-%m-%d %H:%M} "
        f"UTC; to try it before, start pipeline {settings.pipeline} by hand.",
    )


def told(action: Tell, settings: Settings) -> Message:
    """A retraining is due and cannot be started."""
    if action.kind == "limit":
        month = f"{action.until:%Y-%m-%d}" if action.until else "the next month"
        return _message(
            settings,
            "retraining is due, but the month's limit is reached",
            f"no retraining is started before {month}",
            action.reason,
            "find out why retraining did not help; max_per_month in the configuration is the limit. A person may start "
            f"pipeline {settings.pipeline} at any time.",
        )
    return _message(
        settings,
        "retraining is due, but there are no data for it",
        "no retraining was started",
        action.reason,
        f"export the newest rows to s3://{settings.data_bucket}/{settings.data_prefix}/until=<last day>/<any name>/; "
        "the controller then goes on by itself.",
    )


def _message(settings: Settings, news: str, happened: str, why: str, to_do: str) -> Message:
    where = f"[{settings.environment}] {settings.model}"
    return Message(where, news, sentence(happened), sentence(why), to_do)
