"""The templates of an app as the house rules read them. Pure: dictionaries in, dictionaries out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Resource:
    """A resource of a template: its stack's name, its logical id, its type and its text."""

    stack: str
    name: str
    kind: str
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        return dict(self.body.get("Properties", {}))

    def get(self, path: str) -> Any:
        """The value at a path such as `WorkGroupConfiguration.ResultConfiguration`; None where there is none."""
        return at(self.properties, path)


@dataclass(frozen=True)
class Templates:
    """All templates of an app by the names of their stacks."""

    by_stack: Mapping[str, Mapping[str, Any]]

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Those of these types; without any, all."""
        for stack, body in self.by_stack.items():
            for name, resource in body.get("Resources", {}).items():
                if not kinds or resource["Type"] in kinds:
                    yield Resource(stack, name, resource["Type"], resource)

    def target(self, stack: str, value: Any) -> tuple[str, str] | None:
        """Stack and logical id of what a reference in `stack` names, also across stacks; None for a text."""
        match value:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                return stack, name
            case {"Fn::ImportValue": str(name)}:
                return self._exported().get(name)
        return None

    def _exported(self) -> dict[str, tuple[str, str]]:
        found = {}
        for stack, body in self.by_stack.items():
            for output in body.get("Outputs", {}).values():
                name, source = output.get("Export", {}).get("Name"), self.target(stack, output["Value"])
                if isinstance(name, str) and source:
                    found[name] = source
        return found


def at(value: Any, path: str) -> Any:
    """What is at a path of keys and positions; of a condition, what there is if it holds."""
    for key in path.split("."):
        value = next(iter(alternatives(value)), None)
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, Mapping):
            value = value.get(key)
        else:
            return None
    return next(iter(alternatives(value)), None)


def alternatives(value: Any) -> list[Any]:
    """The value, or what a condition has in its place; what is not there is left out."""
    if isinstance(value, Mapping) and list(value) == ["Fn::If"]:
        _, yes, no = value["Fn::If"]
        return [*alternatives(yes), *alternatives(no)]
    return [] if value is None or value == NO_VALUE else [value]


def items(value: Any) -> list[Any]:
    """All members that a list can have; a single value is a list of one."""
    return [
        member
        for each in alternatives(value)
        for entry in (each if isinstance(each, list) else [each])
        for member in alternatives(entry)
    ]


def flat(value: Any) -> str:
    """A text with `<…>` for what only the deployment knows."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(flat(part) for part in parts)
        case {"Fn::Sub": str(text)}:
            return text
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} | {"Fn::ImportValue": str(name)}:
            return f"<{name}>"
    return f"<{value}>"


def statements(document: Any) -> Iterator[Mapping[str, Any]]:
    """The statements of a policy document."""
    if isinstance(document, Mapping):
        yield from (each for each in items(document.get("Statement")) if isinstance(each, Mapping))
