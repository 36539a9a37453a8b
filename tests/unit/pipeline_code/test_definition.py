"""The shape of the pipeline; what SageMaker would refuse is the definition check's business."""

import dataclasses
import json

import pytest

from loan_approval.definition import definition
from mlops_constructs import definition_check
from tests.pipeline_context import CONTEXT as BARE

GROUP = {
    "name": "bank_history",
    "physical": "mlops-local-bank-history",
    "record_identifier": "bank",
    "event_time": "known_from",
    "event_time_type": "String",
    "features": {"approvals_12m": "Integral", "charge_offs_12m": "Integral", "charge_off_share_12m": "Fractional"},
}
CONTEXT = dataclasses.replace(BARE, features={"bank_history": GROUP})


@pytest.fixture(scope="module")
def pipeline():
    return definition(CONTEXT)


@pytest.fixture(scope="module")
def steps(pipeline):
    choice = pipeline["Steps"][-1]
    branches = choice["Arguments"]["IfSteps"] + choice["Arguments"]["ElseSteps"]
    return {step["Name"]: step for step in [*pipeline["Steps"], *branches]}


def mentioned(value):
    """Names of the steps that an expression anywhere in `value` refers to."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and value["Get"].startswith("Steps."):
            yield value["Get"].split(".")[1]
        for inner in value.values():
            yield from mentioned(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from mentioned(inner)


def test_sagemaker_would_take_it(pipeline):
    assert definition_check.findings(pipeline) == []


def test_two_calls_give_the_same_bytes(pipeline):
    assert json.dumps(definition(CONTEXT)) == json.dumps(pipeline)


def test_steps_and_branches(pipeline):
    assert [step["Name"] for step in pipeline["Steps"]] == [
        "ValidateData",
        "IngestFeatures",
        "PrepareFeatures",
        "BuildBaseline",
        "ChooseTraining",
    ]
    choice = pipeline["Steps"][-1]["Arguments"]
    assert choice["Conditions"] == [{"Type": "Equals", "LeftValue": {"Get": "Parameters.Tune"}, "RightValue": True}]
    names = {branch: [step["Name"] for step in choice[branch]] for branch in ("IfSteps", "ElseSteps")}
    assert names == {
        "IfSteps": ["TuneModel", "EvaluateTunedModel", "GateTunedModel", "RegisterTunedModel"],
        "ElseSteps": ["TrainModel", "EvaluateModel", "GateModel", "RegisterModel"],
    }


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("IngestFeatures", "ValidateData"),
        ("PrepareFeatures", "ValidateData"),
        ("PrepareFeatures", "IngestFeatures"),
        ("BuildBaseline", "PrepareFeatures"),
        ("TrainModel", "PrepareFeatures"),
        ("EvaluateModel", "TrainModel"),
        ("GateModel", "EvaluateModel"),
        ("RegisterModel", "GateModel"),
        ("RegisterModel", "BuildBaseline"),
        ("TuneModel", "PrepareFeatures"),
        ("EvaluateTunedModel", "TuneModel"),
        ("GateTunedModel", "EvaluateTunedModel"),
        ("RegisterTunedModel", "GateTunedModel"),
    ],
)
def test_order(steps, later, earlier):
    step = steps[later]
    assert earlier in {*step.get("DependsOn", []), *mentioned(step["Arguments"])}


def test_parameters_and_their_defaults(pipeline):
    defaults = {each["Name"]: each.get("DefaultValue") for each in pipeline["Parameters"]}
    assert defaults == {
        "InputDataUri": None,
        "TrainFrom": "2000-10-01",
        "TrainTo": "2002-09-30",
        "TestFrom": "2002-10-01",
        "TestTo": "2002-12-31",
        "DecisionThreshold": 0.25,
        "MinAuc": 0.65,
        "LabelMaturityDays": 730,
        "Tune": False,
        "ProcessingInstanceType": "ml.m5.large",
        "TrainingInstanceType": "ml.m5.xlarge",
        "ModelApprovalStatus": "PendingManualApproval",
        "CodeCommit": "none",
        "FeaturesAsOf": "now",
    }


def test_what_looks_at_todays_champion_or_at_the_feature_store_is_never_cached(steps):
    cached = {name for name, step in steps.items() if step.get("CacheConfig", {}).get("Enabled")}
    assert cached == {"ValidateData", "BuildBaseline", "TrainModel", "TuneModel"}


def test_features_are_joined_as_of_a_moment_that_the_version_tells(steps):
    job = steps["PrepareFeatures"]["Arguments"]
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--features-as-of") + 1] == {"Get": "Parameters.FeaturesAsOf"}
    assert job["Environment"] == {
        "FEATURE_GROUP": "mlops-local-bank-history",
        "FEATURES_WORKGROUP": CONTEXT.features_workgroup,
        "FEATURES_ROWS_TABLE": CONTEXT.features_rows_table,
        "FEATURES_ROWS_URI": CONTEXT.features_rows_uri,
        "FEATURES_RESULTS_URI": CONTEXT.features_results_uri,
    }
    metadata = steps["RegisterModel"]["Arguments"]["CustomerMetadataProperties"]
    assert metadata["features_as_of"]["Std:JsonGet"]["Path"] == "as_of"
    assert metadata["code_uri"] == CONTEXT.code_uri and metadata["commit"] == {"Get": "Parameters.CodeCommit"}


def test_without_the_feature_group_nothing_is_ingested_and_features_are_cached():
    bare = definition(BARE)
    assert definition_check.findings(bare) == []
    steps = {step["Name"]: step for step in bare["Steps"]}
    assert "IngestFeatures" not in steps and "Environment" not in steps["PrepareFeatures"]["Arguments"]
    assert steps["PrepareFeatures"]["CacheConfig"]["Enabled"]
    assert "FeaturesAsOf" not in json.dumps(bare) and "features_as_of" not in json.dumps(bare)


def test_evaluation_is_told_where_the_champion_is_named(steps):
    for name in ("EvaluateModel", "EvaluateTunedModel"):
        assert steps[name]["Arguments"]["Environment"] == {"CHAMPION_PARAMETER": CONTEXT.champion_parameter}


def test_a_version_serves_with_the_code_in_its_own_archive(steps):
    for name in ("RegisterModel", "RegisterTunedModel"):
        (container,) = steps[name]["Arguments"]["InferenceSpecification"]["Containers"]
        assert container["Environment"] == {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        }


def places(value):
    """The last part of every S3 URI in `value`, with the step that wrote it."""
    if isinstance(value, dict):
        if "Std:Join" in value:
            output, file = value["Std:Join"]["Values"]
            yield f"{output['Get'].split('.')[1]}/{file}"
        for inner in value.values():
            yield from places(inner)


def test_a_version_carries_its_evidence(steps):
    arguments = steps["RegisterModel"]["Arguments"]
    assert set(arguments["ModelMetrics"]) == {"ModelDataQuality", "ModelQuality", "Bias", "Explainability"}
    assert set(places(arguments["ModelMetrics"]["ModelQuality"])) == {
        "EvaluateModel/statistics.json",
        "EvaluateModel/constraints.json",
    }
    metadata = arguments["CustomerMetadataProperties"]
    assert metadata["code_sha256"] == CONTEXT.code_sha256
    assert {"data_sha256", "test_auc", "train_from", "train_to", "test_from", "test_to"} < set(metadata)


@pytest.mark.parametrize(("register", "evaluate"), [("", ""), ("Tuned", "Tuned")])
def test_a_version_carries_what_monitors_compare_it_with(steps, register, evaluate):
    arguments = steps[f"Register{register}Model"]["Arguments"]
    step = f"Evaluate{evaluate}Model"
    baselines = arguments["DriftCheckBaselines"]
    assert {name: set(places(baselines[name])) for name in baselines} == {
        "ModelDataQuality": {"BuildBaseline/statistics.json", "BuildBaseline/constraints.json"},
        "ModelQuality": {f"{step}/outcome_statistics.json", f"{step}/outcome_constraints.json"},
        "Bias": {f"{step}/constraints.json"},
        "Explainability": {f"{step}/analysis.json"},
    }
    metadata = arguments["CustomerMetadataProperties"]
    assert set(places(metadata["drift_calibration"])) == {"BuildBaseline/calibration.json"}
    assert set(places(metadata["outcome_baseline"])) == {f"{step}/outcomes.json"}


def test_places_in_the_metadata_fit_into_it(steps):
    """A value has at most 256 characters; the longest names of bucket and folder, and an execution's id of twelve."""
    longest = f"s3://{'b' * 63}/{'m' * 63}/runs/{'e' * 12}/EvaluateTunedModel/model-quality/outcomes.json"
    assert len(longest) <= 256


