"""Turns what the SageMaker SDK builds into the same bytes each time: pure functions on definitions."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_constructs.definition_shapes import has_token
from mlops_constructs.errors import ConstructError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_uploads import ACCOUNT, MARK, ContentStore, Uploads, holds_placeholder

ASSETS_BUCKET = f"{MARK}-assets"

# Always replaced, so that a pipeline is built the same way with and without tokens.
_DEPLOYMENT_VALUES = {
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{MARK}-role",
    "code_uri": f"s3://{MARK}-code/code.tar.gz",
    "data_bucket": f"{MARK}-data",
    "artifacts_bucket": f"{MARK}-artifacts",
    "key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{MARK}-key",
}
_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.\-]+)/([^\s\"',;]*)")
# How the SDK and most people write a moment.
_TIME_FORMATS = ("%Y-%m-%d-%H-%M-%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S", "%Y%m%d-%H%M%S", "%y%m%d-%H%M")


class Substitution:
    """A context whose values of the deployment are placeholders, and the way back."""

    def __init__(self, context: PipelineContext) -> None:
        replaced = dict(_DEPLOYMENT_VALUES)
        for field in dataclasses.fields(context):
            if has_token(getattr(context, field.name)):
                replaced.setdefault(field.name, f"{MARK}-{field.name.replace('_', '-')}")
        self._values = {placeholder: getattr(context, name) for name, placeholder in replaced.items()}
        self._image_uri = context.image_uri
        changes: dict[str, Any] = {"image_uri": self._image, **replaced}
        self.context = dataclasses.replace(context, **changes)

    def _image(self, framework: str) -> str:
        uri = self._image_uri(framework)
        if not has_token(uri):
            return uri
        placeholder = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{MARK}-{framework}:1"
        self._values[placeholder] = uri
        return placeholder

    def undo(self, where: str, definition: dict[str, Any]) -> dict[str, Any]:
        """The definition with the context's values; raises ConstructError where one cannot be put back."""
        undone = mapped(definition, self._with_values)
        for path, text in strings(undone):
            if holds_placeholder(text.replace(f"s3://{ASSETS_BUCKET}/", "")):
                raise ConstructError(
                    f"{where}: {path}: {text!r} holds a part of a value that only the deployment knows: "
                    f"use the context's values whole"
                )
        return dict(undone)

    def _with_values(self, text: str) -> str:
        for placeholder in sorted(self._values, key=len, reverse=True):
            text = text.replace(placeholder, self._values[placeholder])
        return text


def without_nulls(value: Any) -> Any:
    """The SDK writes absent members as null, which the service does not take everywhere."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed; names of members stay."""
    if isinstance(value, dict):
        return {name: mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [mapped(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text and where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from strings(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from strings(inner, f"{path}[{index}]")


def first_difference(one: object, other: object, path: str = "") -> tuple[str, object, object] | None:
    """Where two definitions part, and how; None if they are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = ((f"{path}.{name}" if path else name, one[name], other[name]) for name in one)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = ((f"{path}[{index}]", *both) for index, both in enumerate(zip(one, other, strict=True)))
    else:
        return None if one == other else (path, one, other)
    return next((found for where, a, b in pairs if (found := first_difference(a, b, where))), None)


def clock_readings(began: datetime, ended: datetime) -> frozenset[str]:
    """How a clock would have been written between two moments, in UTC and in local time."""
    readings = set()
    for second in range(-1, int((ended - began).total_seconds()) + 2):
        moment = began + timedelta(seconds=second)
        readings.add(str(int(moment.timestamp())))
        for form in _TIME_FORMATS:
            readings |= {moment.strftime(form), moment.astimezone().strftime(form)}
    return frozenset(readings)


def with_assets(
    where: str, definition: dict[str, Any], uploads: Uploads, store: ContentStore
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Replace the URI of every upload by one that its content names; returns the folders by URI too.

    Raises ConstructError if something is uploaded that no step's arguments name: the job would look for it
    where nothing is.
    """
    assets: dict[str, Path] = {}
    named: set[bytes] = set()

    def to_asset(found: re.Match[str]) -> str:
        bucket, key = found.groups()
        files = uploads.files(bucket, key)
        if not files:
            return found[0]
        named.update(_digest(body) for body in files.values())
        digest, folder = store.add(files)
        prefix = f"s3://{ASSETS_BUCKET}/{digest}"
        assets[prefix] = folder
        if uploads.is_object(bucket, key):
            return f"{prefix}/{Path(key).name}"
        return f"{prefix}/" if key.endswith("/") else prefix

    replaced = mapped(definition, lambda text: _S3_URI.sub(to_asset, text))
    for key, body in uploads.objects():
        if _digest(body) not in named:
            raise ConstructError(
                f"{where}: uploads {key}, which no step's arguments name: pass its URI to a step "
                f"(functions marked @step are not supported)"
            )
    return replaced, assets


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
