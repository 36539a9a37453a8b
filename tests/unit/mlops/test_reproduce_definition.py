"""The definition that made a version becomes one that makes its model again, and nothing else."""

import copy
import dataclasses
import json
from typing import Any

import pytest

from loan_approval.definition import definition
from mlops.reproduce_definition import NotReproducible, Plan, needs, outputs_read, rebuild
from mlops_constructs import definition_check
from tests.pipeline_context import CONTEXT as BARE
from tests.unit.mlops.manifests import RUN, manifest

GROUP = {
    "name": "bank_history",
    "physical": "mlops-local-bank-history",
    "record_identifier": "bank",
    "event_time": "known_from",
    "event_time_type": "String",
    "features": {"approvals_12m": "Integral", "charge_offs_12m": "Integral", "charge_off_share_12m": "Fractional"},
}
CONTEXT = dataclasses.replace(BARE, features={"bank_history": GROUP})
WORK = "s3://artifacts/loan_approval/reproductions/version-3/abc/work"
COPY = "s3://artifacts/loan_approval/reproductions/version-3/abc/inputs/000/"
TAKEN = "s3://artifacts/loan_approval/reproductions/version-3/abc/inputs/IngestFeatures-ingested"
FOUND = {"eta": "0.07", "max_depth": "5", "num_round": "310", "_tuning_objective_metric": "validation:auc"}


def told(*, tuned: bool = False) -> dict[str, Any]:
    """A manifest of version 3; with `tuned`, its model is the best of a search."""
    made = manifest()
    if not tuned:
        return made
    steps = [each for each in made["pipeline"]["steps"] if each["name"] != "TrainModel"]
    steps.append(
        {"name": "TuneModel", "type": "Tuning", "status": "Succeeded", "job": f"{RUN}-TuneMo-x", "cached": None}
    )
    made["pipeline"]["steps"] = steps
    made["training"] |= {"job": f"{RUN}-TuneMo-x-007-0a1b2c3d", "hyperparameters": FOUND}
    return made


def plan(made: dict[str, Any], source: Any = None) -> Plan:
    uri = made["data"]["inputs"][0]["uri"]
    return rebuild(
        source or definition(CONTEXT),
        made,
        work=WORK,
        pins={uri: COPY},
        taken={("IngestFeatures", "ingested"): TAKEN},
    )


def bodies(made: Plan) -> dict[str, Any]:
    return {step["Name"]: step for step in made.definition["Steps"]}


@pytest.mark.parametrize(("tuned", "maker"), [(False, "TrainModel"), (True, "TuneModel")])
def test_steps_are_those_that_the_branch_taken_needs(tuned: bool, maker: str) -> None:
    made = plan(told(tuned=tuned))
    assert made.steps == ("ValidateData", "PrepareFeatures", maker)
    assert made.step == maker
    assert [step["Type"] for step in made.definition["Steps"]] == ["Processing", "Processing", "Training"]


@pytest.mark.parametrize("tuned", [False, True])
def test_sagemaker_would_take_it(tuned: bool) -> None:
    made = plan(told(tuned=tuned))
    assert definition_check.findings(made.definition) == []
    assert set(made.parameters) <= {each["Name"] for each in made.definition["Parameters"]}


@pytest.mark.parametrize("tuned", [False, True])
def test_nothing_is_registered_cached_or_written_elsewhere(tuned: bool) -> None:
    made = plan(told(tuned=tuned))
    text = json.dumps(made.definition)
    assert "CacheConfig" not in text and "RegisterModel" not in text and "IngestFeatures" not in text.replace(TAKEN, "")
    for step in made.definition["Steps"]:
        arguments = step["Arguments"]
        outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for output in outputs:
            assert output["S3Output"]["S3Uri"] == f"{WORK}/{step['Name']}/{output['OutputName']}"
        if "OutputDataConfig" in arguments:
            assert arguments["OutputDataConfig"]["S3OutputPath"] == f"{WORK}/models"
    environment = bodies(made)["PrepareFeatures"]["Arguments"]["Environment"]
    assert environment["FEATURES_RESULTS_URI"] == f"{WORK}/feature-queries"
    # The table of rows names their place: it cannot move.
    assert environment["FEATURES_ROWS_URI"] == "s3://artifacts/loan_approval/feature-rows"


def test_inputs_are_the_copies_and_features_are_as_of_the_first_time() -> None:
    made = plan(told())
    assert made.parameters["InputDataUri"] == COPY
    assert made.parameters["FeaturesAsOf"] == "2026-11-14T07:55:00Z"
    assert made.pinned == {told()["data"]["inputs"][0]["uri"]}


def test_an_input_that_the_definition_itself_names_is_replaced_too() -> None:
    source, uri = definition(CONTEXT), told()["data"]["inputs"][0]["uri"]
    [raw] = [
        each
        for step in source["Steps"]
        if step["Name"] == "ValidateData"
        for each in step["Arguments"]["ProcessingInputs"]
        if each["InputName"] == "raw"
    ]
    raw["S3Input"]["S3Uri"] = uri
    without = told()
    del without["pipeline"]["parameters"]["InputDataUri"]
    source["Parameters"][0]["DefaultValue"] = "s3://data/other/"
    made = plan(without, source)
    [again] = [
        each for each in bodies(made)["ValidateData"]["Arguments"]["ProcessingInputs"] if each["InputName"] == "raw"
    ]
    assert again["S3Input"]["S3Uri"] == COPY
    assert made.pinned == {uri}


