"""`mlops status`: a page for each model: what serves, what is on its way, what waits for whom."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlops import people, target, words
from mlops.commands import options
from mlops.commands.control import in_words
from mlops.ledger import Entry
from mlops.observation import Observation, Variant, observe
from mlops.release_state import NONE, PAUSE, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter

Row = tuple[str, str]


def add(commands: "options.Commands") -> None:
    options.command(
        commands, "status", run, "what serves, what is on its way, and what waits for whom", models="default: all"
    )


def run(arguments: argparse.Namespace) -> int:
    seen = [(model, observe(model, datetime.now(UTC))) for model in target.find_all(arguments.env, arguments.model)]
    lines = [line for model, observation in seen for line in page(model, observation)]
    data = {"environment": arguments.env, "models": {model.names.public: facts(model, it) for model, it in seen}}
    options.answer(arguments, data, lines)
    return 0


def page(model: Target, seen: Observation) -> list[str]:
    """One model's page. Pure."""
    heading = f"{model.title}, {words.moment(seen.at)} UTC" + ("" if model.settings.enabled else " (switched off)")
    return [heading, *(f"  {name:<11}{text}" for name, text in _rows(model, seen)), ""]


def facts(model: Target, seen: Observation) -> dict[str, Any]:
    """The same as data. Pure."""
    state, candidate = seen.state, seen.state.candidate
    champion = state[ReleaseParameter.CHAMPION]
    return {
        "enabled": model.settings.enabled,
        "champion": {
            "version": version_of(champion.value),
            "package": champion.value,
            "since": since(seen),
            "approved_by": list(seen.approvers),
            "released_by": seen.released_by if _was_allowed(seen) else None,
        }
        if champion.value != NONE
        else None,
        "candidate": {
            "version": version_of(candidate.package),
            "package": candidate.package,
            "stage": candidate.stage,
            "since": candidate.since,
            "share_percent": state.share,
        }
        if candidate
        else None,
        "endpoint": seen.endpoint,
        "verdict": verdict(seen),
        "command": None if state.command == NONE else in_words(state.command),
        "waiting": [f"{what}: {remedy}" for what, remedy in waiting(model, seen)],
        "failed": state.version(ReleaseParameter.FAILED) or None,
        "previous": state.previous or None,
    }


def _rows(model: Target, seen: Observation) -> Iterator[Row]:
    state, candidate, endpoint = seen.state, seen.state.candidate, seen.endpoint
    yield "champion", _champion(seen)
    if candidate:
        planned = f", to have {state.share} % of the requests" if candidate.stage == "challenger" else ""
        yield (
            "candidate",
            (
                f"version {version_of(candidate.package)}, {candidate.stage} since {words.moment(candidate.since)} "
                f"({words.ago(candidate.since, seen.at)}){planned}"
            ),
        )
    else:
        yield "candidate", "none"
    yield "endpoint", f"{endpoint.name} {endpoint.status}, stack {endpoint.stack_status}"
    if endpoint.variants:
        yield (
            "requests",
            ", ".join(_share(each) for each in endpoint.variants),
        )
    if (last := verdict(seen)) and last.verdict:
        yield "verdict", f"version {last.version} is {words.verdict(last.verdict)} ({words.ago(last.at, seen.at)})"
    yield "alarms", f"in ALARM: {', '.join(endpoint.alarming)}" if endpoint.alarming else "none in ALARM"
    if state.command != NONE:
        command = state[ReleaseParameter.COMMAND]
        by = f" by {people.name(seen.commanded_by)}" if seen.commanded_by else ""
        yield "command", f"{in_words(state.command)}{by} since {words.moment(command.modified)}"
    for what, remedy in waiting(model, seen):
        yield "waiting", f"{what}: {remedy}"
    if failed := state.version(ReleaseParameter.FAILED):
        yield "failed", f"version {failed}; it and older ones are not tried again"
    if previous := state.previous:
        yield "previous", f"version {previous}; {model.command('rollback')} goes back to it"
    if last := next((each for each in seen.entries if not each.is_step), None):
        yield "last", words.entry(last)[0]


def _share(variant: Variant) -> str:
    counted = "1 instance" if variant.instances == 1 else f"{variant.instances} instances"
    mirrored = " mirrored" if variant.name == "shadow" else ""
    return f"{variant.name} {variant.percent:g} %{mirrored} ({counted})"


def _champion(seen: Observation) -> str:
    number = seen.state.version(ReleaseParameter.CHAMPION)
    if not number:
        return "none: nothing serves"
    began = since(seen)
    text = f"version {number} since {words.moment(began)} ({words.ago(began, seen.at)})"
    if seen.approvers:
        text += f", approved by {people.name(seen.approvers[0])}"
    if _was_allowed(seen):
        text += f", released by {people.name(seen.released_by)}"
    return text


def since(seen: Observation) -> datetime:
    """When the champion's release was done, or where the ledger does not say it, when it was written."""
    champion = seen.state[ReleaseParameter.CHAMPION]
    done = (each.at for each in seen.entries if each.kind == "done" and each.package == champion.value)
    return next(done, champion.modified)


def verdict(seen: Observation) -> Entry | None:
    """The newest comparison: of the candidate if there is one, else the last that decided something."""
    candidate = seen.state.candidate
    compared = (each for each in seen.entries if each.verdict)
    if candidate:
        return next((each for each in compared if each.package == candidate.package), None)
    return next((each for each in compared if not each.is_step), None)


def waiting(model: Target, seen: Observation) -> list[tuple[str, str]]:
    """What waits for a person (or for tests), and what to do about it. Pure."""
    state, champion = seen.state, seen.state.version(ReleaseParameter.CHAMPION)
    found: list[tuple[str, str]] = []
    if seen.endpoint.stopped:
        found.append(("the endpoint is stopped, and releases wait", model.command("start")))
    if (following := seen.next_version) is not None:
        number, allowed = following.number, state[ReleaseParameter.ALLOWED].value
        for environment in seen.missing:
            found.append(
                (f"version {number} has not passed the tests of {environment}", "they run when it serves there")
            )
        if model.settings.release.second_person and allowed != following.package:
            found.append((f"version {number} waits for a second person", model.command("release", number)))
    if state.command == PAUSE and (following or state.candidate):
        found.append(("releases are paused", model.command("resume")))
    found += [
        (f"version {each.number} waits for approval", model.command("approve", each.number))
        for each in seen.versions
        if each.approval == "PendingManualApproval" and each.status == "Completed" and each.number > champion
    ]
    rejected = any(each.package == state.champion and each.approval == "Rejected" for each in seen.versions)
    if rejected and not state.previous:
        found.append(("the champion is rejected, none is known to go back to", model.command("rollback", "VERSION")))
    return found


def _was_allowed(seen: Observation) -> bool:
    return seen.state.champion != NONE and seen.state[ReleaseParameter.ALLOWED].value == seen.state.champion
