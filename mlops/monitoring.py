"""The monitors of a model as the command line sees them: start a run for any windows, read what runs have said."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, ledger, pipelines
from mlops.errors import CommandError
from mlops.ledger import Entry
from mlops.target import Target
from mlops_constructs.monitoring_settings import Engine
from monitoring import parts
from monitoring.findings import DEGRADING, MONITORS, Confirmation, Judgement, Window, confirm
from monitoring.parts import Part
from monitoring.report_parts import COUNTS, TROUBLE
from monitoring.store import Store

MOST_WINDOWS = 6
"""In one run: they are an argument of a container, which has 256 characters (API reference: AppSpecification)."""

_BEFORE = ("asked", "start")
"""Kinds of entries that another one of the same retraining follows, or none, since nothing came of it."""

Run = tuple[Part, ...]
"""What the steps of one run left."""

Say = Callable[[str, str], None]
"""Gets a step and what it says."""


@dataclass(frozen=True)
class Watched:
    """What runs of the monitors came to. latest: what the newest one concluded."""

    executions: tuple[str, ...]
    runs: tuple[Run, ...]
    latest: Mapping[str, Any]

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """Those of these runs' windows."""
        return tuple(judgement for run in self.runs for part in run for judgement in part.judgements)

    @property
    def skipped(self) -> dict[str, str]:
        """Monitors that had nothing to compare with, and why."""
        return skipped(self.runs)

    @property
    def left_out(self) -> list[str]:
        """What could not be read or used, in words."""
        return left_out(self.runs)

    @property
    def version(self) -> str:
        """The version that was watched; "" if none serves."""
        return str(self.latest.get("version", ""))

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Monitors with enough breaches among their newest windows."""
        return tuple(self.latest.get("confirmed", ()))

    @property
    def degradation(self) -> bool:
        """Whether the model itself got worse."""
        return any(monitor in DEGRADING for monitor in self.confirmed)

    @property
    def report(self) -> str:
        """Where the page with pictures is in S3."""
        return str(self.latest.get("report", ""))


@dataclass(frozen=True)
class Standing:
    """The monitors as their newest run left them.

    concluded: as `latest`; judged: newest judgements of the version that it watched, oldest first; run: what its steps
    left; said: whether each monitor is confirmed.
    """

    concluded: Mapping[str, Any] | None
    judged: tuple[Judgement, ...]
    run: Run
    said: tuple[Confirmation, ...]

    @property
    def skipped(self) -> dict[str, str]:
        """Monitors that had nothing to compare with, and why."""
        return skipped([self.run])

    @property
    def left_out(self) -> list[str]:
        """What could not be read or used, in words."""
        return left_out([self.run])


@dataclass(frozen=True)
class Alarm:
    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class Schedule:
    """What starts the monitors by itself; state: ENABLED, DISABLED, or SageMaker's words for a monitoring schedule."""

    name: str
    state: str
    when: str


@dataclass(frozen=True)
class Execution:
    """A run of the monitoring pipeline."""

    arn: str
    status: str
    began: datetime


def run(
    target: Target, windows: Sequence[Window] = (), outcome_windows: Sequence[Window] = (), say: Say | None = None
) -> Watched:
    """Judge these windows' inputs, and those windows' outcomes; without any, what the schedule would judge now.

    Follows the pipeline to its end, and starts it again for more windows than a run takes, the oldest first. Raises
    CommandError if it does not exist, does not succeed, or finds no version to watch.
    """
    executions: list[str] = []
    said: list[Run] = []
    concluded: Mapping[str, Any] = {}
    for request in requests(windows, outcome_windows):
        follower = pipelines.run(target.clients, _deployed(target), request, say or _silent)
        executions.append(follower.execution_arn)
        concluded, left = _said(target, follower.execution_arn)
        said.append(left)
    return Watched(tuple(executions), tuple(said), concluded)


