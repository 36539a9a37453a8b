"""Observe, plan, act, observe anew, until there is nothing to do but wait; one run at a time."""

from __future__ import annotations

from effects import execute, fulfil, kind_of
from gateway import Gateway
from lock import Hold
from logs import say
from plan import plan
from state import Action, Look

MAX_ACTIONS = 25
"""A release needs a handful of actions a run: more of them mean that the plan finds no rest."""

MAX_ROUNDS = 5
"""Looks for those who came meanwhile. A stream of them never ends; the next one looks by itself."""


class Restless(Exception):
    """The plan asks for one action after the other: a defect, or a person who writes parameters all the time."""


class Busy:
    """Another run has the lock, and looks once more before it leaves it."""


def reconcile(gateway: Gateway) -> Action | Busy:
    """Returns the last action. What is raised may be mended by a retry; the lock is free then."""
    hold = gateway.lock.acquire()
    if hold is None:
        say("busy")
        return Busy()
    try:
        _keep_promise(gateway, hold)
        for _ in range(MAX_ROUNDS):
            action = _until_rest(gateway, hold)
            if hold.release():
                return action
        hold.drop()
    except Exception:
        _abandon(hold)
        raise
    return action


def _keep_promise(gateway: Gateway, hold: Hold) -> None:
    """The run before ended after a write that people were to be told of: tell them now."""
    intent = hold.intent
    if intent is None or gateway.ledger.has(intent.entry.generation, intent.entry.key):
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
            return action
    raise Restless(f"{MAX_ACTIONS} actions in one run, the last one {action}")


def _abandon(hold: Hold) -> None:
    """As the run failed: what stands in the way of that only delays the next one until the lease ends."""
    try:
        hold.abandon()
    except Exception as error:
        say("the lock stays until its lease ends", error=str(error))
