"""The training pipeline of the loan approval model.

    ValidateData ─► IngestFeatures ─► PrepareFeatures ─┬─► BuildBaseline
                                                       └─► ChooseTraining ─┬─ else ─► Train ─► (judged and registered)
                                                                           └─ if ───► Tune  ─► (the same)
    judged and registered: Evaluate ─► Gate ─► Register

Without the feature group `bank_history` in the configuration there is no IngestFeatures, and loans have no history.

The two branches are one function called twice: SageMaker can neither nest conditions nor join branches again.
Read at synth; none of it is in the code bundle.
"""

from typing import Any

from loan_approval.history import GROUP
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
    join,
    json_value,
    output_of,
    parameter,
    property_file,
    statistics_and_constraints,
    text,
)
from mlops_constructs.pipeline_context import PipelineContext
from monitoring.limits import Limits

SEED = 20021001
TOLERANCE = 0.01
"""Loss of AUC against the champion that the gate does not mind."""

HYPERPARAMETERS = {
    "num_round": "200",
    "max_depth": "4",
    "eta": "0.05",
    "min_child_weight": "3",
    "lambda": "5",
    "subsample": "1",
    "colsample_bytree": "0.5",
}
FIXED = {"seed": str(SEED), "nthread": "1"}
THRESHOLD = 0.25
"""Highest probability of a charge-off that is approved, unless a run says otherwise."""
# Name and form are those of SageMaker's XGBoost algorithm, whose own definition counts where its image is used.
METRIC = "validation:auc"
METRICS = {METRIC: r"validation-auc:([0-9\.]+)"}


def definition(context: PipelineContext) -> Json:
    """The pipeline as the plain data that CreatePipeline takes."""
    build = DefinitionBuilder(context, "xgboost")
    trained = get("Steps.TrainModel.ModelArtifacts.S3ModelArtifacts")
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": _parameters(context),
        "Steps": [
            _validate(build),
            *([_ingest(build)] if GROUP in context.features else []),
            _features(build),
            _baseline(build),
            {
                "Name": "ChooseTraining",
                "Type": "Condition",
                "DependsOn": ["PrepareFeatures"],
                "Arguments": {
                    "Conditions": [{"Type": "Equals", "LeftValue": parameter("Tune"), "RightValue": True}],
                    "IfSteps": [_tune(build), *_judge_and_register(build, "Tuned", _best_of_tuning())],
                    "ElseSteps": [_train(build), *_judge_and_register(build, "", trained)],
                },
            },
        ],
    }


def _parameters(context: PipelineContext) -> list[Json]:
    settings = context.settings
    return [
        declare("InputDataUri", "String"),  # no default: which data a version learned from is always said
        declare("TrainFrom", "String", "2000-10-01"),
        declare("TrainTo", "String", "2002-09-30"),
        declare("TestFrom", "String", "2002-10-01"),
        declare("TestTo", "String", "2002-12-31"),
        declare("DecisionThreshold", "Float", THRESHOLD),
        declare("MinAuc", "Float", settings.min_auc),
        declare("LabelMaturityDays", "Integer", context.label_maturity_days),
        declare("Tune", "Boolean", False),
        declare("ProcessingInstanceType", "String", settings.processing_instance_type),
        declare("TrainingInstanceType", "String", settings.training_instance_type),
        declare("ModelApprovalStatus", "String", "PendingManualApproval"),
        declare("CodeCommit", "String", "none"),  # who starts the pipeline may know it; the synthesis does not
        *([declare("FeaturesAsOf", "String", "now")] if GROUP in context.features else []),
    ]


def _periods() -> list[Any]:
    options = {"--train-from": "TrainFrom", "--train-to": "TrainTo", "--test-from": "TestFrom", "--test-to": "TestTo"}
    return [part for option, name in options.items() for part in (option, parameter(name))]


def _validate(build: DefinitionBuilder) -> Json:
    return build.processing(
        "ValidateData",
        "loan_approval.steps.validate",
        inputs={"raw": parameter("InputDataUri")},
        outputs=["validation"],
        arguments=_periods(),
        requirements="loan_approval/requirements.txt",
        PropertyFiles=[property_file("Validation", "validation")],
        **CACHED,
    )


def _ingest(build: DefinitionBuilder) -> Json:
    """Not cached: what the feature store holds is no function of the input's address."""
    return build.processing(
        "IngestFeatures",
        "loan_approval.steps.ingest",
        inputs={"raw": parameter("InputDataUri")},
        outputs=["ingested"],
        calls="Feature Store: the group's description, and records into it",
        DependsOn=["ValidateData"],
        Environment=_feature_group(build),
    )


