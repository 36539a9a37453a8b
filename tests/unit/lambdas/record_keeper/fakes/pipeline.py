# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Runs of the training pipeline with their jobs, as SageMaker describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.lambdas.record_keeper.names import (
    ACCOUNT,
    CODE,
    IMAGE,
    PIPELINE,
    PIPELINE_ARN,
    SNAPSHOT,
    STORE,
    arn,
    refused,
    runs,
)

Row = dict[str, Any]
STEPS = ("ValidateData", "PrepareFeatures", "TrainModel", "EvaluateModel", "RegisterModel")
DEFINITION = '{"Version":"2020-12-01","Steps":[]}'


def execution(version: int) -> str:
    return f"{PIPELINE_ARN}/execution/run{version}"


@dataclass
class Run:
    """An execution that makes a version. cached: the version whose run its first step's result was taken from.

    failed: the step that ends it, without a version then; stopped: somebody ended it.
    """

    version: int
    started: datetime
    tuned: bool = False
    cached: int = 0
    ended: datetime | None = None
    failed: str = ""
    stopped: bool = False

    @property
    def running(self) -> bool:
        return self.ended is None

    @property
    def status(self) -> str:
        if self.running:
            return "Executing"
        return "Stopped" if self.stopped else "Failed" if self.failed else "Succeeded"

    @property
    def steps(self) -> tuple[str, ...]:
        """Those that began."""
        return STEPS[: STEPS.index(self.failed) + 1] if self.failed else STEPS


