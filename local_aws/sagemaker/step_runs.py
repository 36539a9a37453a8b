"""What each type of pipeline step does when its turn comes."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws import permissions
from local_aws.core import api, tags
from local_aws.core.api import AwsError, Context
from local_aws.permissions import sagemaker_requests
from local_aws.sagemaker import argument_check, conditions, jobs, package_groups, step_types, tuning
from local_aws.sagemaker.expressions import Scope
from local_aws.sagemaker.pipeline_model import Step

Row = dict[str, Any]

_SUFFIX = 10
# Which exception of a retry policy a failure counts as, by the first word of a job's FailureReason.
_JOB_EXCEPTIONS = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}


class StepFailedError(Exception):
    """The step failed; `exception` is what a retry policy would name it, if it can be retried."""

    def __init__(self, reason: str, exception: str | None = None) -> None:
        super().__init__(reason)
        self.exception = exception


class StepStoppedError(Exception):
    """The step's job was stopped."""


@dataclass(frozen=True)
class StepRun:
    """One attempt at a step. `started` is told the step's metadata as soon as there are any."""

    ctx: Context
    step: Step
    execution_id: str
    execution_arn: str
    scope: Scope
    started: Callable[[Row], None]
    role: str | None = None

    def run(self, arguments: Row, name: str) -> Row:
        """Do the step and return its properties; StepFailedError or StepStoppedError otherwise."""
        match self.step.type:
            case "Condition":
                return self._condition()
            case "Fail":
                return self._fail(arguments)
            case "RegisterModel":
                return self._register(arguments)
            case "Model":
                return self._create_model(arguments, name)
        return self._job(arguments, name)

    def _condition(self) -> Row:
        # Each value is evaluated when its condition is looked at, so nothing is read that decides nothing.
        outcome = all(conditions.holds(item, self.scope.value) for item in self.step.arguments["Conditions"])
        self.started({"Condition": {"Outcome": str(outcome)}})
        return {"Outcome": outcome}

    def _fail(self, arguments: Row) -> Row:
        message = str(arguments.get("ErrorMessage", ""))
        self.started({"Fail": {"ErrorMessage": message}})
        raise StepFailedError(message)

    def _register(self, arguments: Row) -> Row:
        group = arguments.get("ModelPackageGroupName")
        if group is not None and not package_groups.exists(self.ctx, group):
            # A RegisterModel step makes the group that it names.
            self._call("CreateModelPackageGroup", {"ModelPackageGroupName": package_groups.name_of(group)})
        properties = {"GeneratedBy": self.execution_arn, **arguments.get("MetadataProperties", {})}
        answer = self._call("CreateModelPackage", {**arguments, "MetadataProperties": properties})
        arn = answer["ModelPackageArn"]
        self.started({"RegisterModel": {"Arn": arn}})
        return self._call("DescribeModelPackage", {"ModelPackageName": arn})

    def _create_model(self, arguments: Row, name: str) -> Row:
        answer = self._call("CreateModel", {**arguments, "ModelName": name})
        self.started({"Model": {"Arn": answer["ModelArn"]}})
        return self._call("DescribeModel", {"ModelName": name})

    def _job(self, arguments: Row, name: str) -> Row:
        kind = step_types.JOBS[self.step.type]
        assert kind.name_member is not None
        answer = self._call(kind.create, {**arguments, kind.name_member: name})
        (arn,) = answer.values()
        self.started({kind.metadata: {"Arn": arn}})
        jobs.wait(arn)
        row = self._call(kind.describe, {kind.name_member: name})
        if self.step.type == "Tuning":
            self._allow("ListTrainingJobsForHyperParameterTuningJob", {kind.name_member: name})
            row["TrainingJobSummaries"] = tuning.summaries_best_first(self.ctx, row)
        _check_end(row, row[kind.name_member.replace("Name", "Status")])
        return row

    def _allow(self, operation: str, params: Row) -> None:
        """Whether the pipeline's role may do it; a job gets the tags of the pipeline, which is a right of its own."""
        needs = sagemaker_requests.needs(self.ctx, operation, {**params, **self._tags(operation)})
        permissions.require(self.role, self.ctx, needs)

    def _tags(self, operation: str) -> Row:
        pipeline = self.execution_arn.partition("/execution/")[0]
        found = tags.get(pipeline) if operation.startswith("Create") else []
        return {"Tags": found} if found else {}

    def _call(self, operation: str, params: Row) -> Row:
        try:
            self._allow(operation, params)
            return api.call(self.ctx, operation, params)
        except AwsError as error:
            reason = f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}"
            raise StepFailedError(jobs.reason(reason), _exception_of(error)) from error


def job_name(step: Step, execution_id: str, given: Any) -> str:
    """A new name for the step's job, as "pipelines-<execution>-<step>-<random>".

    A name among the arguments is a prefix, which makes the name "<prefix>-<execution>-<random>".
    """
    kind = step_types.CREATING[step.type]
    suffix = "".join(random.choices(string.ascii_letters + string.digits, k=_SUFFIX))  # noqa: S311
    if given:
        room = kind.longest_name - len(execution_id) - _SUFFIX - 2
        return f"{str(given)[:room].rstrip('-')}-{execution_id}-{suffix}"
    # A tuning job's name is so short that the first word must go.
    start = f"pipelines-{execution_id}" if kind.longest_name > 32 else execution_id
    room = kind.longest_name - len(start) - _SUFFIX - 2
    name = step.name.replace("_", "-")[:room].rstrip("-")
    return f"{start}-{name}-{suffix}"


def as_arguments(step: Step, value: Row) -> Row:
    """Evaluated arguments in the types of the operation's shape: a number read from a document can name a string."""
    if step.type not in step_types.CREATING:
        return value
    shape = step_types.shape(step_types.CREATING[step.type].create, "input")
    coerced: Row = _coerced(value, shape)
    return coerced


def _coerced(value: Any, shape: Any) -> Any:
    if isinstance(value, dict) and shape.type_name == "structure":
        return {k: _coerced(v, shape.members[k]) if k in shape.members else v for k, v in value.items()}
    if isinstance(value, dict) and shape.type_name == "map":
        return {key: _coerced(item, shape.value) for key, item in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_coerced(item, shape.member) for item in value]
    wanted = argument_check.TYPE_NAMES.get(shape.type_name)
    if wanted == "String" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _check_end(row: Row, status: str) -> None:
    if status == "Completed":
        return
    reason = row.get("FailureReason", "")
    if status == "Stopped" and not reason:
        raise StepStoppedError
    exception = _JOB_EXCEPTIONS.get(reason.partition(":")[0])
    raise StepFailedError(jobs.reason(f"ClientError: {reason}"), exception)


def _exception_of(error: AwsError) -> str | None:
    if error.code == "ResourceLimitExceeded":
        return "SageMaker.RESOURCE_LIMIT"
    if error.code.startswith("Throttling"):
        return "Step.THROTTLING"
    return "Step.SERVICE_FAULT" if error.status >= 500 else None
