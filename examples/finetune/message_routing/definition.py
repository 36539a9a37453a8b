"""The pipeline that fine-tunes and registers:

    ValidateData ─► FineTune ─► EvaluateModel ─► GateModel ─► RegisterModel

Read at synth; none of it is in the code bundle. Training runs on a GPU in Hugging Face's training image, all else on
processors in its inference image, which also serves.
"""

from mlops_constructs.definition_builder import (
    CACHED,
    RETRY_JOB,
    RETRY_REQUEST,
    VERSION,
    DefinitionBuilder,
    Json,
    declare,
    document,
    get,
    json_value,
    output_of,
    parameter,
    property_file,
    text,
)
from mlops_constructs.frameworks import HUGGINGFACE, HUGGINGFACE_TRAINING
from mlops_constructs.pipeline_context import PipelineContext

BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""What people call the base model; what it is, its digest tells, which each version notes."""
BASE_FOLDER = "base"
"""Below `training.data_prefix`, beside the snapshots of messages: where the base model's files are put, once."""
HYPERPARAMETERS = {
    "rank": "8",
    "alpha": "16",
    "dropout": "0.1",
    "targets": "query,value",
    "epochs": "6",
    "batch": "16",
    "rate": "0.001",
    "head_rate": "0.002",
    "seed": "2026",
    "base_model": BASE_MODEL,
}
TEST_SHARE = 0.3
METRICS = {"train:loss": r"train-loss=([0-9\.]+)"}


def definition(context: PipelineContext) -> Json:
    """The pipeline as the plain data that CreatePipeline takes."""
    build, train = DefinitionBuilder(context, HUGGINGFACE), DefinitionBuilder(context, HUGGINGFACE_TRAINING)
    steps = [_validate(build), _fine_tune(train), _evaluate(build), _gate(build), _register(build)]
    return {"Version": VERSION, "Metadata": {}, "Parameters": _parameters(context), "Steps": steps}


def _parameters(context: PipelineContext) -> "list[Json]":
    """The gate's minimum is none of them: whoever starts a run must not choose what it is judged by."""
    settings = context.settings
    base = f"s3://{context.data_bucket}/{settings.data_prefix}/{BASE_FOLDER}/"
    return [
        declare("InputDataUri", "String"),  # no default: which data a version learned from is always said
        declare("BaseModelUri", "String", base),
        declare("TestShare", "Float", TEST_SHARE),
        declare("ProcessingInstanceType", "String", settings.processing_instance_type),
        declare("TrainingInstanceType", "String", settings.training_instance_type),
        declare("ModelApprovalStatus", "String", "PendingManualApproval"),
        declare("CodeCommit", "String", "none"),  # who starts the pipeline may know it; the synthesis does not
    ]


def _module(build: DefinitionBuilder, step: str) -> str:
    return f"{build.context.model}.steps.{step}"


def _validate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "ValidateData",
        _module(build, "validate"),
        inputs={"raw": parameter("InputDataUri"), "base": parameter("BaseModelUri")},
        outputs=["validation", "train", "test"],
        arguments=["--test-share", text(parameter("TestShare"))],
        PropertyFiles=[property_file("Validation", "validation")],
        **CACHED,
    )


def _fine_tune(build: DefinitionBuilder) -> Json:
    channels = {"train": output_of("ValidateData", "train"), "base": parameter("BaseModelUri")}
    job = build.training_job(channels, METRICS)
    job["HyperParameters"] = {**HYPERPARAMETERS, **build.script_mode("train.py")}
    return {"Name": "FineTune", "Type": "Training", **CACHED, "RetryPolicies": RETRY_JOB, "Arguments": job}


def _model() -> Json:
    return get("Steps.FineTune.ModelArtifacts.S3ModelArtifacts")


def _evaluate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "EvaluateModel",
        _module(build, "evaluate"),
        inputs={"model": _model(), "test": output_of("ValidateData", "test")},
        outputs=["evaluation"],
        PropertyFiles=[property_file("Evaluation", "evaluation")],
        **CACHED,
    )


def _gate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "GateModel",
        _module(build, "gate"),
        inputs={"evaluation": output_of("EvaluateModel", "evaluation")},
        outputs=["gate"],
        arguments=["--min-auc", str(build.context.settings.min_auc)],
    )


def _register(build: DefinitionBuilder) -> Json:
    served = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    forms = ["application/json", "text/csv"]
    package = {
        "ModelPackageGroupName": build.context.package_group,
        "ModelPackageDescription": "Routes customers' messages to teams: a base model, and its LoRA adapter",
        "ModelApprovalStatus": parameter("ModelApprovalStatus"),
        "InferenceSpecification": {
            "Containers": [{"Image": build.image_uri, "ModelDataUrl": _model(), "Environment": served}],
            "SupportedContentTypes": forms,
            "SupportedResponseMIMETypes": forms,
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": document("EvaluateModel", "evaluation", "evaluation.json")}},
        "CustomerMetadataProperties": _metadata(build),
    }
    return {
        "Name": "RegisterModel",
        "Type": "RegisterModel",
        "DependsOn": ["GateModel"],
        "RetryPolicies": RETRY_REQUEST,
        "Arguments": package,
    }


def _metadata(build: DefinitionBuilder) -> Json:
    """What explains a version, next to what the registry keeps anyway; values are texts of at most 256 letters."""
    return {
        "data_uri": parameter("InputDataUri"),
        "data_sha256": json_value("ValidateData", "Validation", "sha256"),
        "base_model": BASE_MODEL,
        "base_uri": parameter("BaseModelUri"),
        "base_sha256": json_value("ValidateData", "Validation", "base_sha256"),
        "code_sha256": build.context.code_sha256,
        "code_uri": build.context.code_uri,
        "commit": parameter("CodeCommit"),
        "test_share": text(parameter("TestShare")),
        "test_auc": text(json_value("EvaluateModel", "Evaluation", "auc")),
        "test_accuracy": text(json_value("EvaluateModel", "Evaluation", "accuracy.value")),
        "base_accuracy": text(json_value("EvaluateModel", "Evaluation", "base.accuracy.value")),
        "min_auc": str(build.context.settings.min_auc),
        "pipeline_execution": get("Execution.PipelineExecutionId"),
    }
