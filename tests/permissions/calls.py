"""Calls that roles made, as the local AWS wrote them down and as they are kept in calls/*.json.

Names of one environment and model stand for all: `{model}` for "mlops-local-loan-approval", and so on.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.infra.environments import ACCOUNTS

FOLDER = Path(__file__).with_name("calls")
PROJECT, ACCOUNT, REGION = "mlops", "111122223333", "eu-west-1"
ENVIRONMENTS = ("local", "dev", "staging", "prod")
IN_ACCOUNTS = "accounts"
"""Stands for all environments of the shape in which each has an account of its own."""
SHAPES = (*ENVIRONMENTS, IN_ACCOUNTS)
_OF_TESTS = ("second",)
"""Environments in another account, which tests have beside the local one."""
_HASH = re.compile(r"[0-9a-f]{64}")
_OURS = re.compile("|".join((ACCOUNT, *ACCOUNTS.values())))
"""All accounts but AWS's own, which have images."""
_ENVIRONMENT = "|".join((*ENVIRONMENTS, *_OF_TESTS))
# Constructs that are called after a neighbour, and so have another hash for each.
_OF_NEIGHBOUR = re.compile(rf"\b(To|Reader)(?:{_ENVIRONMENT})([A-Z][A-Za-z]*)?[0-9A-F]{{8}}\b")
_STACK = re.compile(rf"{PROJECT}-(?P<environment>{_ENVIRONMENT})-(?:(?P<model>[a-z0-9-]+)-)?(?P<kind>[a-z]+)")


@dataclass(frozen=True, order=True)
class Call:
    """What a role needed: an action on a resource, with the condition keys that its policy asks for.

    role: "<kind of stack>/<logical id>", the same in all environments and of all models.
    """

    role: str
    action: str
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __str__(self) -> str:
        context = "".join(f" with {key} {', '.join(values)}" for key, values in self.context)
        return f"{self.role}: {self.action} on {self.resource}{context}"


Record = Mapping[Call, frozenset[str]]
"""Calls with the environments in which they were made."""


@dataclass(frozen=True)
class Names:
    """What to put for the names of one environment and, in a model's stack, of the model."""

    environment: str
    model: str = ""
    kind: str = ""
    account: str = ACCOUNT

    @classmethod
    def of(cls, stack: str, account: str = ACCOUNT) -> "Names | None":
        """Of a stack of this project, by its name, and the account that it is in; None for another one."""
        found = _STACK.fullmatch(stack)
        return cls(found["environment"], found["model"] or "", found["kind"], account) if found else None

    def general(self, text: str) -> str:
        """A text without what differs between environments, models, accounts and regions."""
        text = text.replace(self.account, "{account}").replace(REGION, "{region}")
        text = _OF_NEIGHBOUR.sub(r"\1Neighbour\2", _OURS.sub("{account elsewhere}", _HASH.sub("{hash}", text)))
        if self.model:
            base = f"{PROJECT}-{self.environment}-{self.model}"
            text = text.replace(base, "{model}").replace(base.replace("-", "/", 2), "{model path}")
            text = text.replace(self.model, "{public}").replace(self.model.replace("-", "_"), "{folder}")
        for name, mark in (
            (self.environment, "environment"),
            *((each, "elsewhere") for each in (*ENVIRONMENTS, *_OF_TESTS)),
        ):
            for separator, kind in (("-", ""), ("/", " path"), ("_", " word"), ("?", " pattern")):
                place = rf"\b{PROJECT}{re.escape(separator)}{name}(?![a-z])"
                text = re.sub(place, "{" + f"{mark}{kind}" + "}", text)
        return text

    def role(self, logical_id: str) -> str:
        """The kind of a role of this stack."""
        return f"{self.kind}/{self.general(logical_id)}"


def seen(folder: Path) -> tuple[dict[Call, set[str]], set[Call]]:
    """What the servers of a test run wrote into `folder`: calls that were allowed, and those that were not.

    Roles that this project's stacks did not make are left out: tests of the local AWS have some.
    """
    allowed: dict[Call, set[str]] = defaultdict(set)
    refused: set[Call] = set()
    for file in folder.glob("*.jsonl"):
        calls = list(_calls(file))
        several = any(environment in _OF_TESTS for environment, *_ in calls)
        for environment, call, decision in calls:
            if decision == "allowed":
                allowed[call].add(IN_ACCOUNTS if several else environment)
            else:
                refused.add(call)
    return allowed, refused


def _calls(file: Path) -> Iterator[tuple[str, Call, str]]:
    """Environment, call and decision of each line that one server wrote."""
    for line in file.read_text().splitlines():
        found = json.loads(line)
        stack, _, logical_id = found["role"].partition("/")
        names = Names.of(stack, found["account"])
        if names is None or not logical_id:
            continue
        context = tuple(
            (key, tuple(names.general(each) for each in values)) for key, values in sorted(found["context"].items())
        )
        call = Call(names.role(logical_id), found["action"], names.general(found["resource"]), context)
        yield names.environment, call, found["decision"]


def read(folder: Path = FOLDER) -> dict[Call, frozenset[str]]:
    """The record that is kept."""
    record = {}
    for file in sorted(folder.glob("*.json")):
        for role, calls in json.loads(file.read_text()).items():
            for each in calls:
                context = tuple((key, tuple(values)) for key, values in sorted(each.get("context", {}).items()))
                record[Call(role, each["action"], each["resource"], context)] = frozenset(each["in"])
    return record


def write(record: Mapping[Call, Iterable[str]], folder: Path = FOLDER) -> None:
    """Keep a record: a file for each kind of stack, sorted, so that its differences can be read."""
    files: dict[str, dict[str, list[dict[str, object]]]] = defaultdict(lambda: defaultdict(list))
    for call, environments in sorted(record.items()):
        entry: dict[str, object] = {"action": call.action, "resource": call.resource}
        if call.context:
            entry["context"] = {key: list(values) for key, values in call.context}
        entry["in"] = sorted(environments)
        files[call.role.partition("/")[0]][call.role].append(entry)
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        if old.stem not in files:
            old.unlink()
    for stack, roles in files.items():
        lines = []
        for role, calls in sorted(roles.items()):
            body = ",\n".join(f"    {json.dumps(each)}" for each in calls)
            lines.append(f"  {json.dumps(role)}: [\n{body}\n  ]")
        (folder / f"{stack}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
