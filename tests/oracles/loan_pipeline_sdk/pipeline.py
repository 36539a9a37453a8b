"""The loan approval pipeline once more, written with the SageMaker Python SDK 3.

It can stand in `pipeline_code/loan_approval` instead of `definition.py`: `test_parity.py` compares what the two
make, `test_sdk_runs.py` runs it. Only two texts are shared, of the entry point's shell and of the gate's limits;
every structure is the SDK's own. It takes the feature group `bank_history` for granted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker.core.drift_check_baselines import DriftCheckBaselines
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
)
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import (
    CacheConfig,
    ConditionStep,
    ModelStep,
    Pipeline,
    ProcessingStep,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
    TrainingStep,
    TuningStep,
)
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from mlops_constructs.definition_builder import script
from mlops_constructs.pipeline_context import PipelineContext
from monitoring.limits import Limits

ROOT = "/opt/ml/processing"
SEED = 20021001
TOLERANCE = 0.01
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
METRIC = "validation:auc"
CACHED = {"cache_config": CacheConfig(enable_caching=True, expire_after="P30D")}
RETRY_REQUEST = [
    StepRetryPolicy(
        exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
        interval_seconds=5,
        backoff_rate=2.0,
        max_attempts=5,
    )
]
RETRY_JOB = [
    *RETRY_REQUEST,
    SageMakerJobStepRetryPolicy(
        exception_types=[
            SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
            SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
            SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
        ],
        interval_seconds=60,
        backoff_rate=2.0,
        max_attempts=3,
    ),
]


def pipeline(context: PipelineContext, session: PipelineSession) -> Pipeline:
    """The same steps, branches and parameters as the plain definition."""
    parameters = _parameters(context)
    author = _Author(context, session, parameters)
    validate = author.processing(
        "ValidateData",
        "loan_approval.steps.validate",
        inputs={"raw": parameters["InputDataUri"]},
        outputs=["validation"],
        arguments=author.periods(),
        requirements="loan_approval/requirements.txt",
        property_files=[PropertyFile(name="Validation", output_name="validation", path="validation.json")],
        **CACHED,
    )
    ingest = author.processing(
        "IngestFeatures",
        "loan_approval.steps.ingest",
        inputs={"raw": parameters["InputDataUri"]},
        outputs=["ingested"],
        environment=author.feature_group(),
        depends_on=[validate],
    )
    prepare = author.processing(
        "PrepareFeatures",
        "loan_approval.steps.features",
        inputs={"raw": parameters["InputDataUri"], "ingested": _output(ingest, "ingested")},
        outputs=["train", "validation", "test", "baseline", "joined"],
        arguments=[
            *author.periods(),
            *("--features-as-of", parameters["FeaturesAsOf"]),
            *("--run", ExecutionVariables.PIPELINE_EXECUTION_ID),
        ],
        environment={
            **author.feature_group(),
            "FEATURES_WORKGROUP": context.features_workgroup,
            "FEATURES_ROWS_TABLE": context.features_rows_table,
            "FEATURES_ROWS_URI": context.features_rows_uri,
            "FEATURES_RESULTS_URI": context.features_results_uri,
        },
        depends_on=[validate],
        property_files=[PropertyFile(name="Joined", output_name="joined", path="joined.json")],
    )
    baseline = author.processing(
        "BuildBaseline",
        "loan_approval.steps.baseline",
        inputs={"baseline": _output(prepare, "baseline")},
        outputs=["data-quality"],
        **CACHED,
    )
    train = author.train(prepare)
    tune = author.tune(prepare)
    trained = train.properties.ModelArtifacts.S3ModelArtifacts
    best = Join(
        on="/",
        values=[
            tune.properties.TrainingJobDefinition.OutputDataConfig.S3OutputPath,
            tune.properties.BestTrainingJob.TrainingJobName,
            "output/model.tar.gz",
        ],
    )
    choose = ConditionStep(
        name="ChooseTraining",
        depends_on=[prepare],
        conditions=[ConditionEquals(left=parameters["Tune"], right=True)],
        if_steps=[tune, *author.judge_and_register("Tuned", best, prepare, baseline)],
        else_steps=[train, *author.judge_and_register("", trained, prepare, baseline)],
    )
    return Pipeline(
        name=context.base_name,
        parameters=list(parameters.values()),
        steps=[validate, ingest, prepare, baseline, choose],
        sagemaker_session=session,
    )


def _parameters(context: PipelineContext) -> dict[str, Any]:
    settings = context.settings
    declared = [
        ParameterString("InputDataUri"),
        ParameterString("TrainFrom", "2000-10-01"),
        ParameterString("TrainTo", "2002-09-30"),
        ParameterString("TestFrom", "2002-10-01"),
        ParameterString("TestTo", "2002-12-31"),
        ParameterFloat("DecisionThreshold", 0.25),
        ParameterFloat("MinAuc", settings.min_auc),
        ParameterInteger("LabelMaturityDays", context.label_maturity_days),
        ParameterBoolean("Tune", default_value=False),
        ParameterString("ProcessingInstanceType", settings.processing_instance_type),
        ParameterString("TrainingInstanceType", settings.training_instance_type),
        ParameterString("ModelApprovalStatus", "PendingManualApproval"),
        ParameterString("CodeCommit", "none"),
        ParameterString("FeaturesAsOf", "now"),
    ]
    return {parameter.name: parameter for parameter in declared}


def _output(step: ProcessingStep, name: str) -> Any:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


@dataclass(frozen=True)
class _Author:
    context: PipelineContext
    session: PipelineSession
    parameters: Mapping[str, Any]

    def periods(self) -> list[Any]:
        names = {"--train-from": "TrainFrom", "--train-to": "TrainTo", "--test-from": "TestFrom", "--test-to": "TestTo"}
        return [part for option, name in names.items() for part in (option, self.parameters[name])]

    def feature_group(self) -> dict[str, str]:
        return {"FEATURE_GROUP": self.context.features["bank_history"]["physical"]}

    def processing(
        self,
        name: str,
        module: str,
        *,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        arguments: Sequence[Any] = (),
        requirements: str = "",
        environment: Mapping[str, str] | None = None,
        **members: Any,
    ) -> ProcessingStep:
        settings = self.context.settings
        processor = Processor(
            role=self.context.role_arn,
            image_uri=self.context.image_uri("xgboost"),
            instance_count=1,
            instance_type=self.parameters["ProcessingInstanceType"],
            entrypoint=["/bin/bash", "-c", script(module, requirements), "--"],
            volume_size_in_gb=settings.volume_gb,
            volume_kms_key=self.context.key_arn,
            output_kms_key=self.context.key_arn,
            max_runtime_in_seconds=settings.max_runtime_seconds,
            env=dict(environment) if environment else None,
            sagemaker_session=self.session,
        )
        run = processor.run(
            inputs=[_input(key, uri) for key, uri in {**inputs, "code": self.context.code_uri}.items()],
            outputs=[self._output_of(name, key) for key in outputs],
            arguments=list(arguments) or None,
        )
        return ProcessingStep(name, step_args=run, retry_policies=RETRY_JOB, **members)

    def _fixed(self) -> dict[str, Any]:
        return {**FIXED, "decision_threshold": Join(on="", values=[self.parameters["DecisionThreshold"]])}

    def train(self, prepare: ProcessingStep) -> TrainingStep:
        trainer = self._trainer({**HYPERPARAMETERS, **self._fixed()})
        run = trainer.train(input_data_config=self._channels(prepare))
        return TrainingStep("TrainModel", step_args=run, retry_policies=RETRY_JOB, **CACHED)

    def tune(self, prepare: ProcessingStep) -> TuningStep:
        settings = self.context.settings
        tuner = HyperparameterTuner(
            model_trainer=self._trainer(self._fixed()),
            objective_metric_name=METRIC,
            objective_type="Maximize",
            hyperparameter_ranges={
                "max_depth": IntegerParameter(2, 6),
                "num_round": IntegerParameter(100, 400),
                "eta": ContinuousParameter(0.02, 0.15, scaling_type="Logarithmic"),
                "min_child_weight": ContinuousParameter(1.0, 40.0, scaling_type="Logarithmic"),
                "lambda": ContinuousParameter(1.0, 100.0, scaling_type="Logarithmic"),
                "subsample": ContinuousParameter(0.5, 1.0),
                "colsample_bytree": ContinuousParameter(0.4, 1.0),
            },
            strategy="Bayesian",
            random_seed=SEED,
            max_jobs=settings.tuning_jobs,
            max_parallel_jobs=settings.tuning_parallel_jobs,
        )
        run = tuner.tune(inputs=self._channels(prepare))
        return TuningStep("TuneModel", step_args=run, retry_policies=RETRY_JOB, **CACHED)

    def judge_and_register(self, kind: str, model: Any, prepare: ProcessingStep, baseline: ProcessingStep) -> list[Any]:
        evaluation = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
        evaluate = self.processing(
            f"Evaluate{kind}Model",
            "loan_approval.steps.evaluate",
            inputs={"model": model, **{name: _output(prepare, name) for name in ("test", "baseline")}},
            outputs=["evaluation", "model-quality", "bias", "explainability"],
            arguments=["--label-maturity-days", Join(on="", values=[self.parameters["LabelMaturityDays"]])],
            environment={"CHAMPION_PARAMETER": self.context.champion_parameter},
            property_files=[evaluation],
        )
        gate = self.processing(
            f"Gate{kind}Model",
            "loan_approval.steps.gate",
            inputs={name: _output(evaluate, name) for name in ("evaluation", "bias", "explainability")},
            outputs=["gate"],
            arguments=[
                *("--min-auc", Join(on="", values=[self.parameters["MinAuc"]])),
                *("--tolerance", str(TOLERANCE)),
                *("--limits", self._limits()),
            ],
        )
        auc = JsonGet(
            step_name=evaluate.name, property_file=evaluation, json_path="binary_classification_metrics.auc.value"
        )
        data = {
            "model_data_statistics": _document(baseline, "data-quality", "statistics.json"),
            "model_data_constraints": _document(baseline, "data-quality", "constraints.json"),
        }
        contributions = _document(evaluate, "explainability", "analysis.json")
        measured = ModelMetrics(
            **data,
            model_statistics=_document(evaluate, "model-quality", "statistics.json"),
            model_constraints=_document(evaluate, "model-quality", "constraints.json"),
            bias=_document(evaluate, "bias", "analysis.json"),
            explainability=contributions,
        )
        baselines = DriftCheckBaselines(
            **data,
            model_statistics=_document(evaluate, "model-quality", "outcome_statistics.json"),
            model_constraints=_document(evaluate, "model-quality", "outcome_constraints.json"),
            bias_post_training_constraints=_document(evaluate, "bias", "constraints.json"),
            explainability_constraints=contributions,
        )
        builder = ModelBuilder(
            image_uri=self.context.image_uri("xgboost"),
            s3_model_data_url=model,
            role_arn=self.context.role_arn,
            env_vars={
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
            sagemaker_session=self.session,
        )
        package = builder.register(
            model_package_group_name=self.context.package_group,
            content_types=["application/json", "text/csv"],
            response_types=["application/json", "text/csv"],
            approval_status=self.parameters["ModelApprovalStatus"],
            description="Probability that a loan will be charged off",
            model_metrics=measured,
            drift_check_baselines=baselines,
            customer_metadata_properties=self._metadata(kind, auc, baseline, evaluate),
        )
        register = ModelStep(f"Register{kind}Model", step_args=package, depends_on=[gate], retry_policies=RETRY_REQUEST)
        return [evaluate, gate, register]

    def _limits(self) -> str:
        limits = self.context.settings.limits
        return Limits(limits.max_attribution_share, limits.bias).text()

    def _trainer(self, hyperparameters: Mapping[str, str]) -> ModelTrainer:
        settings = self.context.settings
        return ModelTrainer(
            training_image=self.context.image_uri("xgboost"),
            role=self.context.role_arn,
            base_job_name=self.context.base_name,
            hyperparameters={
                **hyperparameters,
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": f"/opt/ml/input/data/code/{self.context.code_sha256}.tar.gz",
            },
            compute=Compute(
                instance_type=self.parameters["TrainingInstanceType"],
                instance_count=1,
                volume_size_in_gb=settings.volume_gb,
                volume_kms_key_id=self.context.key_arn,
            ),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=settings.max_runtime_seconds),
            output_data_config=OutputDataConfig(
                s3_output_path=f"s3://{self.context.artifacts_bucket}/{self.context.model}/models",
                kms_key_id=self.context.key_arn,
            ),
            sagemaker_session=self.session,
        )

    def _channels(self, prepare: ProcessingStep) -> list[InputData]:
        code = InputData(channel_name="code", data_source=self.context.code_uri, content_type="application/x-tar")
        return [
            *(
                InputData(channel_name=name, data_source=_output(prepare, name), content_type="text/csv")
                for name in ("train", "validation")
            ),
            code,
        ]

    def _output_of(self, step: str, name: str) -> ProcessingOutput:
        root = f"s3://{self.context.artifacts_bucket}/{self.context.model}/runs"
        uri = Join(on="/", values=[root, ExecutionVariables.PIPELINE_EXECUTION_ID, step, name])
        place = ProcessingS3Output(s3_uri=uri, local_path=f"{ROOT}/output/{name}", s3_upload_mode="EndOfJob")
        return ProcessingOutput(output_name=name, s3_output=place)

    def _metadata(self, kind: str, auc: JsonGet, baseline: ProcessingStep, evaluate: ProcessingStep) -> dict[str, Any]:
        validation = JsonGet(step_name="ValidateData", property_file="Validation", json_path="sha256")
        parameters = self.parameters
        return {
            "data_uri": parameters["InputDataUri"],
            "data_sha256": validation,
            "code_sha256": self.context.code_sha256,
            "code_uri": self.context.code_uri,
            "commit": parameters["CodeCommit"],
            "features_as_of": JsonGet(step_name="PrepareFeatures", property_file="Joined", json_path="as_of"),
            "features_run": JsonGet(step_name="PrepareFeatures", property_file="Joined", json_path="run"),
            "train_from": parameters["TrainFrom"],
            "train_to": parameters["TrainTo"],
            "test_from": parameters["TestFrom"],
            "test_to": parameters["TestTo"],
            "test_auc": Join(on="", values=[auc]),
            "min_auc": Join(on="", values=[parameters["MinAuc"]]),
            "decision_threshold": Join(on="", values=[parameters["DecisionThreshold"]]),
            "label_maturity_days": Join(on="", values=[parameters["LabelMaturityDays"]]),
            "drift_calibration": _file(baseline, "data-quality", "calibration.json"),
            "outcome_baseline": _file(evaluate, "model-quality", "outcomes.json"),
            "tuned": "true" if kind else "false",
            "pipeline_execution": ExecutionVariables.PIPELINE_EXECUTION_ID,
        }


def _input(name: str, uri: Any) -> ProcessingInput:
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{ROOT}/input/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def _document(step: ProcessingStep, output: str, file: str) -> MetricsSource:
    return MetricsSource(content_type="application/json", s3_uri=_file(step, output, file))


def _file(step: ProcessingStep, output: str, file: str) -> Join:
    return Join(on="/", values=[_output(step, output), file])
