"""A model's definition is found, given its settings, and checked before anything is deployed."""

import sys

import aws_cdk as cdk
import pytest

from mlops_constructs import pipeline_definition
from mlops_constructs.errors import ConstructError, SettingRefusedError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.settings import TrainingSettings

DEFINITION = """
def definition(context):
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "Reason", "Type": "String", "DefaultValue": "none given"},
            {"Name": "Limit", "Type": "Float", "DefaultValue": 0.5},
        ],
        "Steps": [
            {
                "Name": "Stop",
                "Type": "Fail",
                "Arguments": {
                    "ErrorMessage": {
                        "Std:Join": {
                            "On": " ",
                            "Values": [{"Get": "Parameters.Reason"}, {"Get": "Parameters.Limit"}],
                        }
                    }
                },
            }
        ],
    }
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A code root with one model, whose name no other test uses: modules are imported once a process."""
    root = tmp_path / "pipeline_code"
    model = f"model{abs(hash(str(tmp_path)))}"
    (root / model).mkdir(parents=True)
    (root / model / "definition.py").write_text(DEFINITION)
    monkeypatch.syspath_prepend(str(root))
    yield root, model
    for name in [each for each in sys.modules if each.startswith(model)]:
        del sys.modules[name]


def load(code, **parameters):
    root, model = code
    settings = TrainingSettings(
        data_prefix="data",
        processing_instance_type="ml.m5.large",
        training_instance_type="ml.m5.large",
        volume_gb=10,
        max_runtime_seconds=600,
        spot=False,
        spot_wait_seconds=3600,
        min_auc=0.6,
        limits={"max_attribution_share": 1.0, "bias": {}},
        tuning_jobs=2,
        tuning_parallel_jobs=1,
        parameters=parameters,
    )
    context = PipelineContext(
        model=model,
        base_name="mlops-local-model",
        role_arn="arn:aws:iam::111122223333:role/r",
        code_uri="s3://b/k.tar.gz",
        code_sha256="0" * 64,
        data_bucket="data",
        artifacts_bucket="artifacts",
        key_arn="arn:aws:kms:eu-west-1:111122223333:key/k",
        package_group="mlops-local-model",
        champion_parameter="/mlops/local/model/release/champion",
        label_maturity_days=730,
        features={},
        features_workgroup="mlops-local-features",
        features_rows_table="mlops_local_features.model_rows",
        features_rows_uri="s3://artifacts/model/feature-rows",
        features_results_uri="s3://artifacts/model/feature-queries",
        image_uri=lambda framework: framework,
        built_in=lambda _framework: False,
        settings=settings,
    )
    return pipeline_definition.load(cdk.Stack(), root, context)


def test_settings_replace_the_defaults_of_parameters(code):
    body = load(code, Reason="not today", Limit=1).body
    assert {each["Name"]: each["DefaultValue"] for each in body["Parameters"]} == {"Reason": "not today", "Limit": 1}


def test_a_parameter_that_does_not_exist_is_refused_with_the_nearest(code):
    with pytest.raises(SettingRefusedError, match=r"parameters\.Raeson = 'x': must be for a parameter .*: Reason$"):
        load(code, Raeson="x")


@pytest.mark.parametrize("value", ["0.5", True])
def test_a_parameter_of_another_type_is_refused(code, value):
    with pytest.raises(SettingRefusedError, match=r"parameters\.Limit = .*: must be of type Float"):
        load(code, Limit=value)


def test_each_finding_of_the_check_is_one_line_with_its_file(code):
    root, model = code
    text = DEFINITION.replace("Parameters.Limit", "Parameters.Limits").replace('"2020-12-01"', '"2020"')
    (root / model / "definition.py").write_text(text)
    with pytest.raises(ConstructError) as caught:
        load(code)
    lines = str(caught.value).splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(f"pipeline_code/{model}/definition.py: ") for line in lines)
    assert any("Parameters.Limits" in line for line in lines)


def test_a_model_without_a_definition_is_refused(code):
    root, model = code
    (root / model / "definition.py").unlink()
    with pytest.raises(ConstructError, match=r"has neither definition\.py nor pipeline\.py"):
        load(code)
