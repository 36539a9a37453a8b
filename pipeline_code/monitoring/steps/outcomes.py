"""Judge windows whose outcomes have matured: model quality, calibration in the large, and bias by segment.

Predictions are joined with the ground truth that has come in by the time of the run. A record counts once, by its
first answer. Only decisions whose outcomes become known take part in quality and calibration, and a prediction without
an outcome counts as `--missing-means` says, or not at all.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from monitoring import champion as champions
from monitoring import labels, parts, truth
from monitoring.capture import Counts, Prediction
from monitoring.champion import Baselines, MissingBaseline, understood
from monitoring.collect import Captured
from monitoring.findings import (
    BIAS,
    CALIBRATION,
    EMPTY,
    MODEL_QUALITY,
    OUTCOME_MONITORS,
    TOO_FEW,
    Judgement,
    Window,
)
from monitoring.model import BINARY, MonitoredModel
from monitoring.steps import job
from monitoring.steps import options as arguments


class Known(NamedTuple):
    """A prediction and what became of it."""

    decision: str
    score: Optional[float]
    outcome: str


@dataclass
class Matured:
    """Predictions of one window with what became of them, one entry each; outcomes are None where that is not known."""

    window: Window
    decisions: List[str] = field(default_factory=list)
    scores: List[Optional[float]] = field(default_factory=list)
    facets: List[Tuple[Any, ...]] = field(default_factory=list)
    """Values of the inputs that facets name, in the order of the model's facets."""
    outcomes: List[Optional[str]] = field(default_factory=list)
    counts: Dict[str, int] = field(default_factory=dict)

    @property
    def known(self) -> List[Known]:
        """Those with an outcome."""
        return [
            Known(self.decisions[place], self.scores[place], outcome)
            for place, outcome in enumerate(self.outcomes)
            if outcome is not None
        ]


def collect_window(
    captured: Captured, window: Window, model: MonitoredModel, version: str, until: datetime, missing_means: str
) -> Matured:
    """The window's predictions joined with their outcomes; memory grows with the predictions of one window."""
    found, reading = Matured(window), Counts()
    first: Dict[str, Tuple[datetime, int]] = {}
    duplicates = 0
    for prediction in captured.predictions(window, model, version, reading):
        known = first.get(prediction.record)
        if known is not None:
            duplicates += 1
            if known[0] <= prediction.at:
                continue
        place = known[1] if known is not None else len(found.decisions)
        first[prediction.record] = (prediction.at, place)
        _put(found, place, prediction, model)
    truths = truth.Counts()
    outcomes = captured.outcomes(first, window.start, until, truths)
    found.outcomes = [outcomes.get(record) for record in first]
    matched = sum(outcome is not None for outcome in found.outcomes)
    missing = 0
    for place, decision in enumerate(found.decisions):
        if not labels.is_followed(model, decision):
            found.outcomes[place] = None
        elif found.outcomes[place] is None:
            missing += 1
            found.outcomes[place] = missing_means or None
    found.counts = {
        **reading.document(),
        "duplicates": duplicates,
        "matched": matched,
        "without_outcome": missing,
        "outcome_lines": truths.lines,
        "unreadable_outcomes": truths.unreadable,
    }
    return found


def _put(found: Matured, place: int, prediction: Prediction, model: MonitoredModel) -> None:
    """Lay a prediction at its place, which is the end unless an earlier answer to the same record turned up later."""
    found.decisions[place : place + 1] = [prediction.answer.label]
    found.scores[place : place + 1] = [prediction.answer.score]
    found.facets[place : place + 1] = [tuple(prediction.row.get(facet.name) for facet in model.facets)]


Judged = Tuple[Judgement, parts.Documents]


