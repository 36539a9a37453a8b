"""Say what the windows of this run, with those before them, amount to: report, metrics, one event.

Confirmation looks at the newest judged windows of the version, whichever run judged them. The event carries the id of
the run, so that whoever gets it twice can tell.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence

from monitoring import champion as champions
from monitoring import emit, findings, parts, store
from monitoring.champion import Baselines, MissingBaseline
from monitoring.findings import (
    ATTRIBUTION,
    DATA_QUALITY,
    EMPTY,
    INPUT_MONITORS,
    JUDGED,
    MONITORS,
    TOO_FEW,
    Confirmation,
    Judgement,
    Window,
)
from monitoring.parts import Part
from monitoring.report import html
from monitoring.steps import job
from monitoring.steps import options as arguments
from monitoring.store import Store

SHOWN = 24
"""Windows of each monitor that the report shows."""


def confirmations(history: Sequence[Judgement], breaches: int, of: int) -> List[Confirmation]:
    return [findings.confirm(history, monitor, breaches, of) for monitor in MONITORS]


def counts(found: Sequence[Part]) -> Dict[str, int]:
    """What was counted over all windows of the run.

    Both steps count captured lines, often of other windows; the inputs' are told where there are any, since their
    windows are the newest.
    """
    total: Counter[str] = Counter()
    for part in sorted(found, key=lambda each: each.step == parts.INPUTS):
        own: Counter[str] = Counter()
        for window in part.windows.values():
            own.update(window)
        if part.windows:
            total = Counter({**total, **own})
        total["no_baseline"] += len(part.skipped)
    return dict(total)


def statuses(found: Sequence[Part]) -> Dict[str, int]:
    """How many windows were judged by some monitor, had too few rows for all of them, or none."""
    total = Counter({JUDGED: 0, TOO_FEW: 0, EMPTY: 0})
    for part in found:
        for window in part.windows:
            said = {each.status for each in part.judgements if str(each.window) == window}
            total[next((status for status in (JUDGED, TOO_FEW) if status in said), EMPTY)] += 1
    return dict(total)


def current(made: Sequence[Judgement], history: Sequence[Judgement]) -> List[Judgement]:
    """Of each monitor the newest judgement of this run, if it is of the newest window that was judged at all.

    Metrics carry the time of the run: windows of last week that are judged today must neither ring nor silence an
    alarm that is about yesterday.
    """
    judged = [each for each in history if each.status == JUDGED]
    return [each for each in parts.newest(made).values() if _is_newest(each.window, judged, [each.monitor])]


def _is_newest(window: Window, history: Sequence[Judgement], monitors: Sequence[str]) -> bool:
    return all(each.window.end <= window.end for each in history if each.monitor in monitors)


def figures(found: Sequence[Part], history: Sequence[Judgement]) -> Dict[str, float]:
    """Metrics of the run itself; rows are those of the newest window of inputs, if none with rows is newer."""
    values = {emit.WINDOWS_JUDGED: float(statuses(found)[JUDGED])}
    filled = [each for each in history if each.rows]
    for part in found:
        if part.step == parts.INPUTS and part.windows:
            newest = max(map(Window.read, part.windows), key=findings.recency)
            if _is_newest(newest, filled, INPUT_MONITORS):
                values[emit.ROWS] = float(part.windows[str(newest)]["rows"])
            values[emit.UNREADABLE] = float(sum(each.get("unreadable", 0) for each in part.windows.values()))
    return values


def subjects(history: Sequence[Judgement], said: Sequence[Confirmation]) -> Dict[str, Any]:
    """What breached, by monitor, in the windows that its confirmation looked at."""
    return {
        each.monitor: findings.subjects(
            [judged for judged in history if judged.monitor == each.monitor and judged.window in each.windows]
        )
        for each in said
    }


def options() -> argparse.ArgumentParser:
    parser = arguments.common("Report what the windows amount to")
    parser.add_argument("--breaches", type=int, required=True, help="windows that must breach")
    parser.add_argument("--of", type=int, required=True, help="newest judged windows that are looked at")
    parser.add_argument("--schedule-name", required=True, help="dimension MonitoringSchedule of the metrics")
    parser.add_argument("--bus", default="default", help="event bus of the run's event")
    parser.add_argument("--environment", required=True)
    parser.add_argument("--public-model", required=True, help="the model's name outside of the code")
    return parser


def run(given: argparse.Namespace, clients: arguments.Clients, cloudwatch: Any, events: Any) -> None:
    results = arguments.results(clients, given)
    champion = champions.find(clients.ssm, clients.sagemaker, given.champion_parameter)
    found = _parts(results, champion.version, given.execution) if champion else []
    if champion is None or not found:
        print("nothing was watched in this run, since no champion was released when it began")
        emit.put_metrics(cloudwatch, {emit.DEGRADATION: 0.0}, given.endpoint, given.schedule_name)
        return
    made = [judgement for part in found for judgement in part.judgements]
    history = parts.history(results, champion.version, max(given.of, SHOWN))
    said = confirmations(history, given.breaches, given.of)
    key = parts.report_key(champion.version, given.execution)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = {
        "model": given.public_model,
        "environment": given.environment,
        "endpoint": given.endpoint,
        "version": champion.version,
        "run": given.execution,
        "made": now,
        "windows": sorted({window for part in found for window in part.windows}),
        "judgements": [each.document() for each in history],
        "confirmations": [_document(each) for each in said],
        "counts": counts(found),
        "skipped": {monitor: why for part in found for monitor, why in part.skipped.items()},
        **_pictures(results, champion.version, Baselines(clients.s3, champion), made),
    }
    results.write_text(key, html(page), store.HTML)
    confirmed = [each.monitor for each in said if each.confirmed]
    latest = {"version": champion.version, "report": results.uri(key), "confirmed": confirmed, "at": now}
    results.write(parts.LATEST, {**latest, "run": given.execution})
    values = emit.metrics(current(made, history), said, figures(found, history))
    emit.put_metrics(cloudwatch, values, given.endpoint, given.schedule_name)
    emit.put_event(events, given.bus, detail(given, champion.version, results.uri(key), found, said, history))
    print(f"version {champion.version}: {_sentence(said)}; report {results.uri(key)}")


def detail(
    given: argparse.Namespace,
    version: str,
    report: str,
    found: Sequence[Part],
    said: Sequence[Confirmation],
    history: Sequence[Judgement],
) -> Dict[str, Any]:
    """The run's event."""
    made = [judgement for part in found for judgement in part.judgements]
    skipped = {monitor: "no baseline" for part in found for monitor in part.skipped}
    return {
        "environment": given.environment,
        "model": given.public_model,
        "endpoint": given.endpoint,
        "version": version,
        "run": given.execution,
        "report": report,
        "windows": statuses(found),
        "monitors": emit.monitors(made, said, skipped, subjects(history, said)),
        "degradation": emit.is_degraded(said),
        "counts": counts(found),
    }


