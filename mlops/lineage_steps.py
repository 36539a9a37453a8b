"""Which steps of a pipeline need which: from its definition, since an execution lists them without. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Needs = Mapping[str, frozenset[str]]
Row = Mapping[str, Any]

_STEP = re.compile(r"^Steps\.([A-Za-z0-9_-]+)")


def dependencies(definition: Row) -> dict[str, frozenset[str]]:
    """Which steps each step of a definition takes something from, or waits for; both branches of conditions."""
    found: dict[str, frozenset[str]] = {}
    _collect(definition.get("Steps", ()), frozenset(), found)
    return found


def definition_needs(text: str) -> dict[str, frozenset[str]]:
    """`dependencies` of a definition's text; none for one that cannot be read."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return dependencies(found) if isinstance(found, dict) else {}


def _collect(steps: Iterable[Row], inherited: frozenset[str], found: dict[str, frozenset[str]]) -> None:
    for step in steps:
        arguments = step.get("Arguments") or {}
        branches = [arguments.get(side) or () for side in ("IfSteps", "ElseSteps")]
        own = {key: value for key, value in arguments.items() if key not in ("IfSteps", "ElseSteps")}
        needed = inherited | frozenset(step.get("DependsOn") or ()) | frozenset(_named({**step, "Arguments": own}))
        found[step["Name"]] = needed - {step["Name"]}
        for branch in branches:
            _collect(branch, frozenset({step["Name"]}), found)


def _named(part: object) -> Iterator[str]:
    """Steps whose properties or files some part of a definition names."""
    if isinstance(part, Mapping):
        reference = part.get("Get")
        if isinstance(reference, str) and (step := _STEP.match(reference)):
            yield step[1]
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _named(value)


def shown(needs: Needs, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Dependencies between the steps that are shown; those on hidden ones lead to what these depend on."""

    def reach(name: str, seen: frozenset[str]) -> Iterator[str]:
        for other in needs.get(name, ()):
            if other in names:
                yield other
            elif other not in seen:
                yield from reach(other, seen | {other})

    direct = {name: frozenset(reach(name, frozenset({name}))) for name in names}
    through = {
        name: frozenset().union(*(_before(other, direct) for other in others)) for name, others in direct.items()
    }
    # What is needed by way of another step as well says nothing new.
    return {name: others - through[name] for name, others in direct.items()}


def _before(name: str, needs: Needs) -> frozenset[str]:
    """All that a step needs, and what that needs."""
    found: set[str] = set()
    waiting = list(needs.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += needs.get(other, ())
    return frozenset(found)


def after(names: Sequence[str], needs: Needs) -> frozenset[str]:
    """All that needs one of these, directly or not."""
    return frozenset(name for name in needs if _before(name, needs) & set(names))


def ends(needs: Needs, names: Iterable[str]) -> list[str]:
    """Steps that no other one needs."""
    return [name for name in names if not any(name in others for others in needs.values())]


def ordered(steps: Sequence[Row], needs: Needs) -> list[Row]:
    """What is needed first; otherwise as they ran."""
    left, found = list(steps), list[Row]()
    while left:
        done = {step["name"] for step in found}
        ready = next((step for step in left if needs.get(step["name"], frozenset()) <= done), left[0])
        left.remove(ready)
        found.append(ready)
    return found
