"""Models with `pipeline.py`: deployed by the CDK command line to a local AWS, started, and registered."""

import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from mlops import releases
from mlops.demo import loans
from mlops.demo.history import bank_months
from mlops_constructs.naming import ModelNames
from tests.deployed import BOOK, MODEL, NAMES, Platform, checkout
from tests.local_aws_fixture import LocalAws

pytestmark = pytest.mark.oracle

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "training-pipeline.md"
UPLOADS, EXAMPLE = NAMES.model("uploads_sdk"), NAMES.model("churn")
POINTS = "1,1\n2,1\n-1,0\n3,1\n-2,0\n"
"""Five rows that one weight tells apart."""


def _app(folder: Path) -> Path:
    """The app, with the loan model written with the SDK and two small models beside it."""
    app = checkout(folder)
    code = app / "pipeline_code"
    (code / "loan_approval" / "definition.py").unlink()
    shutil.copy(HERE / "loan_pipeline_sdk" / "pipeline.py", code / "loan_approval")
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "uploads_sdk", code / "uploads_sdk", ignore=leave_out)
    shutil.copytree(HERE / "uploads_sdk" / "code", code / "churn" / "code", ignore=leave_out)
    example = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example, f"{DOCUMENT.name} shows no pipeline.py"
    (code / "churn" / "pipeline.py").write_text(example[1])
    with (app / "config" / "base.toml").open("a") as config:
        for model in (UPLOADS.folder, EXAMPLE.folder):
            config.write(f'\n[models.{model}]\n[models.{model}.training]\ndata_prefix = "{model}"\n')
            # Nobody says what to look at in them.
            config.write(f"[models.{model}.monitoring]\nenabled = false\n")
            config.write(f"[models.{model}.retraining]\nenabled = false\non_degradation = false\n")
    return app


@pytest.fixture(scope="module")
def platform(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    deployed = Platform(local_aws)
    app = _app(tmp_path_factory.mktemp("app"))
    stacks = [model.training_stack for model in (MODEL, UPLOADS, EXAMPLE)]
    deployed.bootstrap()
    deployed.cdk("deploy", *stacks, "--require-approval", "never", folder=app)
    return deployed


@pytest.fixture(scope="module")
def loan_version(platform: Platform) -> dict[str, Any]:
    s3, history = platform.client("s3"), bank_months(BOOK)
    return _trained(platform, MODEL, loans.upload(s3, platform.data_bucket, MODEL.folder, BOOK, history))


@pytest.fixture(scope="module")
def raw_points(platform: Platform) -> str:
    return _put(platform, "raw/points.csv", POINTS + ",1\n")


def _trained(platform: Platform, model: ModelNames, uri: str) -> dict[str, Any]:
    """The version that a run of the model's pipeline registers."""
    platform.said.clear()
    execution = platform.follow(platform.start(uri, model))
    failures = [f"{who} {text}" for who, text in platform.said if text.startswith("failed")]
    assert (execution["PipelineExecutionStatus"], failures) == ("Succeeded", [])
    return releases.newest_version(platform.client("sagemaker"), model.package_group)


def _put(platform: Platform, key: str, text: str) -> str:
    """Write one object of the data bucket; returns the prefix it is below."""
    platform.client("s3").put_object(Bucket=platform.data_bucket, Key=key, Body=text.encode())
    return f"s3://{platform.data_bucket}/{key.rpartition('/')[0]}/"


def _body(platform: Platform, uri: str) -> bytes:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    content: bytes = platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def _model(platform: Platform, version: dict[str, Any]) -> dict[str, Any]:
    """What the training script of the small models wrote."""
    uri = version["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    with tarfile.open(fileobj=io.BytesIO(_body(platform, uri))) as archive:
        file = archive.extractfile("model.json")
        assert file is not None
        return dict(json.load(file))


def test_the_loan_pipeline_registers_a_version(loan_version: dict[str, Any], platform: Platform) -> None:
    assert (loan_version["ModelPackageVersion"], loan_version["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert 0.68 <= float(loan_version["CustomerMetadataProperties"]["test_auc"]) <= 0.74
    succeeded = {who for who, text in platform.said if text.startswith("succeeded")}
    assert succeeded >= {"ValidateData", "BuildBaseline", "TrainModel", "EvaluateModel", "GateModel", "RegisterModel"}


@pytest.mark.parametrize("kind", ["ModelDataQuality", "ModelQuality"])
def test_the_sdk_reads_the_baselines_of_a_version_from_s3(
    kind: str, loan_version: dict[str, Any], local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.model_monitor.monitoring_files import Constraints, Statistics

    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    session = Session(boto_session=boto3.Session(region_name=local_aws.server.region))
    documents = loan_version["ModelMetrics"][kind]
    statistics = Statistics.from_s3_uri(documents["Statistics"]["S3Uri"], sagemaker_session=session)
    constraints = Constraints.from_s3_uri(documents["Constraints"]["S3Uri"], sagemaker_session=session)
    measured = "features" if kind == "ModelDataQuality" else "binary_classification_metrics"
    assert statistics.body_dict[measured]
    assert constraints.body_dict["features" if kind == "ModelDataQuality" else "binary_classification_constraints"]


def test_what_the_sdk_uploads_runs_in_its_own_drivers(platform: Platform, raw_points: str) -> None:
    version = _trained(platform, UPLOADS, raw_points)
    assert version["ModelPackageVersion"] == 1
    assert ("Prepare", "points.csv: 5 rows kept") in platform.said
    assert ("Train", "Running Basic Script driver") in platform.said
    assert ("Train", "[50]\tvalidation-auc:1.0") in platform.said
    model = _model(platform, version)
    assert (model["eta"], model["rows"]) == (0.1, 5)
    assert model["weight"] > 0


def test_the_sdk_tunes_in_script_mode(platform: Platform, raw_points: str) -> None:
    _trained(platform, UPLOADS, raw_points)
    sagemaker = platform.client("sagemaker")
    job = sagemaker.list_hyper_parameter_tuning_jobs(SortBy="CreationTime")["HyperParameterTuningJobSummaries"][0]
    name = job["HyperParameterTuningJobName"]
    best = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)["BestTrainingJob"]
    objective = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert (objective["MetricName"], objective["Value"]) == ("validation:auc", 1.0)
    assert 0.05 <= float(best["TunedHyperParameters"]["eta"]) <= 0.4


def test_the_example_of_the_documentation_registers_a_version(platform: Platform) -> None:
    version = _trained(platform, EXAMPLE, _put(platform, "points/points.csv", POINTS))
    assert version["ModelPackageVersion"] == 1
    assert _model(platform, version)["eta"] == 0.2
