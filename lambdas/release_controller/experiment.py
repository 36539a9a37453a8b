"""What the experiment has seen so far: one query in Athena a look, the same one however often it is asked for.

A look is a slot of time. The query's text depends on the slot alone, and so does the token under which it is
started: a run that ended while the query ran, or that comes again, gets the execution that is there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import query
from ledger import Ledger
from settings import Settings
from shared.logs import say
from shared.versions import version_of
from state import Candidate, Observed, candidate_of
from verdict import Counts

POLL_SECONDS = 8.0
"""How long a run waits for the query; the next one finds it again."""

TRIES = 2
"""Executions for a slot: a query that failed once may have met a passing fault."""

WEIGHTS_SETTLE = timedelta(minutes=2)
"""Until every instance of the endpoint routes by new weights; never more than the time between two looks."""


class QueryFailed(Exception):
    """Athena could not answer: its reason says why."""


class Experiments:
    """Counts of the candidate's stay in its stage. sleep: takes seconds."""

    def __init__(self, settings: Settings, athena: Any, ledger: Ledger, sleep: Callable[[float], None]) -> None:
        self._settings, self._athena, self._ledger, self._sleep = settings, athena, ledger, sleep

    def count(self, observed: Observed) -> Observed:
        """With counts and looks, or with what is waited for in `counting`.

        Raises QueryFailed with Athena's reason.
        """
        candidate = candidate_of(observed.parameters.candidate)
        if candidate is None or candidate.stage not in ("shadow", "challenger"):
            return replace(observed, counts=Counts())
        until = slot_start(observed)
        if until <= candidate.since:
            return replace(observed, counting=f"the first outcomes are counted after {_clock_text(until)}")
        stay = self._ledger.stay(candidate.version)
        text = self._text(observed, candidate, until, stay.shifted)
        execution = self._finished(text, f"{candidate.version}/{observed.parameters.challenger_weight.version}/{until}")
        if not execution:
            return replace(observed, counting="Athena is still counting the outcomes")
        rows = self._rows(execution)
        if unread := query.unreadable(rows):
            say("unreadable", execution=execution, **unread)
        counts = query.read(rows, _stage(candidate), observed.policy.experiment.block_size)
        return replace(observed, counts=counts, looks=stay.looks)

    def _text(self, observed: Observed, candidate: Candidate, until: datetime, shifted: datetime | None) -> str:
        weighted_since = candidate.since
        if candidate.stage == "challenger":
            # What was answered while the weights moved belongs to neither share.
            settle = min(WEIGHTS_SETTLE, timedelta(seconds=observed.policy.experiment.look_seconds))
            weighted_since = max(observed.parameters.challenger_weight.modified, shifted or candidate.since) + settle
        return query.text(
            database=self._settings.database,
            policy=observed.policy,
            stage=_stage(candidate),
            champion_version=version_of(observed.stack.champion),
            candidate_version=version_of(candidate.package),
            since=candidate.since,
            weighted_since=weighted_since,
            until=until,
        )

    def _finished(self, text: str, slot: str) -> str:
        """The execution that succeeded, or "" while it runs."""
        reason = ""
        for attempt in range(TRIES):
            token = hashlib.sha256(f"{slot}/{attempt}/{text}".encode()).hexdigest()
            execution: str = self._athena.start_query_execution(
                QueryString=text,
                ClientRequestToken=token,
                QueryExecutionContext={"Database": self._settings.database},
                WorkGroup=self._settings.workgroup,
            )["QueryExecutionId"]
            status = self._settled(execution)
            if status["State"] == "SUCCEEDED":
                return execution
            if status["State"] in ("QUEUED", "RUNNING"):
                return ""
            reason = f"query {execution} {status['State']}: {status.get('StateChangeReason', 'without a reason')}"
        raise QueryFailed(f"database {self._settings.database}: {reason}")

    def _settled(self, execution: str) -> dict[str, Any]:
        """Its status when it has ended, or after POLL_SECONDS."""
        delay, waited = 0.2, 0.0
        while True:
            answer = self._athena.get_query_execution(QueryExecutionId=execution)
            status: dict[str, Any] = answer["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING") or waited + delay > POLL_SECONDS:
                return status
            self._sleep(delay)
            waited, delay = waited + delay, delay * 2

    def _rows(self, execution: str) -> list[list[str | None]]:
        """Without the header, which is the first row of the first page."""
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [[cell.get("VarCharValue") for cell in row] for row in rows[1:]]


def slot_start(observed: Observed) -> datetime:
    """When the newest look that may be taken begins: what came later, or just before, waits for the next one."""
    experiment = observed.policy.experiment
    settled = observed.now.timestamp() - experiment.settle_seconds
    return datetime.fromtimestamp(settled // experiment.look_seconds * experiment.look_seconds, UTC)


def _stage(candidate: Candidate) -> Literal["shadow", "challenger"]:
    return "shadow" if candidate.stage == "shadow" else "challenger"


def _clock_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
