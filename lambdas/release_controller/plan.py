"""What to do next, from what is observed. Pure: no clock, no AWS, no state between calls.

The protocol. A release writes parameters and updates the serving stack with its previous template; the client
request token, made of the parameters' versions, ties the stack's operation to those writes. So every state that
a crash can leave says by itself how to go on:

    parameters = stack                   in step: confirm the champion, then see what the candidate needs
    parameters differ, no operation      the run ended between the calls: write what is missing, update the stack
    parameters differ, rolled back       what was added failed: note it, put the parameters back
    parameters = stack, endpoint not     SageMaker rolled the endpoint back by itself: that is a failure too
    parameters differ, had succeeded     another operation undid it (a change set keeps the values of its
                                         creation): write a value again, which makes a new token
    endpoint stopped                     take back what is not confirmed; it comes again when the endpoint is back

Here is what keeps stack, endpoint and parameters in step; `stages` has what moves a candidate on.
"""

from __future__ import annotations

from desired import align, arrived, candidate, withdraw
from memory import done_key, once
from shared.versions import version_of
from stages import intervene, next_step
from state import (
    MISSING,
    NONE,
    Action,
    Apply,
    AskForHelp,
    Candidate,
    Done,
    Look,
    Name,
    Note,
    Observed,
    Revert,
    Shift,
    Wait,
    Write,
)

SETTLED = frozenset({
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
})  # fmt: skip
"""Statuses in which CloudFormation accepts an update."""

_REMEDY = "delete the stack and deploy it again"
REMEDIES = {
    "UPDATE_ROLLBACK_FAILED": "repair what the stack's events name as failed, then continue the rollback "
    "(aws cloudformation continue-update-rollback)",
    "UPDATE_FAILED": "roll the stack back (aws cloudformation rollback-stack) or deploy it again",
    "DELETE_FAILED": "delete the stack again, or deploy it again",
}
ENDPOINT_REMEDIES = {
    "UpdateRollbackFailed": "read the endpoint's FailureReason, mend its cause (often capacity or a deleted model) "
    "and update the endpoint by deploying the serving stack again; what still serves may be short of instances",
    "Failed": "read the endpoint's FailureReason, delete the endpoint, and deploy the serving stack again",
}


def plan(observed: Observed) -> Action:
    """The single next action."""
    status = observed.stack.status
    if status == MISSING:
        return Wait("the serving stack does not exist: deploy it")
    if status.endswith("_IN_PROGRESS"):
        return Wait(f"the serving stack is {status}: its end will wake the controller")
    if status not in SETTLED:
        return _tell_once(
            observed,
            AskForHelp("stack", status, REMEDIES.get(status, _REMEDY), key=f"help#{status}#{observed.now:%Y-%m-%d}"),
        )
    if not observed.policy.enabled:
        return _tell_once(observed, _switched_off(observed))
    if (restored := _restore_champion(observed)) is not None:
        return restored
    if not observed.stack.running:
        return _stopped(observed)
    if observed.stack.endpoint_config and observed.endpoint is None:
        return Look("endpoint")
    if (relief := _relieve(observed)) is not None:
        return relief
    return _diverged(observed) if _differences(observed) else _in_step(observed)


def _differences(observed: Observed) -> dict[Name, str]:
    """What the stack holds, by the name of each parameter that says otherwise.

    A champion "none" does not count: it comes back when the parameter is created anew, and must not take down
    an endpoint that serves. While there is no champion there is no endpoint for the others either.
    """
    parameters, stack = observed.parameters, observed.stack
    held: dict[Name, str] = {}
    if parameters.champion.value not in (NONE, stack.champion):
        held["champion"] = stack.champion
    if parameters.challenger.value != stack.challenger:
        held["challenger"] = stack.challenger
    if parameters.shadow.value != stack.shadow:
        held["shadow"] = stack.shadow
    scaling_matters = stack.challenger_scaled is not None and parameters.challenger.value != NONE
    if scaling_matters and bool(parameters.share) != stack.challenger_scaled:
        held["challenger-weight"] = "0"
    return held


def _tell_once(observed: Observed, action: AskForHelp | Note) -> Action:
    """The action, unless the ledger remembers it: then there is nothing to do but wait."""
    what = action.remedy if isinstance(action, AskForHelp) else action.reason
    return once(observed, action) or Wait(f"as told: {what}")


