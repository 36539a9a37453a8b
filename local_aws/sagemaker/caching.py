"""Step caching as SageMaker documents it ("Caching pipeline steps", "Default cache key attributes by pipeline step
type"): a step is not run again if a run of the same step in the same pipeline succeeded with the same values of
certain attributes, and is not older than ExpireAfter. What a step writes to, its role and its instances do not
count; what it reads counts by URI, not by content.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
}
_OF_TRAINING_DEFINITION = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
    "TuningObjective",
)
_UNITS = {"y": timedelta(days=365), "w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1)}
_MONTH, _MINUTE, _SECOND = timedelta(days=30), timedelta(minutes=1), timedelta(seconds=1)
_DURATION = re.compile(r"p?(?P<date>(?:\d+[ymwd])*)(?:t(?P<time>(?:\d+[hms])+))?")


class CacheError(ValueError):
    """A CacheConfig that means nothing; the message shows it."""


def signature(step_type: str, arguments: Row) -> str | None:
    """What two runs of a step must have in common; None for a type of step that is never cached."""
    if step_type not in _ATTRIBUTES:
        return None
    chosen = {key: arguments[key] for key in _ATTRIBUTES[step_type] if key in arguments}
    if definition := chosen.get("TrainingJobDefinition"):
        chosen["TrainingJobDefinition"] = {key: definition.get(key) for key in _OF_TRAINING_DEFINITION}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=str).encode()).hexdigest()


def hit(config: Mapping[str, Any], key: str, earlier: Iterable[Row], now: datetime) -> Row | None:
    """The most recent of the `earlier` rows of the same step that may be used again, or None.

    A row that was itself taken from the cache does not count: an age is that of the run that did the work.
    """
    if not config.get("Enabled"):
        return None
    since = now - duration(config["ExpireAfter"]) if "ExpireAfter" in config else None
    candidates = [
        row
        for row in earlier
        if row["StepStatus"] == "Succeeded"
        and row.get("_Signature") == key
        and "CacheHitResult" not in row
        and (since is None or row["EndTime"] >= since)
    ]
    return max(candidates, key=lambda row: row["EndTime"], default=None)


def duration(text: str) -> timedelta:
    """An ISO 8601 duration, also without its P and in lower case, as SageMaker's documentation shows ("30dT5h").

    A month counts as 30 days and a year as 365.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not (match["date"] or match["time"]):
        raise CacheError(f"ExpireAfter {text!r} is not an ISO 8601 duration such as P30D or PT1H")
    total = timedelta()
    for number, unit in re.findall(r"(\d+)([ymwd])", match["date"]):
        total += int(number) * (_MONTH if unit == "m" else _UNITS[unit])
    for number, unit in re.findall(r"(\d+)([hms])", match["time"] or ""):
        total += int(number) * {"h": _UNITS["h"], "m": _MINUTE, "s": _SECOND}[unit]
    return total
