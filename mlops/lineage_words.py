"""Members of a manifest in a few words, as they fit into a box. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]

_FIRST = ("auc", "rmse", "mae", "accuracy", "recall", "precision", "f1")
_COMPARED = ("_best_constant_classifier", "_standard_deviation")

MOST_OBJECTS = 20
"""Of one source of data that a page names; the manifest names all."""


def part(of: Row, name: str) -> Row:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def pick(of: Row, *names: str) -> dict[str, Any]:
    return {name.replace("_id", "").replace("_", " "): of.get(name) for name in names}


def objects(listed: Iterable[Row]) -> dict[str, str]:
    """Objects with their S3 versions, numbered; the first `MOST_OBJECTS` of them."""
    found = [f"{each.get('key')}, version {each.get('version_id')}" for each in listed]
    named = {f"object {place}": text for place, text in enumerate(found[:MOST_OBJECTS], 1)}
    more = len(found) - MOST_OBJECTS
    return named | ({"more": f"{more:,} more objects, named in the manifest"} if more > 0 else {})


def state(step: Row) -> str:
    if step.get("cached"):
        return "from the cache"
    status = str(step.get("status") or "")
    return "" if status in ("Succeeded", "Completed") else status


def on(training: Row) -> str:
    count, instance = training.get("instance_count") or 1, training.get("instance_type")
    if not instance:
        return ""
    return str(instance) if count == 1 else f"{count} × {instance}"


def seconds(value: object) -> str:
    return f"{value:,.0f} s" if isinstance(value, int | float) else ""


def size(value: object) -> str:
    if not isinstance(value, int | float) or not value:
        return ""
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"


def leading(metrics: Row) -> dict[str, Any]:
    """Figures of quality, those first that a reader asks for first; a constant answer's, for comparison, at the end."""

    def rank(name: str) -> tuple[bool, int]:
        return name.endswith(_COMPARED), _FIRST.index(name) if name in _FIRST else len(_FIRST)

    return {name: metrics[name] for name in sorted(metrics, key=rank)}


def figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def largest(of: Iterable[str]) -> list[str]:
    """Names, those with the largest values first where they have values."""
    return sorted(of, key=lambda name: -float(of[name])) if isinstance(of, Mapping) else list(of)


def names(of: Iterable[str]) -> str:
    return ", ".join(map(str, of))


def tail(uri: str) -> str:
    """The last part of an address that says something: a file's name, or the last two folders."""
    parts = [part for part in uri.removeprefix("s3://").split("/") if part]
    return "/".join(parts[-2 if uri.endswith("/") and len(parts) > 2 else -1 :])


def day(value: object) -> str:
    return str(value or "")[:10] if value and value != "now" else ""


def moment(value: object) -> str:
    return str(value or "").replace("T", " ")[:16]