def _switched_off(observed: Observed) -> Note:
    champion = observed.parameters.champion
    reason = "the model is switched off in the configuration: its endpoint is gone, its versions and evidence stay"
    return Note("switched-off", f"switched-off#{champion.version}", champion.value, reason)


def _stopped(observed: Observed) -> Action:
    """The endpoint is away for a while: nothing is released, and what was under way begins again when it is back."""
    if (told := _told(observed)) is not None:
        return told
    if (write := withdraw(observed)) is not None:
        return write
    if observed.stack.status != "UPDATE_ROLLBACK_COMPLETE":
        return Wait("the endpoint is stopped: releases wait until it is started")
    status = "it is stopped, and the last update of its stack was rolled back"
    remedy = "read the stack's events, mend what they name as failed, and start the endpoint: mlops start"
    return _tell_once(observed, AskForHelp("endpoint", status, remedy, f"help#stopped#{observed.now:%Y-%m-%d}"))


def _told(observed: Observed) -> Look | Done | None:
    """A release that was told is done, though the run ended before it was marked so: people know it as the champion."""
    champion, now = observed.parameters.champion, candidate(observed)
    if not now or now.package != champion.value or champion.value == observed.parameters.released:
        return None
    key = done_key(champion.version)
    if key not in observed.noted:
        return Look("told", key)
    return Done(champion.value, champion.version, _previous(observed)) if observed.noted[key] else None


def _restore_champion(observed: Observed) -> Write | None:
    """A champion parameter that was created anew says "none" while the stack serves somebody.

    Not so where a first release was taken back while the endpoint is stopped: its candidate says that it comes again.
    """
    if observed.parameters.champion.value == NONE and observed.stack.champion != NONE:
        now = candidate(observed)
        if now and now.package == observed.stack.champion and observed.parameters.released == NONE:
            return None
        return Write("champion", observed.stack.champion, "the parameter was created anew; the stack knows who serves")
    return None


def _relieve(observed: Observed) -> Action | None:
    """Less traffic for a challenger comes before everything else."""
    endpoint = observed.endpoint
    if endpoint is None or observed.stack.challenger == NONE or endpoint.status != "InService":
        return None
    share = observed.parameters.share
    if "challenger" in endpoint.weights and endpoint.share > share:
        return Shift(share, f"the challenger has {endpoint.share} % of the requests and is to have {share} %")
    return None


def _diverged(observed: Observed) -> Action:
    """Parameters and stack differ: the operation that tried them, if any, says why."""
    attempt = observed.attempt
    if attempt is None:
        return Look("attempt")
    if attempt.status.endswith("_IN_PROGRESS"):
        return Wait(f"the release is {attempt.status}: the stack's event will wake the controller")
    champion, stack = observed.parameters.champion.value, observed.stack
    if "ROLLBACK" in attempt.status:
        return _rolled_back(observed, attempt.reason)
    if champion not in (NONE, stack.champion) and _failed_before(observed):
        reason = "it failed before, and a failed version is never tried again"
        return Revert(champion, {"champion": stack.champion}, reason)
    if (write := align(observed)) is not None:
        return write
    if (blocked := _endpoint_blocks(observed)) is not None:
        return blocked
    if attempt.status:
        name, value = next(iter(_asked(observed).items()))
        return Write(name, value, "another operation of the stack undid its release")
    return Apply("the parameters are written")


def _failed_before(observed: Observed) -> bool:
    """The champion asked for failed, and neither does it serve already nor did anybody ask to go back to it."""
    parameters, now = observed.parameters, candidate(observed)
    champion = parameters.champion.value
    asked_back = now is not None and now.stage == "rollback" and now.package == champion
    return champion == parameters.failed.value and champion != parameters.released and not asked_back


def _asked(observed: Observed) -> dict[Name, str]:
    """What the parameters ask for where the stack holds something else."""
    parameters = observed.parameters
    values: dict[Name, str] = {
        "champion": parameters.champion.value,
        "challenger": parameters.challenger.value,
        "shadow": parameters.shadow.value,
        "challenger-weight": parameters.challenger_weight.value,
    }
    return {name: values[name] for name in _differences(observed)}


def _rolled_back(observed: Observed, reason: str) -> Action:
    """CloudFormation rolled the operation back: what it would have added has failed.

    An operation that only took something away has nobody to blame: a person looks at it.
    """
    reason = reason or "CloudFormation rolled the update back without naming a resource"
    asked = {name: value for name, value in _asked(observed).items() if value not in (NONE, "0")}
    if not asked:
        remedy = (
            f"{reason}. Mend the cause, then write a release parameter again with the value it has, which lets the "
            "controller try again"
        )
        key = f"help#rolled-back#{observed.now:%Y-%m-%d}"
        return _tell_once(observed, AskForHelp("stack", "unable to take a variant away", remedy, key))
    now = candidate(observed)
    package = now.package if now else next(iter(asked.values()))
    return Revert(package, _values_back(observed, now, package), reason)


