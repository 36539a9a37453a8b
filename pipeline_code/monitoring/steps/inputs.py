"""Judge windows of captured predictions by their inputs: data quality, data drift, and what predictions rest on.

Each captured file is read once, in batches, into a summary of bounded size, by one process or by several machines
(`distributed`); the attribution is that of a sample.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
import zlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from monitoring import champion as champions
from monitoring import collect, distributed, documents_read, parts
from monitoring.champion import Baselines, Champion, MissingBaseline, understood, unjudged
from monitoring.collect import Captured
from monitoring.constraint_checks import NOT_COMPARABLE, Breach, breaches
from monitoring.distributed import Seen
from monitoring.documents_read import EXTRA_COLUMN, MISSING_COLUMN
from monitoring.findings import (
    ATTRIBUTION,
    DATA_DRIFT,
    DATA_QUALITY,
    EMPTY,
    INPUT_MONITORS,
    JUDGED,
    TOO_FEW,
    Finding,
    Judgement,
)
from monitoring.model import MonitoredModel
from monitoring.steps import job
from monitoring.steps import options as arguments
from monitoring.summary import Summary
from monitoring.workers import Workers

NON_NULL = "feature_non_null_"
"""Model Monitor's name of a feature's completeness (developer guide: "CloudWatch metrics for monitoring")."""

EXTRA_SHARE = 0.5
"""A column that the model does not know is told of where more than this share of the rows have it."""

_UNREADABLE = (ValueError, KeyError, OSError, EOFError, zlib.error, tarfile.TarError)
"""What an archive raises that is none, or that holds no model which today's code can read."""

Judged = Tuple[Judgement, parts.Documents]


class Judges:
    """The monitors of inputs with the champion's baselines; its model is fetched when it has to explain something."""

    def __init__(self, s3: Any, champion: Champion, model: MonitoredModel, work: Path) -> None:
        self._s3, self._champion, self._model, self._work = s3, champion, model, work
        self._baselines = Baselines(s3, champion)
        self._folder: Optional[Path] = None

    def judge(self, seen: Seen, min_rows: int, skipped: Dict[str, str], counts: Dict[str, int]) -> List[Judged]:
        """One judgement a monitor that has something to compare with; why one has not goes into `skipped`.

        What could not be judged of a baseline is added to `counts`.
        """
        if seen.rows < max(min_rows, 1):
            status = TOO_FEW if seen.rows else EMPTY
            return [(Judgement(monitor, seen.window, status, seen.rows), {}) for monitor in INPUT_MONITORS]
        judged = []
        quality = partial(self.quality, counts=counts)
        for monitor, judge in ((DATA_QUALITY, quality), (DATA_DRIFT, self.drift), (ATTRIBUTION, self.attribution)):
            try:
                judged.append(judge(seen))
            except MissingBaseline as error:
                skipped[monitor] = str(error)
        return judged

    def quality(self, seen: Seen, counts: Dict[str, int]) -> Judged:
        """The rules of constraints.json, without its own check of drift, which does not see most shifts."""
        from monitoring import documents

        limits = self._baselines.get(champions.DATA_CONSTRAINTS)
        with understood(champions.DATA_CONSTRAINTS):
            if not documents_read.features(limits):
                raise ValueError("features: none is named")
        statistics = seen.summary.statistics()
        reasons: Counter[str] = Counter()
        found = breaches(limits, _with_unknown(statistics, seen.summary), None, reasons)
        del reasons[NOT_COMPARABLE]  # without the baseline's statistics no distribution is
        counts.update(unjudged(DATA_QUALITY, reasons))
        findings = tuple(map(_finding, found))
        breached = any(finding.breaches for finding in findings)
        metrics = _completeness(statistics)
        judgement = Judgement(DATA_QUALITY, seen.window, JUDGED, seen.rows, findings, breached, metrics)
        return judgement, {
            "statistics.json": statistics,
            "constraints.json": limits,
            "constraint_violations.json": documents.from_findings(judgement.findings),
        }

    def drift(self, seen: Seen) -> Judged:
        from monitoring import documents, drift

        with understood(champions.DRIFT_CALIBRATION):
            calibration = drift.Calibration.read(self._baselines.get(champions.DRIFT_CALIBRATION))
        with understood(champions.DATA_STATISTICS):
            baseline = Summary.read(self._baselines.get(champions.DATA_STATISTICS), self._model.features)
        judgement = drift.judge(baseline, calibration, seen.summary, seen.window)
        return judgement, {"constraint_violations.json": documents.from_findings(judgement.findings)}

    def attribution(self, seen: Seen) -> Judged:
        """Raises MissingBaseline also for a model that cannot be explained, or not by today's code."""
        from monitoring import attribution, documents

        if self._model.explain is None:
            raise MissingBaseline("the model's monitor.py has nothing that explains a prediction")
        baseline = self._baselines.get(champions.ATTRIBUTION)
        try:
            if self._folder is None:
                self._folder = self._champion.fetch_model(self._s3, self._work)
            if self._folder is None:
                raise MissingBaseline(f"version {self._champion.version} has no model.tar.gz")
            explanation = self._model.explain(self._folder, collect.columns(seen.sample))
        except _UNREADABLE as error:
            raise MissingBaseline(f"version {self._champion.version} cannot be explained: {error}") from None
        if not len(explanation.contributions):
            raise MissingBaseline("no row of the window can be explained")
        with understood(champions.ATTRIBUTION):
            judgement = attribution.judge(baseline, explanation, seen.window)
        return judgement, {
            "analysis.json": attribution.analysis(explanation),
            "constraint_violations.json": documents.from_findings(judgement.findings),
        }


