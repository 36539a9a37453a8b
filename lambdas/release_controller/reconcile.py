"""From plan to effect: each action's calls in the order that lets a run end after any of them.

What is told when. The call that makes a state final comes last, so a run that ends before it does the whole
action again, and a run after it finds nothing left to do:

- done: told, then the parameter's version is labelled "released". The label is the memory that it was told:
  duplicated events find the label, and a lost event does not matter, since any later run finds it missing.
- failed: noted in the failed parameter, told, then the champion parameter goes back to what the stack serves.
- help: told, then the failed parameter names the package that led there. Where no release led there (a
  deployment did), the stack's own event is the only occasion, and there is nothing to write.
- started: told once CloudFormation has accepted the update, which is final itself.

So "done" and "failed" come at least once, and twice only if a run ends between telling and writing;
"started" comes at most once for each update of the stack.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import messages
from gateway import Gateway
from logs import say
from plan import (
    Action,
    Apply,
    AskForHelp,
    Done,
    Look,
    Observed,
    RecordFailure,
    Release,
    Wait,
    plan,
)


def reconcile(gateway: Gateway, woken_by: str) -> Action:
    """Observe, plan and execute until there is nothing to do but wait; returns the last action."""
    observed = gateway.observe(woken_by)
    while True:
        action = plan(observed)
        if isinstance(action, Look):
            observed = gateway.look(observed, action)
            continue
        say("decision", action=type(action).__name__, **asdict(action), observed=asdict(observed))
        match action:
            case RecordFailure():
                observed = _record_failure(gateway, action, observed)
            case Done():
                observed = _finish(gateway, action, observed)
            case Release():
                _update(gateway, action, gateway.put_champion(action.package), observed)
                return action
            case Apply():
                _update(gateway, action, action.version, observed)
                return action
            case AskForHelp():
                _ask_for_help(gateway, action)
                return action
            case Wait():
                return action


def _update(gateway: Gateway, action: Release | Apply, version: int, observed: Observed) -> None:
    result = gateway.update_stack(version, observed.stack.parameters)
    say("update", result=result, parameter_version=version)
    if result == "started":
        _tell(gateway, messages.started(action, observed, gateway.settings))


def _record_failure(gateway: Gateway, action: RecordFailure, observed: Observed) -> Observed:
    if observed.failed != action.package:
        gateway.put_failed(action.package)
    _tell(gateway, messages.failed(action, gateway.settings))
    version = gateway.put_champion(action.back_to)
    if observed.released == action.back_to:
        # SSM keeps 100 versions and refuses another while the oldest has a label: the label moves along.
        gateway.label_released(version)
    champion = replace(observed.champion, value=action.back_to, version=version)
    return replace(observed, champion=champion, failed=action.package, attempt=None)


def _finish(gateway: Gateway, action: Done, observed: Observed) -> Observed:
    _tell(gateway, messages.done(action, gateway.settings))
    gateway.label_released(action.version)
    return replace(observed, released=action.package)


def _ask_for_help(gateway: Gateway, action: AskForHelp) -> None:
    _tell(gateway, messages.help_needed(action, gateway.settings))
    if action.failed:
        gateway.put_failed(action.failed)


def _tell(gateway: Gateway, message: messages.Message) -> None:
    gateway.publish(message.subject, message.body)
