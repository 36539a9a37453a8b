"""The expressions of a pipeline definition: Get, Std:Join and Std:JsonGet.

Grammar: AWS documentation, "Pipeline definition JSON schema" (version 2020-12-01) and what the SageMaker SDK writes.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GET, JOIN, JSON_GET = "Get", "Std:Join", "Std:JsonGet"
_STEP = re.compile(r"Steps\.([A-Za-z0-9_-]+)(.*)", re.DOTALL)
_TOKEN = re.compile(r"\.?([A-Za-z_][\w-]*)|\.?\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]")
# By which of its members an element of a list is found where a path has its name, as in Outputs['train'].
_NAMES = ("OutputName", "InputName", "MetricName", "ChannelName", "ParameterName", "Name")

Token = str | int


class ExpressionError(ValueError):
    """An expression that has no value; the message says which and why."""


def kind(value: Any) -> str | None:
    """Which expression `value` is, or None for plain data."""
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if key in (GET, JOIN, JSON_GET):
            return str(key)
    return None


def gets(value: Any) -> Iterator[str]:
    """The path of every Get anywhere in `value`."""
    if kind(value) == GET:
        yield str(value[GET])
    elif isinstance(value, dict):
        for item in value.values():
            yield from gets(item)
    elif isinstance(value, list):
        for item in value:
            yield from gets(item)


def json_gets(value: Any) -> Iterator[dict[str, Any]]:
    """The body of every Std:JsonGet anywhere in `value`."""
    if isinstance(value, dict):
        if kind(value) == JSON_GET:
            yield value[JSON_GET]
        for item in value.values():
            yield from json_gets(item)
    elif isinstance(value, list):
        for item in value:
            yield from json_gets(item)


def malformed(value: Any) -> Iterator[str]:
    """What is wrong with the form of the expressions anywhere in `value`."""
    which = kind(value)
    if which:
        yield from _wrong_form(which, value[which])
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in children:
        yield from malformed(item)


def _wrong_form(which: str, body: Any) -> Iterator[str]:
    if which == GET:
        if not isinstance(body, str):
            yield f"{GET}: {body!r} is not a path"
    elif not isinstance(body, dict):
        yield f"{which}: expecting start of Json Object"
    elif which == JOIN:
        if not isinstance(body.get("Values"), list) or not isinstance(body.get("On", ""), str):
            yield f"{JOIN} needs a list of Values and a text On"
    elif not isinstance(body.get("Path"), str) or not ("PropertyFile" in body or "S3Uri" in body):
        yield f"{JSON_GET} needs a Path, and PropertyFile or S3Uri"


def step_and_path(path: str) -> tuple[str, str] | None:
    """("Train", "ModelArtifacts.S3ModelArtifacts") for a Get of a step's property; None for any other Get."""
    match = _STEP.fullmatch(path)
    return (match[1], match[2].removeprefix(".")) if match else None


def tokens(path: str) -> list[Token]:
    """`a.b['c'].d[0]` as ["a", "b", "c", "d", 0]; ExpressionError for anything else."""
    found: list[Token] = []
    at = 0
    while at < len(path):
        match = _TOKEN.match(path, at)
        if match is None:
            raise ExpressionError(f"{path!r} is not a path: stopped at {path[at:]!r}")
        name, single, double, index = match.groups()
        found.append(int(index) if index is not None else next(x for x in (name, single, double) if x is not None))
        at = match.end()
    return found


def dig(value: Any, path: str) -> Any:
    """What `path` leads to in `value`; ExpressionError if it leads nowhere."""
    for token in tokens(path):
        value = _child(value, token, path)
    return value


def text(value: Any) -> str:
    """How Std:Join writes a value: as in JSON, but strings without quotes."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


@dataclass(frozen=True)
class Scope:
    """What expressions of one execution can see. `read_json` returns the document at an S3 URI."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    properties: Mapping[str, Mapping[str, Any]]
    property_files: Mapping[str, Mapping[str, Mapping[str, str]]]
    read_json: Callable[[str], Any]

    def value(self, expression: Any) -> Any:
        """`expression` with everything in it evaluated; ExpressionError if something has no value."""
        match kind(expression):
            case "Get":
                return self._get(expression[GET])
            case "Std:Join":
                join = expression[JOIN]
                return str(join.get("On", "")).join(text(item) for item in self.value(join["Values"]))
            case "Std:JsonGet":
                return self._json(expression[JSON_GET])
        if isinstance(expression, dict):
            return {key: self.value(item) for key, item in expression.items()}
        if isinstance(expression, list):
            return [self.value(item) for item in expression]
        return expression

    def _get(self, path: str) -> Any:
        if step := step_and_path(path):
            name, rest = step
            if name not in self.properties:
                raise ExpressionError(f"{path}: step '{name}' has no properties yet")
            return dig(self.properties[name], rest)
        space, _, name = path.partition(".")
        values = {"Parameters": self.parameters, "Execution": self.execution}.get(space)
        if values is None or name not in values:
            raise ExpressionError(f"{path}: not known here")
        return values[name]

    def _json(self, body: Mapping[str, Any]) -> Any:
        uri = self._property_file(body["PropertyFile"]) if "PropertyFile" in body else self.value(body["S3Uri"])
        try:
            document = self.read_json(uri)
        except ValueError as error:
            raise ExpressionError(f"{uri}: not a JSON document: {error}") from error
        try:
            return dig(document, body["Path"])
        except ExpressionError as error:
            raise ExpressionError(f"{uri}: {error}") from error

    def _property_file(self, reference: Any) -> str:
        step, file = self.property_file(reference)
        outputs = dig(self.properties[step], "ProcessingOutputConfig.Outputs")
        folder = dig(outputs, f"['{file['OutputName']}'].S3Output.S3Uri")
        return f"{folder.rstrip('/')}/{file['FilePath']}"

    def property_file(self, reference: Any) -> tuple[str, Mapping[str, str]]:
        """Step and declaration of a property file, named by {"Get": "Steps.X.PropertyFiles.Y"} or just "Y"."""
        step, name = property_file_name(reference)
        for owner, files in self.property_files.items():
            if name in files and step in (None, owner):
                return owner, files[name]
        raise ExpressionError(f"property file {name!r} is not declared by a step")


def property_file_name(reference: Any) -> tuple[str | None, str]:
    """The step, where the reference names one, and the property file's name."""
    if kind(reference) != GET:
        return None, str(reference)
    step = step_and_path(reference[GET])
    if step is None or not step[1].startswith("PropertyFiles"):
        raise ExpressionError(f"{reference[GET]} is not a property file (Steps.<step>.PropertyFiles.<name>)")
    return step[0], str(tokens(step[1])[-1])


def _child(value: Any, token: Token, path: str) -> Any:
    if isinstance(value, Mapping) and token in value:
        return value[token]
    if isinstance(value, list):
        if isinstance(token, int) and token < len(value):
            return value[token]
        for item in value:
            if isinstance(item, Mapping) and any(item.get(name) == token for name in _NAMES):
                return item
    raise ExpressionError(f"{path!r} has no value: nothing at {token!r}")
