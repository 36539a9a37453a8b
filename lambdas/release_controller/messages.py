"""What the notification topic is told: what happened, why, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import Settings
from plan import Apply, AskForHelp, Done, Observed, RecordFailure, Release, version_of


@dataclass(frozen=True)
class Message:
    """An SNS message; the subject is plain ASCII on one line."""

    subject: str
    body: str


def started(action: Release | Apply, observed: Observed, settings: Settings) -> Message:
    """CloudFormation accepted the update."""
    why = action.reason if isinstance(action, Release) else "the champion parameter names it"
    return _message(
        settings,
        f"version {version_of(action.package)} is being released",
        f"CloudFormation is updating stack {settings.serving_stack} to serve {action.package} from endpoint "
        f"{settings.endpoint_name}; so far it serves {_name(observed.stack.champion)}.",
        f"{why}.",
        "nothing; a message follows when the release is done or has failed.",
    )


def done(action: Done, settings: Settings) -> Message:
    """The endpoint serves the configuration asked for."""
    return _message(
        settings,
        f"version {version_of(action.package)} is released",
        f"endpoint {settings.endpoint_name} is InService and serves {action.package}.",
        f"stack {settings.serving_stack} was updated and the endpoint has the configuration it asked for.",
        "nothing.",
    )


def failed(action: RecordFailure, settings: Settings) -> Message:
    """The stack rolled back; what served before goes on serving."""
    return _message(
        settings,
        f"the release of version {version_of(action.package)} failed",
        f"the release of {action.package} by stack {settings.serving_stack} was rolled back. Endpoint "
        f"{settings.endpoint_name} goes on serving {_name(action.back_to)}.",
        f"{action.reason}.",
        "approve a newer version. This one is not tried again; to try it again after mending the cause, "
        f"or to go to an older one, run: {_retry(settings)}",
    )


def help_needed(action: AskForHelp, settings: Settings) -> Message:
    """The stack takes no update until a person acts."""
    what = f"stack {settings.serving_stack} is {action.status} and takes no update; releases wait."
    todo = f"{action.remedy}. The controller then goes on by itself."
    if action.failed:
        what = f"{what} It was releasing {action.failed}, which counts as failed."
        todo = f"{todo} To try that version again after mending the cause, run: {_retry(settings)}"
    return _message(
        settings,
        f"the serving stack is {action.status}",
        what,
        "CloudFormation could neither finish the last operation nor undo it by itself; its events say why.",
        todo,
    )


def _message(settings: Settings, news: str, what: str, why: str, todo: str) -> Message:
    subject = f"[{settings.environment}] {settings.model_package_group}: {news}"
    return Message(subject, f"What happened: {what}\nWhy: {why}\nWhat to do: {todo}\n")


def _name(package: str) -> str:
    return f"version {version_of(package)}" if version_of(package) else "nothing"


def _retry(settings: Settings) -> str:
    return f"aws ssm put-parameter --overwrite --name {settings.failed_parameter} --value none"
