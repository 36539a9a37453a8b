"""From action to calls, in an order that lets a run end after any of them.

What is told when:

- A decision that may turn out otherwise when it is taken again (a candidate's next stage, its end, a rollback)
  is written down as an intent, in the lock; then the parameter is written, which makes the decision; then it is told
  and noted in the ledger. A run that ends before the write leaves nothing; after it, the next run tells.
- What stays true until it is acted on (an operation that was rolled back, a release that is through) is told and
  noted before the last write, which is the memory of it.
- Notes and calls for help change no parameter: told first, then the ledger's entry, which is the memory.

So everything is told at least once, twice only if a run ends between telling and remembering, and the ledger has it
once.
"""

from __future__ import annotations

import messages
from gateway import Gateway
from intent import Intent
from ledger import Entry
from memory import done_key
from observe import token_of
from shared.entries import text
from shared.lock import Hold
from shared.logs import plain, say
from shared.messages import Message
from shared.versions import version_of
from state import (
    NONE,
    Action,
    Apply,
    AskForHelp,
    Begin,
    Done,
    End,
    Look,
    Name,
    Note,
    Observed,
    Parameter,
    Retire,
    Revert,
    Rollback,
    Shift,
    Test,
    Wait,
    Write,
    candidate_of,
)


def execute(gateway: Gateway, hold: Hold, action: Action, observed: Observed) -> bool:
    """Returns whether this run may go on: not after what takes the stack or the endpoint its time."""
    _Effects(gateway, hold, observed).execute(action)
    return not isinstance(action, Apply | Shift | Wait)


def fulfil(gateway: Gateway, intent: Intent) -> None:
    """The write has happened: tell it, note it."""
    gateway.publish(intent.subject, intent.message)
    gateway.ledger.append(intent.entry)


class _Effects:
    def __init__(self, gateway: Gateway, hold: Hold, observed: Observed) -> None:
        self._gateway, self._hold, self._observed = gateway, hold, observed

    def execute(self, action: Action) -> None:
        match action:
            case Begin():
                self._decide(action, "candidate", f"{action.package} {action.stage}", action.package)
            case End():
                self._decide(action, "failed", action.package, action.package)
            case Rollback():
                self._roll_back(action)
            case Write():
                self._note(action, f"write#{action.name}")
                self._put(action.name, action.value)
            case Apply():
                self._apply(action)
            case Shift():
                self._shift(action)
            case Revert():
                self._revert(action)
            case Done():
                self._finish(action)
            case Note():
                if action.tell:
                    self._tell(messages.note(action, self._observed, self._gateway.settings))
                self._note(action, action.key, action.package, told=action.tell)
            case AskForHelp():
                self._tell(messages.help_needed(action, self._observed, self._gateway.settings))
                self._note(action, action.key, told=True)
            case Test():
                self._gateway.test(action.package)
                self._note(action, action.key, action.package)
            case Retire():
                self._note(action, f"retire#{version_of(action.package)}", action.package)
                self._gateway.retire(action.package)
            case Wait() | Look():
                pass

    def _decide(self, action: Begin | End | Rollback, name: Name, value: str, package: str) -> None:
        """Write one parameter and tell it; see the module's text."""
        entry = self._entry(action, f"{kind_of(action)}#{version_of(package)}", package, told=True)
        message = messages.decided(action, self._observed, self._gateway.settings)
        before = self._parameter(name).version
        intent = Intent(name, value, before, entry, message.subject, message.by_protocol())
        self._hold.intend(intent.stored())
        self._put(name, value)
        fulfil(self._gateway, intent)

    def _roll_back(self, action: Rollback) -> None:
        if version_of(action.package) > version_of(self._observed.parameters.failed.value):
            self._put("failed", action.package)
        self._decide(action, "candidate", f"{action.to} rollback", action.package)

    def _apply(self, action: Apply) -> None:
        token = token_of(self._observed.parameters)
        self._note(action, f"apply#{token}")
        result = self._gateway.update_stack(token, self._observed.stack.parameters)
        say("update", result=result, token=token)

    def _shift(self, action: Shift) -> None:
        result = self._gateway.shift(action.share)
        say("shift", result=result, share=action.share)
        if result == "started":
            self._note(action, f"shift#{action.share}")

    def _revert(self, action: Revert) -> None:
        """Seen until a parameter of the stack is written, so it may come again although `failed` was written."""
        key = f"revert#{token_of(self._observed.parameters)}"
        if not self._gateway.ledger.had(self._generation, key):
            self._tell(messages.reverted(action, self._observed, self._gateway.settings))
            self._note(action, key, action.package, told=True)
        for name, value in action.values.items():
            # What a run before has written already would only move the entry's generation away.
            if self._parameter(name).value != value:
                self._put(name, value)

    def _finish(self, action: Done) -> None:
        """Seen until the label is set, so it may come again although `previous` was written."""
        key = done_key(action.version)
        settings, parameters = self._gateway.settings, self._observed.parameters
        previous = action.previous or parameters.previous.value
        if not self._gateway.ledger.had(self._generation, key):
            self._tell(messages.done(action, self._observed, settings))
            self._gateway.announce(
                {
                    "environment": settings.environment,
                    "model": settings.model,
                    "package": action.package,
                    "version": version_of(action.package),
                    "endpoint": settings.endpoint_name,
                    "endpoint_config": self._observed.stack.endpoint_config,
                    "previous": previous,
                }
            )
            self._note(action, key, action.package, told=True)
        if previous != parameters.previous.value:
            self._put("previous", previous)
        self._gateway.label_released(action.version)

    def _put(self, name: Name, value: str) -> None:
        version = self._gateway.put(name, value)
        if name == "champion" and value == self._observed.parameters.released:
            # SSM keeps 100 versions and refuses another while the oldest has a label: the label moves along.
            self._gateway.label_released(version)

    def _tell(self, message: Message) -> None:
        self._gateway.publish(message.subject, message.by_protocol())

    def _note(self, action: Action, key: str, package: str = "", *, told: bool = False) -> None:
        self._gateway.ledger.append(self._entry(action, key, package, told=told))

    def _entry(self, action: Action, key: str, package: str, *, told: bool) -> Entry:
        """package: that the decision is about; "" for the candidate's, or the champion's without one."""
        parameters = self._observed.parameters
        now = candidate_of(parameters.candidate)
        package = package or (now.package if now else parameters.champion.value)
        stage = action.stage if isinstance(action, Begin) else now.stage if now and now.package == package else ""
        verdict = getattr(action, "verdict", None)
        return Entry(
            generation=self._generation,
            key=key,
            at=self._gateway.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            kind=kind_of(action),
            package="" if package == NONE else package,
            version=version_of(package),
            stage=stage,
            reason=messages.reason_of(action, self._observed),
            verdict=text(plain(verdict)) if verdict else "",
            observed=text(plain(self._observed)),
            told=told,
        )

    @property
    def _generation(self) -> int:
        return self._observed.parameters.generation

    def _parameter(self, name: Name) -> Parameter:
        parameter: Parameter = getattr(self._observed.parameters, name.replace("-", "_"))
        return parameter


def kind_of(action: Action) -> str:
    """How the ledger calls the decision: a note and an end by what they say, others by what they are."""
    match action:
        case Note():
            return action.kind
        case End():
            return action.outcome
        case AskForHelp():
            return "help"
        case _:
            return type(action).__name__.lower()