@dataclass
class Pipeline:
    """forgotten: jobs that SageMaker does not know any more."""

    runs: dict[int, Run] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)

    def _run(self, arn: str) -> Run:
        version = int(arn.rpartition("/run")[2])
        if version not in self.runs:
            raise refused("ResourceNotFound", f"{arn} does not exist.", "DescribePipelineExecution")
        return self.runs[version]

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> Row:
        run = self._run(PipelineExecutionArn)
        return {
            "PipelineExecutionArn": PipelineExecutionArn,
            "PipelineExecutionStatus": run.status,
            **({"FailureReason": f"Step failure: {run.failed}"} if run.status == "Failed" else {}),
            "CreationTime": run.started,
            "LastModifiedTime": run.ended or run.started,
        }

    def list_pipeline_executions(self, PipelineName: str, SortBy: str, SortOrder: str, MaxResults: int) -> Row:
        assert (PipelineName, SortBy, SortOrder) == (PIPELINE, "CreationTime", "Descending") and MaxResults <= 100
        newest = sorted(self.runs.values(), key=lambda run: run.started, reverse=True)[:MaxResults]
        return {
            "PipelineExecutionSummaries": [
                {"PipelineExecutionArn": execution(run.version), "PipelineExecutionStatus": run.status}
                for run in newest
            ]
        }

    def describe_pipeline_definition_for_execution(self, PipelineExecutionArn: str) -> Row:
        self._run(PipelineExecutionArn)
        return {"PipelineDefinition": DEFINITION}

    def list_pipeline_parameters_for_execution(self, PipelineExecutionArn: str) -> Row:
        self._run(PipelineExecutionArn)
        given = {"InputDataUri": SNAPSHOT, "CodeCommit": "none"}
        return {"PipelineParameters": [{"Name": name, "Value": value} for name, value in given.items()]}

    def list_pipeline_execution_steps(
        self, PipelineExecutionArn: str, SortOrder: str, MaxResults: int, NextToken: str = "0"
    ) -> Row:
        assert SortOrder == "Ascending" and MaxResults == 100
        run, start = self._run(PipelineExecutionArn), int(NextToken)
        more = {"NextToken": str(start + 2)} if start + 2 < len(run.steps) else {}
        steps = [self._listed(run, name) for name in run.steps[start : start + 2]]
        return {"PipelineExecutionSteps": steps, **more}

    def _listed(self, run: Run, step: str) -> Row:
        begun = run.started + timedelta(minutes=STEPS.index(step))
        row: Row = {"StepName": step, "StepStatus": "Failed" if step == run.failed else "Succeeded", "StartTime": begun}
        if step == "RegisterModel":
            return {**row, "Metadata": {"RegisterModel": {"Arn": arn(run.version)}}}
        if step == "ValidateData" and run.cached:
            source = {"CacheHitResult": {"SourcePipelineExecutionArn": execution(run.cached)}}
            return {**row, **source}
        name = f"pipelines-run{run.version}-{step}"
        if step != "TrainModel":
            return {**row, "Metadata": {"ProcessingJob": {"Arn": f"{ACCOUNT}:processing-job/{name}"}}}
        if run.tuned:
            return {**row, "Metadata": {"TuningJob": {"Arn": f"{ACCOUNT}:hyper-parameter-tuning-job/{name}"}}}
        return {**row, "Metadata": {"TrainingJob": {"Arn": f"{ACCOUNT}:training-job/{name}"}}}

    def _known(self, name: str) -> tuple[Run, str]:
        _, run, step = name.split("-", 2)
        if name in self.forgotten:
            raise refused("ValidationException", f"Could not find requested job with name: {name}", "Describe")
        return self.runs[int(run.removeprefix("run"))], step

    def describe_processing_job(self, ProcessingJobName: str) -> Row:
        run, step = self._known(ProcessingJobName)
        version = run.version
        code = {"InputName": "code", "S3Input": {"S3Uri": CODE}}
        read = {
            "ValidateData": ("raw", SNAPSHOT),
            "PrepareFeatures": ("raw", SNAPSHOT),
            "EvaluateModel": ("test", runs(version, "features/test")),
        }[step]
        output = {"OutputName": "out", "S3Output": {"S3Uri": runs(version, f"{step}/out")}}
        if step == "PrepareFeatures":
            output = {"OutputName": "features", "S3Output": {"S3Uri": runs(version, "features")}}
        if step == "EvaluateModel":
            output = {"OutputName": "model-quality", "S3Output": {"S3Uri": runs(version, "evaluation")}}
        joining = {"Environment": {"FEATURE_GROUP": STORE}} if step == "PrepareFeatures" else {}
        return {
            **joining,
            "ProcessingJobArn": f"{ACCOUNT}:processing-job/{ProcessingJobName}",
            "ProcessingInputs": [{"InputName": read[0], "S3Input": {"S3Uri": read[1]}}, code],
            "ProcessingOutputConfig": {"Outputs": [output]},
            "AppSpecification": {"ImageUri": IMAGE},
            "ProcessingEndTime": run.started + timedelta(minutes=STEPS.index(step) + 1),
        }

    def describe_training_job(self, TrainingJobName: str) -> Row:
        run, _ = self._known(TrainingJobName.removesuffix("-007-best"))
        train = {"S3DataSource": {"S3Uri": runs(run.version, "features/train")}}
        return {
            "TrainingJobArn": f"{ACCOUNT}:training-job/{TrainingJobName}",
            "HyperParameters": {"max_depth": "4", "eta": "0.05", "empty": ""},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": train}],
            "OutputDataConfig": {"S3OutputPath": runs(run.version, "model")},
            "ModelArtifacts": {"S3ModelArtifacts": runs(run.version, "model/model.tar.gz")},
            "AlgorithmSpecification": {"TrainingImage": IMAGE},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            "TrainingTimeInSeconds": 61,
            "TrainingEndTime": run.started + timedelta(minutes=3),
            "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.8}],
        }

    def describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> Row:
        self._known(HyperParameterTuningJobName)
        return {
            "HyperParameterTuningJobArn": f"{ACCOUNT}:hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
            "BestTrainingJob": {"TrainingJobName": f"{HyperParameterTuningJobName}-007-best"},
        }
