"""Requests and responses of the emulated services against botocore's shapes.

Constraints (length, range, pattern, enumeration, null) are all collected and worded as AWS words
them; members that the shape lacks are refused as botocore refuses them, where AWS ignores them.
"""

from __future__ import annotations

import base64
import binascii
import functools
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local_aws.core import constraints
from local_aws.core.errors import AwsError, SerializationException, ValidationException

_INTEGERS = ("integer", "long")
_NUMBERS = ("float", "double")
_JSON_NAMES = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bool: "TRUE_VALUE"}


_SAGEMAKER = "sagemaker"
_NAMES = {_SAGEMAKER: "SageMaker"}


loader = Loader()
"""Keeps what it has read: SageMaker's model alone takes a sixth of a second."""


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's newest model of a service; UnknownServiceError if it has none of this name."""
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def service_name(service: str) -> str:
    """A service's name in messages: SageMaker, Application Auto Scaling."""
    return _NAMES.get(service) or str(service_model(service).metadata["serviceFullName"])


@functools.cache
def _shapes(operation: str, service: str) -> tuple[StructureShape | None, StructureShape | None]:
    """The input and the output shape; UnknownOperationException where the service lacks the operation."""
    if operation not in service_model(service).operation_names:
        raise AwsError("UnknownOperationException", f"{service_name(service)} has no operation {operation}")
    model = service_model(service).operation_model(operation)
    return model.input_shape, model.output_shape


def validated(operation: str, params: dict[str, Any], service: str = _SAGEMAKER) -> dict[str, Any]:
    """A copy of `params` in Python's types, e.g. datetimes for timestamps; idempotency tokens are filled in.

    Raises SerializationException for a value that the shape cannot hold, ValidationException for a
    member that it lacks and for every constraint that is not satisfied.
    """
    shape, _ = _shapes(operation, service)
    if shape is None:
        return {}
    problems: list[str] = []
    result = _structure(shape, params, "", problems)
    if problems:
        errors = "error" if len(problems) == 1 else "errors"
        raise ValidationException(f"{len(problems)} validation {errors} detected: {'; '.join(problems)}")
    return result


def output(operation: str, result: dict[str, Any], service: str = _SAGEMAKER) -> dict[str, Any]:
    """`result` reduced to the members of the operation's output shape; members that are None are left out."""
    _, shape = _shapes(operation, service)
    return _reduced(shape, result) if shape is not None else {}


def from_template(operation: str, params: dict[str, Any], service: str = _SAGEMAKER) -> dict[str, Any]:
    """CloudFormation properties in the API's types: a template may give numbers and booleans as text."""
    shape, _ = _shapes(operation, service)
    return dict(_converted(shape, params)) if shape is not None else params


def _structure(shape: StructureShape, given: Any, path: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SerializationException(f"{_json_name(given)} can not be converted to a structure{_at(path)}")
    if unknown := [name for name in given if name not in shape.members]:
        where = path or "input"
        known = ", ".join(shape.members)
        raise ValidationException(
            f'Parameter validation failed: Unknown parameter in {where}: "{unknown[0]}", must be one of: {known}'
        )
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        value = given.get(name)
        inner = f"{path}.{_lower(name)}" if path else _lower(name)
        if value is not None:
            result[name] = _value(member, value, inner, problems)
        elif member.metadata.get("idempotencyToken"):
            result[name] = str(uuid.uuid4())
        elif name in shape.required_members:
            problems.append(constraints.problem(None, inner, "Member must not be null"))
    if shape.is_tagged_union and len(result) > 1:
        problems.append(constraints.problem(list(result), path, "Exactly one member must be set"))
    return result


def _value(shape: Shape, given: Any, path: str, problems: list[str]) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, given, path, problems)
    if isinstance(shape, ListShape):
        if not isinstance(given, list):
            raise SerializationException(f"{_json_name(given)} can not be converted to a list{_at(path)}")
        problems += constraints.checked(shape, given, path)
        return [_value(shape.member, item, f"{path}.{number}.member", problems) for number, item in enumerate(given, 1)]
    if isinstance(shape, MapShape):
        return _map(shape, given, path, problems)
    value = _scalar(shape, given, path)
    problems += constraints.checked(shape, value, path)
    return value


