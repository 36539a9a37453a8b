"""Runs pipeline executions: which step starts when, what its end means for the rest.

A step starts when all that it needs has succeeded, as many at a time as the pipeline and this machine allow. After
a failure nothing new starts, what runs may finish, and the execution is Failed. A stop ends the running jobs too.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from local_aws import clients, permissions
from local_aws.core import api, store
from local_aws.core.api import AwsError, Context, on_start
from local_aws.permissions import sagemaker_requests
from local_aws.sagemaker import caching, definition, execution_rows, jobs, retries, staging, step_runs, step_types
from local_aws.sagemaker.expressions import ExpressionError, Scope
from local_aws.sagemaker.pipeline_model import Step
from local_aws.sagemaker.step_runs import StepFailedError, StepRun, StepStoppedError

Row = dict[str, Any]

_FAILED = "Step failure: One or multiple steps failed."
_log = logging.getLogger(__name__)
_running: dict[str, "PipelineRun"] = {}


def start(ctx: Context, arn: str) -> "PipelineRun":
    """Run an execution whose row says Executing; steps that already succeeded stay as they are."""
    run = PipelineRun(ctx, arn)
    _running[arn] = run
    threading.Thread(target=run.go, name=arn.rpartition(":")[2], daemon=True).start()
    return run


def stop(arn: str) -> None:
    """Stop an execution whose row says Stopping."""
    if arn in _running:
        _running[arn].stop()


def wait(arn: str, seconds: float | None = None) -> bool:
    """Whether the execution has ended within `seconds`."""
    run = _running.get(arn)
    return run is None or run.done.wait(seconds)


class PipelineRun:
    """One execution on its threads: one that decides, and one for each step that runs."""

    def __init__(self, ctx: Context, arn: str) -> None:
        self.ctx, self.arn = ctx, arn
        self.row = execution_rows.find(ctx, arn)
        self.definition = definition.parse(self.row["_Definition"])
        self._role: str | None = self.row.get("_RoleArn")
        self.done = threading.Event()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._statuses: dict[str, str] = {}
        self._properties: dict[str, Row] = {}
        for step in execution_rows.step_rows(ctx, arn):
            if step["StepStatus"] == "Succeeded":
                self._statuses[step["StepName"]] = "Succeeded"
                self._properties[step["StepName"]] = step["_Properties"]

    def go(self) -> None:
        try:
            with self._changed:
                while self._start_ready() or self._count("Running"):
                    self._changed.wait()
            self._finish()
        except Exception as error:
            # Whatever goes wrong here must end the execution visibly, not leave it running for ever.
            _log.exception("execution %s", self.arn)
            self._end("Failed", f"InternalServerError: {type(error).__name__}: {error}")
        finally:
            _running.pop(self.arn, None)
            self.done.set()

    def stop(self) -> None:
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        for step in execution_rows.step_rows(self.ctx, self.arn):
            if step["StepStatus"] in execution_rows.RUNNING_STEP:
                execution_rows.change_step(self.ctx, self.arn, step["StepName"], {"StepStatus": "Stopping"})
                self._stop_job(step)

    def _stop_job(self, step: Row) -> None:
        for kind in jobs.kinds:
            for body in step.get("Metadata", {}).values():
                _, _, name = str(body.get("Arn", "")).partition(f":{kind.arn_type}/")
                row = kind.table.get((self.ctx.account, self.ctx.region, name))
                if row is not None and kind.status(row) == "InProgress":
                    with contextlib.suppress(AwsError):  # it ended in the meantime
                        params = {f"{kind.prefix}Name": name}
                        needs = sagemaker_requests.needs(self.ctx, f"Stop{kind.prefix}", params)
                        permissions.require(self._role, self.ctx, needs)
                        api.call(self.ctx, f"Stop{kind.prefix}", params)

    def _start_ready(self) -> bool:
        """Start what can start; whether anything was."""
        if self._stopping.is_set() or self._count("Failed") or self._count("Stopped"):
            return False
        started = False
        for name in self._ready():
            if self._count("Running") >= self._limit():
                break
            self._statuses[name] = "Running"
            thread = threading.Thread(target=self._run_step, args=(name,), name=f"step {name}", daemon=True)
            thread.start()
            started = True
        return started

    def _ready(self) -> list[str]:
        succeeded = {name for name, status in self._statuses.items() if status == "Succeeded"}
        return [
            name
            for name, step in self.definition.steps.items()
            if name not in self._statuses and self._chosen(step) and self.definition.needs(name) <= succeeded
        ]

    def _chosen(self, step: Step) -> bool:
        """Whether the step is in no branch, or in the one that its Condition took."""
        if step.parent is None:
            return True
        outcome = self._properties.get(step.parent, {}).get("Outcome")
        return outcome is not None and step.branch == ("IfSteps" if outcome else "ElseSteps")

    def _limit(self) -> int:
        row = execution_rows.find(self.ctx, self.arn)  # UpdatePipelineExecution may have changed it
        asked = row.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        return min(asked or jobs.MAX_PARALLEL_CONTAINERS, jobs.MAX_PARALLEL_CONTAINERS)

    def _count(self, status: str) -> int:
        return sum(1 for value in self._statuses.values() if value == status)

    def _finish(self) -> None:
        if self._count("Failed"):
            self._end("Failed", _FAILED)
        elif self._stopping.is_set() or self._count("Stopped"):
            self._end("Stopped")
        else:
            self._end("Succeeded")

    def _end(self, status: str, reason: str | None = None) -> None:
        changes = {"PipelineExecutionStatus": status, **({"FailureReason": reason} if reason else {})}
        execution_rows.change(self.ctx, self.arn, changes)

    def _run_step(self, name: str) -> None:
        step = self.definition.steps[name]
        body = {"StepDisplayName": step.body.get("DisplayName"), "StepDescription": step.body.get("Description")}
        row: Row = {
            "StepName": name,
            "StartTime": store.now(),
            "StepStatus": "Starting",
            "AttemptCount": 1,
            **{key: value for key, value in body.items() if value},
            "_Execution": self.arn,
            "_PipelineArn": self.row["PipelineArn"],
            "_Type": step.type,
        }
        execution_rows.change_step(self.ctx, self.arn, name, row)
        status, changes = self._outcome(step)
        if jobs.server_stops.is_set():
            return  # the job was cut off with the server: the next start says so
        changes = {**changes, "StepStatus": status, "EndTime": store.now()}
        execution_rows.change_step(self.ctx, self.arn, name, changes)
        with self._changed:
            self._properties[name] = changes.get("_Properties", {})
            self._statuses[name] = status
            self._changed.notify_all()

    def _outcome(self, step: Step) -> tuple[str, Row]:
        try:
            return "Succeeded", self._attempts(step)
        except StepStoppedError:
            return "Stopped", {}
        except StepFailedError as error:
            return "Failed", {"FailureReason": str(error)} if str(error) else {}
        except (ExpressionError, staging.StagingError, caching.CacheError) as error:
            return "Failed", {"FailureReason": jobs.reason(f"ClientError: {error}")}
        except Exception as error:
            _log.exception("step %s", step.name)
            return "Failed", {"FailureReason": jobs.reason(f"InternalServerError: {error!r}")}

    def _attempts(self, step: Step) -> Row:
        """What the step's row gets when it succeeds, at the first attempt or a later one."""
        policy = retries.Retries(step.body.get("RetryPolicies", []))
        attempt = 1
        while True:
            try:
                return self._attempt(step)
            except StepFailedError as error:
                delay = policy.delay(error.exception)
                if delay is None:
                    raise
                if self._stopping.wait(delay):
                    raise StepStoppedError from error
            attempt += 1
            execution_rows.change_step(self.ctx, self.arn, step.name, {"AttemptCount": attempt})

    def _attempt(self, step: Step) -> Row:
        name, scope = self._name_and_scope(step)
        if step.type == "Condition":
            arguments: Row = {}  # evaluated one by one, when they are compared
        else:
            arguments = step_runs.as_arguments(step, scope.value(step.arguments))
        signature = caching.signature(step.type, arguments)
        if signature and (cached := self._cached(step, signature)):
            return cached

        def started(metadata: Row) -> None:
            status = "Stopping" if self._stopping.is_set() else "Executing"
            changes = {"StepStatus": status, "Metadata": metadata}
            row = execution_rows.change_step(self.ctx, self.arn, step.name, changes)
            if self._stopping.is_set():
                self._stop_job(row)  # the stop came between the start of the job and this row

        if self._stopping.is_set():
            raise StepStoppedError
        run = StepRun(self.ctx, step, self.row["_Id"], self.arn, scope, started, self._role)
        return {"_Properties": run.run(arguments, name), "_Signature": signature}

    def _cached(self, step: Step, signature: str) -> Row | None:
        """The result of an earlier run of this step of this pipeline, as this step's own."""
        earlier = [
            row
            for row in execution_rows.steps.rows(self.ctx.account, self.ctx.region)
            if row["_PipelineArn"] == self.row["PipelineArn"] and row["StepName"] == step.name
        ]
        found = caching.hit(step.body.get("CacheConfig", {}), signature, earlier, store.now())
        if found is None:
            return None
        return {
            "Metadata": found["Metadata"],
            "CacheHitResult": {"SourcePipelineExecutionArn": found["_Execution"]},
            "_Properties": found["_Properties"],
            "_Signature": signature,
        }

    def _name_and_scope(self, step: Step) -> tuple[str, Scope]:
        files: Mapping[str, Any] = {name: item.property_files for name, item in self.definition.steps.items()}
        variables = self.variables()
        with self._changed:
            properties = dict(self._properties)
        scope = Scope(self.row["_Parameters"], variables, properties, files, self._read_json)
        member = step_types.CREATING[step.type].name_member if step.type in step_types.CREATING else None
        if member is None:
            return "", scope
        given = scope.value(step.arguments.get(member))
        name = step_runs.job_name(step, self.row["_Id"], given)
        variables[member] = name  # Execution.TrainingJobName and Execution.ProcessingJobName
        return name, scope

    def variables(self) -> Row:
        """The values of Execution.*, except those that differ from step to step."""
        row = self.row
        return {
            "StartDateTime": row["CreationTime"].isoformat(),
            "CurrentDateTime": store.now().isoformat(),
            "PipelineName": row["_PipelineName"],
            "PipelineArn": row["PipelineArn"],
            "PipelineExecutionId": row["_Id"],
            "PipelineExecutionArn": self.arn,
        }

    def _read_json(self, uri: str) -> Any:
        return json.loads(staging.read(clients.client("s3", self.ctx, self._role), uri))


@on_start
def fail_interrupted() -> None:
    """Executions that the state shows as running were cut off when the server ended."""
    for (account, region, _), row in list(execution_rows.steps.items()):
        if row["StepStatus"] in execution_rows.RUNNING_STEP and row["_Execution"] not in _running:
            changes = {"StepStatus": "Failed", "FailureReason": jobs.INTERRUPTED, "EndTime": store.now()}
            execution_rows.change_step(Context(account, region), row["_Execution"], row["StepName"], changes)
    for (account, region, arn), row in list(execution_rows.executions.items()):
        if row["PipelineExecutionStatus"] in execution_rows.RUNNING and arn not in _running:
            changes = {"PipelineExecutionStatus": "Failed", "FailureReason": jobs.INTERRUPTED}
            execution_rows.change(Context(account, region), arn, changes)
