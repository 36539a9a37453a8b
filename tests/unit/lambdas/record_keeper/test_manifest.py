"""What a manifest says, and what it says is missing."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.unit.lambdas.record_keeper.fakes.pipeline import DEFINITION, execution
from tests.unit.lambdas.record_keeper.names import (
    ACCOUNT,
    CODE,
    DIGEST,
    FOLDER,
    GROUP,
    IMAGE,
    SNAPSHOT,
    SOMEBODY,
    STORE,
    arn,
    runs,
)  # fmt: skip
from tests.unit.lambdas.record_keeper.world import World


def test_version_that_the_pipeline_made_is_explained_from_data_to_card(trained):
    manifest = trained.world.manifest(1)
    assert manifest["missing"] == []
    assert (manifest["model"], manifest["environment"], manifest["version"]) == ("loan-approval", "test", 1)
    assert manifest["package"] == arn(1)
    assert manifest["origin"] is None and manifest["experiment"] is None
    objects = manifest["data"]["inputs"][0]["objects"]
    assert [(each["name"], each["uri"], each["step"]) for each in manifest["data"]["inputs"]] == [
        ("raw", SNAPSHOT, "ValidateData"), ("raw", SNAPSHOT, "PrepareFeatures"),
    ]  # fmt: skip
    etag = hashlib.md5(b"loans", usedforsecurity=False).hexdigest()
    assert objects == [
        {"key": f"{FOLDER}/until=2026-10-31/export/loans.csv.gz", "version_id": "v1", "etag": etag, "size": 5}
    ]
    assert manifest["data"]["sha256"] == "d" * 64
    assert manifest["data"]["periods"]["train_to"] == "2002-09-30"
    assert manifest["data"]["features"] == [
        {"group": "bank_history", "feature_group": STORE, "as_of": "now", "run": "run1", "step": "PrepareFeatures"}
    ]
    assert manifest["code"] == {
        "bundle": {"uri": CODE, "sha256": "c" * 64, "version_id": "v2"},
        "commit": "0" * 40,
        "definition_sha256": hashlib.sha256(DEFINITION.encode()).hexdigest(),
    }
    assert manifest["images"] == [
        {"uri": IMAGE, "digest": DIGEST, "used_by": ["ValidateData", "PrepareFeatures", "TrainModel", "EvaluateModel"]}
    ]
    assert manifest["pipeline"]["execution"] == execution(1)
    assert manifest["pipeline"]["parameters"] == {"InputDataUri": SNAPSHOT, "CodeCommit": "none"}
    assert [(each["name"], each["type"]) for each in manifest["pipeline"]["steps"]] == [
        ("ValidateData", "Processing"), ("PrepareFeatures", "Processing"), ("TrainModel", "Training"),
        ("EvaluateModel", "Processing"), ("RegisterModel", "RegisterModel"),
    ]  # fmt: skip
    assert manifest["training"]["job"] == f"{ACCOUNT}:training-job/pipelines-run1-TrainModel"
    assert (manifest["training"]["seconds"], manifest["training"]["metrics"]) == (61, {"validation:auc": 0.8})
    assert manifest["artifact"]["uri"] == runs(1, "model/model.tar.gz")
    assert manifest["artifact"]["size"] == 5
    assert manifest["metrics"] == {"auc": 0.79}
    assert manifest["baselines"] == {
        "model_data_quality_constraints": {"uri": runs(1, "baseline/constraints.json"), "version_id": "v7"}
    }
    assert manifest["bias"]["facets"] == ["NewExist"]
    assert manifest["bias"]["metrics"] == {"NewExist": {"2": {"DI": 0.93}}}
    assert manifest["explanations"]["shares"] == {"bank": 0.75, "State": 0.25}
    assert manifest["governance"] == {"owner": "Credit risk", "risk_rating": "High", "review_days": 365}
    assert manifest["card"]["name"] == "mlops-test-loan-approval-v1"
    assert manifest["lineage"]["package_artifact"].startswith(f"{ACCOUNT}:artifact/")


@pytest.mark.parametrize(
    ("jobs", "wanted"),
    [
        ({"IngestFeatures": {"FEATURE_GROUP": STORE}, "JoinFeatures": {"HISTORY": STORE}}, {"step": "JoinFeatures"}),
        ({"PrepareFeatures": {"FEATURE_GROUP": STORE}, "EvaluateModel": {"A": STORE}}, {"step": "PrepareFeatures"}),
        ({"IngestFeatures": {"FEATURE_GROUP": STORE}, "TrainModel": {"FEATURE_GROUP": f"{STORE}-2"}}, {}),
        ({"PrepareFeatures": {}}, {}),
    ],
)
def test_group_was_joined_by_the_step_whose_job_names_it_and_does_not_fill_it(record_keeper, jobs, wanted):
    steps = tuple(
        record_keeper.state.Step(name, "Processing", "Succeeded", described={"Environment": environment})
        for name, environment in jobs.items()
    )
    assert record_keeper.manifest._joining(STORE, steps) == wanted
    assert record_keeper.manifest._joining("", steps) == {}


def test_group_whose_joining_job_is_forgotten_has_no_step(start):
    keeper = start()
    keeper.world.train(1)
    keeper.world.pipeline.forgotten.add("pipelines-run1-PrepareFeatures")
    keeper.happen()
    [group] = keeper.world.manifest(1)["data"]["features"]
    assert group["feature_group"] == STORE and "step" not in group


def test_data_are_named_in_the_version_that_the_jobs_read(start):
    keeper = start()
    world = keeper.world
    world.train(1)
    world.clock.pass_seconds(3600)
    world.storage.put(f"{SNAPSHOT}loans.csv.gz", b"corrected")
    world.storage.put(f"{SNAPSHOT}late.csv", b"late")
    keeper.happen()
    [first, second] = world.manifest(1)["data"]["inputs"]
    assert (
        [each["version_id"] for each in first["objects"]]
        == ["v1"]
        == [each["version_id"] for each in second["objects"]]
    )


def test_object_that_was_deleted_before_is_not_named(start):
    world = World()
    world.storage.put(f"{SNAPSHOT}old.csv", b"old")
    world.clock.pass_seconds(60)
    world.storage.put(f"{SNAPSHOT}old.csv", None)
    keeper = start(world)
    world.clock.pass_seconds(60)
    world.train(1)
    world.clock.pass_seconds(60)
    world.storage.put(f"{SNAPSHOT}loans.csv.gz", None)  # after it was read
    keeper.happen()
    [first, _] = world.manifest(1)["data"]["inputs"]
    assert [each["key"].rpartition("/")[2] for each in first["objects"]] == ["loans.csv.gz"]


def test_tuned_version_names_the_training_job_that_won(start):
    keeper = start()
    keeper.world.train(1, tuned=True)
    keeper.happen()
    manifest = keeper.world.manifest(1)
    assert manifest["training"]["job"].endswith("TrainModel-007-best")
    assert manifest["pipeline"]["steps"][2]["type"] == "Tuning"
    assert manifest["missing"] == []


def test_step_that_took_an_earlier_result_names_that_run_and_its_job(trained):
    trained.world.train(2, cached=1)
    trained.happen()
    step = trained.world.manifest(2)["pipeline"]["steps"][0]
    assert step["cached"] == execution(1)
    assert step["job"] == f"{ACCOUNT}:processing-job/pipelines-run1-ValidateData"
    assert trained.world.manifest(2)["data"]["inputs"][0]["uri"] == SNAPSHOT


def test_version_without_a_commit_is_explained_by_the_bundle_itself(start):
    keeper = start()
    keeper.world.train(1, commit="none")
    keeper.happen()
    manifest = keeper.world.manifest(1)
    assert manifest["code"]["commit"] is None and manifest["code"]["bundle"]["sha256"]
    assert manifest["missing"] == []


def test_version_registered_by_hand_says_what_is_missing(start):
    keeper = start()
    keeper.world.register(1)
    keeper.happen()
    manifest = keeper.world.manifest(1)
    assert manifest["missing"] == [
        "pipeline: the version does not name the execution that registered it",
        "data: no job of the pipeline says what it read",
        "code: the version does not name its code bundle",
        "code: the commit was not told to the pipeline",
        "training: no training job is known",
        "artifact: the version has no model data",
        "metrics: the version has no figures of its quality",
        "bias: the version has no such report",
        "explanations: the version has no such report",
        "card: the version's code has no card.toml",
    ]
    assert manifest["pipeline"] is None and manifest["training"] is None
    assert keeper.world.cards.cards["mlops-test-loan-approval-v1"]["ModelCardStatus"] == "PendingReview"


def test_what_is_forbidden_or_forgotten_is_missing_and_not_an_error(start):
    keeper = start()
    world = keeper.world
    world.storage.forbidden = {"data", "assets"}
    world.train(1)
    world.pipeline.forgotten.add("pipelines-run1-EvaluateModel")
    world.storage.put(runs(1, "bias/analysis.json"), b"no JSON")
    keeper.happen()
    sections = [each.partition(":")[0] for each in world.manifest(1)["missing"]]
    assert sections == ["pipeline", "data", "data", "code", "bias", "card"]
    assert "may not read it" in world.manifest(1)["missing"][1]
    assert world.manifest(1)["bias"] == {
        "uri": runs(1, "bias/analysis.json"), "version_id": None, "facets": [], "metrics": {},
    }  # fmt: skip


def test_what_can_be_established_later_is_and_what_is_gone_by_then_stays(start):
    keeper = start()
    world = keeper.world
    world.storage.forbidden = {"data"}
    world.train(1)
    keeper.happen()
    assert world.manifest(1)["data"]["inputs"][0]["objects"] == []
    world.storage.forbidden = set()
    world.pipeline.forgotten.add("pipelines-run1-TrainModel")
    keeper.hours(24)
    manifest = world.manifest(1)
    assert len(manifest["data"]["inputs"][0]["objects"]) == 1
    assert manifest["training"]["seconds"] == 61
    assert [each for each in manifest["missing"] if each.startswith("training")] == []


def test_after_a_week_nobody_looks_for_it_any_more(start):
    keeper = start()
    world = keeper.world
    world.storage.forbidden = {"data"}
    world.train(1)
    keeper.happen()
    world.pass_days(8)
    world.calls.clear()
    keeper.hours(24)
    assert "DescribePipelineExecution" not in world.calls
    assert any(each.startswith("data") for each in world.manifest(1)["missing"])


class TestApprovals:
    def test_history_grows_with_every_decision(self, trained):
        world = trained.world
        for status, why, by in (("Approved", "good", "arn:aws:iam::1:user/eve"), ("Rejected", "biased", "")):
            world.decide(1, status, why, by)
            trained.happen()
        first, second = world.manifest(1)["approvals"]
        assert (first["status"], first["by"], first["why"]) == ("Approved", "arn:aws:iam::1:user/eve", "good")
        assert (second["status"], second["by"], second["why"]) == ("Rejected", SOMEBODY, "biased")
        assert first["at"] < second["at"]

    def test_edits_of_others_are_no_decision(self, trained):
        world = trained.world
        world.decide(1)
        trained.happen()
        world._edited(world.packages[1], "arn:aws:sts::111122223333:assumed-role/Tests/tests")
        trained.hours(24)
        [approval] = world.manifest(1)["approvals"]
        assert approval["by"] == SOMEBODY

    def test_keepers_own_edit_does_not_make_it_the_approver(self, start):
        keeper = start()
        world = keeper.world
        world.train(1)
        keeper.happen()
        package = world.packages[1]
        package |= {"ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}
        keeper.look()
        manifest = world.manifest(1)
        assert manifest["approvals"][0]["by"] is None
        assert manifest["missing"][0].startswith("approvals: who made it Approved at")

    def test_withdrawn_approval_is_part_of_the_history(self, trained):
        for status in ("Approved", "PendingManualApproval", "Approved"):
            trained.world.decide(1, status)
            trained.happen()
        assert [each["status"] for each in trained.world.manifest(1)["approvals"]] == [
            "Approved", "PendingManualApproval", "Approved",
        ]  # fmt: skip


def test_releases_and_reviews_are_noted_once_each(trained):
    world = trained.world
    world.decide(1)
    world.release(1)
    world.review(1)
    trained.happen()
    world.pass_days(3)
    world.release(1)
    trained.happen()
    manifest = world.manifest(1)
    assert [(each["outcome"], each["stage"]) for each in manifest["releases"]] == [
        ("begin", "promote"), ("done", "promote"),
    ] * 2  # fmt: skip
    assert [(each["by"], each["note"]) for each in manifest["reviews"]] == [(SOMEBODY, "as expected")]


class TestRetirement:
    def test_retired_version_keeps_its_evidence(self, trained):
        world = trained.world
        world.retire(1)
        trained.happen()
        manifest = world.manifest(1)
        assert manifest["retired"]["archive"] == f"s3://artifacts/{FOLDER}/archive/1/"
        assert manifest["retired"]["at"].startswith("2026-11-21T")
        assert manifest["training"]["seconds"] == 61 and manifest["missing"] == []
        assert manifest["card"]["status"] == "Archived"

    def test_deleted_version_is_told_as_missing(self, trained):
        trained.world.retire(1, archived=False)
        trained.happen()
        manifest = trained.world.manifest(1)
        assert manifest["retired"] == {"at": None, "archive": None}
        assert "retired: the version was deleted from the registry and is not archived" in manifest["missing"]
        assert manifest["artifact"]["size"] == 5

    def test_version_that_was_retired_before_it_was_ever_seen_is_read_from_the_archive(self, start):
        keeper = start()
        world = keeper.world
        world.train(1)
        world.release(1)
        world.retire(1)
        keeper.happen()
        assert world.manifest(1)["training"]["seconds"] == 61
        assert world.manifest(1)["retired"]["at"]


def test_version_made_elsewhere_names_its_origin_and_keeps_its_link(start):
    keeper = start(TAKES_FROM="staging")
    world = keeper.world
    link = "s3://staging-evidence/loan_approval/version-1/"
    world.train(1, manifest=link)
    keeper.happen()
    assert world.manifest(1)["origin"] == {"environment": "staging", "manifest": link}
    assert world.packages[1]["CustomerMetadataProperties"]["manifest"] == link
    assert "UpdateModelPackage" not in world.calls


def test_version_made_in_another_account_is_not_asked_how(start):
    """No account shows its executions to another; the origin's manifest has what they were."""
    group = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/{GROUP}"
    keeper = start(TAKES_FROM="staging", MODEL_PACKAGE_GROUP=group)
    world = keeper.world
    world.train(1, manifest="s3://staging-evidence/loan_approval/version-1/")
    keeper.happen()
    [told] = [each for each in world.manifest(1)["missing"] if each.startswith("pipeline")]
    elsewhere = "is in the account of staging, whose manifest has it (origin)"
    assert told.endswith(elsewhere)
    assert not [call for call in world.calls if "Pipeline" in call or "Job" in call]
    [code] = [each for each in world.manifest(1)["missing"] if each.startswith("code")]
    assert code.endswith(elsewhere), "nor its bucket of code bundles"
    assert world.manifest(1)["artifact"]["version_id"], "it does show which object is the model"


def test_manifest_is_one_line_of_json_that_athena_reads(trained):
    [*_, body] = trained.world.revisions(1)
    assert body.endswith(b"\n") and body.count(b"\n") == 1
    assert json.loads(body)["schema"] == 1
