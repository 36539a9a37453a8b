"""Captured files of a folder, read in units so small that there are several."""

from pathlib import Path

import pytest

from bench import monitoring_files
from bench.monitored import MODEL
from bench.monitoring_files import ENDPOINT, VERSION, WINDOW, FolderS3
from monitoring import distributed
from monitoring.collect import Captured
from monitoring.distributed import Matured, Seen
from monitoring.workers import Workers

ROWS = 3000
UNIT_BYTES = 200_000
PARTITION_BYTES = 500_000


def make(folder: Path) -> FolderS3:
    monitoring_files.write(folder, ROWS)
    return FolderS3(folder)


def see(workers: Workers, s3: FolderS3) -> Seen:
    return distributed.see(workers, Captured(s3, "s3://capture/loans", ENDPOINT), WINDOW, MODEL, VERSION)


def follow(workers: Workers, s3: FolderS3, missing_means: str = "") -> Matured:
    captured = Captured(s3, "s3://capture/loans", ENDPOINT)
    return distributed.follow(workers, captured, WINDOW, MODEL, VERSION, monitoring_files.until(), missing_means)


def in_small_parts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(distributed, "UNIT_BYTES", UNIT_BYTES)
    patch.setattr(distributed, "PARTITION_BYTES", PARTITION_BYTES)


def same_inputs(one: Seen, other: Seen) -> bool:
    return (one.summary.statistics(), one.counts, one.sample) == (
        other.summary.statistics(),
        other.counts,
        other.sample,
    )


def same_outcomes(one: Matured, other: Matured) -> bool:
    def told(found: Matured) -> tuple[object, ...]:
        known = found.known
        return known.decisions, known.outcomes, known.scores.tolist(), found.rows, found.groups, found.counts

    return told(one) == told(other)