def _feature_group(build: DefinitionBuilder) -> Json:
    return {"FEATURE_GROUP": build.context.features[GROUP]["physical"]}


def _features(build: DefinitionBuilder) -> Json:
    step, outputs = "PrepareFeatures", ["train", "validation", "test", "baseline", "joined"]
    inputs, module = {"raw": parameter("InputDataUri")}, "loan_approval.steps.features"
    members: Json = {"DependsOn": ["ValidateData"], "PropertyFiles": [property_file("Joined", "joined")]}
    context = build.context
    if GROUP not in context.features:
        return build.processing(step, module, inputs=inputs, outputs=outputs, arguments=_periods(), **members, **CACHED)
    as_of = ["--features-as-of", parameter("FeaturesAsOf"), "--run", get("Execution.PipelineExecutionId")]
    return build.processing(
        step,
        module,
        inputs={**inputs, "ingested": output_of("IngestFeatures", "ingested")},
        outputs=outputs,
        arguments=[*_periods(), *as_of],
        calls="Athena and S3, which join the features, and Feature Store for what there is to join",
        **members,
        Environment={
            **_feature_group(build),
            "FEATURES_WORKGROUP": context.features_workgroup,
            "FEATURES_ROWS_TABLE": context.features_rows_table,
            "FEATURES_ROWS_URI": context.features_rows_uri,
            "FEATURES_RESULTS_URI": context.features_results_uri,
        },
    )


def _baseline(build: DefinitionBuilder) -> Json:
    return build.processing(
        "BuildBaseline",
        "loan_approval.steps.baseline",
        inputs={"baseline": output_of("PrepareFeatures", "baseline")},
        outputs=["data-quality"],
        **CACHED,
    )


def _channels() -> Json:
    return {name: output_of("PrepareFeatures", name) for name in ("train", "validation")}


def _fixed() -> Json:
    """The hyperparameters that are not searched."""
    return {**FIXED, "decision_threshold": text(parameter("DecisionThreshold"))}


def _train(build: DefinitionBuilder) -> Json:
    job = build.training_job(_channels(), METRICS)
    job["HyperParameters"] = {**HYPERPARAMETERS, **_fixed(), **build.script_mode("train.py")}
    return {"Name": "TrainModel", "Type": "Training", **CACHED, "RetryPolicies": RETRY_JOB, "Arguments": job}


def _tune(build: DefinitionBuilder) -> Json:
    settings = build.context.settings
    job = build.training_job(_channels(), METRICS)
    job["StaticHyperParameters"] = {**_fixed(), **build.script_mode("train.py")}
    # SageMaker tunes in its XGBoost image only what it knows to be tunable there (developer guide: tune an XGBoost
    # model), by these names.
    search = {
        "Strategy": "Bayesian",
        "RandomSeed": SEED,
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": METRIC},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": settings.tuning_jobs,
            "MaxParallelTrainingJobs": settings.tuning_parallel_jobs,
        },
        "ParameterRanges": {
            "IntegerParameterRanges": [_range("max_depth", 2, 6), _range("num_round", 100, 400)],
            "ContinuousParameterRanges": [
                _range("eta", 0.02, 0.15, "Logarithmic"),
                _range("min_child_weight", 1.0, 40.0, "Logarithmic"),
                _range("lambda", 1.0, 100.0, "Logarithmic"),
                _range("subsample", 0.5, 1.0),
                _range("colsample_bytree", 0.4, 1.0),
            ],
        },
    }
    arguments = {"HyperParameterTuningJobConfig": search, "TrainingJobDefinition": job}
    return {"Name": "TuneModel", "Type": "Tuning", **CACHED, "RetryPolicies": RETRY_JOB, "Arguments": arguments}


def _range(name: str, lowest: float, highest: float, scale: str = "Auto") -> Json:
    return {"Name": name, "MinValue": str(lowest), "MaxValue": str(highest), "ScalingType": scale}


def _best_of_tuning() -> Json:
    """A tuning job tells the name of its best training job, not where that put its model."""
    folder = get("Steps.TuneModel.TrainingJobDefinition.OutputDataConfig.S3OutputPath")
    return join(folder, get("Steps.TuneModel.BestTrainingJob.TrainingJobName"), "output/model.tar.gz")


