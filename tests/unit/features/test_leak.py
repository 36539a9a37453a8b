"""Labels that are pure noise: a feature of what was known at the time tells nothing, one of what came later a lot.

The feature is a bank's share of loans that went bad. Joined naively, it counts the very loan that it is to predict.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from features import moments
from monitoring.auc import auc
from tests.unit.features.histories import NOON, NOTHING, Row, Store, Stored

BANKS, LOANS, DAYS = 80, 1200, 1000
UNTIL_KNOWN = timedelta(days=180)


@pytest.fixture(scope="module")
def labels() -> NDArray[np.int64]:
    return np.random.default_rng(5).integers(0, 2, LOANS)


@pytest.fixture(scope="module")
def loans() -> list[tuple[str, datetime]]:
    """Bank and time of approval, oldest first."""
    draw = np.random.default_rng(11)
    times = NOON + np.sort(draw.uniform(0, DAYS, LOANS)) * np.array(timedelta(days=1))
    return [(f"bank-{draw.integers(BANKS)}", at.replace(microsecond=0)) for at in times]


@pytest.fixture(scope="module")
def store(loans: list[tuple[str, datetime]], labels: NDArray[np.int64]) -> Store:
    made, records = Store(), []
    counts: dict[str, tuple[int, int]] = {}
    for (bank, approved), label in zip(loans, labels, strict=True):
        known, bad = counts.get(bank, (0, 0))
        counts[bank] = known, bad = known + 1, bad + int(label)
        at = approved + UNTIL_KNOWN
        record = Stored(bank, moments.text(at), at.timestamp(), at, at, False, (known, bad / known, None))
        records.append(record)
    rows: list[Row] = [(str(number), bank, moments.text(at)) for number, (bank, at) in enumerate(loans)]
    made.fill(records, rows)
    return made


def score(found: dict[str, tuple[object, ...]], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Lower and upper bound (99 %) of the AUC on the last third of the loans, by the feature alone.

    A bank of which nothing is known gets the middle.
    """
    last = range(LOANS * 2 // 3, LOANS)
    shares = [found[str(number)][1] for number in last]
    estimate = auc(labels[last.start :], [0.5 if share is None else share for share in shares], 0.99)  # type: ignore[misc]
    return estimate.lower, estimate.upper


def test_what_was_known_at_the_time_predicts_noise_no_better_than_a_coin(
    store: Store, labels: NDArray[np.int64]
) -> None:
    found = store.ask(store.sql())
    assert sum(known != NOTHING for known in found.values()) > LOANS * 0.6
    lower, upper = score(found, labels)
    assert lower < 0.5 < upper
    assert upper < 0.6


def test_the_newest_record_predicts_noise_which_is_the_leak(store: Store, labels: NDArray[np.int64]) -> None:
    naive = store.sql().replace("ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", "")
    lower, _ = score(store.ask(naive), labels)
    assert lower > 0.55
