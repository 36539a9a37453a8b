"""Plain dicts of a pipeline definition without its boilerplate: what a model's `definition.py` writes in.

Language: SageMaker developer guide, "Pipeline definition JSON schema", version 2020-12-01. Nothing here knows a model,
and nothing looks into a value, so CDK tokens may stand anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.spark_image import SPARK

Json = dict[str, Any]

VERSION = "2020-12-01"
PROCESSING = "/opt/ml/processing"
CHANNELS, CODE_CHANNEL = "/opt/ml/input/data", "code"
CACHED: Json = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}

_RETRY_SERVICE: Json = {
    "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
    "IntervalSeconds": 5,
    "BackoffRate": 2.0,
    "MaxAttempts": 5,
}
_RETRY_JOB: Json = {
    "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"],
    "IntervalSeconds": 60,
    "BackoffRate": 2.0,
    "MaxAttempts": 3,
}
EVENTS = "spark-events"
RETRY_REQUEST = [_RETRY_SERVICE]
RETRY_JOB = [_RETRY_SERVICE, _RETRY_JOB]


def get(path: str) -> Json:
    return {"Get": path}


def parameter(name: str) -> Json:
    return get(f"Parameters.{name}")


def declare(name: str, kind: str, default: Any = None) -> Json:
    """A pipeline parameter; without a default, whoever starts the pipeline must give a value."""
    return {"Name": name, "Type": kind, **({} if default is None else {"DefaultValue": default})}


def join(*values: Any, on: str = "/") -> Json:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def text(value: Any) -> Json:
    """A number or a boolean as text, for members that take nothing else."""
    return join(value, on="")


def json_value(step: str, property_file: str, path: str) -> Json:
    """One value of a step's property file."""
    source = get(f"Steps.{step}.PropertyFiles.{property_file}")
    return {"Std:JsonGet": {"PropertyFile": source, "Path": path}}


def output_of(step: str, name: str) -> Json:
    """S3 prefix of a processing step's output; of an earlier execution's if the step was cached."""
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


def file_of(step: str, output: str, file: str) -> Json:
    """S3 URI of a file that a step wrote."""
    return join(output_of(step, output), file)


def document(step: str, output: str, file: str) -> Json:
    """A JSON file that a step wrote, as a model package names it."""
    return {"ContentType": "application/json", "S3Uri": file_of(step, output, file)}


def statistics_and_constraints(step: str, output: str, prefix: str = "") -> Json:
    return {
        "Statistics": document(step, output, f"{prefix}statistics.json"),
        "Constraints": document(step, output, f"{prefix}constraints.json"),
    }


def property_file(name: str, output: str) -> Json:
    """What later steps may read of an output's `<output>.json`."""
    return {"PropertyFileName": name, "OutputName": output, "FilePath": f"{output}.json"}


def script(module: str, requirements: str = "") -> str:
    """Shell text of a processing step: unpack the code, install the bundle's file `requirements`, run `module`."""
    install = f"python3 -m monitoring.packages {requirements}; " if requirements else ""
    return f'set -e; cd {PROCESSING}/input/code; tar -xzf *.gz; {install}exec python3 -m {module} "$@"'


def spark_script(module: str) -> str:
    """Shell text on each machine of a Spark job: the first `python3` on the image's path is not Spark's."""
    start = f'exec "${{PYSPARK_PYTHON:-python3}}" -m monitoring.submit {module} "$@"'
    return f"set -e; cd {PROCESSING}/input/code; tar -xzf *.gz; {start}"


