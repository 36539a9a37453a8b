"""Hyperparameter tuning jobs.

Grid and Random are exact. Bayesian searches at random too: nothing here models the objective, and a search of a few
trainings on one machine gains little by it. Without RandomSeed the seed comes from the request, so the same request
tries the same values. Hyperband, warm starts, Autotune and several training definitions are refused.
"""

import hashlib
import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from local_aws.core import events, listing
from local_aws.core.api import Context, ResourceNotFound, ValidationException, operation
from local_aws.sagemaker import built_in, jobs, search_space, times, training

Row = dict[str, Any]

_EVENT_MEMBERS = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "TrainingJobDefinition",
    "HyperParameterTuningJobStatus",
    "FailureReason",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)
_NOT_PASSED_ON = ("StaticHyperParameters", "HyperParameterRanges", "TuningObjective", "DefinitionName")
_COUNTERS = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped"}
_DEFAULT_MOST = 1


def tell(ctx: Context, row: Row) -> None:
    """Emit the job's state change event; its times are text."""
    detail = {key: row[key] for key in _EVENT_MEMBERS if key in row}
    detail |= {key: str(times.milliseconds(row[key])) for key in ("CreationTime", "LastModifiedTime")}
    detail["Tags"] = {}
    events.emit(ctx, "SageMaker HyperParameter Tuning Job State Change", detail, [row["HyperParameterTuningJobArn"]])


KIND = jobs.register(
    jobs.Kind(
        prefix="HyperParameterTuningJob",
        arn_type="hyper-parameter-tuning-job",
        end_member="HyperParameterTuningEndTime",
        on_change=tell,
    )
)


@operation("CreateHyperParameterTuningJob")
def create_hyper_parameter_tuning_job(ctx: Context, params: Row) -> Row:
    _check(ctx, params)
    row = jobs.create(ctx, KIND, {**params, **_progress(params, [])})
    jobs.start(ctx, KIND, row["HyperParameterTuningJobName"], _work)
    return {"HyperParameterTuningJobArn": row["HyperParameterTuningJobArn"]}


@operation("DescribeHyperParameterTuningJob")
def describe_hyper_parameter_tuning_job(ctx: Context, params: Row) -> Row:
    name = params["HyperParameterTuningJobName"]
    row = KIND.table.get((ctx.account, ctx.region, name))
    if row is None:
        raise ResourceNotFound(f"Amazon SageMaker can't find a tuning job with the name {name}.")
    return row


@operation("StopHyperParameterTuningJob")
def stop_hyper_parameter_tuning_job(ctx: Context, params: Row) -> Row:
    row = describe_hyper_parameter_tuning_job(ctx, params)
    jobs.stop(KIND, row)
    for job in _trainings(ctx, row):
        if job["TrainingJobStatus"] == "InProgress":
            jobs.stop(training.KIND, job)
    return {}


@operation("ListHyperParameterTuningJobs")
def list_hyper_parameter_tuning_jobs(ctx: Context, params: Row) -> Row:
    rows = [
        {
            **row,
            "Strategy": row["HyperParameterTuningJobConfig"]["Strategy"],
            "ResourceLimits": row["HyperParameterTuningJobConfig"]["ResourceLimits"],
        }
        for row in KIND.table.rows(ctx.account, ctx.region)
    ]
    return listing.page(
        rows,
        params,
        key="HyperParameterTuningJobSummaries",
        sort={
            "Name": lambda row: row["HyperParameterTuningJobName"],
            "CreationTime": lambda row: row["CreationTime"],
            "Status": lambda row: row["HyperParameterTuningJobStatus"],
        },
        default_sort="Name",
        default_order="Ascending",
        filters={"StatusEquals": lambda row, status: row["HyperParameterTuningJobStatus"] == status},
    )


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs_for_hyper_parameter_tuning_job(ctx: Context, params: Row) -> Row:
    row = describe_hyper_parameter_tuning_job(ctx, params)
    rows = [_summary(row, job) for job in _trainings(ctx, row)]
    if params.get("SortBy") == "FinalObjectiveMetricValue":
        rows = [item for item in rows if "FinalHyperParameterTuningJobObjectiveMetric" in item]
    return listing.page(
        rows,
        params,
        key="TrainingJobSummaries",
        sort={
            "Name": lambda item: item["TrainingJobName"],
            "CreationTime": lambda item: item["CreationTime"],
            "Status": lambda item: item["TrainingJobStatus"],
            "FinalObjectiveMetricValue": _value,
        },
        default_sort="Name",
        default_order="Ascending",
        filters={"StatusEquals": lambda item, status: item["TrainingJobStatus"] == status},
    )


