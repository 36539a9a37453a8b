"""A pipeline as the SDK's own examples write it: local scripts and folders that the SDK uploads."""

from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow import ModelStep, Pipeline, ProcessingStep, TrainingStep, TuningStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from mlops_constructs.pipeline_context import PipelineContext


def pipeline(context: PipelineContext, session: PipelineSession) -> Pipeline:
    """Prepare (a script), train (a folder, through the SDK's drivers), tune (an archive), register."""
    raw = ParameterString("InputDataUri", f"s3://{context.data_bucket}/raw")
    image = context.image_uri("xgboost")
    place = f"s3://{session.default_bucket()}/{session.default_bucket_prefix}"
    processor = ScriptProcessor(
        image_uri=image,
        command=["python3"],
        role=context.role_arn,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    source = ProcessingS3Input(
        s3_uri=raw, local_path="/opt/ml/processing/input/raw", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    target = ProcessingS3Output(
        s3_uri=f"{place}/prepared", local_path="/opt/ml/processing/output/train", s3_upload_mode="EndOfJob"
    )
    prepare = ProcessingStep(
        "Prepare",
        step_args=processor.run(
            code="code/prepare.py",
            inputs=[ProcessingInput(input_name="raw", s3_input=source)],
            outputs=[ProcessingOutput(output_name="train", s3_output=target)],
        ),
    )
    uri = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    channels = [InputData(channel_name="train", data_source=uri, content_type="text/csv")]
    train = TrainingStep("Train", step_args=_trainer(context, session, place).train(input_data_config=channels))
    tuner = HyperparameterTuner(
        model_trainer=_trainer(context, session, place),
        objective_metric_name="validation:auc",  # one of the image's own: it takes no others
        hyperparameter_ranges={"eta": ContinuousParameter(0.05, 0.4)},
        max_jobs=2,
    )
    tune = TuningStep("Tune", step_args=tuner.tune(inputs=channels))
    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        role_arn=context.role_arn,
        sagemaker_session=session,
    )
    package = builder.register(
        model_package_group_name=context.package_group, content_types=["text/csv"], response_types=["text/csv"]
    )
    return Pipeline(
        name="uploads",
        parameters=[raw],
        steps=[prepare, train, tune, ModelStep("Register", step_args=package)],
        sagemaker_session=session,
    )


def _trainer(context: PipelineContext, session: PipelineSession, place: str) -> ModelTrainer:
    return ModelTrainer(
        training_image=context.image_uri("xgboost"),
        role=context.role_arn,
        base_job_name="uploads",
        source_code=SourceCode(source_dir="code", entry_script="train.py"),
        hyperparameters={"eta": "0.1"},
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path=f"{place}/models"),
        sagemaker_session=session,
    )
