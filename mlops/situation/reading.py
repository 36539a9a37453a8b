"""Reads what goes on in an environment: the models beside each other, and of each what does not need the rest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, monitoring, people
from mlops.errors import CommandError
from mlops.ledger import ENDED, Entry
from mlops.observation import Observation, observe
from mlops.release_state import NONE, in_words, version_of
from mlops.situation import experiment, runs, waiting
from mlops.situation.facts import (
    Alarm,
    Candidate,
    Champion,
    Decision,
    Judged,
    Model,
    Monitor,
    Monitoring,
    Run,
    Situation,
    Version,
)
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter
from monitoring.findings import DEGRADING, Judgement

RUNS = 5
"""Executions of each pipeline; the newest of them with its steps."""
DETAILED = 8
"""Newest versions of which all is read: a call for each."""
WINDOWS = 6
"""Newest windows of each monitor: an object of S3 for each."""

_READERS = 8
_SERVICES = (
    "ssm", "sagemaker", "dynamodb", "cloudformation", "cloudwatch", "s3", "scheduler",
)  # fmt: skip


def read(targets: Sequence[Target], now: datetime) -> Situation:
    """All that goes on; raises CommandError where the environment is not deployed.

    Parts beside the release itself (monitors, pipelines, alarms, details of versions) may be refused to who asks:
    they are then in `Model.unread`.
    """
    for service in _SERVICES:
        targets[0].clients(service)  # made here: threads may share clients, and not make them (boto3: clients)
    with ThreadPoolExecutor(_READERS) as readers, ThreadPoolExecutor(len(targets)) as models:
        ringing = readers.submit(_tried, "alarms", lambda: alarms(targets[0]))
        found = list(models.map(lambda each: _model(each, now, readers), targets))
        listed = ringing.result()
    known = listed.value or ()
    shared = targets[0]
    return Situation(
        environment=shared.environment,
        at=now,
        models=tuple(
            replace(model, alarms=tuple(_owned(known, target)), unread=(*model.unread, *listed.why))
            for target, model in zip(targets, found, strict=True)
        ),
        alarms=tuple(_shared(known, shared)),
        many=shared.many,
    )


def alarms(target: Target) -> list[Alarm]:
    """All alarms of the environment, its models' among them, by name."""
    found = aws.alarms(target.clients("cloudwatch"), f"{target.names.project}-{target.environment}-")
    return [
        Alarm(
            name=each["AlarmName"],
            state=each["StateValue"],
            reason=" ".join(each.get("StateReason", "").split()),
            since=each.get("StateTransitionedTimestamp") or each.get("StateUpdatedTimestamp"),
            about=each.get("AlarmDescription", ""),
        )
        for each in found
    ]


def of_observation(target: Target, seen: Observation) -> Model:
    """What the release alone says of a model. Pure."""
    state, candidate = seen.state, seen.state.candidate
    compared = experiment.of(seen.entries, candidate)
    last = next((each for each in seen.entries if not each.is_step), None)
    command = state[ReleaseParameter.COMMAND]
    return Model(
        name=target.names.public,
        enabled=target.settings.enabled,
        champion=_champion(seen),
        candidate=Candidate(
            version_of(candidate.package), candidate.package, candidate.stage, candidate.since, state.share
        )
        if candidate
        else None,
        endpoint=seen.endpoint,
        versions=tuple(_versions(seen)),
        experiment=compared,
        waiting=(*waiting.of_release(target, seen), *waiting.of_experiment(compared)),
        command=in_words(command.value) if command.value != NONE else "",
        commanded_by=people.name(seen.commanded_by) if command.value != NONE else "",
        commanded=command.modified if command.value != NONE else None,
        failed=state.version(ReleaseParameter.FAILED),
        previous=state.previous,
        last=Decision(last.at, last.kind, last.version, last.stage, last.reason) if last else None,
    )


@dataclass(frozen=True)
class _Tried:
    """What a part came to: its value, or why there is none."""

    value: Any = None
    why: tuple[str, ...] = ()


def _tried(part: str, read_it: Callable[[], Any]) -> _Tried:
    try:
        return _Tried(read_it())
    except ClientError as error:
        return _Tried(why=(f"{part}: {aws.explain(error)}",))
    except CommandError as error:
        return _Tried(why=(f"{part}: {error}",))


def _model(target: Target, now: datetime, readers: ThreadPoolExecutor) -> Model:
    """What needs nothing of the release is asked for beside it."""
    watched = readers.submit(_tried, "monitors", lambda: monitors(target))
    listed = readers.submit(_tried, "pipelines", lambda: _runs(target))
    found = of_observation(target, observe(target, now))
    detailed = _details(target, found.versions, readers)
    unread = [why for each in (watched, listed) for why in each.result().why]
    seen_runs: tuple[Run, ...] = tuple(listed.result().value or ())
    judged: Monitoring | None = watched.result().value
    return replace(
        found,
        versions=tuple(each.value or version for each, version in zip(detailed, found.versions, strict=True)),
        monitoring=judged,
        runs=seen_runs,
        waiting=(*found.waiting, *waiting.of_runs(target, seen_runs, judged)),
        unread=(*unread, *dict.fromkeys(why for each in detailed for why in each.why)),
    )


