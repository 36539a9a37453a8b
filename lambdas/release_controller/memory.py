"""What is done once, since the ledger remembers it. Pure."""

from __future__ import annotations

from state import AskForHelp, Look, Note, Observed, Test


def once(observed: Observed, action: AskForHelp | Note | Test) -> Look | AskForHelp | Note | Test | None:
    """The action; first a look whether the ledger has it, and None where it has."""
    if action.key not in observed.noted:
        return Look("noted", action.key)
    return None if observed.noted[action.key] else action


def done_key(version: int) -> str:
    """The key of the entry that says that the champion parameter's version was released."""
    return f"done#{version}"
