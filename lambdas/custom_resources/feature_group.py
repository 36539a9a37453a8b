"""Whether a feature group may become what the configuration says of it now: AWS can change little of one.

UpdateFeatureGroup adds features, 100 at a time, or changes for how long online records live by default; it takes one of
the two at a time, and no feature back (API reference). All else a replacement would have to bring, which CloudFormation
cannot make beside a group of the same name (template reference: FeatureGroup, and its schema's createOnlyProperties).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

ADDED_AT_ONCE = 100
FIXED = ("record_identifier", "event_time", "event_time_type", "online", "offline", "description")
"""Settings of a group that stay as they are at its creation."""

_LONGEST_VALUE = 60


def refusal(setting: str, name: str, standing: str, wanted: str) -> str:
    """Why the group may not become what is wanted, or "".

    setting, name: the group's place in the configuration, and its name on AWS. standing, wanted: its definition as
    JSON, before and now; standing is "" if it is new.
    """
    if not standing:
        return ""
    before, after = json.loads(standing), json.loads(wanted)
    found = [f"{setting}.{problem}" for problem in _fixed(name, before, after)]
    if found:
        return (
            f"{found[0]}{_others(found)}; to have it so, declare a group beside this one ([{setting}_2]), fill it with "
            "`mlops features ingest`, name it in features.groups of the models that use this one, and train them"
        )
    return "".join(f"{setting}.{problem}" for problem in _too_much(name, before, after))


def _fixed(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in FIXED:
        if before.get(key) != after.get(key):
            yield f"{key} = {_shown(after.get(key))}: it is {_shown(before.get(key))} in {name}, and stays so"
    for feature, kind in before["features"].items():
        now = after["features"].get(feature)
        if now is None:
            yield f"features.{feature} is gone: {name} has it, and SageMaker removes no feature"
        elif now != kind:
            yield f"features.{feature} = {_shown(now)}: it is {_shown(kind)} in {name}, and stays so"


def _too_much(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What can be had, but not in one deployment; one text at most."""
    added = [feature for feature in after["features"] if feature not in before["features"]]
    if len(added) > ADDED_AT_ONCE:
        yield (
            f"features: {len(added)} are new in {name}, and SageMaker adds at most {ADDED_AT_ONCE} at a time: "
            f"deploy with the first {ADDED_AT_ONCE} of them, then with more"
        )
    elif added and before["ttl_days"] != after["ttl_days"]:
        yield (
            f"ttl_days = {_shown(after['ttl_days'])}: {name} gets the feature {added[0]} too, and SageMaker changes "
            f"one at a time: deploy with ttl_days = {_shown(before['ttl_days'])}, then with the new value"
        )


def _others(found: list[str]) -> str:
    return f" (and {len(found) - 1} more that cannot change)" if found[1:] else ""


def _shown(value: Any) -> str:
    """As TOML writes it, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