def summaries_best_first(ctx: Context, row: Row) -> list[Row]:
    """The trainings with an objective value, best first: what a pipeline sees as TrainingJobSummaries."""
    return _ranked(row, [_summary(row, job) for job in _trainings(ctx, row)])


def _check(ctx: Context, params: Row) -> None:
    config = params["HyperParameterTuningJobConfig"]
    ranges = _ranges(params)
    refused = {
        "Strategy Hyperband": config["Strategy"] == "Hyperband",
        "WarmStartConfig": "WarmStartConfig" in params,
        "Autotune": params.get("Autotune", {}).get("Mode") == "Enabled" or bool(ranges.get("AutoParameters")),
        "TrainingJobDefinitions": "TrainingJobDefinitions" in params,
    }
    for name, present in refused.items():
        if present:
            raise ValidationException(f"{name} is not emulated by the local AWS.")
    if "TrainingJobDefinition" not in params:
        raise ValidationException("TrainingJobDefinition is missing.")
    algorithm = built_in.with_metrics(ctx, params["TrainingJobDefinition"])["AlgorithmSpecification"]
    built_in.check_tunable(ctx, algorithm, [item["Name"] for kind in ranges.values() for item in kind])
    names = [item["Name"] for item in algorithm.get("MetricDefinitions", [])]
    if _objective(params)["MetricName"] not in names:
        raise ValidationException(
            f"The objective metric '{_objective(params)['MetricName']}' is not in MetricDefinitions: {names}."
        )
    try:
        list(_points(params))
    except search_space.SpaceError as error:
        raise ValidationException(f"ParameterRanges: {error}") from error


def _ranges(params: Row) -> Row:
    ranges: Row = params["HyperParameterTuningJobConfig"].get("ParameterRanges") or params.get(
        "TrainingJobDefinition", {}
    ).get("HyperParameterRanges", {})
    return ranges


def _objective(params: Row) -> Row:
    config = params["HyperParameterTuningJobConfig"]
    objective: Row = config.get("HyperParameterTuningJobObjective") or params["TrainingJobDefinition"].get(
        "TuningObjective"
    )
    if objective is None:
        raise ValidationException("HyperParameterTuningJobObjective is missing.")
    return objective


def _points(params: Row) -> Iterator[search_space.Point]:
    config, ranges = params["HyperParameterTuningJobConfig"], _ranges(params)
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        points = search_space.grid(ranges)
        if most not in (None, len(points)):
            raise search_space.SpaceError(
                f"MaxNumberOfTrainingJobs is {most}, but the grid has {len(points)} points; leave it out."
            )
        return iter(points)
    text = json.dumps([config, ranges], sort_keys=True)
    seed = config.get("RandomSeed", int(hashlib.sha256(text.encode()).hexdigest()[:8], 16))
    return itertools.islice(search_space.draws(ranges, seed), most or _DEFAULT_MOST)


