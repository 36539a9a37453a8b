"""What the notification topic is told: what happened, why, and what to do. Pure."""

from __future__ import annotations

from settings import Settings
from shared.messages import Message, sentence
from shared.versions import version_of
from state import (
    NONE,
    Action,
    AskForHelp,
    Begin,
    Done,
    End,
    Note,
    Observed,
    Revert,
    Rollback,
    Test,
    candidate_of,
)

_OUTCOMES = {
    "lost": "lost against the champion",
    "failed": "failed beside the champion",
    "rejected": "was rejected",
    "inconclusive": "was not shown to be better",
}
_NOTES = {
    "look": "figures of the experiment",
    "hold": "the experiment is on hold",
    "refused": "a command was refused",
    "switched-off": "the model is switched off",
}


def decided(action: Begin | End | Rollback, observed: Observed, settings: Settings) -> Message:
    """A parameter was written, and with it the decision made."""
    match action:
        case Begin():
            return _begun(action, observed, settings)
        case End():
            return _ended(action, observed, settings)
        case Rollback():
            return _message(
                settings,
                f"going back to {_name(action.to)}",
                f"endpoint {settings.endpoint_name} goes back from {action.package} to {action.to}.",
                sentence(action.reason),
                f"nothing; a message follows when {_name(action.to)} serves. Versions up to "
                f"{version_of(action.package)} are not released again unless you run: {_retry(settings)}",
            )


def _begun(action: Begin, observed: Observed, settings: Settings) -> Message:
    number, champion = version_of(action.package), _name(observed.stack.champion)
    endpoint, experiment = settings.endpoint_name, observed.policy.experiment
    match action.stage:
        case "shadow":
            news = f"version {number} goes into shadow"
            happened = f"endpoint {endpoint} will mirror its requests to {action.package}; callers see only {champion}."
        case "challenger":
            news = f"version {number} challenges {champion}"
            happened = (
                f"{action.package} gets a share of the requests to endpoint {endpoint}, in steps up to "
                f"{experiment.share_percent} %; the others go on to {champion}."
            )
        case _:
            news = f"version {number} is being released"
            happened = (
                f"CloudFormation will update stack {settings.serving_stack} to serve {action.package} from endpoint "
                f"{endpoint}; so far it serves {champion}."
            )
    if action.stage == "promote":
        to_do = "nothing; a message follows when the release is done or has failed."
    else:
        to_do = (
            f"nothing; a message follows when there is a verdict on version {number}. To end it before, run: "
            f"mlops reject {number}{_at(settings)}"
        )
    return _message(settings, news, happened, sentence(action.reason), to_do)


def _ended(action: End, observed: Observed, settings: Settings) -> Message:
    number = version_of(action.package)
    return _message(
        settings,
        f"version {number} {_OUTCOMES[action.outcome]}",
        f"{action.package} will not become champion and leaves endpoint {settings.endpoint_name}, which goes on "
        f"serving {_name(observed.stack.champion)}.",
        sentence(action.reason),
        f"approve a newer version. Versions up to {number} are not tried again; to try them again, run: "
        f"{_retry(settings)}",
    )


def done(action: Done, observed: Observed, settings: Settings) -> Message:
    """The endpoint serves the configuration asked for."""
    number = version_of(action.package)
    previous = action.previous or observed.parameters.previous.value
    way_back = f"nothing. The way back, if need be: mlops rollback{_at(settings)}, to {_name(previous)}."
    return _message(
        settings,
        f"version {number} is released",
        f"endpoint {settings.endpoint_name} is InService and serves {action.package}.",
        sentence(reason_of(action, observed)),
        way_back if version_of(previous) and previous != action.package else "nothing.",
    )


def reverted(action: Revert, observed: Observed, settings: Settings) -> Message:
    """The stack or the endpoint rolled back; what served before goes on serving."""
    serves = action.values.get("champion", observed.stack.champion)
    return _message(
        settings,
        f"the release of version {version_of(action.package)} failed",
        f"the update of stack {settings.serving_stack} for {action.package} was rolled back. Endpoint "
        f"{settings.endpoint_name} goes on serving {_name(serves)}.",
        sentence(action.reason),
        "approve a newer version. This one is not tried again; to try it again after mending the cause, "
        f"or to go to an older one, run: {_retry(settings)}",
    )


def note(action: Note, observed: Observed, settings: Settings) -> Message:
    """Something that changes nothing by itself."""
    to_do = {
        "look": "nothing.",
        "hold": "find out why the requests are not split as planned (callers that name a variant, instances that fail, "
        "a change of the weights by hand). The verdict waits; to decide yourself, run: "
        f"mlops promote or mlops reject, with the version{_at(settings)}",
        "refused": "read why, and give another command; nothing was changed.",
        "switched-off": "nothing; to serve the model again, switch it on in the configuration and deploy.",
    }[action.kind]
    happened = {
        "look": f"the outcomes of {_name(action.package)} were counted.",
        "hold": f"the verdict on {_name(action.package)} is held back; both versions go on serving.",
        "refused": f"the command {observed.parameters.command.value!r} was not carried out.",
        "switched-off": f"endpoint {settings.endpoint_name} is not served any more.",
    }[action.kind]
    return _message(settings, _NOTES[action.kind], happened, sentence(action.reason), to_do)


def help_needed(action: AskForHelp, observed: Observed, settings: Settings) -> Message:
    """Nothing goes on until a person acts."""
    match action.what:
        case "stack":
            news = f"the serving stack is {action.status}"
            happened = f"stack {settings.serving_stack} is {action.status} and takes no update; releases wait."
            why = "CloudFormation could neither finish the last operation nor undo it by itself; its events say why."
        case "endpoint":
            news = f"the endpoint needs help: {action.status}"
            happened = f"endpoint {settings.endpoint_name}: {action.status}. Releases wait."
            why = "SageMaker could not bring the endpoint to what was asked for; its FailureReason says why."
        case "version":
            news = "the serving version was rejected"
            happened = f"{sentence(action.status)} It goes on serving from endpoint {settings.endpoint_name}."
            why = f"the registry says Rejected of {observed.parameters.champion.value}."
    now = candidate_of(observed.parameters.candidate)
    if now and action.what != "version":
        happened += f" {_name(now.package)} was on its way ({now.stage})."
    to_do = f"{sentence(action.remedy)} The controller then goes on by itself."
    return _message(settings, news, happened, why, to_do)


def reason_of(action: Action, observed: Observed) -> str:
    """Why, for the ledger; also of the actions that carry no reason of their own."""
    match action:
        case Done():
            return f"the endpoint is InService with configuration {observed.stack.endpoint_config}, as asked for"
        case AskForHelp():
            return f"{action.what} {action.status}: {action.remedy}"
        case Rollback():
            return f"back to {_name(action.to)}: {action.reason}"
        case Test():
            return "the released version has no result of its tests yet"
        case _:
            return str(getattr(action, "reason", ""))


def _message(settings: Settings, news: str, happened: str, why: str, to_do: str) -> Message:
    return Message(f"[{settings.environment}] {settings.model}", news, happened, why, to_do)


def _name(package: str) -> str:
    return f"version {version_of(package)}" if version_of(package) else "nothing"


def _at(settings: Settings) -> str:
    return f" --env {settings.environment} --model {settings.model}"


def _retry(settings: Settings) -> str:
    return f"aws ssm put-parameter --overwrite --name {settings.parameter('failed')} --value {NONE}"