def _values_back(observed: Observed, now: Candidate | None, package: str) -> dict[Name, str]:
    """What to write after a failed update, `failed` first.

    A version that was gone back to is not newer than what failed, so `failed` cannot remember it: without
    `previous` and candidate nothing leads there again.
    """
    values: dict[Name, str] = {}
    if now and now.stage == "rollback":
        values |= {"previous": NONE, "candidate": NONE}
    elif version_of(package) > version_of(observed.parameters.failed.value):
        values["failed"] = package
    return values | _differences(observed)


def _in_step(observed: Observed) -> Action:
    """The stack holds what the parameters say: confirm the champion, then go on."""
    if (unconfirmed := _confirm(observed)) is not None:
        return unconfirmed
    if (sick := _endpoint_sick(observed)) is not None:
        return sick
    if (intervention := intervene(observed)) is not None:
        return intervention
    if (write := align(observed)) is not None:
        return write
    if (shift := _shift(observed)) is not None:
        return shift
    return next_step(observed)


def _confirm(observed: Observed) -> Action | None:
    """The endpoint must serve what the stack asked for; only then is a release done."""
    stack, parameters, endpoint = observed.stack, observed.parameters, observed.endpoint
    champion, now = parameters.champion, candidate(observed)
    released = champion.value in (NONE, parameters.released)
    if endpoint is None:
        return None if released else Wait("the stack has no endpoint yet")
    if endpoint.status != "InService":
        return None
    if endpoint.config == stack.endpoint_config:
        return None if released else Done(champion.value, champion.version, _previous(observed))
    # SageMaker rolled the endpoint back, and the stack did not take that for a failure of its own.
    reason = (
        f"the endpoint is back at configuration {endpoint.config}, the stack asked for {stack.endpoint_config}"
        f"{': ' + endpoint.reason if endpoint.reason else ''}"
    )
    if not released and parameters.released != NONE:
        values = _values_back(observed, now, champion.value)
        return Revert(champion.value, {**values, "champion": parameters.released}, reason)
    if now and not arrived(observed, now) and now.package in (stack.shadow, stack.challenger):
        values = _values_back(observed, now, now.package)
        gone: dict[Name, str] = {"shadow": NONE, "challenger": NONE, "challenger-weight": "0"}
        return Revert(now.package, values | gone, reason)
    key = f"help#endpoint-config#{observed.now:%Y-%m-%d}"
    return _tell_once(observed, AskForHelp("endpoint", reason, "deploy the serving stack again", key))


def _previous(observed: Observed) -> str:
    """The champion before, unless it failed or was gone back from: then `previous` stays."""
    before, now = observed.parameters.released, candidate(observed)
    if now and now.stage == "rollback" and version_of(before) > version_of(now.package):
        return ""
    known = {NONE, observed.parameters.champion.value, observed.parameters.failed.value}
    return "" if before in known else before


def _endpoint_sick(observed: Observed) -> Action | None:
    endpoint = observed.endpoint
    if endpoint is None or endpoint.status == "InService":
        return None
    if endpoint.status in ENDPOINT_REMEDIES:
        key = f"help#endpoint#{endpoint.status}#{observed.now:%Y-%m-%d}"
        remedy = ENDPOINT_REMEDIES[endpoint.status]
        status = f"{endpoint.status}{': ' + endpoint.reason if endpoint.reason else ''}"
        return _tell_once(observed, AskForHelp("endpoint", status, remedy, key))
    return Wait(f"the endpoint is {endpoint.status}: it must be InService to go on")


def _endpoint_blocks(observed: Observed) -> Action | None:
    """SageMaker refuses to update an endpoint that is changing (autoscaling does that too).

    The stack would roll back, and a good version would count as failed: so look before each update.
    """
    return _endpoint_sick(observed) if observed.stack.endpoint_config else None


def _shift(observed: Observed) -> Shift | None:
    endpoint, share = observed.endpoint, observed.parameters.share
    if endpoint is None or "challenger" not in endpoint.weights or endpoint.share == share:
        return None
    return Shift(share, f"the challenger is to have {share} % of the requests")
