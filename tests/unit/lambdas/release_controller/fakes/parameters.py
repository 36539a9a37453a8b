# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Parameter Store: versions, labels, and the events of what people write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.lambdas.release_controller.fakes.clock import Clock
from tests.unit.lambdas.release_controller.names import PARAMETERS, P


@dataclass
class ParameterStore:
    clock: Clock
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    labels: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in PARAMETERS:
            self.write(name, "0" if name == "challenger-weight" else "none")

    def value(self, name: str) -> str:
        return str(self.versions[P + name][-1]["Value"])

    def write(self, name: str, value: str) -> int:
        versions = self.versions.setdefault(P + name, [])
        stamp = {"Version": len(versions) + 1, "LastModifiedDate": self.clock.now}
        versions.append({"Name": P + name, "Value": value, **stamp})
        return len(versions)

    @property
    def released(self) -> str:
        version = self.labels.get((P + "champion", "released"))
        return "none" if version is None else str(self.versions[P + "champion"][version - 1]["Value"])

    def get_parameters(self, Names: list[str]) -> dict[str, Any]:
        assert len(set(Names)) == len(Names) <= 10
        found, invalid = [], []
        for wanted in Names:
            name, _, selector = wanted.partition(":")
            versions = self.versions.get(name, [])
            number = self.labels.get((name, selector), int(selector) if selector.isdigit() else 0)
            number = number if selector else len(versions)
            if 0 < number <= len(versions):
                found.append({**versions[number - 1], **({"Selector": f":{selector}"} if selector else {})})
            else:
                invalid.append(wanted)
        return {"Parameters": sorted(found, key=lambda p: str(p["Name"])), "InvalidParameters": invalid}

    def put_parameter(self, Name: str, Value: str, Type: str, Overwrite: bool) -> dict[str, Any]:
        assert Type == "String" and Overwrite and Value and Name.startswith(P)
        return {"Version": self.write(Name.removeprefix(P), Value)}

    def label_parameter_version(self, Name: str, ParameterVersion: int, Labels: list[str]) -> dict[str, Any]:
        assert ParameterVersion <= len(self.versions[Name])
        self.labels.update({(Name, label): ParameterVersion for label in Labels})
        return {"InvalidLabels": [], "ParameterVersion": ParameterVersion}
