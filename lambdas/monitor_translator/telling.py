"""What one execution amounts to together with those before it: figures for the alarms, an event, a page. Pure.

As pipeline_code/monitoring/emit.py and steps/report.py have them: alarms, dashboard and retraining cannot tell which
engine spoke.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judging import EMPTY, JUDGED, MONITORS, TOO_FEW

NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
SOURCE, DETAIL_TYPE = "mlops.monitoring", "Model Monitoring Run Completed"
DEGRADING = ("model_quality", "calibration")
DEGRADATION, ROWS, WINDOWS_JUDGED = "degradation_confirmed", "rows", "windows_judged"
RUN_SUCCEEDED, RUN_FAILED = "run_succeeded", "run_failed"
"""Of this engine alone: a pipeline's runs have metrics of their own (constructs/mlops_constructs/model_monitor.py)."""
MOST_SUBJECTS = 20

Document = Mapping[str, Any]
"""Of a judgement."""


@dataclass(frozen=True)
class Confirmation:
    """How many of the newest judged windows of one monitor breached, and whether that is enough."""

    monitor: str
    confirmed: bool
    breached: int
    judged: int
    subjects: tuple[str, ...]


def confirm(judgements: Iterable[Document], monitor: str, breaches: int, of: int) -> Confirmation:
    """Of the newest `of` judged windows of `monitor` that are apart; a window counts once, as it was judged last."""
    latest = {each["window"]: each for each in judgements if each["monitor"] == monitor and each["status"] == JUDGED}
    newest = [latest[window] for window in apart(latest, of)]
    count = sum(bool(each["breached"]) for each in newest)
    subjects = Counter(finding["subject"] for each in newest for finding in each["findings"])
    ordered = sorted(subjects, key=lambda subject: (-subjects[subject], subject))
    return Confirmation(monitor, count >= breaches, count, len(newest), tuple(ordered[:MOST_SUBJECTS]))


def apart(windows: Iterable[str], most: int) -> list[str]:
    """At most so many of `start/end`, oldest first: from the newest on, each that ends before those taken begin.

    As pipeline_code/monitoring/findings.py has it: windows that overlap are one piece of evidence.
    """
    taken: list[str] = []
    begin = ""
    for end, start in sorted((tuple(window.split("/")[::-1]) for window in windows), reverse=True):
        if len(taken) == most:
            break
        if not begin or end <= begin:  # texts of times sort as the times do
            taken.append(f"{start}/{end}")
            begin = start
    return taken[::-1]


def confirmations(judgements: Sequence[Document], breaches: int, of: int) -> list[Confirmation]:
    return [confirm(judgements, monitor, breaches, of) for monitor in MONITORS]


def is_degraded(said: Iterable[Confirmation]) -> bool:
    return any(each.confirmed for each in said if each.monitor in DEGRADING)


def figures(part: Mapping[str, Any], said: Sequence[Confirmation]) -> dict[str, float]:
    """Names and values of CloudWatch metrics. part: of `part_of`."""
    values: dict[str, float] = {}
    for judgement in part["judgements"]:
        if judgement["status"] == JUDGED:
            values |= judgement["metrics"]
            values[f"{judgement['monitor']}_breached"] = float(judgement["breached"])
        if judgement["monitor"] == "data_quality" and judgement["status"] in (JUDGED, TOO_FEW, EMPTY):
            values[ROWS] = float(judgement["rows"])
    values[WINDOWS_JUDGED] = float(any(each["status"] == JUDGED for each in part["judgements"]))
    values |= {f"{each.monitor}_confirmed": float(each.confirmed) for each in said}
    values[DEGRADATION] = float(is_degraded(said))
    # Nothing captured and no baseline are answers; a job that failed, or left nothing that can be read, is none.
    answered = all(each["status"] in (JUDGED, TOO_FEW, EMPTY) for each in part["judgements"])
    values[RUN_SUCCEEDED if answered else RUN_FAILED] = 1.0
    return values


def part_of(
    version: str, window: str, judgements: Sequence[Document], skipped: Mapping[str, str], counts: Mapping[str, int]
) -> dict[str, Any]:
    """What one execution was, as pipeline_code/monitoring/parts.py keeps what a step did."""
    rows = max((each["rows"] for each in judgements), default=0)
    return {
        "step": "model-monitor",
        "version": version,
        "windows": {window: {"rows": rows, **counts}},
        "skipped": dict(skipped),
        "judgements": list(judgements),
    }


def detail(
    about: Mapping[str, str], run: str, report: str, part: Mapping[str, Any], said: Sequence[Confirmation]
) -> dict[str, Any]:
    """The event's. about: environment, model, endpoint and version."""
    made = {each["monitor"]: each for each in part["judgements"]}
    [counts] = part["windows"].values()
    statuses = {each["status"] for each in made.values()}
    return {
        **about,
        "run": run,
        "report": report,
        "windows": {status: int(status in statuses) for status in (JUDGED, TOO_FEW, EMPTY)},
        "monitors": {each.monitor: _entry(each, made.get(each.monitor), part["skipped"]) for each in said},
        "degradation": is_degraded(said),
        "counts": {**counts, "no_baseline": len(part["skipped"])},
    }


def _entry(said: Confirmation, judged: Document | None, skipped: Mapping[str, str]) -> dict[str, Any]:
    status = judged["status"] if judged else "no baseline" if said.monitor in skipped else "not run"
    return {
        "status": status,
        "breached": bool(judged and judged["breached"]),
        "confirmed": said.confirmed,
        "breaches": said.breached,
        "windows": said.judged,
        "subjects": list(said.subjects),
    }


def page(title: str, part: Mapping[str, Any], said: Sequence[Confirmation], documents: str) -> str:
    """A report without pictures: what was judged, what breached, what is confirmed, what was odd."""
    rows = [_row(each) for each in part["judgements"]]
    skipped = [f"<li>{_shown(name)}: skipped, {_shown(why)}</li>" for name, why in part["skipped"].items()]
    [counts] = part["windows"].values()
    counted = [f"<li>{_shown(name)}: {value}</li>" for name, value in counts.items()]
    confirmed = [
        f"<li>{_shown(each.monitor)}: {'confirmed' if each.confirmed else 'not confirmed'}, {each.breached} of "
        f"{each.judged} windows</li>"
        for each in said
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_shown(title)}</title><h1>{_shown(title)}</h1>'
        f"<p>Judged by SageMaker Model Monitor; its documents: {_shown(documents)}</p>"
        "<table><tr><th>Monitor</th><th>Window</th><th>Status</th><th>Rows</th><th>Violations</th></tr>"
        f"{''.join(rows)}</table><h2>Confirmation</h2><ul>{''.join(confirmed)}</ul>"
        f"<h2>Counted</h2><ul>{''.join([*skipped, *counted])}</ul></html>\n"
    )


def _row(judgement: Document) -> str:
    violations = "<br>".join(_shown(finding["text"]) for finding in judgement["findings"]) or "none"
    cells = [_shown(judgement[name]) for name in ("monitor", "window", "status", "rows")]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in [*cells, violations])}</tr>"


def _shown(text: object) -> str:
    return html.escape(str(text))
