"""What processing, training, tuning and transform jobs share: their rows, threads, ends, stops and restarts."""

import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import clients
from local_aws.core import children, store, tags
from local_aws.core.api import AwsError, Context, ResourceInUse, ValidationException, on_start, on_stop
from local_aws.sagemaker import container, job_logs, job_needs, staging, times

Row = dict[str, Any]

MAX_PARALLEL_CONTAINERS = 2  # whatever is asked for: the machine of one person is meant to stay usable
INTERRUPTED = "InternalServerError: the local AWS was restarted while this was running; start it again."
_LONGEST_REASON = 1024
_SCRATCH = "local-aws-job-"

_log = logging.getLogger(__name__)
_slots = threading.BoundedSemaphore(MAX_PARALLEL_CONTAINERS)
_running: dict[str, "Job"] = {}
server_stops = threading.Event()
"""Set while the server ends: what running jobs come to then is not recorded."""


class JobEnd(Exception):
    """A job's end other than completion; the message, if any, becomes its FailureReason."""

    status = ""

    def __init__(self, message: str = "", changes: Row | None = None) -> None:
        super().__init__(message)
        self.changes = changes or {}


class JobFailed(JobEnd):
    """Raised by a job's work: the job ends as Failed."""

    status = "Failed"


class JobStopped(JobEnd):
    """Raised by a job's work: the job ends as Stopped."""

    status = "Stopped"


@dataclass(frozen=True)
class Kind:
    """One of SageMaker's kinds of job, e.g. prefix "ProcessingJob" for ProcessingJobName, …Arn and …Status."""

    prefix: str
    arn_type: str
    end_member: str
    on_change: Callable[[Context, Row], None]
    log_group: str = ""
    # The part of a log stream's name that tells the instance.
    host: Callable[[], str] = field(default=lambda: "algo-1")
    # What else changes in the row of a job that has ended, given the row with its end in it.
    on_end: Callable[[Row], Row] = field(default=lambda _row: {})

    @property
    def table(self) -> store.Table:
        return store.table(self.arn_type)

    def name(self, row: Row) -> str:
        return str(row[f"{self.prefix}Name"])

    def arn(self, row: Row) -> str:
        return str(row[f"{self.prefix}Arn"])

    def status(self, row: Row) -> str:
        return str(row[f"{self.prefix}Status"])


kinds: list[Kind] = []


def register(kind: Kind) -> Kind:
    """Declare a kind, so that its jobs are settled after a restart."""
    kinds.append(kind)
    return kind


@dataclass
class Job:
    """A job that runs now. Its row is replaced, never changed in place, so readers always see a whole one."""

    ctx: Context
    kind: Kind
    name: str
    role: str | None = None
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-")))
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.container = container.Container(self.root)
        self.stream = f"{self.name}/{self.kind.host()}-{times.milliseconds(self.row['CreationTime'])}"
        self.log = job_logs.JobLog(self.ctx, self.kind.log_group, self.stream, self.role)

    @property
    def row(self) -> Row:
        return self.kind.table[self.ctx.account, self.ctx.region, self.name]

    @property
    def s3(self) -> Any:
        return clients.client("s3", self.ctx, self.role)

    def change(self, changes: Row) -> Row:
        return change(self.ctx, self.kind, self.name, changes)

    def check_stopped(self) -> None:
        if self.container.stopped:
            raise JobStopped

    def execute(
        self,
        argv: list[str],
        environment: dict[str, str],
        *,
        timeout: int,
        cwd: str = container.OPT_ML,
        on_line: container.LineSink | None = None,
    ) -> int:
        """Run the job's command with its log; JobStopped when it was stopped or took longer than `timeout` seconds."""
        environment = {**children.environment(self.ctx, self.role), **environment}
        try:
            code = self.container.run(argv, environment, self._sink(on_line), cwd=cwd, timeout=timeout)
        except TimeoutError:
            raise JobStopped(f"MaxRuntimeExceeded: the job ran longer than {timeout} seconds.") from None
        self.check_stopped()
        return code

    def _sink(self, on_line: container.LineSink | None) -> container.LineSink:
        write = self.log.line

        def both(text: str) -> None:
            write(text)
            if on_line is not None:
                on_line(text)

        return both

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until the machine has room for another container."""
        while not _slots.acquire(timeout=0.1):
            self.check_stopped()
        try:
            yield
        finally:
            _slots.release()


def change(ctx: Context, kind: Kind, name: str, changes: Row) -> Row:
    """Replace a job's row by one with `changes`, and tell EventBridge."""
    with store.lock:
        row = {**kind.table[ctx.account, ctx.region, name], **changes, "LastModifiedTime": store.now()}
        kind.table[ctx.account, ctx.region, name] = row
    kind.on_change(ctx, row)
    return row