def _parts(results: Store, version: str, execution: str) -> List[Part]:
    read = (parts.read_part(results, version, execution, step) for step in (parts.INPUTS, parts.OUTCOMES))
    return [part for part in read if part is not None]


def _document(said: Confirmation) -> Dict[str, Any]:
    return {**asdict(said), "windows": [str(window) for window in said.windows]}


def _pictures(results: Store, version: str, baselines: Baselines, made: Sequence[Judgement]) -> Dict[str, Any]:
    """What the report draws beside judgements: distributions, and what predictions rest on."""
    judged = [each for each in made if each.status == JUDGED]
    statistics = {
        str(each.window): parts.window_document(results, version, each.window, DATA_QUALITY, "statistics.json")
        for each in judged
        if each.monitor == DATA_QUALITY
    }
    drawn: Dict[str, Any] = {"statistics": statistics, "baseline_statistics": None, "charts": {}}
    if statistics:
        drawn["baseline_statistics"] = _told(baselines, champions.DATA_STATISTICS)
    explained = parts.newest(judged).get(ATTRIBUTION)
    if explained:
        before = attributions(_told(baselines, champions.ATTRIBUTION))
        now = parts.window_document(results, version, explained.window, ATTRIBUTION, "analysis.json")
        shown = {"baseline": before, "current": attributions(now), "window": str(explained.window)}
        drawn["charts"] = {ATTRIBUTION: shown}
    return drawn


def _told(baselines: Baselines, name: str) -> Optional[Mapping[str, Any]]:
    try:
        return baselines.get(name)
    except MissingBaseline:
        return None


def attributions(analysis: Optional[Mapping[str, Any]]) -> Dict[str, float]:
    """Global SHAP value by feature of Clarify's analysis.json, of its first method and label; {} for another form."""
    try:
        for labels in (analysis or {}).get("explanations", {}).values():
            for explained in labels.values():
                return {str(name): float(value) for name, value in explained.get("global_shap_values", {}).items()}
    except (AttributeError, TypeError, ValueError):
        pass  # the monitor itself has said that it cannot use this baseline
    return {}


def _sentence(said: Sequence[Confirmation]) -> str:
    confirmed = [f"{each.monitor} ({each.breached} of {each.judged} windows)" for each in said if each.confirmed]
    return f"confirmed {', '.join(confirmed)}" if confirmed else "nothing confirmed"


def main(argv: Optional[Sequence[str]] = None) -> None:
    given = options().parse_args(argv)
    import boto3

    run(given, arguments.Clients.make(), boto3.client("cloudwatch"), boto3.client("events"))


if __name__ == "__main__":
    job.run(main)
