"""The champion's baselines are where its job definitions look for them, before there are such definitions."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.unit.lambdas.checked_client import refusal
from tests.unit.lambdas.monitor_translator.conftest import PAYLOAD, SHAP, package

FOLDER = "baselines/version-3/"


def compiled(text):
    """The script as Model Monitor's container loads it."""
    names: dict = {}
    exec(compile(text, "record_preprocessor.py", "exec"), names)
    return names["preprocess_handler"]


class TestPublishing:
    def test_a_version_has_a_folder_of_its_own(self, world):
        world.run()
        assert world.written(FOLDER) == [
            "bias/analysis_config.json",
            "bias/constraints.json",
            "data-quality/constraints.json",
            "data-quality/statistics.json",
            "explainability/analysis_config.json",
            "explainability/constraints.json",
            "model-quality/constraints.json",
            "published.json",
            "record_preprocessor.py",
        ]

    def test_nothing_happens_before_the_first_release(self, world):
        world.champion = "none"
        assert world.run()["action"] == "Nothing"
        assert world.written("") == [] and world.updates == []

    def test_it_is_made_once(self, world):
        world.run()
        before = dict(world.objects)
        world.baselines.clear()
        world.run()
        assert world.objects == before

    @pytest.mark.parametrize("change", ["model", "script"])
    def test_and_anew_if_what_it_is_made_of_has_changed(self, world, change):
        world.run()
        if change == "model":
            world.model = "serving-champion-def"
        else:
            world.objects["assets", "script.py"] += b"\n# another\n"
        world.run()
        assert world.document(f"{FOLDER}published.json")[change] != ""
        assert world.document(f"{FOLDER}explainability/analysis_config.json")["predictor"]["model_name"] == world.model
        script = world.objects["artifacts", f"loan_approval/monitoring/{FOLDER}record_preprocessor.py"].decode()
        assert ("# another" in script) is (change == "script")

    def test_the_folder_is_complete_only_with_its_last_file(self, world):
        """A run that ends before it makes everything again."""
        world.run()
        del world.objects["artifacts", f"loan_approval/monitoring/{FOLDER}published.json"]
        del world.objects["artifacts", f"loan_approval/monitoring/{FOLDER}bias/constraints.json"]
        world.run()
        assert "bias/constraints.json" in world.written(FOLDER)

    @pytest.mark.parametrize(
        ("group", "kind", "monitor"),
        [
            ("ModelDataQuality", "DataQuality", "data_drift"),
            ("ModelQuality", "ModelQuality", "model_quality"),
            ("Bias", "ModelBias", "bias"),
            ("Explainability", "ModelExplainability", "attribution"),
        ],
    )
    def test_a_version_without_a_baseline_is_skipped_there_and_that_is_counted(self, world, group, kind, monitor):
        del world.baselines[group]
        world.execute(kind, 20, status="Failed", reason="AlgorithmError: no constraints")
        world.run()
        [event] = world.events
        assert event["monitors"][monitor]["status"] == "no baseline"
        assert event["counts"]["no_baseline"] >= 1
        assert world.metrics[0]["run_succeeded"] == 1, "what is known to be missing is no failure of the monitors"

    def test_documents_that_are_gone_or_of_another_form_are_missing_too(self, world):
        world.register("Bias", PostTrainingConstraints={"post_training_bias_metrics": {"facets": {"a": [{}]}}})
        world.register("ModelQuality", Constraints=[])
        world.run()
        missing = world.document(f"{FOLDER}published.json")["missing"]
        assert set(missing) == {"ModelBias", "ModelQuality"}


