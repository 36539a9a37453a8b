"""Surroundings of the comparisons with the SageMaker SDK, which only `make test-oracles` installs."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_constructs import sdk_pipeline
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_pipeline import LoadedPipeline
from stacks import settings

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
REGION = "eu-west-1"
BANK_HISTORY = {
    "name": "bank_history",
    "physical": "mlops-local-bank-history",
    "record_identifier": "bank",
    "event_time": "known_from",
    "event_time_type": "String",
    "features": {"approvals_12m": "Integral", "charge_offs_12m": "Integral", "charge_off_share_12m": "Fractional"},
}


@pytest.fixture(autouse=True, scope="session")
def _importable_sdk() -> Iterator[None]:
    """The SDK cannot be imported without a region, and warns while it is."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield


@pytest.fixture(scope="session")
def context() -> PipelineContext:
    return make_context()


def make_context() -> PipelineContext:
    """The loan model's surroundings in the local environment, with tokens where a stack would have them."""
    return PipelineContext(
        model="loan_approval",
        base_name="mlops-local-loan-approval",
        role_arn="${Token[TOKEN.1]}",
        code_uri="s3://${Token[TOKEN.2]}/0123456789abcdef.tar.gz",
        code_sha256="0123456789abcdef",
        data_bucket="${Token[TOKEN.3]}",
        artifacts_bucket="${Token[TOKEN.4]}",
        key_arn="${Token[TOKEN.5]}",
        package_group="mlops-local-loan-approval",
        champion_parameter="/mlops/local/loan-approval/release/champion",
        label_maturity_days=730,
        features={"bank_history": BANK_HISTORY},
        features_workgroup="mlops-local-features",
        features_rows_table="mlops_local_features.loan_approval_rows",
        features_rows_uri="s3://artifacts/loan_approval/feature-rows",
        features_results_uri="s3://artifacts/loan_approval/feature-queries",
        image_uri=lambda framework: f"141502667606.dkr.ecr.{REGION}.amazonaws.com/sagemaker-{framework}:3.0-5",
        built_in=lambda _framework: True,
        settings=settings.load(ROOT / "config", "local").models["loan_approval"].training,
    )


@pytest.fixture(scope="session")
def loan_pipeline(context: PipelineContext, tmp_path_factory: pytest.TempPathFactory) -> LoadedPipeline:
    return _load("loan_pipeline_sdk", context, tmp_path_factory)


@pytest.fixture(scope="session")
def uploads_pipeline(context: PipelineContext, tmp_path_factory: pytest.TempPathFactory) -> LoadedPipeline:
    return _load("uploads_sdk", context, tmp_path_factory)


def _load(model: str, context: PipelineContext, paths: pytest.TempPathFactory) -> LoadedPipeline:
    return sdk_pipeline.load(HERE / model, context, paths.mktemp(model), region=REGION)