def start(target: Target, windows: Sequence[Window] = (), outcome_windows: Sequence[Window] = ()) -> str:
    """Start a run for no more windows than one takes, and leave it; returns the execution's ARN."""
    (request,) = requests(windows, outcome_windows)
    return pipelines.start(target.clients("sagemaker"), _deployed(target), request)


def requests(windows: Sequence[Window], outcome_windows: Sequence[Window]) -> list[dict[str, str]]:
    """Parameters of the runs that these windows take, oldest first; one without any for no windows. Pure."""
    pairs = list(zip_longest(_groups(windows), _groups(outcome_windows), fillvalue=()))
    named = (("Windows", 0), ("OutcomeWindows", 1))
    return [
        {name: ",".join(map(str, pair[side])) for name, side in named if pair[side]} for pair in pairs or [((), ())]
    ]


def store(target: Target) -> Store:
    """Where the monitors write."""
    bucket = target.output(target.foundation_stack, "ArtifactsBucket")
    return Store(target.clients("s3"), bucket, target.names.findings)


def latest(target: Target) -> Mapping[str, Any] | None:
    """What the newest run concluded: version, report, confirmed, at, run; None before the first one."""
    found = _read(store(target), parts.LATEST)
    if found is not None and not (isinstance(found, dict) and {"version", "report", "confirmed"} <= found.keys()):
        raise CommandError(
            f"{store(target).uri(parts.LATEST)}: not what a monitoring run writes; run one: mlops monitor run"
        )
    return found


def judgements(s3: Any, bucket: str, prefix: str, version: str, newest: int = 24) -> list[Judgement]:
    """The newest judgements of each monitor of a version, oldest first."""
    return parts.history(Store(s3, bucket, prefix), version, newest)


def confirmations(judged: Sequence[Judgement], breaches: int, of: int) -> list[Confirmation]:
    """As the report step decides; one a monitor."""
    return [confirm(judged, monitor, breaches, of) for monitor in MONITORS]


def standing(target: Target, newest: int = 24) -> Standing:
    """What the monitors have come to; newest: so many judgements of each are read."""
    settings, concluded = target.settings.monitoring, latest(target)
    if concluded is None:
        return Standing(None, (), (), tuple(confirmations((), settings.breaches, settings.of)))
    kept, version = store(target), str(concluded["version"])
    judged = judgements(kept.s3, kept.bucket, kept.prefix, version, newest)
    left = run_of(kept, version, str(concluded.get("run")))
    return Standing(concluded, tuple(judged), left, tuple(confirmations(judged, settings.breaches, settings.of)))


def alarms(target: Target) -> list[Alarm]:
    """The alarms of the model's monitoring stack, by name."""
    found = aws.alarms(target.clients("cloudwatch"), f"{target.names.monitoring_stack}-")
    return [Alarm(each["AlarmName"], each["StateValue"], each.get("StateReason", "")) for each in found]


def schedule(target: Target) -> Schedule | None:
    """What starts the monitors; None if nothing does."""
    if target.settings.monitoring.engine is Engine.MODEL_MONITOR:
        return _monitoring_schedules(target)
    try:
        found = target.clients("scheduler").get_schedule(Name=target.names.monitoring_schedule)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFoundException"):
            return None
        raise
    return Schedule(found["Name"], found["State"], found["ScheduleExpression"])


def last_execution(target: Target) -> Execution | None:
    """The newest run of the monitoring pipeline."""
    try:
        listed = target.clients("sagemaker").list_pipeline_executions(
            PipelineName=target.names.monitoring_pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
        )["PipelineExecutionSummaries"]
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            return None
        raise
    found = listed[0] if listed else None
    return found and Execution(found["PipelineExecutionArn"], found["PipelineExecutionStatus"], found["StartTime"])


def retrainings(target: Target, limit: int) -> list[Entry]:
    """The newest entries of the retraining controller, newest first; of a start only that it was made."""
    model = f"{target.names.public}#retraining"
    noted = ledger.newest(target.clients("dynamodb"), target.ledger, model, 3 * limit + len(_BEFORE))
    return [each for each in noted if each.kind not in _BEFORE][:limit]