def _with_unknown(statistics: Mapping[str, Any], summary: Summary) -> Dict[str, Any]:
    """The statistics with the columns that are no features but usual in these rows, of which nothing else is known."""
    usual = [{"name": name, "inferred_type": "Unknown"} for name in summary.usual_unknown(EXTRA_SHARE)]
    return {**statistics, "features": [*statistics["features"], *usual]}


def _finding(breach: Breach) -> Finding:
    """A broken rule: there is no chance in it, and one is too many.

    But columns too many are no fault: a model ignores what it does not know, so that versions with different inputs
    can share traffic.
    """
    is_extra = breach.check == EXTRA_COLUMN
    rule = "" if breach.check in (EXTRA_COLUMN, MISSING_COLUMN) else f", {_words(breach.check)}"
    text = f"{breach.feature}{rule}: {breach.description}"
    if is_extra:
        text += ". Nothing is judged by them: for information"
    return Finding(
        monitor=DATA_QUALITY,
        subject=breach.feature,
        check=breach.check,
        value=breach.value,
        threshold=breach.threshold,
        p_value=None,
        significant=True,
        large=not is_extra,
        text=text,
    )


def _words(check: str) -> str:
    """`completeness_check` is completeness."""
    return " ".join(check.split("_")[:-1])


def _completeness(statistics: Mapping[str, Any]) -> Dict[str, float]:
    """Share of rows that have a value, by feature."""
    shares = {}
    for feature in statistics["features"]:
        described = feature.get("numerical_statistics") or feature.get("string_statistics") or {}
        common = described.get("common", {})
        present, missing = common.get("num_present", 0), common.get("num_missing", 0)
        if present + missing:
            shares[f"{NON_NULL}{feature['name']}"] = present / (present + missing)
    return shares


def options() -> argparse.ArgumentParser:
    return arguments.with_windows(arguments.common("Judge windows of captured predictions by their inputs"))


def run(given: argparse.Namespace, clients: arguments.Clients, workers: Optional[Workers] = None) -> None:
    model, store = arguments.monitored(given.model), arguments.results(clients, given)
    champion = champions.find(clients.ssm, clients.sagemaker, given.champion_parameter)
    if champion is None:
        print("no champion is released yet: nothing to watch")
        return
    part = parts.Part(parts.INPUTS, champion.version)
    captured = Captured(clients.s3, given.capture, given.endpoint)
    workers = workers or arguments.one_process(clients)
    with tempfile.TemporaryDirectory() as work:
        judges = Judges(clients.s3, champion, model, Path(work))
        for window in arguments.input_windows(given):
            seen = distributed.see(workers, captured, window, model, champion.version)
            counts = part.windows[str(window)] = {"rows": seen.rows, **seen.counts.document()}
            for judgement, documents in judges.judge(seen, given.min_rows, part.skipped, counts):
                parts.write_judgement(store, champion.version, judgement, documents)
                part.judgements.append(judgement)
    parts.write_part(store, given.execution, part)
    print("\n".join(parts.lines(part)))


def main(argv: Optional[Sequence[str]] = None, workers: Optional[Workers] = None) -> None:
    run(options().parse_args(argv), arguments.Clients.make(), workers)


if __name__ == "__main__":
    job.run(main)
