"""The record of decisions: one line of JSON for each that differs from those before it."""

from __future__ import annotations

import fnmatch
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws import seam
from local_aws.permissions.deployed import Lookup

_WITHOUT_VALUES = ("Null", "Bool")


class Journal:
    """`write` may be called from any thread; lines are on disk when it returns.

    A line has role ("<stack>/<logical id>", or the role's name where no stack made it), its account, action, resource,
    context and decision. Of what is allowed the resource is the one that the policy names, and the context has the
    values of the policy's conditions that the request fulfilled: so it stays one line, however many objects are read.
    """

    def __init__(self, path: Path, lookup: Lookup) -> None:
        self._path, self._lookup = path, lookup
        self._lock = threading.Lock()
        self._seen: set[tuple[object, ...]] = set()

    def write(self, role: str, need: seam.Needed, granted: list[tuple[str, Any]]) -> bool:
        """Write a decision down if there was none like it; whether it was.

        granted: resources of the policy that allow it, with their conditions; empty where nothing does.
        """
        action, resource, context = need
        conditions = granted[0][1] if granted else {}
        if granted:
            resource = granted[0][0]
        values = fulfilled(conditions, context) if granted else _texts(context)
        key = (role, action, resource, json.dumps(values, sort_keys=True), bool(granted))
        with self._lock:
            if key in self._seen:
                return False
            self._seen.add(key)
            deployed = self._lookup.now(fresh=True)
            name = role.rpartition("/")[2]
            line = {
                "role": deployed.roles.get(name, name),
                "account": role.split(":")[4],
                "action": action,
                "resource": deployed.spelled(resource),
                "context": {each: [deployed.spelled(one) for one in found] for each, found in values.items()},
                "decision": "allowed" if granted else "refused",
            }
            with self._path.open("a") as file:
                file.write(json.dumps(line, sort_keys=True) + "\n")
        return True


def fulfilled(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values that conditions ask for and the request's context has, by key."""
    given = {key.lower(): value for key, value in context.items()}
    found: dict[str, list[str]] = {}
    for operator, keys in conditions.items():
        if operator.startswith(_WITHOUT_VALUES):
            continue
        for key, wanted in keys.items():
            actual = given.get(key.lower())
            if actual is None:
                continue
            values = [str(each) for each in (actual if isinstance(actual, list) else [actual])]
            asked = [str(each) for each in (wanted if isinstance(wanted, list) else [wanted])]
            matched = [each for each in asked if any(fnmatch.fnmatchcase(value, each) for value in values)]
            found[key] = sorted(matched or values)
    return found


def _texts(context: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        key: [str(each) for each in (value if isinstance(value, list) else [value])] for key, value in context.items()
    }