def report(target: Target) -> tuple[Mapping[str, Any], bytes]:
    """What the newest run concluded, and its page; raises CommandError if there is none."""
    found = latest(target)
    if found is None:
        raise CommandError(
            f"{target.title}: no monitoring run has ended yet; start one: {target.command('monitor run')}"
        )
    bucket, _, key = str(found["report"]).removeprefix("s3://").partition("/")
    s3 = target.clients("s3")
    try:
        return found, s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise CommandError(
            f"{found['report']}: is gone; make a new one: {target.command('monitor run', '--follow')}"
        ) from error


def run_of(kept: Store, version: str, name: str) -> Run:
    """What the steps of a run left; empty if it had no version to watch."""
    found = (parts.read_part(kept, version, name, step) for step in (parts.INPUTS, parts.OUTCOMES))
    return tuple(part for part in found if part is not None)


def skipped(runs: Sequence[Run]) -> dict[str, str]:
    """Monitors that had nothing to compare with in these runs, and why."""
    return {monitor: why for run in runs for part in run for monitor, why in part.skipped.items()}


def left_out(runs: Sequence[Run]) -> list[str]:
    """What these runs could not read or use, in words, where it asks for somebody's attention."""
    if not runs:
        return []
    from monitoring.steps.report import counts  # here, since it brings numpy, a quarter of the start of `mlops status`

    total: Counter[str] = Counter()
    for run in runs:
        total.update(counts(run))
    return [f"{total[name]:,} {COUNTS[name]}" for name in TROUBLE if total[name] and name != "no_baseline"]


def _said(target: Target, execution: str) -> tuple[Mapping[str, Any], Run]:
    """What has been concluded after a run that has ended, and what that run left.

    The conclusion may be that of a run which ended a moment later; whether this one judged is told by what it left.
    """
    concluded, name = latest(target), execution.rsplit("/", 1)[-1]
    if concluded is not None:
        left = run_of(store(target), str(concluded["version"]), name)
        if left:
            return concluded, left
    raise CommandError(f"{target.title}: the run {name} judged nothing, since no version serves; approve one first")


def _deployed(target: Target) -> str:
    """The pipeline's name; raises CommandError if there is none to start."""
    if not target.settings.monitoring.enabled:
        raise CommandError(f"{target.title}: is not monitored; set monitoring.enabled = true and deploy")
    if target.settings.monitoring.engine is Engine.MODEL_MONITOR:
        raise CommandError(
            f"{target.title}: is watched by Model Monitor, which runs on its schedule only; "
            'set monitoring.engine = "pipeline" and deploy'
        )
    pipeline = target.names.monitoring_pipeline
    try:
        target.clients("sagemaker").describe_pipeline(PipelineName=pipeline)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            stack = target.names.monitoring_stack
            raise CommandError(
                f"pipeline {pipeline}: does not exist; deploy it: npx cdk deploy {stack} -c env={target.environment}"
            ) from error
        raise
    return pipeline


def _monitoring_schedules(target: Target) -> Schedule | None:
    """Model Monitor has one for each kind: their common state, or all that differ."""
    listed = target.clients("sagemaker").list_monitoring_schedules(EndpointName=target.names.endpoint)
    found = listed["MonitoringScheduleSummaries"]
    if not found:
        return None
    states = sorted({each["MonitoringScheduleStatus"] for each in found})
    names = sorted(each["MonitoringScheduleName"] for each in found)
    return Schedule(", ".join(names), ", ".join(states), "by Model Monitor")


def _read(kept: Store, key: str) -> Any:
    try:
        return kept.read(key)
    except ValueError as error:
        raise CommandError(f"{error}; make a new one: mlops monitor run") from error


def _groups(windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
    ordered = sorted(set(windows))
    return (ordered[first : first + MOST_WINDOWS] for first in range(0, len(ordered), MOST_WINDOWS))


def _silent(_step: str, _text: str) -> None:
    pass


def utc_now() -> datetime:
    """To the second, as windows are."""
    return datetime.now(UTC).replace(microsecond=0)