def _map(shape: MapShape, given: Any, path: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SerializationException(f"{_json_name(given)} can not be converted to a map{_at(path)}")
    problems += constraints.checked(shape, given, path)
    if any(constraints.broken(shape.key, key) for key in given):
        problems.append(constraints.problem(given, path, f"Map keys must satisfy constraint: {_all(shape.key)}"))
    if isinstance(shape.value, StructureShape | ListShape | MapShape):
        return {key: _value(shape.value, item, f"{path}.{key}.member", problems) for key, item in given.items()}
    values = {key: _scalar(shape.value, item, f"{path}.{key}") for key, item in given.items()}
    if any(constraints.broken(shape.value, value) for value in values.values()):
        wanted = f"Map value must satisfy constraint: {_all(shape.value)}"
        problems.append(constraints.problem(given, path, wanted))
    return values


def _all(shape: Shape) -> str:
    return f"[{', '.join(constraints.texts(shape))}]"


def _scalar(shape: Shape, given: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "string" and isinstance(given, str):
        return given
    if kind == "boolean" and isinstance(given, bool):
        return given
    if kind in _INTEGERS + _NUMBERS and isinstance(given, int | float) and not isinstance(given, bool):
        if kind in _NUMBERS:
            return float(given)
        if int(given) == given:
            return int(given)
    if kind == "timestamp" and (time := _time(given)):
        return time
    if kind == "blob" and (data := _bytes(given)) is not None:
        return data
    wanted = {"string": "a String", "boolean": "a Boolean", "timestamp": "a Timestamp", "blob": "a Blob"}
    number = "an Integer" if kind in _INTEGERS else "a Float"
    raise SerializationException(f"{_json_name(given)} can not be converted to {wanted.get(kind, number)}{_at(path)}")


def _time(given: Any) -> datetime | None:
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    if isinstance(given, int | float) and not isinstance(given, bool):
        return datetime.fromtimestamp(given, UTC)
    if isinstance(given, str):
        try:
            time = datetime.fromisoformat(given)
        except ValueError:
            return None
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


def _bytes(given: Any) -> bytes | None:
    if isinstance(given, bytes):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None


def _lower(name: str) -> str:
    """AWS names members in its messages with a small first letter."""
    return name[:1].lower() + name[1:]


def _at(path: str) -> str:
    return f" at '{path}'" if path else ""


def _json_name(given: Any) -> str:
    if given is False:
        return "FALSE_VALUE"
    return _JSON_NAMES.get(type(given), "START_OBJECT" if isinstance(given, dict) else "START_ARRAY")


def _reduced(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        members = ((name, member, value.get(name)) for name, member in shape.members.items())
        return {name: _reduced(member, inner) for name, member, inner in members if inner is not None}
    if isinstance(shape, ListShape):
        return [_reduced(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _reduced(shape.value, item) for key, item in value.items()}
    return value


def _converted(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {name: _converted(members[name], inner) if name in members else inner for name, inner in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_converted(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _converted(shape.value, item) for key, item in value.items()}
    if shape.type_name == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, str):
        return _from_text(shape.type_name, value)
    return value


def _from_text(kind: str, text: str) -> Any:
    """The number or boolean that a text stands for; the text itself where it stands for none."""
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    parse: Callable[[str], Any] | None = int if kind in _INTEGERS else float if kind in _NUMBERS else None
    if parse is None:
        return text
    try:
        return parse(text)
    except ValueError:
        return text


def members(operation: str, service: str) -> dict[str, Shape]:
    """The members of an operation's input."""
    shape, _ = _shapes(operation, service)
    return dict(shape.members) if shape is not None else {}


def http(operation: str, service: str) -> dict[str, Any]:
    """Method and path of an operation of a REST service."""
    return dict(service_model(service).operation_model(operation).http)


def operations(service: str = _SAGEMAKER) -> Iterable[str]:
    """The operations that a service has."""
    return list(service_model(service).operation_names)
