"""TOML files laid over each other, remembering which file said what."""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.settings.errors import SettingsError

Key = tuple[str, ...]


@dataclass(frozen=True)
class Layers:
    """The merged tables, and for each key the file that set it and the key's name there."""

    values: dict[str, Any]
    origins: Mapping[Key, tuple[str, Key]]


@dataclass(frozen=True)
class _Table:
    """One table to merge: where it goes, where it comes from."""

    target: Key
    source: Key
    file: str
    values: Any


def read(path: Path) -> dict[str, Any]:
    """Parse a file; raises SettingsError with the place of a syntax error."""
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown(path)}: not valid TOML: {error}") from None


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """For an environment and its neighbours `base.toml` is read a dozen times; nobody changes a document."""
    return tomllib.loads(text)


def shown(path: Path) -> str:
    """`config/<file>`, wherever the project lies."""
    return f"{path.parent.name}/{path.name}"


def merge(paths: list[Path], *, many: str = "models", defaults: str = "model_defaults", named: str = "") -> Layers:
    """Lay `paths` over each other, the last on top; `[model_defaults]` goes below every `[models.<name>]`.

    many, defaults: the same of other tables; named: a list of names that have a table even where no file writes one.
    """
    documents = [(shown(path), read(path)) for path in paths]
    for file, document in documents:
        for key in (many, defaults):
            if not isinstance(document.get(key, {}), dict):
                raise SettingsError(f"{file}: {key} = {document[key]!r}: must be a table")
    listed = [name for _, document in documents for name in _texts(document.get(named))]
    names = list(dict.fromkeys([*listed, *(name for _, document in documents for name in document.get(many, {}))]))
    tables = [_Table((), (), file, _without(document, many, defaults)) for file, document in documents]
    for name in names:
        target = (many, name)
        tables += [
            _Table(target, (defaults,), file, document[defaults])
            for file, document in documents
            if defaults in document
        ]
        tables += [
            _Table(target, target, file, document[many][name])
            for file, document in documents
            if name in document.get(many, {})
        ]
    return _lay(tables)


def _lay(tables: list[_Table]) -> Layers:
    values: dict[str, Any] = {}
    origins: dict[Key, tuple[str, Key]] = {}
    for table in tables:
        if table.target == table.source:
            origins[table.target] = (table.file, table.source)
        for path, value in _walk(table.values):
            target = table.target + path
            origins[target] = (table.file, table.source + path)
            _put(values, target, value)
    return Layers(values, origins)


def _walk(value: Any, path: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every table before its members, so that an empty one is there too."""
    if path:
        yield path, {} if isinstance(value, dict) else value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _walk(member, (*path, key))


def _put(values: dict[str, Any], path: Key, value: Any) -> None:
    table = values
    for key in path[:-1]:
        if not isinstance(table.get(key), dict):
            table[key] = {}
        table = table[key]
    if not (value == {} and isinstance(table.get(path[-1]), dict)):
        table[path[-1]] = value


def _without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
