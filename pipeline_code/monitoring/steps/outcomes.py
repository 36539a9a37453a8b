"""Judge windows whose outcomes have matured: model quality, calibration in the large, and bias by segment.

Predictions are joined (`distributed`) with the ground truth that had come in when they matured. A record counts
once, by its first answer. Only decisions whose outcomes become known take part in quality and calibration, and a
prediction without an outcome counts as `--missing-means` says, or not at all.
"""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import timedelta
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from monitoring import champion as champions
from monitoring import distributed, documents_read, labels, parts
from monitoring.champion import Baselines, MissingBaseline, understood, unjudged
from monitoring.collect import Captured
from monitoring.distributed import Matured
from monitoring.findings import (
    BIAS,
    CALIBRATION,
    EMPTY,
    MODEL_QUALITY,
    OUTCOME_MONITORS,
    TOO_FEW,
    Judgement,
)
from monitoring.model import BINARY, MonitoredModel
from monitoring.steps import job
from monitoring.steps import options as arguments
from monitoring.workers import Workers

Judged = Tuple[Judgement, parts.Documents]


def judge_quality(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import documents, quality

    baseline = baselines.get(champions.QUALITY_STATISTICS)
    limits = baselines.get(champions.QUALITY_CONSTRAINTS)
    section = quality.METRICS[model.problem].replace("_metrics", "_constraints")
    with understood(champions.QUALITY_CONSTRAINTS):
        if not documents_read.member(limits, section):
            raise ValueError(f"{section}: none")
    known = found.known
    outcomes, scores = known.outcomes, known.scores
    statistics = quality.statistics(
        model.problem,
        outcomes,
        None if np.isnan(scores).any() else scores,
        [labels.predicted(model, decision) for decision in known.decisions],
        model.positive,
    )
    with understood(champions.QUALITY_STATISTICS):
        judgement = quality.judge(model.problem, baseline, statistics, found.window, len(known))
    reasons: Counter[str] = Counter()
    violations = documents.model_quality_violations(limits, statistics, reasons)
    found.counts.update(unjudged(MODEL_QUALITY, reasons))
    return judgement, {
        "statistics.json": statistics,
        "constraints.json": limits,
        "constraint_violations.json": documents.violations_document(violations),
    }


def judge_calibration(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import calibration, documents

    baseline = baselines.get(champions.OUTCOMES)
    scores = found.known.scores
    happened = np.array([outcome == model.positive for outcome in found.known.outcomes], dtype=np.float64)
    scored = ~np.isnan(scores)
    with understood(champions.OUTCOMES):
        judgement = calibration.judge(baseline, scores[scored], happened[scored], found.window)
    return judgement, {"constraint_violations.json": documents.from_findings(judgement.findings)}


def judge_bias(found: Matured, model: MonitoredModel, baselines: Baselines) -> Judged:
    from monitoring import bias, documents

    baseline = baselines.get(champions.BIAS)
    with understood(champions.BIAS):
        if not bias.facets(baseline).intersection(found.groups.cells):
            raise ValueError("facets: none of the model's")
        judgement = bias.judge(baseline, found.groups, found.window)
    return judgement, {
        "analysis.json": bias.analysis(found.groups, "decision", model.favourable),
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
        rows = found.rows if monitor == BIAS else len(found.known)
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


def run(given: argparse.Namespace, clients: arguments.Clients, workers: Optional[Workers] = None) -> None:
    model, store = arguments.monitored(given.model), arguments.results(clients, given)
    champion = champions.find(clients.ssm, clients.sagemaker, given.champion_parameter)
    if champion is None:
        print("no champion is released yet: nothing to watch")
        return
    baselines, part = Baselines(clients.s3, champion), parts.Part(parts.OUTCOMES, champion.version)
    captured = Captured(clients.s3, given.capture, given.endpoint)
    workers = workers or arguments.one_process(clients)
    now = arguments.scheduled_time(given.scheduled)
    matures = timedelta(days=given.matures_after_days, minutes=given.delay_minutes)
    for window in arguments.outcome_windows(given):
        # Judged later than the schedule does, a window knows no more than then: nor do the baselines.
        until = min(now, window.end + matures)
        found = distributed.follow(workers, captured, window, model, champion.version, until, given.missing_means)
        for judgement, documents in judge(found, model, baselines, given.min_rows, part.skipped):
            parts.write_judgement(store, champion.version, judgement, documents)
            part.judgements.append(judgement)
        part.windows[str(window)] = {"rows": found.rows, "known": len(found.known), **found.counts}
        print(f"{window}: {found.rows} predictions, {len(found.known)} with a known outcome")
    parts.write_part(store, given.execution, part)
    print("\n".join(parts.lines(part)))


def main(argv: Optional[Sequence[str]] = None, workers: Optional[Workers] = None) -> None:
    run(options().parse_args(argv), arguments.Clients.make(), workers)


if __name__ == "__main__":
    job.run(main)
