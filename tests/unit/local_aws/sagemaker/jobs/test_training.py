"""Training and tuning jobs."""

import io
import json
import tarfile
from typing import Any

import pytest

from local_aws.core.api import ValidationException
from local_aws.sagemaker import jobs, script_mode, search_space
from tests.real_samples import sample as real_sample

from .conftest import BUCKET, IMAGE, ROLE, eventually

CODE = f"{BUCKET}/code/source.tar.gz"
METRICS = [{"Name": "validation:auc", "Regex": r"auc=([0-9.]+)"}]
SCRIPT = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--eta", type=float)
parser.add_argument("--depth", type=int, default=3)
arguments = parser.parse_args()
print("auc=0.1")
print(f"auc={1 - arguments.eta:.2f}")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w").write(json.dumps(dict(os.environ)))
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "log.txt"), "w").write("x")
"""


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def member(content: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def arguments(**changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/train", "S3DataDistributionType": "FullyReplicated"}
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": METRICS},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


@pytest.fixture
def code(s3):
    """Use a script, given as text, in script mode; returns the hyperparameters that name it."""
    s3.objects[f"{BUCKET}/train/a.csv"] = b"1,2\n"

    def use(script: str) -> dict[str, str]:
        s3.objects[CODE] = archive(**{"train.py": script})
        return {"sagemaker_program": "train.py", "sagemaker_submit_directory": CODE}

    return use


@pytest.fixture
def train(call, code):
    """Train with a script and hyperparameters, and describe the job at its end."""

    def run(script: str, values: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        parameters = {**code(script), **(values or {})}
        answer = call("CreateTrainingJob", TrainingJobName="job", HyperParameters=parameters, **arguments(**changes))
        jobs.wait(answer["TrainingJobArn"])
        return call("DescribeTrainingJob", TrainingJobName="job")

    return run


def test_script_mode_runs_the_script_and_keeps_its_model(train, s3, logs):
    job = train(SCRIPT, {"eta": "0.2"})
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"{BUCKET}/models/job/output/model.tar.gz"
    environment = json.loads(member(s3.objects[f"{BUCKET}/models/job/output/model.tar.gz"], "model.json"))
    assert member(s3.objects[f"{BUCKET}/models/job/output/output.tar.gz"], "log.txt") == b"x"
    assert environment["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert json.loads(environment["SM_HPS"]) == {"eta": 0.2}
    assert environment["SM_HP_ETA"] == "0.2"
    assert environment["PYTHONPATH"] == "/opt/ml/code"
    assert environment["TRAINING_JOB_NAME"] == "job"
    assert "auc=0.80" in logs.of("job")


def test_the_last_value_of_a_metric_counts(train):
    (metric,) = train(SCRIPT, {"eta": "0.2"})["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("validation:auc", 0.8)


def test_every_phase_is_in_the_transitions(train):
    transitions = train(SCRIPT, {"eta": "0.2"})["SecondaryStatusTransitions"]
    expected = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [item["Status"] for item in transitions] == expected
    assert all(item["EndTime"] >= item["StartTime"] for item in transitions)


def test_a_script_that_raises_fails_the_job_with_its_traceback(train):
    job = train("def train():\n    raise KeyError('target')\ntrain()\n")
    assert job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage")
    assert "KeyError: 'target'" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert "ModelArtifacts" not in job


def test_a_failure_file_is_the_reason(train):
    job = train("open('/opt/ml/output/failure', 'w').write('bad data')\nraise SystemExit(2)\n")
    assert job["FailureReason"] == "AlgorithmError: bad data, exit code: 2"


def test_a_command_of_its_own_replaces_script_mode(call, s3):
    s3.objects[f"{BUCKET}/train/drivers/run.sh"] = b"echo $TRAINING_JOB_NAME; touch /opt/ml/input/env; cat $1/*.json\n"
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": [
            "-c",
            "chmod +x /opt/ml/input/data/train/drivers/run.sh && bash /opt/ml/input/data/train/drivers/run.sh "
            "/opt/ml/input/config && cp /opt/ml/input/config/* /opt/ml/model",
        ],
    }
    arn = call("CreateTrainingJob", TrainingJobName="job", **arguments(AlgorithmSpecification=algorithm))
    jobs.wait(arn["TrainingJobArn"])
    assert call("DescribeTrainingJob", TrainingJobName="job")["TrainingJobStatus"] == "Completed"
    model = s3.objects[f"{BUCKET}/models/job/output/model.tar.gz"]
    assert json.loads(member(model, "inputdataconfig.json"))["train"]["TrainingInputMode"] == "File"
    resources = json.loads(member(model, "resourceconfig.json"))
    assert {"current_host", "current_instance_type", "hosts", "network_interface_name"} <= set(resources)


def test_without_compression_the_model_is_files(train, s3):
    output = {"S3OutputPath": f"{BUCKET}/models", "CompressionType": "NONE"}
    job = train(SCRIPT, {"eta": "0.1"}, OutputDataConfig=output)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"{BUCKET}/models/job/output/model/"
    assert f"{BUCKET}/models/job/output/model/model.json" in s3.objects


def test_a_stopped_job_keeps_what_it_had(call, code, s3, logs):
    script = "import time\nopen('/opt/ml/model/m', 'w').write('half')\nprint('auc=0.5')\ntime.sleep(30)\n"
    arn = call("CreateTrainingJob", TrainingJobName="job", HyperParameters=code(script), **arguments())
    eventually(lambda: call("DescribeTrainingJob", TrainingJobName="job")["SecondaryStatus"] == "Training")
    eventually(lambda: "auc=0.5" in logs.of("job"))
    call("StopTrainingJob", TrainingJobName="job")
    jobs.wait(arn["TrainingJobArn"])
    job = call("DescribeTrainingJob", TrainingJobName="job")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert member(s3.objects[job["ModelArtifacts"]["S3ModelArtifacts"]], "m") == b"half"


def test_the_time_allowed_is_kept(train):
    job = train("import time; time.sleep(30)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_missing_program_is_named(train):
    job = train(SCRIPT, {"sagemaker_program": "other.py"})
    assert job["FailureReason"].startswith("ClientError: sagemaker_program 'other.py' is not in s3://")


def test_an_image_that_would_have_to_run_by_itself_is_refused(call, s3):
    with pytest.raises(ValidationException, match="cannot be run by the local AWS as it is"):
        call("CreateTrainingJob", TrainingJobName="job", HyperParameters={"eta": "0.1"}, **arguments())


def test_training_events_have_the_members_of_the_real_one(train, emitted):
    sample = real_sample("events/training_job.json")
    train(SCRIPT, {"eta": "0.2"})
    last = emitted[-1]
    assert last["detail-type"] == sample["detail-type"]
    # The sample shows no model, which a completed job has.
    assert set(last["detail"]) - {"ModelArtifacts"} == set(sample["detail"])
    assert last["detail"]["CreationTime"].isdigit()


def test_values_are_decoded_and_passed_as_the_toolkit_does():
    values = script_mode.decode({"eta": "0.1", "name": '"auc"', "plain": "auc", "flag": "true"})
    assert values == {"eta": 0.1, "name": "auc", "plain": "auc", "flag": True}
    assert script_mode.to_arguments({"b": 1, "alpha": True}) == ["--alpha", "True", "-b", "1"]


def tuning_arguments(code: dict[str, str], strategy: str, **config: Any) -> dict[str, Any]:
    definition = {key: value for key, value in arguments().items() if key != "HyperParameters"}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "RandomSeed": 7,
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}]},
            **config,
        },
        "TrainingJobDefinition": {**definition, "StaticHyperParameters": {**code, "depth": "2"}},
    }


@pytest.fixture
def tune(call):
    def run(**params: Any) -> dict[str, Any]:
        answer = call("CreateHyperParameterTuningJob", HyperParameterTuningJobName="tune", **params)
        jobs.wait(answer["HyperParameterTuningJobArn"])
        return call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName="tune")

    return run


def test_random_search_finds_the_best_of_its_draws(call, code, tune):
    job = tune(**tuning_arguments(code(SCRIPT), "Bayesian"))
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 3
    trainings = call(
        "ListTrainingJobsForHyperParameterTuningJob",
        HyperParameterTuningJobName="tune",
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending",
    )["TrainingJobSummaries"]
    etas = [float(item["TunedHyperParameters"]["eta"]) for item in trainings]
    assert etas == sorted(etas)
    assert len(set(etas)) == 3
    assert job["BestTrainingJob"]["TrainingJobName"] == trainings[0]["TrainingJobName"]
    best = call("DescribeTrainingJob", TrainingJobName=trainings[0]["TrainingJobName"])
    assert best["HyperParameters"]["_tuning_objective_metric"] == "validation:auc"
    assert best["TuningJobArn"] == job["HyperParameterTuningJobArn"]


def test_grid_search_tries_every_combination(call, code, tune):
    ranges = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.3", "0.5"]}]}
    limits = {"MaxParallelTrainingJobs": 2}
    tune(**tuning_arguments(code(SCRIPT), "Grid", ParameterRanges=ranges, ResourceLimits=limits))
    listed = call("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    assert sorted(item["TunedHyperParameters"]["eta"] for item in listed["TrainingJobSummaries"]) == ["0.3", "0.5"]


def test_a_search_without_a_success_fails(code, tune):
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    job = tune(**tuning_arguments(code("raise SystemExit(1)"), "Random", ResourceLimits=limits))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 1 attempts.")


@pytest.mark.parametrize(
    ("strategy", "config", "message"),
    [
        ("Hyperband", {}, "Strategy Hyperband is not emulated"),
        ("Grid", {}, "Grid search takes CategoricalParameterRanges only"),
        (
            "Random",
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"}},
            "'loss' is not in MetricDefinitions",
        ),
    ],
)
def test_searches_that_cannot_be_are_refused(tune, code, strategy, config, message):
    with pytest.raises(ValidationException, match=message):
        tune(**tuning_arguments(code(SCRIPT), strategy, **config))


def test_tuning_events_have_the_members_of_the_real_one(code, tune, emitted):
    sample = real_sample("events/hpo_job.json")
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    tune(**tuning_arguments(code(SCRIPT), "Random", ResourceLimits=limits))
    last = next(event for event in reversed(emitted) if event["detail-type"] == sample["detail-type"])
    assert set(last["detail"]) == set(sample["detail"])
    assert set(last["detail"]["TrainingJobStatusCounters"]) == set(sample["detail"]["TrainingJobStatusCounters"])


def test_draws_stay_in_range_on_every_scale():
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "log", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"},
            {"Name": "reverse", "MinValue": "0.9", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "4"}],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
    }
    draws = search_space.draws(ranges, 1)
    points = [next(draws) for _ in range(200)]
    assert all(0.001 <= float(point["log"]) <= 1 for point in points)
    assert all(0.9 <= float(point["reverse"]) <= 0.999 for point in points)
    assert {point["depth"] for point in points} == {"2", "3", "4"}
    assert {point["kind"] for point in points} == {"a", "b"}
    # Half of the draws on a logarithmic scale lie below its geometric middle.
    assert 70 < sum(float(point["log"]) < 0.001**0.5 for point in points) < 130
    again = search_space.draws(ranges, 1)
    assert [next(again) for _ in range(3)] == points[:3]


def test_a_spot_job_runs_and_keeps_its_checkpoints(train, s3):
    script = """
import os
os.makedirs("/opt/ml/checkpoints", exist_ok=True)
open("/opt/ml/checkpoints/round-1", "w").write("x")
"""
    job = train(
        script,
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
        CheckpointConfig={"S3Uri": f"{BUCKET}/checkpoints/execution"},
    )
    assert job["TrainingJobStatus"] == "Completed", job
    assert s3.objects[f"{BUCKET}/checkpoints/execution/round-1"] == b"x"


@pytest.mark.parametrize(
    ("spot", "limits"),
    [
        (True, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}),
        (True, {"MaxRuntimeInSeconds": 60}),
        (False, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}),
    ],
)
def test_a_spot_job_must_wait_at_least_as_long_as_it_may_run_and_no_other_job_waits(train, spot, limits):
    with pytest.raises(ValidationException, match="MaxWaitTimeInSeconds"):
        train(SCRIPT, {"eta": "0.2"}, EnableManagedSpotTraining=spot, StoppingCondition=limits)
