"""The training pipeline of a model of declared fields.

    ValidateData ─► PrepareFeatures ─► Train ─► Evaluate ─► Gate ─► Register

Read at synth; none of it is in the code bundle. A model that needs other steps writes its own, as `loan_approval` does.
"""

from dataclasses import dataclass, field
from typing import Any, Mapping

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

METRICS = {"validation:auc": r"validation-auc:([0-9\.]+)"}


@dataclass(frozen=True)
class TabularPipeline:
    """What a model's own definition says of it.

    threshold: highest probability that is approved, unless a run says otherwise. choices: further parameters of a run
    with their defaults; training gets them as hyperparameters, and the version notes them, in lower case. bias: whether
    evaluation compares groups, for limits that the gate keeps.
    """

    description: str
    hyperparameters: Mapping[str, str]
    threshold: float
    test_share: float
    choices: Mapping[str, str] = field(default_factory=dict)
    bias: bool = False

    def definition(self, context: PipelineContext) -> Json:
        """The pipeline as the plain data that CreatePipeline takes."""
        build = DefinitionBuilder(context, "xgboost")
        steps = [_validate(build), _features(build), self._train(build), self._evaluate(build), self._gate(build)]
        parameters = self._parameters(context)
        return {"Version": VERSION, "Metadata": {}, "Parameters": parameters, "Steps": [*steps, self._register(build)]}

    def _parameters(self, context: PipelineContext) -> "list[Json]":
        """Limits are none of them: whoever starts a run must not choose what it is judged by."""
        settings = context.settings
        return [
            declare("InputDataUri", "String"),  # no default: which data a version learned from is always said
            declare("TestShare", "Float", self.test_share),
            declare("DecisionThreshold", "Float", self.threshold),
            *(declare(name, "String", default) for name, default in self.choices.items()),
            declare("ProcessingInstanceType", "String", settings.processing_instance_type),
            declare("TrainingInstanceType", "String", settings.training_instance_type),
            declare("ModelApprovalStatus", "String", "PendingManualApproval"),
            declare("CodeCommit", "String", "none"),  # who starts the pipeline may know it; the synthesis does not
        ]

    def _train(self, build: DefinitionBuilder) -> Json:
        job = build.training_job({"train": output_of("PrepareFeatures", "train")}, METRICS)
        job["HyperParameters"] = {
            **self.hyperparameters,
            "decision_threshold": text(parameter("DecisionThreshold")),
            **self._chosen(),
            **build.script_mode("train.py"),
        }
        return {"Name": "TrainModel", "Type": "Training", **CACHED, "RetryPolicies": RETRY_JOB, "Arguments": job}

    def _chosen(self) -> Json:
        return {name.lower(): parameter(name) for name in self.choices}

    def _analyses(self) -> list[str]:
        return [*(["bias"] if self.bias else []), "explainability"]

    def _evaluate(self, build: DefinitionBuilder) -> Json:
        rows = {name: output_of("PrepareFeatures", name) for name in ("test", "baseline")}
        return build.processing(
            "EvaluateModel",
            _module(build, "evaluate"),
            inputs={"model": _model(), **rows},
            outputs=["evaluation", "model-quality", *self._analyses()],
            PropertyFiles=[property_file("Evaluation", "evaluation")],
            **CACHED,
        )

    def _gate(self, build: DefinitionBuilder) -> Json:
        settings = build.context.settings
        limits = Limits(settings.limits.max_attribution_share, settings.limits.bias)
        return build.processing(
            "GateModel",
            _module(build, "gate"),
            inputs={name: output_of("EvaluateModel", name) for name in ("evaluation", *self._analyses())},
            outputs=["gate"],
            arguments=["--min-auc", str(settings.min_auc), "--limits", limits.text()],
        )

    def _register(self, build: DefinitionBuilder) -> Json:
        data_quality = statistics_and_constraints("PrepareFeatures", "data-quality")
        quality = statistics_and_constraints("EvaluateModel", "model-quality")
        explanations = document("EvaluateModel", "explainability", "analysis.json")
        served = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        forms = ["application/json", "text/csv"]
        container = {"Image": build.image_uri, "ModelDataUrl": _model(), "Environment": served}
        package = {
            "ModelPackageGroupName": build.context.package_group,
            "ModelPackageDescription": self.description,
            "ModelApprovalStatus": parameter("ModelApprovalStatus"),
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": forms,
                "SupportedResponseMIMETypes": forms,
            },
            "ModelMetrics": {
                "ModelDataQuality": data_quality,
                "ModelQuality": quality,
                **self._bias("Report", "analysis.json"),
                "Explainability": {"Report": explanations},
            },
            # Outcomes are known of every row, so what was measured of the model is what a window is compared with.
            "DriftCheckBaselines": {
                "ModelDataQuality": data_quality,
                "ModelQuality": quality,
                **self._bias("PostTrainingConstraints", "constraints.json"),
                "Explainability": {"Constraints": explanations},
            },
            "CustomerMetadataProperties": self._metadata(build),
        }
        return {
            "Name": "RegisterModel",
            "Type": "RegisterModel",
            "DependsOn": ["GateModel"],
            "RetryPolicies": RETRY_REQUEST,
            "Arguments": package,
        }

    def _bias(self, role: str, file: str) -> Json:
        return {"Bias": {role: document("EvaluateModel", "bias", file)}} if self.bias else {}

    def _metadata(self, build: DefinitionBuilder) -> Json:
        """What explains a version, next to what the registry keeps anyway; values are texts of at most 256 letters."""
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
            **self._chosen(),
            "outcome_baseline": file_of("EvaluateModel", "model-quality", "outcomes.json"),
            "pipeline_execution": get("Execution.PipelineExecutionId"),
        }


def _module(build: DefinitionBuilder, step: str) -> str:
    return f"{build.context.model}.steps.{step}"


def _validate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "ValidateData",
        _module(build, "validate"),
        inputs={"raw": parameter("InputDataUri")},
        outputs=["validation"],
        PropertyFiles=[property_file("Validation", "validation")],
        **CACHED,
    )


def _features(build: DefinitionBuilder) -> Json:
    return build.processing(
        "PrepareFeatures",
        _module(build, "features"),
        inputs={"raw": parameter("InputDataUri")},
        outputs=["train", "test", "baseline", "data-quality"],
        arguments=["--test-share", text(parameter("TestShare"))],
        DependsOn=["ValidateData"],
        **CACHED,
    )


def _model() -> Any:
    return get("Steps.TrainModel.ModelArtifacts.S3ModelArtifacts")
