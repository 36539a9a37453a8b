"""Runs of the pipeline in MLflow, where config says so. What goes wrong here never keeps a version from its manifest.

A run is made, filled and ended in an order that lets the keeper end after any request: it has its tag from its first
moment on, so the next look finds it, adds what is missing and ends it. Last comes the ledger's entry: it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial

from answers import Unknown
from botocore.exceptions import BotoCoreError, ClientError
from experiments import EXECUTION, Run, identity, run_of, state_of, version_tags
from gateway import Gateway
from mlflow_client import Found, MlflowError, Refused
from shared.logs import say
from shared.versions import version_of
from state import Overview, Tracked

SHARE = timedelta(seconds=10)
"""Of a keeper's run: what MLflow has not answered by then waits for the next look, and versions get their turn."""

MOST = 5
"""Executions that one look tells of: what was there before tracking began is caught up with over the hours."""


def track(gateway: Gateway, overview: Overview) -> tuple[Overview, tuple[str, ...]]:
    """Returns the overview with what is tracked now, and the ids of the executions that something was told of."""
    if not gateway.settings.tracks:
        return overview, ()
    told: dict[str, Tracked] = {}
    try:
        for execution, work in _Work(gateway, overview).items():
            if len(told) == MOST or gateway.clock() > overview.now + SHARE:
                break
            try:
                told[execution] = work()
            except (Refused, Unknown, ClientError) as error:
                say("not tracked", execution=execution, error=str(error))
            else:
                say("tracked", execution=execution, run=told[execution].run, state=told[execution].state)
    except (MlflowError, Unknown, ClientError, BotoCoreError) as error:
        say("not tracked", error=str(error))
    return overview.with_tracked(told), tuple(told)


class _Work:
    """What MLflow does not know yet of the pipeline's executions and of the versions that they registered."""

    def __init__(self, gateway: Gateway, overview: Overview) -> None:
        self._gateway, self._overview = gateway, overview
        self._mlflow = gateway.mlflow(overview.now + SHARE)
        self._subjects = {each.version: each for each in overview.subjects}

    def items(self) -> Iterator[tuple[str, Callable[[], Tracked]]]:
        """Versions that changed, then executions that ended, the newest first. Asks AWS when it gets there."""
        settings, known = self._gateway.settings, self._overview.tracked
        for execution, each in known.items():
            # What was tracked elsewhere stays there as it was; the keeper has no way to it any more.
            if each.version and each.tracking == settings.tracking and self._state(each.version) != each.state:
                yield execution, partial(self._again, each)
        for arn in self._gateway.observer.ended():
            if identity(arn) not in known:
                yield identity(arn), partial(self._first, arn)

    def _first(self, arn: str) -> Tracked:
        settings = self._gateway.settings
        execution = self._gateway.observer.run(arn)
        version = version_of(execution.version) if execution.version else 0
        state = self._state(version)
        run = self._told(run_of(execution, state, settings))
        tracked = Tracked(arn, 1, settings.tracking, settings.base, run, execution.version, version, state)
        self._gateway.ledger.track(tracked, self._gateway.clock())
        return tracked

    def _told(self, run: Run) -> str:
        """Id of the run in MLflow, which has everything and is over."""
        there = self._found(run.tags[EXECUTION])
        if there and there.deleted:
            return there.id  # somebody did not want it: it is not made again
        tag = {EXECUTION: run.tags[EXECUTION]}
        made = there or Found(self._mlflow.create(self._experiment, run.name, run.started, tag), tags=tag)
        self._mlflow.log(
            made.id,
            # MLflow adds metrics to those of before, and refuses another value of a parameter.
            {name: value for name, value in run.metrics.items() if name not in made.metrics},
            {name: value for name, value in run.params.items() if name not in made.params},
            {name: value for name, value in run.tags.items() if made.tags.get(name) != value},
            run.ended,
        )
        if made.status != run.status:
            self._mlflow.end(made.id, run.status, run.ended)
        return made.id

    def _again(self, known: Tracked) -> Tracked:
        """What became of the version, as tags of its run; a run that somebody deleted is left alone."""
        state = self._state(known.version)
        there = self._found(known.execution)
        if there and not there.deleted:
            self._mlflow.log(there.id, {}, {}, version_tags(known.package, state), 0)
        tracked = replace(known, number=known.number + 1, state=state)
        self._gateway.ledger.track(tracked, self._gateway.clock())
        return tracked

    def _found(self, execution: str) -> Found | None:
        return self._mlflow.find(self._experiment, EXECUTION, execution)

    @cached_property
    def _experiment(self) -> str:
        return self._mlflow.experiment(self._gateway.settings.base)

    def _state(self, version: int) -> str:
        return state_of(self._subjects.get(version))
