"""The answer before all else: what goes on with a model, in a title and a sentence or two. Pure."""

from collections.abc import Iterator

from mlops import people
from mlops.observation import MISSING
from mlops.situation import Candidate, Model, Version

_ON_THE_WAY = {
    "shadow": "is tried as a shadow: it gets a copy of the requests, nobody gets its answers",
    "challenger": "is tried as challenger: it answers a share of the requests",
    "promote": "takes the champion's place",
    "rollback": "takes its place back",
}


def headline(model: Model) -> dict[str, str]:
    """tone (good, info, warn, bad, quiet), title and text."""
    tone, title = _answer(model)
    return {"tone": tone, "title": title, "text": " ".join(_sentences(model))}


def _answer(model: Model) -> tuple[str, str]:
    champion, candidate = model.champion, model.candidate
    if model.endpoint.alarming:
        many = len(model.endpoint.alarming)
        return "bad", f"{'An alarm' if many == 1 else f'{many} alarms'} of the endpoint {_is(many)} in ALARM"
    if model.endpoint.stopped:
        return "warn", "The endpoint is stopped: nobody is answered"
    if candidate:
        return "info", f"Version {candidate.version} {_ON_THE_WAY.get(candidate.stage, candidate.stage)}"
    if champion is None:
        return "quiet", "Nothing serves yet"
    if model.endpoint.status == MISSING:
        return "warn", f"Version {champion.version} is the champion, but there is no endpoint"
    if model.monitoring and any(each.degrading and each.confirmed for each in model.monitoring.monitors):
        return "warn", f"Version {champion.version} serves, and got worse than it was when it was approved"
    return "good", f"Version {champion.version} serves"


def _sentences(model: Model) -> Iterator[str]:
    champion, candidate = model.champion, model.candidate
    if champion is None:
        first = next((each for each in model.versions if _open(each)), None)
        yield (
            f"Version {first.number} waits for an approval below."
            if first
            else "Train a first version: mlops train. It then waits here for an approval."
        )
        return
    by = f", approved by {people.name(champion.approved_by[0])}" if champion.approved_by else ""
    second = f", released by {people.name(champion.released_by)}" if champion.released_by else ""
    yield f"Version {champion.version} is the champion{by}{second}."
    if candidate and _compared(model, candidate) and model.experiment:
        yield f"{round(100 * model.experiment.latest.progress)} % of the planned information is in."
    if model.monitoring and model.monitoring.confirmed:
        names = [each.replace("_", " ") for each in model.monitoring.confirmed]
        yield f"Its monitors confirm: {', '.join(names)}."
    elif model.monitoring and model.monitoring.version:
        yield "Its monitors confirm no trouble."


def _compared(model: Model, candidate: Candidate) -> bool:
    return bool(model.experiment and model.experiment.running and model.experiment.version == candidate.version)


def _open(version: Version) -> bool:
    return version.approval == "PendingManualApproval" and version.status == "Completed"


def _is(many: int) -> str:
    return "is" if many == 1 else "are"
