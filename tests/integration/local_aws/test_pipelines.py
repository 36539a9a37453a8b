"""A small pipeline from CreatePipeline to a registered model, over boto3 against a real local AWS."""

import io
import json
import tarfile
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::111122223333:role/pipeline-role"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
INSIDE = "/opt/ml/processing"
CACHE = {"Enabled": True, "ExpireAfter": "P1D"}

PREPARE = """
import pathlib
rows = pathlib.Path("/opt/ml/processing/input/raw/rows.csv").read_text().split()
pathlib.Path("/opt/ml/processing/output/train/train.csv").write_text("\\n".join(rows[1:]))
print(f"prepared {len(rows) - 1} rows")
"""
TRAIN = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
rate = parser.parse_args().rate
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv").read_text().split()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"{len(rows)} {rate}")
print("train-auc:0.7")
"""
EVALUATE = """
import boto3, json, os, pathlib, tarfile
with tarfile.open("/opt/ml/processing/input/model/model.tar.gz") as archive:
    rows, rate = archive.extractfile("model.txt").read().split()
sts = boto3.client("sts", region_name=os.environ["AWS_REGION"])
assert sts.get_caller_identity()["Account"] == "111122223333"
report = {"metrics": {"auc": {"value": 0.5 + float(rate)}}, "rows": int(rows)}
pathlib.Path("/opt/ml/processing/output/evaluation/evaluation.json").write_text(json.dumps(report))
print("evaluated")
"""


def get(path: str) -> dict[str, str]:
    return {"Get": path}


class Bench:
    """One bucket and the pipelines of one test."""

    def __init__(self, local_aws: Any) -> None:
        self.sagemaker = local_aws.client("sagemaker")
        self.s3 = local_aws.client("s3")
        self.logs = local_aws.client("logs")
        self.name = f"loans-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return f"s3://{self.name}/{key}"

    def source(self, script: str) -> str:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            entry = tarfile.TarInfo("train.py")
            entry.size = len(script)
            tar.addfile(entry, io.BytesIO(script.encode()))
        return self.put("code/source.tar.gz", buffer.getvalue())

    def processing(
        self, name: str, script: str, inputs: dict[str, Any], *outputs: str, **members: Any
    ) -> dict[str, Any]:
        inputs = {**inputs, "code": self.put(f"code/{name}/run.py", script.encode())}
        arguments = {
            "RoleArn": ROLE,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{INSIDE}/input/code/run.py"],
            },
            "ProcessingInputs": [
                {
                    "InputName": key,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": f"{INSIDE}/input/{key}",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
                for key, uri in inputs.items()
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": key,
                        "S3Output": {
                            "S3Uri": self.of_run(key),
                            "LocalPath": f"{INSIDE}/output/{key}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for key in outputs
                ]
            },
        }
        return {"Name": name, "Type": "Processing", "Arguments": arguments, **members}

    def of_run(self, key: str) -> dict[str, Any]:
        parts = [f"s3://{self.name}/runs", get("Execution.PipelineExecutionId"), key]
        return {"Std:Join": {"On": "/", "Values": parts}}

    def create(self, *steps: Any, parameters: Any = ()) -> str:
        text = json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps})
        answer = self.sagemaker.create_pipeline(PipelineName=self.name, PipelineDefinition=text, RoleArn=ROLE)
        return answer["PipelineArn"]

    def start(self, **values: str) -> str:
        parameters = [{"Name": name, "Value": value} for name, value in values.items()]
        answer = self.sagemaker.start_pipeline_execution(PipelineName=self.name, PipelineParameters=parameters)
        return answer["PipelineExecutionArn"]

    def status(self, arn: str) -> str:
        return self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]

    def wait(self, arn: str, seconds: float = 30.0) -> str:
        end = time.monotonic() + seconds
        while (status := self.status(arn)) in ("Executing", "Stopping"):
            assert time.monotonic() < end, self.steps(arn)
            time.sleep(0.05)
        return status

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}

    def wait_for_step(self, arn: str, name: str, status: str) -> None:
        end = time.monotonic() + 20
        while self.steps(arn).get(name, {}).get("StepStatus") != status:
            assert time.monotonic() < end, self.steps(arn)
            time.sleep(0.05)

    def log_of(self, job: str) -> list[str]:
        group = "/aws/sagemaker/ProcessingJobs"
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []  # no job has written a line yet
        pages = [self.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"]) for s in streams]
        return [event["message"] for page in pages for event in page["events"]]


@pytest.fixture
def bench(local_aws):
    return Bench(local_aws)


def training_pipeline(bench: Bench) -> list[dict[str, Any]]:
    raw = bench.put("raw/rows.csv", b"a\n1\n2\n3\n")
    prepared = get("Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri")
    source = {"S3DataType": "S3Prefix", "S3Uri": prepared, "S3DataDistributionType": "FullyReplicated"}
    model = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    train = {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "auc", "Regex": "train-auc:([0-9.]+)"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": bench.source(TRAIN),
            "rate": get("Parameters.Rate"),
        },
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": bench.of_run("model")},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    files = [{"PropertyFileName": "Evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}]
    auc = {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Evaluation"), "Path": "metrics.auc.value"}}
    register = {
        "ModelPackageGroupName": bench.name,
        "InferenceSpecification": {"Containers": [{"Image": IMAGE, "ModelDataUrl": model}]},
        "CustomerMetadataProperties": {"test_auc": auc},
        "ModelApprovalStatus": "PendingManualApproval",
    }
    condition = {
        "Conditions": [{"Type": "GreaterThanOrEqualTo", "LeftValue": auc, "RightValue": get("Parameters.MinAuc")}],
        "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
        "ElseSteps": [{"Name": "TooWeak", "Type": "Fail", "Arguments": {"ErrorMessage": "AUC is too low"}}],
    }
    return [
        bench.processing("Prepare", PREPARE, {"raw": raw}, "train", CacheConfig=CACHE),
        {"Name": "Train", "Type": "Training", "Arguments": train, "CacheConfig": CACHE},
        bench.processing("Evaluate", EVALUATE, {"model": model}, "evaluation", PropertyFiles=files),
        {"Name": "GoodEnough", "Type": "Condition", "Arguments": condition},
    ]


PARAMETERS = [
    {"Name": "Rate", "Type": "String", "DefaultValue": "0.2"},
    {"Name": "MinAuc", "Type": "Float", "DefaultValue": 0.65},
]


def test_a_pipeline_trains_evaluates_and_registers_and_then_caches(bench):
    bench.create(*training_pipeline(bench), parameters=PARAMETERS)
    first = bench.start()
    assert bench.wait(first) == "Succeeded", bench.steps(first)
    steps = bench.steps(first)
    assert list(steps) == ["Prepare", "Train", "Evaluate", "GoodEnough", "Register"]
    arn = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    package = bench.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"test_auc": "0.7"}
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    bucket, _, key = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"][5:].partition("/")
    content = bench.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.extractfile("model.txt").read() == b"3 0.2"
    job = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    metrics = bench.sagemaker.describe_training_job(TrainingJobName=job)["FinalMetricDataList"]
    assert [(metric["MetricName"], round(metric["Value"], 3)) for metric in metrics] == [("auc", 0.7)]

    second = bench.start(MinAuc="0.95")
    assert bench.wait(second) == "Failed"
    steps = bench.steps(second)
    assert steps["Prepare"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first
    assert steps["Train"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first
    assert "CacheHitResult" not in steps["Evaluate"]
    assert steps["TooWeak"]["FailureReason"] == "AUC is too low"


def test_logs_can_be_followed_while_the_job_runs(bench):
    script = "import time\nprint('began')\ntime.sleep(30)\n"
    bench.create(bench.processing("Slow", script, {}))
    arn = bench.start()
    bench.wait_for_step(arn, "Slow", "Executing")
    job = bench.steps(arn)["Slow"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    end = time.monotonic() + 10
    while not (messages := bench.log_of(job)) and time.monotonic() < end:
        time.sleep(0.05)
    assert messages == ["began"]
    bench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert bench.wait(arn) == "Stopped"
    assert bench.sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"


def test_a_failure_tells_its_reason(bench):
    script = "open('/opt/ml/output/message', 'w').write('column GrAppv is missing')\nraise SystemExit(1)\n"
    bench.create(bench.processing("Validate", script, {}))
    arn = bench.start()
    assert bench.wait(arn) == "Failed"
    step = bench.steps(arn)["Validate"]
    assert step["FailureReason"] == "ClientError: AlgorithmError: column GrAppv is missing, exit code: 1"
    described = bench.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["FailureReason"] == "Step failure: One or multiple steps failed."


def test_independent_steps_run_together(bench):
    script = "import time; time.sleep(1)"
    bench.create(*(bench.processing(name, script, {}) for name in ("A", "B")))
    arn = bench.start()
    assert bench.wait(arn) == "Succeeded"
    a, b = bench.steps(arn).values()
    assert b["StartTime"] < a["EndTime"] and a["StartTime"] < b["EndTime"]


def test_a_wrong_definition_is_refused_in_sagemakers_words(bench):
    step = bench.processing("A", "pass", {"raw": get("Parameters.Nothing")})
    with pytest.raises(ClientError, match=r"Unable to parse pipeline definition\. Step 'A' refers to a parameter"):
        bench.create(step)
