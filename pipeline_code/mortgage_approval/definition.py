"""The training pipeline of the mortgage approval model.

    ValidateData ─► PrepareFeatures ─► Train ─► Evaluate ─► Gate ─► Register

Read at synth; none of it is in the code bundle.
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
    file_of,
    get,
    json_value,
    output_of,
    parameter,
    property_file,
    statistics_and_constraints,
    text,
)
from mlops_constructs.pipeline_context import PipelineContext
from monitoring.limits import Limits

HYPERPARAMETERS = {
    "num_round": "100",
    "max_depth": "3",
    "eta": "0.05",
    "min_child_weight": "3",
    "lambda": "5",
    "colsample_bytree": "0.5",
    "seed": "1990",
    "nthread": "1",
}
THRESHOLD = 0.25
"""Highest probability of a denial that is approved, unless a run says otherwise: about as many as the lenders did."""
TEST_SHARE = 0.3
METRICS = {"validation:auc": r"validation-auc:([0-9\.]+)"}
MODULE = "mortgage_approval.steps"


def definition(context: PipelineContext) -> Json:
    """The pipeline as the plain data that CreatePipeline takes."""
    build = DefinitionBuilder(context, "xgboost")
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": _parameters(context),
        "Steps": [_validate(build), _features(build), _train(build), _evaluate(build), _gate(build), _register(build)],
    }


def _parameters(context: PipelineContext) -> list[Json]:
    """Limits are none of them: whoever starts a run must not choose what it is judged by."""
    settings = context.settings
    return [
        declare("InputDataUri", "String"),  # no default: which data a version learned from is always said
        declare("TestShare", "Float", TEST_SHARE),
        declare("DecisionThreshold", "Float", THRESHOLD),
        declare("Mitigation", "String", "none"),
        declare("ProcessingInstanceType", "String", settings.processing_instance_type),
        declare("TrainingInstanceType", "String", settings.training_instance_type),
        declare("ModelApprovalStatus", "String", "PendingManualApproval"),
        declare("CodeCommit", "String", "none"),  # who starts the pipeline may know it; the synthesis does not
    ]


def _validate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "ValidateData",
        f"{MODULE}.validate",
        inputs={"raw": parameter("InputDataUri")},
        outputs=["validation"],
        PropertyFiles=[property_file("Validation", "validation")],
        **CACHED,
    )


def _features(build: DefinitionBuilder) -> Json:
    return build.processing(
        "PrepareFeatures",
        f"{MODULE}.features",
        inputs={"raw": parameter("InputDataUri")},
        outputs=["train", "test", "baseline", "data-quality"],
        arguments=["--test-share", text(parameter("TestShare"))],
        DependsOn=["ValidateData"],
        **CACHED,
    )


def _train(build: DefinitionBuilder) -> Json:
    job = build.training_job({"train": output_of("PrepareFeatures", "train")}, METRICS)
    job["HyperParameters"] = {
        **HYPERPARAMETERS,
        "decision_threshold": text(parameter("DecisionThreshold")),
        "mitigation": parameter("Mitigation"),
        **build.script_mode("train.py"),
    }
    return {"Name": "TrainModel", "Type": "Training", **CACHED, "RetryPolicies": RETRY_JOB, "Arguments": job}


def _model() -> Json:
    return get("Steps.TrainModel.ModelArtifacts.S3ModelArtifacts")


def _evaluate(build: DefinitionBuilder) -> Json:
    rows = {name: output_of("PrepareFeatures", name) for name in ("test", "baseline")}
    return build.processing(
        "EvaluateModel",
        f"{MODULE}.evaluate",
        inputs={"model": _model(), **rows},
        outputs=["evaluation", "model-quality", "bias", "explainability"],
        PropertyFiles=[property_file("Evaluation", "evaluation")],
        **CACHED,
    )


def _gate(build: DefinitionBuilder) -> Json:
    settings = build.context.settings
    limits = Limits(settings.limits.max_attribution_share, settings.limits.bias)
    return build.processing(
        "GateModel",
        f"{MODULE}.gate",
        inputs={name: output_of("EvaluateModel", name) for name in ("evaluation", "bias", "explainability")},
        outputs=["gate"],
        arguments=["--min-auc", str(settings.min_auc), "--limits", limits.text()],
    )


def _register(build: DefinitionBuilder) -> Json:
    data_quality = statistics_and_constraints("PrepareFeatures", "data-quality")
    quality = statistics_and_constraints("EvaluateModel", "model-quality")
    explanations = document("EvaluateModel", "explainability", "analysis.json")
    served = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    forms = ["application/json", "text/csv"]
    package = {
        "ModelPackageGroupName": build.context.package_group,
        "ModelPackageDescription": "Probability that a mortgage application will be denied",
        "ModelApprovalStatus": parameter("ModelApprovalStatus"),
        "InferenceSpecification": {
            "Containers": [{"Image": build.image_uri, "ModelDataUrl": _model(), "Environment": served}],
            "SupportedContentTypes": forms,
            "SupportedResponseMIMETypes": forms,
        },
        "ModelMetrics": {
            "ModelDataQuality": data_quality,
            "ModelQuality": quality,
            "Bias": {"Report": document("EvaluateModel", "bias", "analysis.json")},
            "Explainability": {"Report": explanations},
        },
        # Outcomes are known of every application, so what was measured of the model is what a window is compared with.
        "DriftCheckBaselines": {
            "ModelDataQuality": data_quality,
            "ModelQuality": quality,
            "Bias": {"PostTrainingConstraints": document("EvaluateModel", "bias", "constraints.json")},
            "Explainability": {"Constraints": explanations},
        },
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
    """What explains a version, next to what the registry keeps anyway; values are texts of at most 256 characters."""
    return {
        "data_uri": parameter("InputDataUri"),
        "data_sha256": json_value("ValidateData", "Validation", "sha256"),
        "code_sha256": build.context.code_sha256,
        "code_uri": build.context.code_uri,
        "commit": parameter("CodeCommit"),
        "test_share": text(parameter("TestShare")),
        "test_auc": text(json_value("EvaluateModel", "Evaluation", "auc.value")),
        "min_auc": str(build.context.settings.min_auc),
        "decision_threshold": text(parameter("DecisionThreshold")),
        "mitigation": parameter("Mitigation"),
        "outcome_baseline": file_of("EvaluateModel", "model-quality", "outcomes.json"),
        "pipeline_execution": get("Execution.PipelineExecutionId"),
    }