def test_metrics_are_defined_for_an_image_of_ones_own_and_left_to_sagemaker_for_its_own(steps):
    own = steps["TrainModel"]["Arguments"]["AlgorithmSpecification"]
    assert [each["Name"] for each in own["MetricDefinitions"]] == ["validation:auc"]
    given = definition(dataclasses.replace(CONTEXT, built_in=lambda framework: framework == "xgboost"))
    assert "MetricDefinitions" not in json.dumps(given)


def test_only_validation_installs_packages(steps):
    scripts = {
        name: step["Arguments"]["AppSpecification"]["ContainerEntrypoint"][2]
        for name, step in steps.items()
        if step["Type"] == "Processing"
    }
    assert {name for name, script in scripts.items() if "monitoring.packages" in script} == {"ValidateData"}
    assert all(len(script) <= 256 for script in scripts.values())


def test_every_job_encrypts_with_the_environments_key(steps):
    for step in steps.values():
        if step["Type"] == "Processing":
            assert step["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] == CONTEXT.key_arn
            cluster = step["Arguments"]["ProcessingResources"]["ClusterConfig"]
            assert cluster["VolumeKmsKeyId"] == CONTEXT.key_arn
    assert steps["TrainModel"]["Arguments"]["OutputDataConfig"]["KmsKeyId"] == CONTEXT.key_arn


@pytest.fixture(scope="module")
def on_spot():
    """The steps with training.spot."""
    settings = CONTEXT.settings.model_copy(update={"spot": True, "spot_wait_seconds": 1800})
    pipeline = definition(dataclasses.replace(CONTEXT, settings=settings))
    assert definition_check.findings(pipeline) == []
    choice = pipeline["Steps"][-1]
    branches = choice["Arguments"]["IfSteps"] + choice["Arguments"]["ElseSteps"]
    return {step["Name"]: step for step in [*pipeline["Steps"], *branches]}


@pytest.mark.parametrize("name", ["TrainModel", "TuneModel"])
def test_spot_training_waits_beside_its_runtime_and_keeps_checkpoints_of_its_execution(on_spot, name):
    arguments = on_spot[name]["Arguments"]
    job = arguments.get("TrainingJobDefinition", arguments)
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 3600 + 1800}
    place = job["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"]
    assert place == ["s3://artifacts/loan_approval/checkpoints", {"Get": "Execution.PipelineExecutionId"}]
    retried = {kind for policy in on_spot[name]["RetryPolicies"] for kind in policy["ExceptionType"]}
    assert "SageMaker.CAPACITY_ERROR" in retried


def test_only_training_runs_on_spot_capacity(on_spot, steps):
    spare = {
        name for name, step in on_spot.items() if "ManagedSpot" in json.dumps(step) and step["Type"] != "Condition"
    }
    assert spare == {"TrainModel", "TuneModel"}
    assert "ManagedSpot" not in json.dumps(list(steps.values()))