def _details(target: Target, versions: Sequence[Version], readers: ThreadPoolExecutor) -> list[_Tried]:
    asked: list[Future[_Tried] | None] = [
        readers.submit(_tried, "versions", lambda version=version: _detailed(target, version))  # type: ignore[misc]
        if place < DETAILED or version.part
        else None
        for place, version in enumerate(versions)
    ]
    return [each.result() if each else _Tried() for each in asked]


def _detailed(target: Target, version: Version) -> Version:
    found = target.clients("sagemaker").describe_model_package(ModelPackageName=version.package)
    return replace(
        version,
        detailed=True,
        created=found.get("CreationTime"),
        approved_by=tuple(people.approvers(found)) if version.approval == "Approved" else (),
        reason=found.get("ApprovalDescription", ""),
        description=found.get("ModelPackageDescription", ""),
        metrics=dict(found.get("CustomerMetadataProperties", {})),
    )


def _runs(target: Target) -> list[Run]:
    listed = runs.newest(target, RUNS)
    first = {run.purpose: run.arn for run in reversed(listed)}
    return [runs.detail(target, run.arn) if first[run.purpose] == run.arn else run for run in listed]


def monitors(target: Target) -> Monitoring:
    """The monitors as their newest run left them."""
    settings = target.settings.monitoring
    if not settings.enabled:
        return Monitoring(enabled=False)
    planned = monitoring.schedule(target)
    schedule = f"{planned.name} {planned.state}, {planned.when}" if planned else ""
    found = monitoring.standing(target, max(WINDOWS, settings.of))
    if found.concluded is None:
        return Monitoring(enabled=True, schedule=schedule)
    return Monitoring(
        enabled=True,
        version=str(found.concluded["version"]),
        report=str(found.concluded["report"]),
        schedule=schedule,
        monitors=tuple(
            Monitor(
                name=said.monitor,
                confirmed=said.confirmed,
                breached=said.breached,
                judged=said.judged,
                degrading=said.monitor in DEGRADING,
                skipped=found.skipped.get(said.monitor, ""),
                windows=tuple(_judged(each) for each in found.judged if each.monitor == said.monitor),
            )
            for said in found.said
        ),
        left_out=tuple(found.left_out),
    )


def _judged(found: Judgement) -> Judged:
    breaching = [each for each in found.findings if each.breaches]
    return Judged(
        start=found.window.start,
        end=found.window.end,
        status=found.status,
        rows=found.rows,
        breached=found.breached,
        subjects=tuple(dict.fromkeys(each.subject for each in breaching)),
        breaches=tuple(each.text for each in breaching),
    )


def _champion(seen: Observation) -> Champion | None:
    champion = seen.state[ReleaseParameter.CHAMPION]
    if champion.value == NONE:
        return None
    # The ledger says when its release was done; where it does not, it was when the parameter was written.
    done = (each.at for each in seen.entries if each.kind == "done" and each.package == champion.value)
    allowed = seen.state[ReleaseParameter.ALLOWED].value == champion.value
    return Champion(
        version=version_of(champion.value),
        package=champion.value,
        since=next(done, champion.modified),
        approved_by=seen.approvers,
        released_by=seen.released_by if allowed else "",
    )


def _versions(seen: Observation) -> Iterator[Version]:
    state, candidate = seen.state, seen.state.candidate
    parts = {
        state.version(ReleaseParameter.FAILED): "failed",
        **_ended(seen.entries),
        state.previous: "previous",
        version_of(candidate.package) if candidate else 0: "candidate",
        state.version(ReleaseParameter.CHAMPION): "champion",
    }
    for each in seen.versions:
        yield Version(each.number, each.package, each.approval, each.status, parts.get(each.number, ""))


def _ended(entries: Iterable[Entry]) -> dict[int, str]:
    """What became of versions whose newest decision ended them. entries: newest first."""
    newest: dict[int, str] = {}
    for each in entries:
        if each.kind in (*ENDED, "begin", "done"):
            newest.setdefault(each.version, each.kind)
    return {version: ENDED[kind] for version, kind in newest.items() if kind in ENDED}


def _owned(found: Iterable[Alarm], target: Target) -> Iterator[Alarm]:
    """A model's."""
    return _of_stacks(found, target.names.stacks)


def _shared(found: Iterable[Alarm], target: Target) -> Iterator[Alarm]:
    """Those of the stacks that models share."""
    return _of_stacks(found, EnvironmentNames(target.names.project, target.environment).stacks)


def _of_stacks(found: Iterable[Alarm], stacks: Iterable[str]) -> Iterator[Alarm]:
    """Their names begin with that of the stack."""
    begins = tuple(f"{each}-" for each in stacks)
    return (alarm for alarm in found if alarm.name.startswith(begins))
