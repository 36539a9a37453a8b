"""What a pipeline's definition is made with, for tests of definitions."""

from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.settings import TrainingSettings

SETTINGS = TrainingSettings(
    data_prefix="loan_approval",
    processing_instance_type="ml.m5.large",
    training_instance_type="ml.m5.xlarge",
    volume_gb=30,
    max_runtime_seconds=3600,
    spot=False,
    spot_wait_seconds=3600,
    min_auc=0.65,
    limits={"max_attribution_share": 1.0, "bias": {}},
    tuning_jobs=4,
    tuning_parallel_jobs=2,
    parameters={},
)
CONTEXT = PipelineContext(
    model="loan_approval",
    base_name="mlops-local-loan-approval",
    role_arn="arn:aws:iam::111122223333:role/pipeline",
    code_uri=f"s3://assets/{'0' * 64}.tar.gz",
    code_sha256="0" * 64,
    data_bucket="data",
    artifacts_bucket="artifacts",
    key_arn="arn:aws:kms:eu-west-1:111122223333:key/k",
    package_group="mlops-local-loan-approval",
    champion_parameter="/mlops/local/loan-approval/release/champion",
    label_maturity_days=730,
    features={},
    features_workgroup="mlops-local-features",
    features_rows_table="mlops_local_features.loan_approval_rows",
    features_rows_uri="s3://artifacts/loan_approval/feature-rows",
    features_results_uri="s3://artifacts/loan_approval/feature-queries",
    image_uri=lambda framework: f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/{framework}:1",
    built_in=lambda _framework: False,
    settings=SETTINGS,
)
