"""Observe, plan, act, observe anew, until there is nothing to do but wait; one run at a time."""

from __future__ import annotations

from effects import execute
from gateway import Gateway
from plan import plan
from shared.lock import Hold
from shared.logs import say
from shared.turns import Busy, in_turn
from state import Action, Wait

MAX_ACTIONS = 10
"""A decision and its end are a handful of actions: more of them mean that the plan finds no rest."""


class Restless(Exception):
    """The plan asks for one action after the other: a defect."""


def reconcile(gateway: Gateway) -> Action | Busy:
    """Returns the last action. What is raised may be mended by a retry; the lock is free then."""
    return in_turn(gateway.lock, lambda hold: _until_rest(gateway, hold))


def _until_rest(gateway: Gateway, _hold: Hold) -> Action:
    for _ in range(MAX_ACTIONS):
        observed = gateway.observer.observe()
        action = plan(observed, gateway.settings.policy)
        say("decision", action=type(action).__name__, decided=action, observed=observed)
        if isinstance(action, Wait):
            return action
        execute(gateway, action, observed)
    raise Restless(f"{MAX_ACTIONS} actions in one run, the last one {action}")
