"""Random traffic of two versions with its outcomes, as lines of the two tables, and what there is to count in it.

The counting is slow and obvious on purpose: one dictionary after the other.
"""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CHAMPION, CANDIDATE = 3, 4
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECISIONS = ("approve", "decline")


def iso(time: datetime, timespec: str = "milliseconds") -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def hour(time: datetime) -> str:
    return f"{time:%Y/%m/%d/%H}"


def answer(encoding: str, rows: list[tuple[float, str, str]]) -> str:
    """A response as the endpoint writes it: JSON, CSV, or the latter in base64."""
    if encoding == "JSON":
        names = ("probability", "decision", "model_version")
        return json.dumps({"predictions": [dict(zip(names, row, strict=True)) for row in rows]})
    end = "\r\n" if len(rows) == 1 else "\n"
    text = "".join(f"{probability},{decision},{version}{end}" for probability, decision, version in rows)
    return text if encoding == "CSV" else base64.b64encode(text.encode()).decode()


def capture(event: str, inference: str | None, at: datetime, encoding: str, data: str) -> str:
    metadata = {"eventId": event, "inferenceTime": iso(at, "seconds")}
    if inference is not None:
        metadata["inferenceId"] = inference
    output = {"observedContentType": "any", "mode": "OUTPUT", "data": data, "encoding": encoding}
    return json.dumps({"captureData": {"endpointOutput": output}, "eventMetadata": metadata, "eventVersion": "0"})


def outcome(record: str, value: str, received: datetime | None, encoding: str = "CSV") -> str:
    metadata = {"eventId": record} | ({"receivedAt": iso(received)} if received else {})
    truth = {"data": value, "encoding": encoding}
    return json.dumps({"groundTruthData": truth, "eventMetadata": metadata, "eventVersion": "0"})


@dataclass
class Lines:
    """Rows of the tables: (line, variant, hour) and (line, hour)."""

    captured: list[tuple[str, str, str]] = field(default_factory=list)
    outcomes: list[tuple[str, str]] = field(default_factory=list)

    def add(self, variant: str, at: datetime, line: str) -> None:
        self.captured.append((line, variant, hour(at)))

    def tell(self, record: str, value: str, at: datetime, *, timed: bool = True, encoding: str = "CSV") -> None:
        self.outcomes.append((outcome(record, value, at if timed else None, encoding), hour(at)))


def traffic(seed: int, stage: str, requests: int) -> Lines:
    """Requests over four hours around NOON, with everything that goes wrong in practice."""
    chance, lines = random.Random(seed), Lines()
    for number in range(requests):
        inference = chance.choice([f"r{number}", f"r{number}", f"r{number}#1", f"r{number}#7", None, ""])
        at = NOON + timedelta(seconds=chance.randrange(-7200, 7200))
        size, encoding = chance.choice([1, 1, 1, 2, 3]), chance.choice(["JSON", "JSON", "CSV", "CSV", "BASE64"])
        share = chance.choice(["champion", "challenger"])
        variants = ["champion", "shadow"] if stage == "shadow" else [share]
        for copy in range(chance.choice([1, 1, 1, 2])):  # the same request once more, perhaps to the other variant
            moment = at + timedelta(seconds=copy * chance.choice([0, 1, 90]))
            for variant in variants if stage == "shadow" else [chance.choice([*variants, share])]:
                event = f"e{number}-{9 - copy}-{variant}"  # the later one sorts first
                line = capture(event, inference, moment, encoding, answer(encoding, _rows(chance, variant, size)))
                if chance.random() < 0.05:
                    line = chance.choice([line[: chance.randrange(1, len(line) - 1)], '"text"', "[]", "{", "null"])
                for _ in range(chance.choice([1] * 9 + [2])):
                    lines.add(variant, moment, line)
        for row in range(1, size + 1):
            _tell(chance, lines, inference or f"e{number}-9-{variants[0]}", row, at)
    chance.shuffle(lines.captured)
    return lines


def _rows(chance: random.Random, variant: str, size: int) -> list[tuple[float, str, str]]:
    usual = CHAMPION if variant == "champion" else CANDIDATE
    version = chance.choice([usual] * 8 + [1, 2])
    return [(round(chance.random(), 6), chance.choice(DECISIONS), str(version)) for _ in range(size)]


def _tell(chance: random.Random, lines: Lines, request: str, row: int, at: datetime) -> None:
    names = [f"{request}#{row}"] + ([request] if row == 1 else [])
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        received = at + timedelta(milliseconds=chance.randrange(-600_000, 5_400_000))
        encoding = chance.choice(["CSV"] * 19 + ["BASE64"])
        lines.tell(chance.choice(names), chance.choice("01"), received, timed=chance.random() < 0.9, encoding=encoding)
    if chance.random() < 0.03:
        lines.outcomes.append((chance.choice(['{"eventMeta', "{}", "1"]), hour(at)))