def _judge_and_register(build: DefinitionBuilder, kind: str, model: Json) -> list[Json]:
    """Evaluate, gate and register one model; never cached, since the first two look at today's champion."""
    evaluate, gate = f"Evaluate{kind}Model", f"Gate{kind}Model"
    return [
        build.processing(
            evaluate,
            "loan_approval.steps.evaluate",
            inputs={"model": model, **{name: output_of("PrepareFeatures", name) for name in ("test", "baseline")}},
            outputs=["evaluation", "model-quality", "bias", "explainability"],
            arguments=["--label-maturity-days", text(parameter("LabelMaturityDays"))],
            calls="SSM, the registry and S3 for the champion of this moment, which no input can name",
            Environment={"CHAMPION_PARAMETER": build.context.champion_parameter},
            PropertyFiles=[property_file("Evaluation", "evaluation")],
        ),
        build.processing(
            gate,
            "loan_approval.steps.gate",
            inputs={name: output_of(evaluate, name) for name in ("evaluation", "bias", "explainability")},
            outputs=["gate"],
            arguments=[
                *("--min-auc", text(parameter("MinAuc"))),
                *("--tolerance", str(TOLERANCE)),
                *("--limits", _limits(build)),
            ],
        ),
        {
            "Name": f"Register{kind}Model",
            "Type": "RegisterModel",
            "DependsOn": [gate],
            "RetryPolicies": RETRY_REQUEST,
            "Arguments": _package(build, evaluate, kind, model),
        },
    ]


def _limits(build: DefinitionBuilder) -> str:
    limits = build.context.settings.limits
    return Limits(limits.max_attribution_share, limits.bias).text()


def _package(build: DefinitionBuilder, evaluate: str, kind: str, model: Json) -> Json:
    data_quality = statistics_and_constraints("BuildBaseline", "data-quality")
    contributions = document(evaluate, "explainability", "analysis.json")
    container = {
        "Image": build.image_uri,
        "ModelDataUrl": model,
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }
    return {
        "ModelPackageGroupName": build.context.package_group,
        "ModelPackageDescription": "Probability that a loan will be charged off",
        "ModelApprovalStatus": parameter("ModelApprovalStatus"),
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["application/json", "text/csv"],
            "SupportedResponseMIMETypes": ["application/json", "text/csv"],
        },
        "ModelMetrics": {
            "ModelDataQuality": data_quality,
            "ModelQuality": statistics_and_constraints(evaluate, "model-quality"),
            "Bias": {"Report": document(evaluate, "bias", "analysis.json")},
            "Explainability": {"Report": contributions},
        },
        # What a window of outcomes is compared with: approved loans only, and by labels as old as the window's.
        "DriftCheckBaselines": {
            "ModelDataQuality": data_quality,
            "ModelQuality": statistics_and_constraints(evaluate, "model-quality", "outcome_"),
            "Bias": {"PostTrainingConstraints": document(evaluate, "bias", "constraints.json")},
            "Explainability": {"Constraints": contributions},
        },
        "CustomerMetadataProperties": _metadata(build, evaluate, kind),
    }


def _metadata(build: DefinitionBuilder, evaluate: str, kind: str) -> Json:
    """What explains a version, next to what the registry keeps anyway; values are texts of at most 256 characters."""
    return {
        "data_uri": parameter("InputDataUri"),
        "data_sha256": json_value("ValidateData", "Validation", "sha256"),
        "code_sha256": build.context.code_sha256,
        "code_uri": build.context.code_uri,
        "commit": parameter("CodeCommit"),
        **_history_metadata(build),
        "train_from": parameter("TrainFrom"),
        "train_to": parameter("TrainTo"),
        "test_from": parameter("TestFrom"),
        "test_to": parameter("TestTo"),
        "test_auc": text(json_value(evaluate, "Evaluation", "binary_classification_metrics.auc.value")),
        "min_auc": text(parameter("MinAuc")),
        "decision_threshold": text(parameter("DecisionThreshold")),
        "label_maturity_days": text(parameter("LabelMaturityDays")),
        # Baselines that the registry has no member for.
        "drift_calibration": file_of("BuildBaseline", "data-quality", "calibration.json"),
        "outcome_baseline": file_of(evaluate, "model-quality", "outcomes.json"),
        "tuned": "true" if kind else "false",
        "pipeline_execution": get("Execution.PipelineExecutionId"),
    }


def _history_metadata(build: DefinitionBuilder) -> Json:
    if GROUP not in build.context.features:
        return {}
    return {
        "features_as_of": json_value("PrepareFeatures", "Joined", "as_of"),
        "features_run": json_value("PrepareFeatures", "Joined", "run"),
    }
