"""From action to calls, in an order that lets a run end after any of them.

A decision is noted first, which makes it; then the execution is started under the decision's token, which can be
repeated; then it is told and noted as started. An end, and what cannot be started, is told and then noted. So a
retraining is started once, everything is told at least once, twice only if a run ends between telling and noting,
and the ledger has it once.
"""

from __future__ import annotations

import messages
from gateway import Gateway, NotStarted
from ledger import ENDED, START, STARTED, decision
from shared.entries import text
from shared.logs import plain, say
from shared.versions import version_of
from state import NONE, Action, Conclude, Observed, Outcome, Record, Resume, Run, Start, Tell, Wait, Withdraw


def execute(gateway: Gateway, action: Action, observed: Observed) -> None:
    match action:
        case Start():
            _start(gateway, action, observed)
        case Resume():
            _begin(gateway, action.run)
        case Record():
            _started(gateway, action.run, action.execution)
        case Withdraw():
            _ended(gateway, action.run, "withdrawn", action.reason)
        case Conclude():
            if action.outcome == "failed":
                gateway.tell(messages.failed(action.run, action.reason, action.until, gateway.settings))
            _ended(gateway, action.run, action.outcome, action.reason)
        case Tell():
            _tell(gateway, action, observed)
        case Wait():
            pass


def _start(gateway: Gateway, action: Start, observed: Observed) -> None:
    decided = gateway.clock().replace(microsecond=0)
    run = Run(decided, action.trigger, action.reason, action.data, action.parameters, action.package)
    _note(gateway, run, START, decision(run, plain(observed)))
    _begin(gateway, run)


def _begin(gateway: Gateway, run: Run) -> None:
    try:
        execution = gateway.start(run)
    except NotStarted as error:
        reason = f"SageMaker did not start it: {error}"
        until = run.decided + gateway.settings.policy.cooldown
        gateway.tell(messages.failed(run, reason, until, gateway.settings))
        _ended(gateway, run, "failed", reason)
        return
    say("started", execution=execution, name=run.name)
    _started(gateway, run, execution)


def _started(gateway: Gateway, run: Run, execution: str) -> None:
    gateway.tell(messages.started(run, execution, gateway.settings))
    values = {"kind": STARTED, "stage": run.trigger, "reason": run.reason, "execution": execution, "told": True}
    _note(gateway, run, STARTED, values)


def _ended(gateway: Gateway, run: Run, outcome: Outcome, reason: str) -> None:
    told = outcome == "failed"
    values = {"kind": outcome, "stage": run.trigger, "reason": reason, "execution": run.execution, "told": told}
    _note(gateway, run, ENDED, values)


def _tell(gateway: Gateway, action: Tell, observed: Observed) -> None:
    gateway.tell(messages.told(action, gateway.settings))
    now = gateway.clock()
    values = {
        "kind": action.kind,
        **_about(observed.places[0].champion),
        "stage": "",
        "reason": action.reason,
        "observed": text(plain(observed)),
        "told": True,
    }
    gateway.ledger.append(int(now.timestamp()), action.key, now, values)


def _note(gateway: Gateway, run: Run, key: str, values: dict[str, object]) -> None:
    gateway.ledger.append(run.generation, key, gateway.clock(), {**_about(run.package), **values})


def _about(package: str) -> dict[str, object]:
    """The champion that a decision was about."""
    return {"package": "" if package == NONE else package, "version": version_of(package)}
