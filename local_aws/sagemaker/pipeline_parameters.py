"""Pipeline parameters: their declarations and the values that an execution is given."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (float, int),
    "Boolean": (bool,),
}


class ParameterError(ValueError):
    """A declaration or a value that is wrong; the message names the parameter, the value and what is allowed."""


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()

    def parse(self, given: str) -> Any:
        """The value that the text of a request stands for; ParameterError if it is none of this parameter's."""
        if not given:
            raise ParameterError('string "" is too short (length: 0, required minimum: 1)')
        value = self._typed(given)
        if self.allowed and value not in self.allowed:
            raise ParameterError(f"parameter '{self.name}': '{given}' is not in its EnumValues {list(self.allowed)}")
        return value

    def _typed(self, given: str) -> Any:
        if self.type == "Boolean" and given.lower() in ("true", "false"):
            return given.lower() == "true"
        try:
            if self.type == "Integer":
                return int(given)
            if self.type == "Float" and math.isfinite(float(given)):
                return float(given)
        except ValueError:
            pass
        if self.type == "String":
            return given
        raise ParameterError(f"parameter '{self.name}': '{given}' is not of type {self.type}")


def declared(items: Any) -> dict[str, Parameter]:
    """The parameters of a definition by name."""
    if not isinstance(items, list):
        raise ParameterError("Parameters: expecting start of Json Array")
    parameters: dict[str, Parameter] = {}
    for item in items:
        parameter = _declared(item)
        if parameter.name in parameters:
            raise ParameterError(f"parameter '{parameter.name}' is declared twice")
        parameters[parameter.name] = parameter
    return parameters


def resolve(parameters: Mapping[str, Parameter], given: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Every parameter's value; ParameterError for an unknown, repeated, wrong or missing one."""
    texts: dict[str, str] = {}
    for item in given:
        name = item["Name"]
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise ParameterError(f"parameter '{name}' is not defined by the pipeline; it has: {known}")
        if name in texts:
            raise ParameterError(f"parameter '{name}' is given twice")
        texts[name] = item["Value"]
    return {name: _value(item, texts) for name, item in parameters.items()}


def _declared(item: Any) -> Parameter:
    if not isinstance(item, dict) or not isinstance(item.get("Name"), str):
        raise ParameterError(f"parameter {item!r} has no Name")
    name, kind = item["Name"], str(item.get("Type"))
    if kind not in TYPES:
        raise ParameterError(f"parameter '{name}': Type {kind!r} is not one of {', '.join(TYPES)}")
    allowed = tuple(item.get("EnumValues", ()))
    for value in (item["DefaultValue"],) if "DefaultValue" in item else ():
        if not _is(value, kind):
            raise ParameterError(f"parameter '{name}': DefaultValue {value!r} is not of type {kind}")
        if allowed and value not in allowed:
            raise ParameterError(f"parameter '{name}': DefaultValue {value!r} is not in its EnumValues")
    return Parameter(name, kind, item.get("DefaultValue"), allowed)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "Boolean":
        return False  # to Python a bool is an int
    return isinstance(value, TYPES[kind])


def _value(parameter: Parameter, texts: Mapping[str, str]) -> Any:
    if parameter.name in texts:
        return parameter.parse(texts[parameter.name])
    if parameter.default is None:
        raise ParameterError(f"parameter '{parameter.name}' has no default value and was not given")
    return float(parameter.default) if parameter.type == "Float" else parameter.default
