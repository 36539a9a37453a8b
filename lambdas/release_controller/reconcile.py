"""Observe, plan, act, observe anew, until there is nothing to do but wait; one run at a time."""

from __future__ import annotations

from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from effects import execute, fulfil, kind_of
from gateway import Gateway
from intent import Intent
from overdue import overdue_hours
from plan import plan
from shared.lock import Hold
from shared.logs import say
from shared.turns import Busy, in_turn
from state import Action, Look, Observed

MAX_ACTIONS = 25
"""A release needs a handful of actions a run: more of them mean that the plan finds no rest."""


class Restless(Exception):
    """The plan asks for one action after the other: a defect, or a person who writes parameters all the time."""


def reconcile(gateway: Gateway) -> Action | Busy:
    """Returns the last action. What is raised may be mended by a retry; the lock is free then."""
    return in_turn(gateway.lock, partial(_until_rest, gateway), first=partial(_keep_promise, gateway))


def _keep_promise(gateway: Gateway, hold: Hold) -> None:
    """The run before ended after a write that people were to be told of: tell them now."""
    if not hold.intent:
        return
    intent = Intent.read(hold.intent)
    if gateway.ledger.has(intent.entry.generation, intent.entry.key):
        return
    if intent.came_true(gateway.observer.observe().parameters):
        say("telling what the run before wrote", parameter=intent.name, value=intent.value)
        fulfil(gateway, intent)


def _until_rest(gateway: Gateway, hold: Hold) -> Action:
    for _ in range(MAX_ACTIONS):
        observed = gateway.observer.observe()
        action = plan(observed)
        while isinstance(action, Look):
            observed = gateway.observer.look(observed, action)
            action = plan(observed)
        say("decision", action=type(action).__name__, kind=kind_of(action), decided=action, observed=observed)
        if not execute(gateway, hold, action, observed):
            _measure(gateway, observed)
            return action
    raise Restless(f"{MAX_ACTIONS} actions in one run, the last one {action}")


def _measure(gateway: Gateway, observed: Observed) -> None:
    """A figure that is not published stands in no release's way: the next run publishes it."""
    try:
        gateway.measure("overdue_hours", overdue_hours(observed))
    except (ClientError, BotoCoreError) as error:
        say("not measured", error=str(error))