def judge_quality(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import documents, quality

    baseline = baselines.get(champions.QUALITY_STATISTICS)
    limits = baselines.get(champions.QUALITY_CONSTRAINTS)
    known = found.known
    scores = [each.score for each in known if each.score is not None]
    statistics = quality.statistics(
        model.problem,
        [each.outcome for each in known],
        scores if len(scores) == len(known) else None,
        [labels.predicted(model, each.decision) for each in known],
        model.positive,
    )
    with understood(champions.QUALITY_STATISTICS):
        judgement = quality.judge(model.problem, baseline, statistics, found.window, len(known))
    violations = documents.model_quality_violations(limits, statistics)
    return judgement, {
        "statistics.json": statistics,
        "constraints.json": limits,
        "constraint_violations.json": documents.violations_document(violations),
    }


def judge_calibration(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import calibration, documents

    baseline = baselines.get(champions.OUTCOMES)
    scored = [(each.score, float(each.outcome == model.positive)) for each in found.known if each.score is not None]
    scores, happened = [score for score, _ in scored], [event for _, event in scored]
    with understood(champions.OUTCOMES):
        judgement = calibration.judge(baseline, scores, happened, found.window)
    return judgement, {"constraint_violations.json": documents.from_findings(judgement.findings)}


def judge_bias(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import bias, documents

    baseline = baselines.get(champions.BIAS)
    columns = {facet.name: [row[place] for row in found.facets] for place, facet in enumerate(model.facets)}
    hoped_for = [None if outcome is None else labels.is_hoped_for(model, outcome) for outcome in found.outcomes]
    favourable = [decision == model.favourable for decision in found.decisions]
    counts = bias.counts(model.facets, columns, favourable, hoped_for)
    with understood(champions.BIAS):
        judgement = bias.judge(baseline, counts, found.window)
    return judgement, {
        "analysis.json": bias.analysis(counts, "decision", model.favourable),
        "constraint_violations.json": documents.from_findings(judgement.findings),
    }


_JUDGES: Dict[str, Callable[[Matured, MonitoredModel, Baselines], Judged]] = {
    MODEL_QUALITY: judge_quality,
    CALIBRATION: judge_calibration,
    BIAS: judge_bias,
}


def judge(
    found: Matured, model: MonitoredModel, baselines: Baselines, min_rows: int, skipped: Dict[str, str]
) -> List[Judged]:
    """One judgement a monitor that has something to compare with; why one has not goes into `skipped`."""
    judged: List[Judged] = []
    for monitor in OUTCOME_MONITORS:
        if not _concerns(monitor, model):
            continue
        # Bias looks at decisions, of which there is one a prediction; the others at outcomes.
        rows = len(found.decisions) if monitor == BIAS else len(found.known)
        if rows < max(min_rows, 1):
            judged.append((Judgement(monitor, found.window, TOO_FEW if rows else EMPTY, rows), {}))
            continue
        try:
            judged.append(_JUDGES[monitor](found, model, baselines))
        except MissingBaseline as error:
            skipped[monitor] = str(error)
    return judged


def _concerns(monitor: str, model: MonitoredModel) -> bool:
    """Calibration is of probabilities, and bias of groups that the model names."""
    if monitor == CALIBRATION:
        return model.problem == BINARY
    return monitor != BIAS or bool(model.facets)


def options() -> argparse.ArgumentParser:
    parser = arguments.with_windows(arguments.common("Judge windows whose outcomes have matured"))
    parser.add_argument("--matures-after-days", type=int, required=True)
    parser.add_argument("--missing-means", default="", help="what no outcome means by then; empty: not counted")
    return parser


def run(given: argparse.Namespace, clients: arguments.Clients) -> None:
    model, store = arguments.monitored(given.model), arguments.results(clients, given)
    champion = champions.find(clients.ssm, clients.sagemaker, given.champion_parameter)
    if champion is None:
        print("no champion is released yet: nothing to watch")
        return
    baselines, part = Baselines(clients.s3, champion), parts.Part(parts.OUTCOMES, champion.version)
    captured = Captured(clients.s3, given.capture, given.endpoint)
    until = arguments.scheduled_time(given.scheduled)
    for window in arguments.outcome_windows(given):
        found = collect_window(captured, window, model, champion.version, until, given.missing_means)
        part.windows[str(window)] = {"rows": len(found.decisions), "known": len(found.known), **found.counts}
        for judgement, documents in judge(found, model, baselines, given.min_rows, part.skipped):
            parts.write_judgement(store, champion.version, judgement, documents)
            part.judgements.append(judgement)
        print(f"{window}: {len(found.decisions)} predictions, {len(found.known)} with a known outcome")
    parts.write_part(store, given.execution, part)
    print("\n".join(parts.lines(part)))


def main(argv: Optional[Sequence[str]] = None) -> None:
    run(options().parse_args(argv), arguments.Clients.make())


if __name__ == "__main__":
    job.run(main)
