"""The types of pipeline steps: which operation each stands for, and which are not emulated."""

import functools
from dataclasses import dataclass
from typing import Any

from local_aws.core import shapes


@dataclass(frozen=True)
class StepType:
    """A step that creates something: `create`'s input shape is its Arguments, `describe`'s output its properties."""

    create: str
    describe: str
    metadata: str
    name_member: str | None = None
    longest_name: int = 63


JOBS = {
    "Processing": StepType("CreateProcessingJob", "DescribeProcessingJob", "ProcessingJob", "ProcessingJobName"),
    "Training": StepType("CreateTrainingJob", "DescribeTrainingJob", "TrainingJob", "TrainingJobName"),
    "Tuning": StepType(
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "TuningJob",
        "HyperParameterTuningJobName",
        longest_name=32,
    ),
    "Transform": StepType("CreateTransformJob", "DescribeTransformJob", "TransformJob", "TransformJobName"),
}
CREATING = {
    **JOBS,
    "RegisterModel": StepType("CreateModelPackage", "DescribeModelPackage", "RegisterModel"),
    "Model": StepType("CreateModel", "DescribeModel", "Model", "ModelName"),
}
EMULATED = (*CREATING, "Condition", "Fail")
NOT_EMULATED = (
    "AutoML",
    "BedrockCustomModel",
    "BedrockCustomModelDeployment",
    "BedrockModelImport",
    "BedrockProvisionedModelThroughput",
    "Callback",
    "ClarifyCheck",
    "EMR",
    "EMRServerless",
    "Endpoint",
    "EndpointConfig",
    "InferenceComponent",
    "Lambda",
    "Lineage",
    "NotebookJob",
    "QualityCheck",
)
# Members of the operations that a pipeline sets itself: naming one in Arguments is refused by AWS.
SET_BY_PIPELINE = {"RegisterModel": ("ModelPackageName", "ClientToken")}


@functools.cache
def shape(operation: str, direction: str) -> Any:
    """botocore's shape of a SageMaker operation's "input" or "output"."""
    model = shapes.service_model("sagemaker").operation_model(operation)
    return model.input_shape if direction == "input" else model.output_shape
