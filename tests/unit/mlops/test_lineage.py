"""A manifest becomes a graph: what is in it is a node, what used what is an arrow, what serves is live."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops import lineage, lineage_drawing, lineage_steps
from mlops.__main__ import main
from mlops.lineage_graph import FRAME, Column, Graph, Live
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.evidenced import Evidenced
from tests.unit.mlops.manifests import BASE, NEEDS, manifest

LIVE = Live(BASE, "InService", "config-7", 3, "champion", 100.0)


def drawn(told: dict[str, Any] | None = None, live: Live | None = LIVE) -> Graph:
    return lineage_drawing.graph(told or manifest(), live, NEEDS)


def arrows(graph: Graph, source: str = "", target: str = "") -> set[tuple[str, str]]:
    return {
        (edge.source, edge.target)
        for edge in graph.edges
        if (not source or edge.source == source) and (not target or edge.target == target)
    }


def test_every_section_of_the_manifest_is_a_node() -> None:
    nodes = {node.id: node for node in drawn().nodes}
    assert {"data 1", "features bank_history", "code", "image 1", "step TrainModel", "artifact", "metrics", "bias",
            "explanations", "baselines 1", "package", "card", "approval 1", "release 3", "configuration",
            "endpoint"} <= nodes.keys()  # fmt: skip
    assert dict(nodes["data 1"].ids)["sha256"] == "9f" * 32
    assert dict(nodes["data 1"].ids)["object 2"].endswith("bank_months.csv.gz, version ver1")
    assert nodes["explanations"].lines == ("Term, GrAppv, bank_charge_off_share",)  # the largest share first
    assert "step ChooseTraining" not in nodes and "step RegisterModel" not in nodes


def test_arrows_follow_the_pipeline_and_leave_out_what_goes_without_saying() -> None:
    graph = drawn()
    assert arrows(graph, target="step PrepareFeatures") == {
        ("step IngestFeatures", "step PrepareFeatures"),
        ("data 1", "step PrepareFeatures"),
        ("features bank_history", "step PrepareFeatures"),
    }
    assert arrows(graph, source="artifact") == {("artifact", "step EvaluateModel"), ("artifact", "package")}
    assert ("step PrepareFeatures", "step TrainModel") in arrows(graph)  # by way of a condition
    assert ("step PrepareFeatures", "step EvaluateModel") not in arrows(graph)  # said by way of the model
    assert arrows(graph, target=FRAME) == {("code", FRAME), ("image 1", FRAME)}


def test_features_lead_to_the_training_where_no_step_ingests_them() -> None:
    needs = {"PrepareFeatures": frozenset[str](), "TrainModel": frozenset({"PrepareFeatures"})}
    assert arrows(lineage_drawing.graph(manifest(), None, needs), source="features bank_history") == {
        ("features bank_history", "step TrainModel")
    }


def test_features_lead_to_the_step_that_the_manifest_names() -> None:
    known = manifest()
    known["data"]["features"][0]["step"] = "EvaluateModel"
    assert arrows(lineage_drawing.graph(known), source="features bank_history") == {
        ("features bank_history", "step EvaluateModel")
    }


def test_the_figures_that_are_asked_for_first_stand_first() -> None:
    known = manifest(metrics={"accuracy": 0.86, "accuracy_best_constant_classifier": 0.13, "auc": 0.71, "brier": 0.2})
    (node,) = (each for each in lineage_drawing.graph(known).nodes if each.id == "metrics")
    assert node.lines == ("auc 0.71", "accuracy 0.86")


def test_reports_come_from_the_step_that_wrote_them() -> None:
    graph = drawn()
    assert ("step BuildBaseline", "baselines 1") in arrows(graph)
    assert ("step EvaluateModel", "baselines 2") in arrows(graph)
    assert arrows(graph, target="bias") == {("step EvaluateModel", "bias")}


def test_a_release_leads_to_the_endpoint_only_while_the_version_answers_there() -> None:
    assert ("release 3", "configuration") in arrows(drawn())
    replaced = drawn(live=Live(BASE, "InService", "config-9", 5))
    endpoint = next(node for node in replaced.nodes if node.id == "endpoint")
    assert endpoint.lines == ("served by version 5", "InService")
    assert arrows(replaced, target="endpoint") == set()


def test_without_the_definition_steps_follow_each_other_as_they_ran() -> None:
    graph = lineage_drawing.graph(manifest(), LIVE)
    assert ("step ValidateData", "step IngestFeatures") in arrows(graph)
    judged = {node.id for node in graph.nodes if node.column is Column.JUDGEMENT}
    assert judged == {"step EvaluateModel", "step GateModel"}


def test_a_tuned_version_shows_the_best_job_of_its_tuning() -> None:
    told = manifest()
    step = next(each for each in told["pipeline"]["steps"] if each["name"] == "TrainModel")
    step |= {"type": "Tuning", "job": "arn:aws:sagemaker:eu-west-1:1:hyper-parameter-tuning-job/tune-1"}
    told["training"]["job"] = "arn:aws:sagemaker:eu-west-1:1:training-job/tune-1-004"
    graph = drawn(told)
    assert next(node.title for node in graph.nodes if node.id == "training") == "tune-1-004"
    assert {("step TrainModel", "training"), ("training", "artifact")} <= arrows(graph)


def test_an_image_of_a_few_steps_points_to_them() -> None:
    told = manifest()
    told["images"].append({"uri": "1.dkr.ecr.x/scikit:1", "digest": None, "used_by": ["BuildBaseline"]})
    graph = drawn(told)
    assert arrows(graph, source="image 2") == {("image 2", "step BuildBaseline")}
    image = next(node for node in graph.nodes if node.id == "image 2")
    assert (image.tone, image.lines) == ("warn", ("digest not known",))


def test_a_manifest_of_nothing_but_a_version_can_be_drawn() -> None:
    bare = {"version": 1, "package": "arn", "missing": ["all of it"]}
    graph = lineage_drawing.graph(bare, Live(BASE, "none", "", 0))
    assert {node.id for node in graph.nodes} == {"package", "endpoint"}
    assert graph.edges == () and graph.frame == ""


def test_a_version_from_elsewhere_and_retired_says_so() -> None:
    graph = drawn(manifest(origin={"environment": "staging", "manifest": "s3://other/"},
                           retired={"at": "2026-12-01T00:00:00Z", "archive": "s3://kept/"}))  # fmt: skip
    package = next(node for node in graph.nodes if node.id == "package")
    assert (package.lines, package.tone) == (("retired 2026-12-01",), "quiet")
    assert ("origin", "package") in arrows(graph)


def test_needs_are_read_from_a_definition_with_both_branches_of_a_condition() -> None:
    get = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    definition = {
        "Steps": [
            {"Name": "Prepare", "Type": "Processing", "Arguments": {}},
            {
                "Name": "Choose",
                "Type": "Condition",
                "DependsOn": ["Prepare"],
                "Arguments": {
                    "Conditions": [],
                    "IfSteps": [{"Name": "Tune", "Arguments": {"Input": [{"Std:Join": {"Values": [get, "x"]}}]}}],
                    "ElseSteps": [{"Name": "Train", "Arguments": {"Wait": {"Get": "Parameters.Prepare"}}}],
                },
            },
        ]
    }
    assert lineage_steps.dependencies(definition) == {
        "Prepare": frozenset(),
        "Choose": {"Prepare"},
        "Tune": {"Choose", "Prepare"},
        "Train": {"Choose"},
    }
    assert lineage_steps.definition_needs("{") == lineage_steps.definition_needs("[]") == {}


def test_steps_that_need_each_other_in_a_circle_are_drawn_all_the_same() -> None:
    needs = {"a": frozenset({"b"}), "b": frozenset({"a"})}
    assert [each["name"] for each in lineage_steps.ordered([{"name": "a"}, {"name": "b"}], needs)] == ["a", "b"]


def test_the_command_draws_a_tree(evidenced: Evidenced, capsys: pytest.CaptureFixture[str]) -> None:
    evidenced.keep(manifest())
    evidenced.world.serve(3)
    assert main(["lineage", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "loan-approval in local, version 3",
        "├─ Sources",
        "│  ├─ data: snapshots/until=2002-12-31 (2 objects, 9.62 MB)",
    ]
    assert lines[-1].endswith("endpoint: mlops-local-loan-approval (champion, 100 % of requests, InService)")


def test_the_command_writes_a_page_and_answers_as_json(
    evidenced: Evidenced, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    evidenced.keep(manifest())
    assert main(["lineage", "3", "--html", str(tmp_path / "x.html"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"from": "package", "to": "card"} in answer["graph"]["edges"]
    assert answer["manifest"]["code"]["commit"].startswith("5c810f1")
    assert "<svg" in (tmp_path / "x.html").read_text()


def test_the_definition_of_the_execution_gives_the_arrows(evidenced: Evidenced) -> None:
    evidenced.keep(manifest())
    steps = [{"Name": name, "DependsOn": sorted(needs)} for name, needs in NEEDS.items()]
    evidenced.sagemaker.definition = json.dumps({"Steps": steps})
    found = lineage.observe(evidenced.world.target, 3)
    assert arrows(found.graph) == arrows(drawn(live=lineage.live(evidenced.world.target, 3)))


def test_a_shadow_answers_nobody_and_a_challenger_its_share(evidenced: Evidenced) -> None:
    world = evidenced.world
    world.serve(2)
    world.registry.endpoint = {
        "EndpointStatus": "InService", "EndpointConfigName": "c", "EndpointArn": "arn",
        "ProductionVariants": [{"VariantName": "champion", "CurrentWeight": 0.9},
                               {"VariantName": "challenger", "CurrentWeight": 0.1}],
    }  # fmt: skip
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.add(3)} shadow")
    assert (lineage.live(world.target, 3).role, lineage.live(world.target, 3).share) == ("shadow", 0.0)
    world.set(ReleaseParameter.CANDIDATE, f"{world.registry.arn(3)} challenger")
    assert (lineage.live(world.target, 3).role, lineage.live(world.target, 3).share) == ("challenger", 10.0)
    assert lineage.live(world.target, 1).role == ""


@pytest.mark.parametrize(
    "arguments", [[], ["3", "--data", "s3://x/"], ["3", "--csv", "x"], ["3", "--from", "2026-11-01"]]
)
def test_options_that_do_not_go_together_are_refused(evidenced: Evidenced, arguments: list[str]) -> None:
    assert main(["lineage", *arguments]) == 2