@dataclass
class _Search:
    """The trainings of one tuning job; each of `parallel` threads takes the next point until none is left."""

    job: jobs.Job
    points: Iterator[tuple[int, search_space.Point]]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, parallel: int) -> None:
        with ThreadPoolExecutor(parallel) as pool:
            for worker in [pool.submit(self._train_one_after_another) for _ in range(parallel)]:
                worker.result()

    def _train_one_after_another(self) -> None:
        while (point := self._next()) is not None:
            params = _training_params(self.job.row, *point)
            arn = training.start(self.job.ctx, params)["TrainingJobArn"]
            self._report()
            jobs.wait(arn)
            self._report()

    def _next(self) -> tuple[int, search_space.Point] | None:
        with self.lock:
            if self.job.container.stopped or _target_reached(self.job.row):
                return None
            return next(self.points, None)

    def _report(self) -> None:
        with self.lock:
            row = self.job.row
            self.job.change(_progress(row, [_summary(row, item) for item in _trainings(self.job.ctx, row)]))


def _work(job: jobs.Job) -> Row:
    row = job.row
    limits = row["HyperParameterTuningJobConfig"]["ResourceLimits"]
    _Search(job, enumerate(_points(row), start=1)).run(limits["MaxParallelTrainingJobs"])
    job.check_stopped()
    if "BestTrainingJob" not in job.row:
        count = len(_trainings(job.ctx, row))
        raise jobs.JobFailed(
            f"No training job succeeded after {count} attempts. For additional details, please take a look at the "
            "training job failures by listing training jobs for the hyperparameter tuning job."
        )
    return {}


def _training_params(row: Row, number: int, point: search_space.Point) -> Row:
    definition = row["TrainingJobDefinition"]
    params = {key: value for key, value in definition.items() if key not in _NOT_PASSED_ON}
    objective = {"_tuning_objective_metric": _objective(row)["MetricName"]}
    return {
        **params,
        "TrainingJobName": f"{row['HyperParameterTuningJobName']}-{number:03d}-{uuid.uuid4().hex[:8]}",
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **point, **objective},
        "TuningJobArn": row["HyperParameterTuningJobArn"],
        "_Tuned": point,
    }


def _trainings(ctx: Context, row: Row) -> list[Row]:
    arn = row["HyperParameterTuningJobArn"]
    return [job for job in training.KIND.table.rows(ctx.account, ctx.region) if job.get("TuningJobArn") == arn]


def _summary(row: Row, job: Row) -> Row:
    """A training as HyperParameterTrainingJobSummary."""
    members = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
    item = {key: job[key] for key in (*members, "TrainingJobStatus", "FailureReason") if key in job}
    item["TunedHyperParameters"] = job["_Tuned"]
    objective = _objective(row)
    values = [
        metric for metric in job.get("FinalMetricDataList", []) if metric["MetricName"] == objective["MetricName"]
    ]
    if job["TrainingJobStatus"] == "InProgress":
        item["ObjectiveStatus"] = "Pending"
    elif values and job["TrainingJobStatus"] != "Failed":
        item["ObjectiveStatus"] = "Succeeded"
        item["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": objective["Type"],
            "MetricName": objective["MetricName"],
            "Value": values[-1]["Value"],
        }
    else:
        item["ObjectiveStatus"] = "Failed"
    return item


def _value(item: Row) -> float:
    return float(item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def _ranked(row: Row, items: list[Row]) -> list[Row]:
    found = [item for item in items if "FinalHyperParameterTuningJobObjectiveMetric" in item]
    return sorted(found, key=_value, reverse=_objective(row)["Type"] == "Maximize")


def _target_reached(row: Row) -> bool:
    criteria = row["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria", {})
    target = criteria.get("TargetObjectiveMetricValue")
    if target is None or "BestTrainingJob" not in row:
        return False
    best = _value(row["BestTrainingJob"])
    return best >= float(target) if _objective(row)["Type"] == "Maximize" else best <= float(target)


def _progress(row: Row, items: list[Row]) -> Row:
    """The counters and the best training so far."""
    statuses = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    objectives = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
    for item in items:
        statuses[_COUNTERS.get(item["TrainingJobStatus"], "InProgress")] += 1
        objectives[item["ObjectiveStatus"]] += 1
    best = {"BestTrainingJob": ranked[0]} if (ranked := _ranked(row, items)) else {}
    return {"TrainingJobStatusCounters": statuses, "ObjectiveStatusCounters": objectives, **best}
