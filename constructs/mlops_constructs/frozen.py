"""The base of every settings object: immutable, hashable, no unknown keys, no silent conversions."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

K = TypeVar("K")
V = TypeVar("V")


class FrozenModel(BaseModel):
    """A settings section. Strict: TOML has real types, so `"3"` where a number belongs is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FrozenMap(Mapping[K, V], Generic[K, V]):
    """A read-only mapping that hashes, for tables whose keys the user chooses."""

    def __init__(self, items: Mapping[K, V]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


def _freeze(items: Mapping[Any, Any]) -> FrozenMap[Any, Any]:
    return FrozenMap(items)


Frozen = AfterValidator(_freeze)
"""Annotation for `Mapping` fields: `Annotated[Mapping[str, int], Frozen]`."""


def refuse(key: str, allowed: str) -> NoReturn:
    """Fail a rule that spans several fields, blaming `key` (dotted, relative to the section)."""
    raise PydanticCustomError("rule", "{allowed}", {"key": key, "allowed": allowed})
