"""What the feature store knows of a bank, for the applications that come to it.

Read online, it is what was known when the request came; the training joins what was known when the application came
(steps/features.py). Both are the same records of the group `bank_history` (steps/ingest.py).
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from loan_approval.schema import HISTORY_NAMES, bank_of
from tabular.fields import Value

GROUP = "bank_history"
"""The feature group, as the configuration names it."""

VARIABLE = "FEATURE_GROUPS"
"""The container's variable that describes the feature groups of the model."""

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "SAGEMAKER_REGION")
"""Variables that may name the container's region: SageMaker's, boto3's, and the one that the model's stack sets."""

_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 0.5, 1.0, 2

PAUSE_SECONDS = 10.0
"""After a failure nobody asks the store for so long: a slow store must not make a slow endpoint, which would look like
a slow candidate and be rolled back."""

FRESH_SECONDS = 1.0
"""So long what was read of a bank is taken again: applications come in bursts, and a bank's history grows by months."""

_MOST_KEPT = 10_000
"""Banks; there are some thousand in the book."""

Columns = Dict[str, List[Optional[Value]]]


@dataclass
class History:
    """The way to the online store; without one, nothing is known of any bank but what a request brings."""

    store: Any = None  # features.online.OnlineStore
    group: Any = None  # features.group.FeatureGroup
    clock: Callable[[], float] = time.monotonic
    _failed_at: float = field(default=-math.inf, init=False)
    """When the store failed last, if it has not answered since."""
    _kept: Dict[str, Tuple[float, Mapping[str, Any]]] = field(default_factory=dict, init=False)
    """By bank: when it was read, and what the store knew of it."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "History":
        """As the container's environment says; raises FeatureError if it says what cannot be read, or boto3 is too old.

        Loudly, since a request is answered without history where the store fails: a container that never can read it
        must not come into service.
        """
        if VARIABLE not in environ:
            return cls()
        from features.errors import FeatureError
        from features.group import read_groups
        from features.online import OnlineStore

        group = read_groups(environ[VARIABLE]).get(GROUP)
        if group is None:
            return cls()
        import boto3
        from botocore.config import Config

        # A request does not wait long for what it can do without.
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        region = next((environ[name] for name in REGIONS if environ.get(name)), None)
        runtime = boto3.client("sagemaker-featurestore-runtime", region_name=region, config=config)
        if not hasattr(runtime, "batch_get_record"):
            raise FeatureError(f"boto3 {boto3.__version__}: has no BatchGetRecord; take an image with 1.17.92 or later")
        return cls(OnlineStore(runtime, tries=_ATTEMPTS), group)

    def complete(self, columns: Columns) -> Columns:
        """The columns, with what is known of the banks of those rows that bring no history.

        Where the store does not answer, history stays unknown, as it is of a new bank: the model can decide without
        it, and the monitors see that it is missing.
        """
        rows = range(len(columns["bank"]))
        columns = {**{name: [None] * len(rows) for name in HISTORY_NAMES}, **columns}
        lacking = [row for row in rows if all(columns[name][row] is None for name in HISTORY_NAMES)]
        if not lacking or self.store is None:
            return columns
        banks = {row: bank_of(str(columns["bank"][row])) for row in lacking}
        known = self._read(sorted(set(banks.values())))
        made = {name: list(values) for name, values in columns.items()}
        for row, bank in banks.items():
            for name in HISTORY_NAMES:
                made[name][row] = known.get(bank, {}).get(name)
        return made

    def _read(self, banks: List[str]) -> Mapping[str, Mapping[str, Any]]:
        now = self.clock()
        known = {bank: self._kept.get(bank, (-math.inf, {})) for bank in banks}
        fresh = {bank: values for bank, (at, values) in known.items() if now - at < FRESH_SECONDS}
        asked = [bank for bank in banks if bank not in fresh]
        if not asked or now - self._failed_at < PAUSE_SECONDS:
            return fresh
        try:
            found: Mapping[str, Mapping[str, Any]] = self.store.get(self.group, asked)
        except Exception as error:  # whatever stands in the way of the store, an application gets its answer
            self._failed_at = self.clock()
            print(
                f"history of {len(asked)} banks: not read, and not asked for {PAUSE_SECONDS:g} s: "
                f"{type(error).__name__}: {error}",
                file=sys.stderr,
            )
            return fresh
        self._failed_at = -math.inf
        if len(self._kept) + len(asked) > _MOST_KEPT:
            self._kept = {}
        self._kept.update({bank: (now, found.get(bank, {})) for bank in asked})
        return {**fresh, **found}
