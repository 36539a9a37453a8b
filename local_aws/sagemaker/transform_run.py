"""The work of a transform job: a model's serving process is sent the records of files, and answers become files.

A file whose records all succeed gets an output, others get none, and the job fails at its end if there was one of
these. The log stream .../data-log tells which file failed and why. Source: developer guide, batch-transform and
your-algorithms-batch-code.
"""

from __future__ import annotations

import contextlib
import gzip
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.core import store
from local_aws.sagemaker import jobs, staging
from local_aws.sagemaker.job_logs import JobLog
from local_aws.sagemaker.serving import Home, Instance, ModelTimeout, ServerDown, StartFailed
from local_aws.sagemaker.transform_records import Batch, Plan, RecordError

Row = dict[str, Any]

_POLL_SECONDS = 0.1
_DEFAULT_TIMEOUT = 600
_DEFAULT_RETRIES = 3
_SEE_LOGS = "See job logs for more information"


@dataclass(frozen=True)
class _File:
    """An input with its requests under way, or with what kept them from being made."""

    name: str
    answers: list[tuple[Batch, Future[bytes]]]
    error: RecordError | None = None


class _ModelError(Exception):
    """The model did not answer a request with success; `status` is 0 when it did not answer at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def lines(self) -> list[str]:
        """What the data log says of it."""
        if not self.status:
            return [f"Unable to get response from algorithm: {self}"]
        what = (
            f"ClientError: {self.status}"
            if self.by_client
            else f"Bad HTTP status received from algorithm: {self.status}"
        )
        return [what, "", "Message:", *str(self).splitlines()]

    @property
    def by_client(self) -> bool:
        return 400 <= self.status < 500


def run(job: jobs.Job, containers: list[Row]) -> Row:
    """The job's work, with the model's containers.

    Errors: JobFailed, JobStopped, StagingError."""
    row, plan = job.row, Plan.of(job.row)
    with job.slot():
        source = row["TransformInput"]["DataSource"]["S3DataSource"]
        folder = job.root / "input"
        paths = staging.download(job.s3, source["S3Uri"], folder, source["S3DataType"])
        job.check_stopped()
        row = job.change({"TransformStartTime": store.now()})
        with _data_log(job) as log, _model(job, containers) as instance:
            log.line(
                f"MaxConcurrentTransforms={_parallel(row)}, MaxPayloadInMB={plan.limit >> 20}, "
                f"BatchStrategy={'SINGLE_RECORD' if plan.single else 'MULTI_RECORD'}"
            )
            failures = _transform(
                job, plan, instance, {path.relative_to(folder).as_posix(): path for path in paths}, log
            )
    if failures:
        raise jobs.JobFailed(f"{failures[0]}: {_SEE_LOGS}")
    return {}


def _parallel(row: Row) -> int:
    """A container's own /execution-parameters are not asked for."""
    return int(row.get("MaxConcurrentTransforms") or 1)


def _transform(job: jobs.Job, plan: Plan, instance: Instance, paths: dict[str, Path], log: JobLog) -> list[str]:
    """Send everything, write the files that succeed, and return the kinds of the others' errors."""
    row = job.row
    failures: list[str] = []
    with ThreadPoolExecutor(_parallel(row), "transform") as pool:
        files = [_submitted(pool, row, plan, instance, name, path) for name, path in paths.items()]
        for file in files:
            try:
                output = plan.assembled(_answers(job, file))
            except (RecordError, _ModelError) as error:
                client = isinstance(error, RecordError) or error.by_client
                failures.append("ClientError" if client else "AlgorithmError")
                for line in [str(error)] if isinstance(error, RecordError) else error.lines():
                    log.line(f"{file.name}: {line}")
            except jobs.JobStopped:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            else:
                _write(job, row["TransformOutput"], file.name, output)
    return failures


def _submitted(pool: ThreadPoolExecutor, row: Row, plan: Plan, instance: Instance, name: str, path: Path) -> _File:
    try:
        data = path.read_bytes()
        if row["TransformInput"].get("CompressionType") == "Gzip":
            data = gzip.decompress(data)
        batches = plan.batches(data)
    except (OSError, EOFError, zlib.error) as error:
        return _File(name, [], RecordError(f"not a gzip file: {error}"))
    except RecordError as error:
        return _File(name, [], error)
    return _File(name, [(batch, pool.submit(_ask, row, instance, batch.body)) for batch in batches])


def _answers(job: jobs.Job, file: _File) -> Iterator[tuple[Batch, bytes]]:
    if file.error is not None:
        raise file.error
    for batch, future in file.answers:
        while not future.done():
            job.check_stopped()
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=_POLL_SECONDS)
        job.check_stopped()
        yield batch, future.result()


def _ask(row: Row, instance: Instance, body: bytes) -> bytes:
    """The model's answer to one request; what may pass is tried again, as often as the job allows."""
    content_type, accept = row["TransformInput"].get("ContentType"), row["TransformOutput"].get("Accept")
    headers = {"content-type": content_type, "accept": accept}
    given = {name: value for name, value in headers.items() if value}
    retries = row.get("ModelClientConfig", {}).get("InvocationsMaxRetries", _DEFAULT_RETRIES)
    failure = _ModelError(0, "")
    for _ in range(retries + 1):
        try:
            _, answer = instance.invoke(given, body)
        except (ModelTimeout, ServerDown) as error:
            failure = _ModelError(0, str(error))
            continue
        if 200 <= answer.status < 300:
            return answer.body
        failure = _ModelError(answer.status, answer.body.decode("utf-8", "replace"))
        if failure.by_client:
            break
    raise failure


def _write(job: jobs.Job, target: Row, name: str, output: bytes) -> None:
    path = job.root / "output" / f"{name}.out"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(output)
    staging.put(job.s3, path, f"{target['S3OutputPath'].rstrip('/')}/{name}.out", target.get("KmsKeyId"))


@contextlib.contextmanager
def _data_log(job: jobs.Job) -> Iterator[JobLog]:
    log = JobLog(job.ctx, job.kind.log_group, f"{job.stream}/data-log", job.role)
    try:
        yield log
    finally:
        log.close()


@contextlib.contextmanager
def _model(job: jobs.Job, containers: list[Row]) -> Iterator[Instance]:
    """The model's serving process, started with the job's environment and ended with the job, or when it is stopped."""
    row = job.row
    environment = {
        **row.get("Environment", {}),
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(row.get("MaxPayloadInMB") or 6),
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if row.get("BatchStrategy") == "SingleRecord" else "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(_parallel(row)),
    }
    timeout = row.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT)
    definitions = [{**part, "Environment": {**part["Environment"], **environment}} for part in containers]
    instance = Instance(Home(job.ctx, row["ModelName"], job.log, timeout), definitions)
    ended = threading.Event()

    def end_when_stopped() -> None:
        while not ended.wait(_POLL_SECONDS):
            if job.container.stopped:
                instance.stop(drain=False)
                return

    threading.Thread(target=end_when_stopped, daemon=True).start()
    try:
        try:
            instance.start()
        except StartFailed as failure:
            job.check_stopped()
            raise jobs.JobFailed(_start_failure(failure)) from failure
        yield instance
    finally:
        ended.set()
        instance.stop(drain=False)


def _start_failure(failure: StartFailed) -> str:
    if "model data" in str(failure):
        return f"ClientError: {failure}"
    return (
        "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is implemented and "
        f"responds with an HTTP 200 status code. {_SEE_LOGS}"
    )