@dataclass(frozen=True)
class DefinitionBuilder:
    """Steps of one model in the image of one framework: role, key, code and places are filled in."""

    context: PipelineContext
    framework: str

    @property
    def image_uri(self) -> str:
        return self.context.image_uri(self.framework)

    def processing(
        self,
        name: str,
        module: str,
        *,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        arguments: Sequence[Any] = (),
        requirements: str = "",
        calls: str = "",
        **members: Any,
    ) -> Json:
        """A step that runs `python3 -m <module> <arguments>` from the code bundle.

        Its containers have no network; SageMaker brings inputs and takes outputs. `calls` is what a step calls by
        itself, and why; such a step has one, and so has a step that installs.

        Each input is an S3 URI at /opt/ml/processing/input/<its name>, each output a folder at
        /opt/ml/processing/output/<its name>; `requirements` is a file of the bundle to install first, and
        `members` are the step's own: CacheConfig, DependsOn, PropertyFiles; `Environment` goes to the job.
        """
        environment = {**members.pop("Environment", {}), **(self._packages() if requirements else {})}
        command = script(module, requirements)
        job = self._job(self.image_uri, command, arguments, [self._s3_output(name, key) for key in outputs])
        job["NetworkConfig"] = {"EnableNetworkIsolation": not (calls or requirements)}
        job["ProcessingInputs"][:0] = [_s3_input(key, uri) for key, uri in inputs.items()]
        if environment:
            job["Environment"] = environment
        return {"Name": name, "Type": "Processing", **members, "RetryPolicies": RETRY_JOB, "Arguments": job}

    def distributed(
        self, name: str, module: str, *, instances: int, events_uri: Any, arguments: Sequence[Any], **members: Any
    ) -> Json:
        """A step whose `main` gets the machines of a Spark cluster (`monitoring.submit`).

        `events_uri` is where Spark's event logs go while it runs; `members` are the step's own, as in `processing`.
        """
        place = {"S3Uri": events_uri, "LocalPath": f"{PROCESSING}/output/{EVENTS}", "S3UploadMode": "Continuous"}
        outputs = [{"OutputName": EVENTS, "S3Output": place}]
        job = self._job(self.context.image_uri(SPARK), spark_script(module), arguments, outputs)
        # Its machines speak with each other and with S3.
        job["NetworkConfig"] = {"EnableNetworkIsolation": False}
        if packages := self._packages():
            job["Environment"] = packages
        job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = instances
        return {"Name": name, "Type": "Processing", **members, "RetryPolicies": RETRY_JOB, "Arguments": job}

    def training_job(self, channels: Mapping[str, Any], metrics: Mapping[str, str]) -> Json:
        """Members that a training job and the jobs of a tuning have in common.

        Its containers have no network, so the code comes as a channel beside the others.

        `metrics` maps names to patterns; with a built-in algorithm's image they are left out, since SageMaker has
        its own and refuses the job otherwise ("You can't override the metric definitions for Amazon SageMaker
        algorithms").
        """
        settings = self.context.settings
        algorithm: Json = {"TrainingImage": self.image_uri, "TrainingInputMode": "File"}
        if not self.context.built_in(self.framework):
            algorithm["MetricDefinitions"] = [{"Name": key, "Regex": regex} for key, regex in metrics.items()]
        return {
            "RoleArn": self.context.role_arn,
            "AlgorithmSpecification": algorithm,
            "InputDataConfig": [
                *(_channel(key, uri, "text/csv") for key, uri in channels.items()),
                _channel(CODE_CHANNEL, self.context.code_uri, "application/x-tar"),
            ],
            "EnableNetworkIsolation": True,
            "ResourceConfig": {
                "InstanceType": parameter("TrainingInstanceType"),
                "InstanceCount": 1,
                "VolumeSizeInGB": settings.volume_gb,
                **self._volume_key(settings.training_instance_type),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_runtime_seconds},
            "OutputDataConfig": {"S3OutputPath": self._place("models"), "KmsKeyId": self.context.key_arn},
            **self._spot(),
        }

    def script_mode(self, program: str) -> Json:
        """Hyperparameters that make a framework image run `program` of the code bundle.

        The toolkit in the image would fetch an S3 URI by itself, which it cannot without a network; an archive in a
        channel it unpacks (sagemaker-training-toolkit: files.download_and_extract), as AWS's own SDK has it.
        """
        archive = f"{CHANNELS}/{CODE_CHANNEL}/{self.context.code_sha256}.tar.gz"
        return {"sagemaker_program": program, "sagemaker_submit_directory": archive}

    def _spot(self) -> Json:
        """Members of a job on spare capacity; what it leaves in /opt/ml/checkpoints is there again after an
        interruption, and in a retry of the same execution."""
        settings = self.context.settings
        if not settings.spot:
            return {}
        runtime = settings.max_runtime_seconds
        return {
            "EnableManagedSpotTraining": True,
            # Waiting and running together (API reference: StoppingCondition).
            "StoppingCondition": {
                "MaxRuntimeInSeconds": runtime,
                "MaxWaitTimeInSeconds": runtime + settings.spot_wait_seconds,
            },
            "CheckpointConfig": {"S3Uri": self._place("checkpoints", get("Execution.PipelineExecutionId"))},
        }

    def _job(self, image: str, command: str, arguments: Sequence[Any], outputs: Sequence[Json]) -> Json:
        """A processing job on one machine, with no input but the code."""
        application: Json = {"ImageUri": image, "ContainerEntrypoint": ["/bin/bash", "-c", command, "--"]}
        if arguments:
            application["ContainerArguments"] = list(arguments)
        return {
            "RoleArn": self.context.role_arn,
            "AppSpecification": application,
            "ProcessingResources": {"ClusterConfig": self._cluster()},
            "StoppingCondition": {"MaxRuntimeInSeconds": self.context.settings.max_runtime_seconds},
            "ProcessingInputs": [_s3_input("code", self.context.code_uri)],
            "ProcessingOutputConfig": {"KmsKeyId": self.context.key_arn, "Outputs": list(outputs)},
        }

    def _cluster(self) -> Json:
        settings = self.context.settings
        return {
            "InstanceType": parameter("ProcessingInstanceType"),
            "InstanceCount": 1,
            "VolumeSizeInGB": settings.volume_gb,
            **self._volume_key(settings.processing_instance_type),
        }

    def _packages(self) -> Json:
        """Where monitoring/packages.py looks for what an image lacks, if not at PyPI."""
        repository = self.context.package_repository
        return {"PACKAGE_REPOSITORY": repository} if repository else {}

    def _volume_key(self, instance_type: str) -> Json:
        return {} if has_local_storage(instance_type) else {"VolumeKmsKeyId": self.context.key_arn}

    def _s3_output(self, step: str, name: str) -> Json:
        place = {
            "S3Uri": self._place("runs", get("Execution.PipelineExecutionId"), step, name),
            "LocalPath": f"{PROCESSING}/output/{name}",
            "S3UploadMode": "EndOfJob",
        }
        return {"OutputName": name, "S3Output": place}

    def _place(self, *parts: Any) -> Any:
        root = f"s3://{self.context.artifacts_bucket}/{self.context.model}/{parts[0]}"
        return join(root, *parts[1:]) if parts[1:] else root


def _s3_input(name: str, uri: Any) -> Json:
    source = {
        "S3Uri": uri,
        "LocalPath": f"{PROCESSING}/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": name, "S3Input": source}


def _channel(name: str, uri: Any, content_type: str) -> Json:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": content_type, "DataSource": {"S3DataSource": source}}
