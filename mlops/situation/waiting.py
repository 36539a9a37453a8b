"""What waits for whom, and what mends it. Pure."""

from collections.abc import Iterator

from mlops.observation import Observation
from mlops.release_state import PAUSE
from mlops.situation.facts import Experiment, Monitoring, Run, Waiting
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter

APPROVER, SECOND, OPERATOR = "approver", "second person", "operator"
TESTS, OUTCOMES = "tests", "outcomes"


def of_release(model: Target, seen: Observation) -> list[Waiting]:
    """What a release waits for."""
    return [*_steering(model, seen), *_approvals(model, seen), *_lost(model, seen)]


def of_experiment(experiment: Experiment | None) -> Iterator[Waiting]:
    """What goes on by itself once enough is known."""
    if experiment is None or not experiment.running:
        return
    look = experiment.latest
    counted = "pairs" if experiment.stage == "shadow" else "outcomes"
    planned = f" of {look.horizon:,}" if look.samples <= look.horizon else ""
    yield Waiting(
        OUTCOMES,
        f"the verdict on version {experiment.version} waits for {counted}: {look.samples:,}{planned}",
        "it goes on by itself as they come in",
        command=False,
    )


def of_runs(model: Target, runs: tuple[Run, ...], monitoring: Monitoring | None) -> Iterator[Waiting]:
    """The newest run of a pipeline failed, or the model got worse and nothing trains it by itself."""
    newest = {run.purpose: run for run in reversed(runs)}
    for run in newest.values():
        if run.status == "Failed":
            yield Waiting(OPERATOR, f"the newest {run.purpose} run failed", model.command("logs", run.name))
    worse = [each.name for each in monitoring.monitors if each.confirmed and each.degrading] if monitoring else []
    if worse and model.settings.trains and not model.settings.retraining.on_degradation:
        what = f"version {monitoring.version if monitoring else ''} got worse ({', '.join(worse)}), nothing retrains it"
        yield Waiting(OPERATOR, what, model.command("train"))


def _steering(model: Target, seen: Observation) -> Iterator[Waiting]:
    state = seen.state
    if seen.endpoint.stopped:
        yield Waiting(OPERATOR, "the endpoint is stopped, and releases wait", model.command("start"))
    if (following := seen.next_version) is not None:
        number, allowed = following.number, state[ReleaseParameter.ALLOWED].value
        for environment in seen.missing:
            what = f"version {number} has not passed the tests of {environment}"
            yield Waiting(TESTS, what, "they run when it serves there", command=False)
        if model.settings.release.second_person and allowed != following.package:
            yield Waiting(SECOND, f"version {number} waits for a second person", model.command("release", number))
    if state.command == PAUSE and (following or state.candidate):
        yield Waiting(OPERATOR, "releases are paused", model.command("resume"))


def _approvals(model: Target, seen: Observation) -> Iterator[Waiting]:
    champion = seen.state.version(ReleaseParameter.CHAMPION)
    for each in seen.versions:
        if each.approval == "PendingManualApproval" and each.status == "Completed" and each.number > champion:
            what = f"version {each.number} waits for approval"
            yield Waiting(APPROVER, what, model.command("approve", each.number))


def _lost(model: Target, seen: Observation) -> Iterator[Waiting]:
    state = seen.state
    rejected = any(each.package == state.champion and each.approval == "Rejected" for each in seen.versions)
    if rejected and not state.previous:
        what = "the champion is rejected, none is known to go back to"
        yield Waiting(OPERATOR, what, model.command("rollback", "VERSION"))