@dataclass(frozen=True)
class Prediction:
    record: str
    row: int
    side: str
    at: str
    event: str
    decision: str


@dataclass
class Expected:
    """blocks, pairs: lists of Counters; traffic by (side, positive); requests by side; unreadable by table."""

    blocks: list[Counter[Any]]
    traffic: Counter[tuple[str, bool]]
    requests: Counter[str]
    unreadable: Counter[str]


def count(
    lines: Lines, stage: str, since: datetime, weighted_since: datetime, until: datetime, block_size: int
) -> Expected:
    """What experiment.sql has to find."""
    unreadable: Counter[str] = Counter()
    first: dict[tuple[str, str], Prediction] = {}
    predictions = _predictions(lines, stage, since, until, unreadable)
    for prediction in sorted(predictions, key=lambda each: (each.at, each.event, each.side)):
        first.setdefault((prediction.record, prediction.side if stage == "shadow" else ""), prediction)
    known: dict[str, tuple[str, str]] = {}
    for received, value, record in sorted(_outcomes(lines, since, until, unreadable)):
        known.setdefault(record, (received, value))
    units = []
    for record, (received, value) in known.items():
        right = {
            side: (prediction.decision == "approve") == (value == "0")
            for (name, _), prediction in first.items()
            for side in [prediction.side]
            if name == record
        }
        if stage == "shadow" and len(right) == 2:
            alike = right["champion"] == right["candidate"]
            units.append((received, record, "both" if alike else max(right, key=lambda side: right[side])))
        elif stage == "challenger" and right:
            [(side, success)] = right.items()
            units.append((received, record, (side, success)))
    ordered = [unit for _, _, unit in sorted(units, key=lambda unit: unit[:2])]
    recent = [prediction for prediction in first.values() if prediction.at >= iso(weighted_since)[:-1]]
    return Expected(
        [Counter(ordered[start : start + block_size]) for start in range(0, len(ordered), block_size)],
        Counter((prediction.side, prediction.decision == "approve") for prediction in recent),
        Counter(prediction.side for prediction in recent if prediction.row == 1),
        unreadable,
    )


def canonical(record: str) -> str:
    while record.endswith("#1"):
        record = record[:-2]
    return record


def _predictions(
    lines: Lines, stage: str, since: datetime, until: datetime, unreadable: Counter[str]
) -> Iterator[Prediction]:
    for line, variant, folder in lines.captured:
        if variant not in ("champion", stage) or not hour(since) <= folder <= hour(until):
            continue
        try:
            read = json.loads(line)
            metadata, output = read["eventMetadata"], read["captureData"]["endpointOutput"]
        except (ValueError, KeyError, TypeError):
            unreadable["captured"] += 1
            continue
        at = metadata["inferenceTime"][:-1] + ".000"
        if not iso(since.replace(microsecond=0))[:-1] <= at <= iso(until)[:-1]:
            continue
        if output["encoding"] == "JSON":
            rows = [(row["model_version"], row["decision"]) for row in json.loads(output["data"])["predictions"]]
        elif output["encoding"] == "CSV":
            rows = [(line.split(",")[2], line.split(",")[1]) for line in output["data"].splitlines()]
        else:
            unreadable["captured"] += 1
            continue
        for number, (version, decision) in enumerate(rows, 1):
            if side := {str(CHAMPION): "champion", str(CANDIDATE): "candidate"}.get(version):
                record = canonical(f"{metadata.get('inferenceId') or metadata['eventId']}#{number}")
                yield Prediction(record, number, side, at, metadata["eventId"], decision)


def _outcomes(
    lines: Lines, since: datetime, until: datetime, unreadable: Counter[str]
) -> Iterator[tuple[str, str, str]]:
    for line, folder in lines.outcomes:
        if not hour(since) <= folder <= hour(until):
            continue
        try:
            read = json.loads(line)
            record, truth = read["eventMetadata"]["eventId"], read["groundTruthData"]
        except (ValueError, KeyError, TypeError):
            unreadable["outcomes"] += 1
            continue
        if truth["encoding"] != "CSV":
            unreadable["outcomes"] += 1
            continue
        end_of_hour = datetime.strptime(folder, "%Y/%m/%d/%H").isoformat()[:13] + ":59:59.999"
        received = read["eventMetadata"].get("receivedAt", end_of_hour + "Z")[:-1]
        if iso(since)[:-1] <= received <= iso(until)[:-1]:
            yield received, truth["data"], canonical(record)
