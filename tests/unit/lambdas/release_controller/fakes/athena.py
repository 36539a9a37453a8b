# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Athena with the outcomes of an experiment: so many in a minute, as good as the candidate is.

What a query asks for is read from its text; the same token gets the same execution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.unit.lambdas.release_controller.names import EXPERIMENT

OUTCOMES_A_MINUTE = 4
REQUESTS_A_MINUTE = 100
BLOCK = EXPERIMENT["block_size"]

_WINDOW = re.compile(r"received BETWEEN '(?P<since>[^']+)' AND '(?P<until>[^']+)'")
_WEIGHTED = re.compile(r"answered >= '([^']+)'")
_CANDIDATE = re.compile(r"WHEN '(\d+)' THEN 'candidate'")

MOST_BLOCKS = {"changed": 0, "skewed": 1}
"""So few outcomes that they decide nothing."""

SUCCESSES = {"better": 18, "worse": 3, "same": 10}
"""Of 20 requests, how many the candidate gets right; the champion gets 10."""


@dataclass
class Athena:
    """quality: by version, or "in shadow/as challenger"; "same" where none is given, and "silent" has no outcomes.

    "changed" answers positively far more often, and "skewed" gets far more requests than its share.
    polls: how often an execution is asked for before it has ended. failing: how many executions fail.
    """

    quality: dict[int, str] = field(default_factory=dict)
    polls: int = 0
    failing: int = 0
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    share: int = 0

    def start_query_execution(
        self, QueryString: str, ClientRequestToken: str, QueryExecutionContext: dict[str, str], WorkGroup: str
    ) -> dict[str, Any]:
        execution = self.executions.get(ClientRequestToken)
        if execution is None:
            self.failing -= 1
            state = "FAILED" if self.failing >= 0 else "SUCCEEDED"
            execution = {"polls": self.polls, "state": state, "text": QueryString, "share": self.share}
            self.executions[ClientRequestToken] = execution
        assert execution["text"] == QueryString, "idempotent parameters do not match"
        return {"QueryExecutionId": ClientRequestToken}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        execution = self.executions[QueryExecutionId]
        execution["polls"] -= 1
        state = "RUNNING" if execution["polls"] >= 0 else execution["state"]
        reason = {"StateChangeReason": "query exhausted resources"} if state == "FAILED" else {}
        return {"QueryExecution": {"Status": {"State": state, **reason}}}

    def get_query_results(self, QueryExecutionId: str, NextToken: str = "0") -> dict[str, Any]:
        execution = self.executions[QueryExecutionId]
        header = ("kind", "block", "variant", "n", "successes", "positives")
        rows = [header, *self._rows(execution["text"], execution["share"])]
        stop = int(NextToken) + 50
        more = {"NextToken": str(stop)} if stop < len(rows) else {}
        cells = [
            {"Data": [{} if value is None else {"VarCharValue": str(value)} for value in row]}
            for row in rows[int(NextToken) : stop]
        ]
        return {"ResultSet": {"Rows": cells}, **more}

    def _rows(self, text: str, share: int) -> list[tuple[Any, ...]]:
        window, candidate, weighted = _WINDOW.search(text), _CANDIDATE.search(text), _WEIGHTED.search(text)
        assert window and candidate and weighted
        paired = "CASE 'shadow'" in text
        in_shadow, _, as_challenger = self.quality.get(int(candidate[1]), "same").partition("/")
        quality = in_shadow if paired else as_challenger or in_shadow
        if quality == "silent":
            return []
        minutes = _minutes(window["since"], window["until"])
        blocks = range(min(MOST_BLOCKS.get(quality, 1000), int(minutes * OUTCOMES_A_MINUTE) // BLOCK))
        right = SUCCESSES.get(quality, 10)
        rows: list[tuple[Any, ...]] = []
        for block in blocks:
            if paired:
                gained, missed = max(0, right - 10), max(0, 10 - right)
                sides = {"both": BLOCK - gained - missed, "candidate": gained, "champion": missed}
                rows += [("pair", block, side, n, None, None) for side, n in sides.items() if n]
            else:
                half = BLOCK // 2
                rows.append(("outcome", block, "champion", half, half // 2, half // 2))
                rows.append(("outcome", block, "candidate", half, half * right // 20, half // 2))
        answered = int(_minutes(weighted[1], window["until"]) * REQUESTS_A_MINUTE)
        part = 1.0 if paired else share / 100
        part = min(0.95, part * 2) if quality == "skewed" else part
        positive = 0.95 if quality == "changed" else 0.5
        for side, n, rate in (
            ("champion", answered if paired else answered - int(answered * part), 0.5),
            ("candidate", int(answered * part), positive),
        ):
            if n > 0:
                rows.append(("traffic", None, side, n, None, int(n * rate)))
                rows.append(("request", None, side, n, None, None))
                rows.append(("request", None, side, n, None, int(n * rate)))
        return rows


def _minutes(since: str, until: str) -> float:
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds() / 60)