def test_a_default_that_names_an_input_is_replaced() -> None:
    source, uri = definition(CONTEXT), told()["data"]["inputs"][0]["uri"]
    source["Parameters"][0]["DefaultValue"] = uri
    without = told()
    del without["pipeline"]["parameters"]["InputDataUri"]
    assert plan(without, source).parameters["InputDataUri"] == COPY


def test_what_was_put_into_the_feature_store_is_not_put_there_again() -> None:
    wanted = needs(definition(CONTEXT), told())
    assert wanted.taken == ("IngestFeatures",)
    assert outputs_read(wanted) == [("IngestFeatures", "ingested")]
    prepare = bodies(plan(told()))["PrepareFeatures"]
    read = {each["InputName"]: each["S3Input"]["S3Uri"] for each in prepare["Arguments"]["ProcessingInputs"]}
    assert read["ingested"] == TAKEN
    assert "IngestFeatures" not in prepare["DependsOn"]


def test_a_search_is_one_training_with_what_it_found() -> None:
    job = bodies(plan(told(tuned=True)))["TuneModel"]["Arguments"]
    assert {"eta", "max_depth", "num_round"} <= job["HyperParameters"].keys()
    assert job["HyperParameters"]["eta"] == "0.07"
    assert job["HyperParameters"]["seed"] == "20021001"  # held fixed by the search
    assert "_tuning_objective_metric" not in job["HyperParameters"]
    assert not {"StaticHyperParameters", "HyperParameterTuningJobConfig", "TrainingJobDefinition"} & job.keys()


def test_a_training_does_not_go_on_from_a_checkpoint() -> None:
    source = definition(CONTEXT)
    [train, *_] = source["Steps"][-1]["Arguments"]["ElseSteps"]
    train["Arguments"]["CheckpointConfig"] = {"S3Uri": "s3://artifacts/loan_approval/checkpoints"}
    again = bodies(plan(told(), source))["TrainModel"]["Arguments"]["CheckpointConfig"]
    assert again == {"S3Uri": f"{WORK}/checkpoints/TrainModel"}


def test_the_first_definition_stays_as_it_is() -> None:
    source = definition(CONTEXT)
    before = copy.deepcopy(source)
    for tuned in (False, True):
        plan(told(tuned=tuned), source)
    assert source == before


def test_without_a_feature_store_nothing_is_taken() -> None:
    made = told()
    made["data"]["features"] = []
    wanted = needs(definition(BARE), made)
    assert [step.name for step in wanted.steps] == ["ValidateData", "PrepareFeatures", "TrainModel"]
    assert wanted.taken == ()


def changed(**arguments: Any) -> Any:
    """The real definition with one more step that PrepareFeatures waits for."""
    source = definition(CONTEXT)
    source["Steps"].insert(0, {"Name": "Before", **arguments})
    [prepare] = [step for step in source["Steps"] if step["Name"] == "PrepareFeatures"]
    prepare["DependsOn"] = [*prepare["DependsOn"], "Before"]
    return source


def test_a_step_whose_effects_are_not_known_is_refused() -> None:
    source = changed(Type="Lambda", FunctionArn="arn:f", Arguments={})
    with pytest.raises(NotReproducible, match="step Before is of type Lambda; only Processing and Training"):
        plan(told(), source)


def test_what_the_training_waits_for_by_a_condition_is_not_asked_again() -> None:
    source = definition(CONTEXT)
    (condition,) = (step for step in source["Steps"] if step["Type"] == "Condition" and _holds(step, "TrainModel"))
    training = next(step for step in _branches(condition) if step["Name"] == "TrainModel")
    training["DependsOn"] = [condition["Name"]]
    made = plan(told(), source)
    assert condition["Name"] not in bodies(made)
    assert "DependsOn" not in bodies(made)["TrainModel"]


def _branches(condition: dict[str, Any]) -> list[dict[str, Any]]:
    return [*condition["Arguments"]["IfSteps"], *condition["Arguments"]["ElseSteps"]]


def _holds(condition: dict[str, Any], name: str) -> bool:
    return any(step["Name"] == name for step in _branches(condition))


def test_a_step_that_writes_records_by_itself_is_refused() -> None:
    output = {"OutputName": "records", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    source = changed(Type="Processing", Arguments={"ProcessingOutputConfig": {"Outputs": [output]}})
    with pytest.raises(NotReproducible, match="step Before writes to the feature store"):
        plan(told(), source)


def test_a_model_that_no_known_step_made_is_refused() -> None:
    made = told()
    made["pipeline"]["steps"] = [each for each in made["pipeline"]["steps"] if each["name"] != "TrainModel"]
    with pytest.raises(NotReproducible, match="which step trained the model is not to be told: none"):
        plan(made)


def test_features_without_a_moment_are_refused() -> None:
    made = told()
    made["data"]["features"][0]["as_of"] = None
    with pytest.raises(NotReproducible, match="as of which moment they were joined was not recorded"):
        plan(made)


def test_a_search_whose_findings_are_lost_is_refused() -> None:
    made = told(tuned=True)
    made["training"]["hyperparameters"] = {}
    with pytest.raises(NotReproducible, match="the parameters that the search found were not recorded"):
        plan(made)