class TestClarify:
    def test_facets_are_those_of_the_versions_own_baseline(self, world):
        world.run()
        assert world.document(f"{FOLDER}bias/analysis_config.json") == {
            "version": "1.0",
            "headers": ["amount", "state", "outcome"],
            "label": "outcome",
            "label_values_or_threshold": [0],
            "facet": [{"name_or_index": "state", "value_or_threshold": ["NY", "CA"]}],
        }

    def test_the_champions_model_is_asked_on_an_endpoint_of_clarifys_own(self, world):
        world.run()
        predictor = world.document(f"{FOLDER}explainability/analysis_config.json")["predictor"]
        assert predictor["model_name"] == "serving-champion-abc"
        assert "endpoint_name" not in predictor, "that would be captured, and make requests wait"
        asked = predictor["content_template"].replace("$records", '[{"amount": 1}]')
        assert json.loads(asked) == {"instances": [{"amount": 1}]}
        assert predictor["record_template"] == "$features_kvp"

    def test_attributions_of_what_a_model_derives_are_not_compared(self, world):
        world.run()
        [explained] = world.document(f"{FOLDER}explainability/constraints.json")["explanations"].values()
        assert explained["label0"]["global_shap_values"] == {"amount": 2.0, "state": 1}
        assert "derived" in SHAP["explanations"]["kernel_shap"]["label0"]["global_shap_values"]

    def test_an_order_needs_two(self, world):
        alone = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"amount": 2.0, "derived": 1}}}}}
        world.register("Explainability", Constraints=alone)
        world.run()
        assert "other features" in world.document(f"{FOLDER}published.json")["missing"]["ModelExplainability"]


class TestDeployment:
    def test_definitions_follow_the_champion_with_the_stacks_own_template(self, world):
        world.champion = package(4)
        world.run()
        [update] = world.updates
        assert update["UsePreviousTemplate"] is True
        assert update["Parameters"] == [{"ParameterKey": "MonitoredPackage", "UsePreviousValue": True}]
        assert "published.json" in world.written("baselines/version-4/"), "before there are definitions that name it"
        world.run()
        assert len(world.updates) == 1

    def test_a_stack_that_is_busy_is_left_alone(self, world):
        world.champion, world.stack["StackStatus"] = package(4), "UPDATE_IN_PROGRESS"
        world.run()
        assert world.updates == []

    @pytest.mark.parametrize(
        "message",
        ["No updates are to be performed.", "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated."],
    )
    def test_somebody_else_was_first(self, world, message):
        world.champion = package(4)
        world.refused["update_stack"] = refusal("ValidationError", message)
        assert world.run()["action"] == "Looked"

    def test_a_stack_that_was_rolled_back_is_told_and_tried_again_later(self, world, monitor_translator):
        world.champion = package(4)
        world.stack |= {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "LastUpdatedTime": world.now - timedelta(hours=1)}
        with pytest.raises(monitor_translator.reconcile.MonitorsNotDeployed, match="the monitors are not those of"):
            world.run()
        assert world.updates == []
        world.now += timedelta(hours=6)
        world.run()
        assert len(world.updates) == 1

    def test_what_executions_found_is_told_even_then(self, world, monitor_translator):
        world.stack |= {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "LastUpdatedTime": world.now}
        world.deployed = package(2)
        world.execute("DataQuality", 20, [])
        with pytest.raises(monitor_translator.reconcile.MonitorsNotDeployed):
            world.run()
        assert len(world.events) == 1


def test_the_published_script_takes_answers_of_the_champion_alone(world):
    world.run()
    handle = compiled(world.objects["artifacts", f"loan_approval/monitoring/{FOLDER}record_preprocessor.py"].decode())

    def record(version):
        request = {"instances": [{"amount": 5, "state": "NY"}]}
        response = {"predictions": [{"probability": 0.1, "decision": "approve", "model_version": version}]}
        parts = [
            SimpleNamespace(data=json.dumps(each), encoding="JSON", observedContentType="application/json")
            for each in (request, response)
        ]
        return SimpleNamespace(endpoint_input=parts[0], endpoint_output=parts[1])

    assert handle(record("3")) == {"amount": 5, "state": "NY"}
    assert handle(record("4")) == []


def test_a_script_without_its_line_is_refused(monitor_translator):
    payload = monitor_translator.settings._payload(PAYLOAD)
    with pytest.raises(ValueError, match="expected one line"):
        monitor_translator.baselines.script("print()", payload, "3")
