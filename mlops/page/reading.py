"""What the page shows, read from the local environment: its situation, and the courses that pictures are made of."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from mlops import evidence, ledger, lineage, lineage_page, monitoring
from mlops.page import deciding, pictures
from mlops.page.headline import headline
from mlops.page.pictures import Change
from mlops.page.server import NotThere
from mlops.situation import Alarm, Model, Run, document, reading
from mlops.target import Target
from monitoring.findings import DATA_DRIFT, MONITORS, Judgement
from monitoring.report_parts import WORDS

WINDOWS = 36
"""Newest windows of each monitor in the heat maps."""
ENTRIES = 60
"""Newest entries of the ledger."""
CHANGES = 400
"""Newest changes of alarms, those of autoscaling among them."""

_HASH = 8


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Environment:
    """The models of an environment, as `Source` wants them."""

    targets: Sequence[Target]
    _kept: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self) -> Mapping[str, Any]:
        return {
            "environment": self.targets[0].environment,
            "models": [target.names.public for target in self.targets],
        }

    def part(self, model: str, part: str, version: int | None) -> Any:
        target = self._target(model)
        if part == "lineage" and version:
            return _lineage(target, version)
        parts: Mapping[str, Callable[[Target], Any]] = {
            "situation": _situation,
            "drift": self._drift,
            "alarms": _alarms,
            "ledger": _ledger,
            "manifests": _manifests,
        }
        if part not in parts or version:
            raise NotThere(f"{part}: the page has no such part; it has {', '.join(parts)}, lineage")
        return parts[part](target)

    def decide(self, model: str, version: int, word: str, reason: str) -> str:
        return deciding.decide(self._target(model), version, word, reason)

    def _target(self, model: str) -> Target:
        for target in self.targets:
            if target.names.public == model:
                return target
        raise NotThere(f"model {model}: the environment has {', '.join(each.names.public for each in self.targets)}")

    def _drift(self, target: Target) -> Any:
        """Read again only once another run of the monitors has ended: some hundred objects of S3."""
        concluded = monitoring.latest(target) if target.settings.monitoring.enabled else None
        if concluded is None:
            return {"version": "", "monitors": []}
        run = f"{concluded['version']} {concluded.get('run')}"
        with self._lock:
            before, kept = self._kept.get(target.names.public, ("", None))
        if before != run:
            kept = drift(concluded, _judged(target, str(concluded["version"])))
            with self._lock:
                self._kept[target.names.public] = run, kept
        return kept


def drift(concluded: Mapping[str, Any], judged: Sequence[Judgement]) -> dict[str, Any]:
    """A heat map for each monitor that judged something, drift first. Pure."""
    order = sorted(MONITORS, key=lambda name: (name != DATA_DRIFT, MONITORS.index(name)))
    maps = [
        {
            "name": WORDS[monitor].name,
            "question": WORDS[monitor].question,
            "confirmed": monitor in concluded["confirmed"],
            "windows": len(own),
            "picture": pictures.heat(f"{WORDS[monitor].name}, by subject and window", own),
        }
        for monitor in order
        if (own := [each for each in judged if each.monitor == monitor and each.findings])
    ]
    return {"version": str(concluded["version"]), "monitors": maps, "legend": pictures.HEAT_LEGEND if maps else ""}


def situation(model: Model, command: Callable[..., str]) -> dict[str, Any]:
    """A model's facts, and pictures of those that have one; command: as `Target.command`. Pure."""
    runs = [_run(run, command) for run in map(model.run, ("training", "monitoring")) if run]
    return {
        **document(model),
        "headline": headline(model),
        "pipelines": runs,
        "looks": pictures.looks(model.experiment) if model.experiment else "",
    }


def called(alarm: str, base: str) -> str:
    """An alarm's name without its model's and without what CloudFormation adds: "monitoring: InputDrift". Pure."""
    stack, _, rest = alarm.removeprefix(f"{base}-").partition("-")
    words = [part for part in rest.split(f"-{base}")[0].split("-") if part]
    if len(words) > 1 and words[-1].isupper() and words[-1].isalnum() and len(words[-1]) > _HASH:
        words.pop()  # the hash of a generated name
    name = " ".join(words)
    if len(name) > _HASH and (tail := name[-_HASH:]) and all(each in "0123456789ABCDEF" for each in tail):
        name = name[:-_HASH]  # the logical ID's own
    return f"{stack}: {name}" if name else stack


def _run(run: Run, command: Callable[..., str]) -> dict[str, Any]:
    return {
        "command": command("logs", run.name),
        "purpose": run.purpose,
        "name": run.name,
        "status": run.status,
        "began": run.began,
        "ended": run.ended,
        "reason": run.reason,
        "picture": pictures.graph(run) if run.steps else "",
        "steps": [{"name": step.name, "state": pictures.state(step), "reason": step.reason} for step in run.steps],
    }


def _situation(target: Target) -> Any:
    (model,) = reading.read([target], now()).models
    return situation(model, target.command)


def _judged(target: Target, version: str) -> list[Judgement]:
    kept = monitoring.store(target)
    return monitoring.judgements(kept.s3, kept.bucket, kept.prefix, version, WINDOWS)


def _ledger(target: Target) -> Any:
    found = ledger.newest(target.clients("dynamodb"), target.ledger, target.names.public, ENTRIES, steps=False)
    retrained = monitoring.retrainings(target, ENTRIES)
    entries = sorted([*found, *retrained], key=lambda entry: entry.at, reverse=True)[:ENTRIES]
    return [
        {
            "key": entry.key,
            "at": entry.at,
            "kind": entry.kind,
            "version": entry.version,
            "stage": entry.stage,
            "reason": entry.reason,
        }
        for entry in entries
    ]


def _alarms(target: Target) -> Any:
    """The model's alarms, and a picture of when which of them was in ALARM."""
    base = target.names.base
    own = [each for each in reading.alarms(target) if each.name.startswith(f"{base}-")]
    names = {each.name: called(each.name, base) for each in own}
    pages = target.clients("cloudwatch").get_paginator("describe_alarm_history").paginate(
        HistoryItemType="StateUpdate", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )  # fmt: skip
    listed = (item for page in pages for item in page["AlarmHistoryItems"])
    changes = [_change(item) for item in islice(listed, CHANGES)]
    return {
        "alarms": [_alarm(each, names[each.name]) for each in own],
        # To the second half of a minute: a picture that ends now would change, and be sent, with every look.
        "picture": pictures.alarms(changes, names, _half_minute(now())),
    }


def _alarm(alarm: Alarm, name: str) -> dict[str, Any]:
    return {**document(alarm), "called": name}


def _change(item: Mapping[str, Any]) -> Change:
    # "Alarm updated from OK to ALARM" (API reference: AlarmHistoryItem has no field for it).
    state = str(item["HistorySummary"]).rpartition(" to ")[2].strip()
    return Change(item["AlarmName"], item["Timestamp"], state)


def _half_minute(at: datetime) -> datetime:
    return at.replace(second=at.second // 30 * 30, microsecond=0)


def _manifests(target: Target) -> Any:
    """Versions with a lineage, newest first."""
    return evidence.versions(target.clients("s3"), evidence.bucket(target), target.names)[::-1]


def _lineage(target: Target, version: int) -> Any:
    found = lineage.observe(target, version)
    title = f"Version {version} of {target.names.public}"
    return {
        "picture": lineage_page.picture(title, found.graph),
        "missing": found.missing,
        "command": target.command("lineage", version, "--html", "lineage.html"),
    }