def create(ctx: Context, kind: Kind, row: Row) -> Row:
    """Store a new job's row, in progress; ResourceInUse if its name was ever used."""
    name = kind.name(row)
    arn = ctx.arn(f"{kind.arn_type}/{name}")
    with store.lock:
        if (ctx.account, ctx.region, name) in kind.table:
            raise ResourceInUse(
                f"Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn})"
            )
        now = store.now()
        row = {**row, f"{kind.prefix}Arn": arn, f"{kind.prefix}Status": "InProgress"}
        row |= {"CreationTime": now, "LastModifiedTime": now}
        tags.set(arn, row.pop("Tags", None))
        kind.table[ctx.account, ctx.region, name] = row
    kind.on_change(ctx, row)
    return row


def start(ctx: Context, kind: Kind, name: str, work: Callable[[Job], Row], role: str | None = None) -> Job:
    """Run `work` on a thread, as `role`; what it returns is added to the row of the completed job.

    It raises JobFailed or JobStopped for the other ends; any other error is a Failed job with an internal error.
    """
    job = Job(ctx, kind, name, role or find_role(ctx, kind, name))
    _running[kind.arn(job.row)] = job
    threading.Thread(target=_run, args=(job, work), name=f"{kind.arn_type} {name}", daemon=True).start()
    return job


def find_role(ctx: Context, kind: Kind, name: str) -> str | None:
    """The role that a job runs as, where its request names it."""
    return kind.table[ctx.account, ctx.region, name].get("RoleArn")


def find(ctx: Context, kind: Kind, name: str, missing: str) -> Row:
    """The job's row; ValidationException with the message `missing`, as SageMaker answers."""
    row = kind.table.get((ctx.account, ctx.region, name))
    if row is None:
        raise ValidationException(missing)
    return row


def stop(kind: Kind, row: Row) -> None:
    """Ask a running job to stop; ValidationException if it has ended."""
    if kind.status(row) not in ("InProgress", "Stopping"):
        raise ValidationException(
            f"The request was rejected because the job {kind.name(row)} is in status {kind.status(row)}."
        )
    job = _running.get(kind.arn(row))
    if job is not None and kind.status(row) == "InProgress":
        job.change({f"{kind.prefix}Status": "Stopping"})
        job.container.stop()


def wait(arn: str) -> None:
    """Return when the job has ended; at once if it does not run."""
    job = _running.get(arn)
    if job is not None:
        job.done.wait()


def reason(text: str) -> str:
    """A FailureReason within SageMaker's limit."""
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


def algorithm_error(message: str, code: int) -> str:
    """The FailureReason of a command that ended with an exit code other than 0; the code is never cut off."""
    end = f", exit code: {code}"
    start = f"AlgorithmError: {message.strip()}"
    return start[: _LONGEST_REASON - len(end)] + end


def last_words(lines: list[str]) -> str:
    """The line of a log that says best why the command failed: the last one that is not empty."""
    return next((line for line in reversed(lines) if line.strip()), "the command wrote nothing")


def _run(job: Job, work: Callable[[Job], Row]) -> None:
    arn = job.kind.arn(job.row)  # by the end its row may be gone, and who waits must not wait for ever
    try:
        status, changes = _outcome(job, work)
        job.log.close()
        if not server_stops.is_set():
            _end(job.ctx, job.kind, job.row, status, changes)
    finally:
        container.remove(job.root)
        _running.pop(arn, None)
        job.done.set()


def _outcome(job: Job, work: Callable[[Job], Row]) -> tuple[str, Row]:
    try:
        job_needs.check(job.ctx, job.role, job.row)
        return "Completed", work(job)
    except JobEnd as end:
        message = {"FailureReason": reason(str(end))} if str(end) else {}
        return end.status, {**end.changes, **message}
    except staging.StagingError as end:
        return "Failed", {"FailureReason": reason(f"ClientError: {end}")}
    except AwsError as error:
        return "Failed", {"FailureReason": reason(f"ClientError: {error.message}")}
    except Exception as error:
        # A fault of this emulation must end the job visibly, not leave it in progress for ever.
        _log.exception("job %s", job.name)
        return "Failed", {"FailureReason": reason(f"InternalServerError: {type(error).__name__}: {error}")}


def _end(ctx: Context, kind: Kind, row: Row, status: str, changes: Row) -> None:
    changes = {**changes, f"{kind.prefix}Status": status, kind.end_member: store.now()}
    change(ctx, kind, kind.name(row), {**changes, **kind.on_end({**row, **changes})})


@on_start
def fail_interrupted() -> None:
    """Jobs that the state shows as running were cut off when the server ended."""
    server_stops.clear()
    for kind in kinds:
        for (account, region, _), row in list(kind.table.items()):
            if kind.status(row) in ("InProgress", "Stopping") and kind.arn(row) not in _running:
                _end(Context(account, region), kind, row, "Failed", {"FailureReason": INTERRUPTED})


@on_start
def remove_left_over() -> None:
    """Delete the folders of jobs whose server was killed; their names tell its process id."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        pid = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            container.remove(folder)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it belongs to somebody else
    return True


@on_stop
def end_all() -> None:
    """End the containers; the rows stay in progress, so that the next start tells what happened to them."""
    server_stops.set()
    for job in list(_running.values()):
        job.container.stop(grace=0)
