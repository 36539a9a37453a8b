"""A version is made again from what its manifest names, compared, and nothing is left behind; or what is missing is
said."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest

from loan_approval.definition import definition
from mlops import pipelines, reproduce
from mlops.__main__ import main
from mlops.errors import CommandError
from mlops.reproduce import DIFFERENT, EQUAL, MISSING, WITHIN, Metric, Result
from mlops.reproduce_archives import Comparison
from mlops.reproduce_materials import Input
from tests.pipeline_context import CONTEXT as BARE
from tests.unit.mlops.evidenced import ARTIFACTS, DATA, Evidenced, Pages, Sagemaker
from tests.unit.mlops.manifests import BASE, manifest
from tests.unit.mlops.test_reproduce_archives import archive
from tests.unit.mlops.test_reproduce_definition import GROUP
from tests.unit.mlops.world import ACCOUNT, REGION, refused

FILES = {"model.json": b"trees", "code/inference.py": b"pass\n"}
INGESTED = f"s3://{ARTIFACTS}/loan_approval/training/run/IngestFeatures/ingested"
ROWS = f"s3://{ARTIFACTS}/loan_approval/feature-rows"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"


@dataclass
class Running(Sagemaker):
    """SageMaker that runs a pipeline at once: `train` writes what the training step leaves.

    `end`: how the execution ends. `auc`: what the training tells.
    """

    train: Callable[[str, str], None] = lambda uri, execution: None
    end: str = "Succeeded"
    auc: float = 0.71
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def describe_pipeline(self, PipelineName: str) -> dict[str, Any]:  # noqa: N803
        self._know(PipelineName)
        return {"RoleArn": ROLE}

    def describe_feature_group(self, FeatureGroupName: str) -> dict[str, Any]:  # noqa: N803
        self._know(FeatureGroupName)
        return {"FeatureGroupName": FeatureGroupName}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        self._know(ProcessingJobName)
        output = {"OutputName": "ingested", "S3Output": {"S3Uri": INGESTED}}
        return {"ProcessingOutputConfig": {"Outputs": [output]}}

    def create_pipeline(self, **request: Any) -> dict[str, str]:
        self.pipelines[request["PipelineName"]] = request
        return {"PipelineArn": "arn"}

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        self.asked = {each["Name"]: each["Value"] for each in request["PipelineParameters"]}
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{request['PipelineName']}/execution/e1"
        [definition] = [json.loads(each["PipelineDefinition"]) for each in self.pipelines.values()]
        [job] = [step for step in definition["Steps"] if step["Type"] == "Training"]
        self.model = f"{job['Arguments']['OutputDataConfig']['S3OutputPath']}/job/output/model.tar.gz"
        self.train(self.model, "e1")
        return {"PipelineExecutionArn": arn}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"PipelineExecutionStatus": self.end, "FailureReason": "no capacity"}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        assert TrainingJobName == "again"
        metrics = [{"MetricName": "validation:auc", "Value": self.auc}]
        return {"ModelArtifacts": {"S3ModelArtifacts": self.model}, "FinalMetricDataList": metrics}

    def delete_pipeline(self, PipelineName: str) -> None:  # noqa: N803
        self.deleted.append(PipelineName)
        del self.pipelines[PipelineName]

    def get_paginator(self, operation: str) -> Pages:
        steps = [
            {"StepName": "TrainModel", "StepStatus": self.end, "Metadata": {"TrainingJob": {"Arn": "arn:x/again"}}}
        ]
        answers: dict[str, dict[str, Any]] = {
            "list_pipeline_execution_steps": {"PipelineExecutionSteps": steps},
            "list_pipeline_executions": {"PipelineExecutionSummaries": []},
        }
        return Pages(answers[operation])

    def _know(self, name: str) -> None:
        if name in self.gone:
            raise refused("Describe", "ResourceNotFound", f"{name} does not exist.")


@pytest.fixture
def running(evidenced: Evidenced, monkeypatch: pytest.MonkeyPatch) -> Running:
    """SageMaker with the definition that made version 3, which trains the same model again."""
    context = dataclasses.replace(BARE, features={"bank_history": GROUP}, features_rows_uri=ROWS)
    made = Running(evidenced.world.registry, definition=json.dumps(definition(context)))
    made.train = trains(evidenced, FILES)
    evidenced.sagemaker = made
    monkeypatch.setattr(pipelines.Follower, "_report", lambda self, step: None)
    reach = evidenced.world.clients
    evidenced.world.clients = lambda service: None if service == "logs" else reach(service)
    return made


@pytest.fixture
def version(evidenced: Evidenced, running: Running) -> dict[str, Any]:
    """The manifest of version 3, which has all that it names; to be kept by the test."""
    told = evidenced.fill(manifest())
    told["code"]["definition_sha256"] = sha256(running.definition.encode()).hexdigest()
    bucket, _, key = told["artifact"]["uri"].removeprefix("s3://").partition("/")
    put = evidenced.s3.put_object(Bucket=bucket, Key=key, Body=archive(FILES, at=1).getvalue())
    told["artifact"]["version_id"] = put["VersionId"]
    evidenced.s3.put_object(Bucket=ARTIFACTS, Key=f"{INGESTED.split('/', 3)[3]}/ingested.json", Body=b"{}")
    return told


def trains(evidenced: Evidenced, files: dict[str, bytes]) -> Callable[[str, str], None]:
    def train(uri: str, execution: str) -> None:
        for place, body in ((uri, archive(files, at=2).getvalue()), (f"{ROWS}/{execution}/rows.csv", b"rows")):
            bucket, _, key = place.removeprefix("s3://").partition("/")
            evidenced.s3.put_object(Bucket=bucket, Key=key, Body=body)

    return train


def made_again(evidenced: Evidenced, told: dict[str, Any], tolerance: float | None = None) -> Result:
    evidenced.keep(told)
    return reproduce.reproduce(evidenced.world.target, 3, tolerance=tolerance, say=lambda step, text: None)


def left(evidenced: Evidenced) -> list[str]:
    """Versions of objects that only a reproduction writes."""
    listed = evidenced.s3.list_object_versions(Bucket=ARTIFACTS, Prefix="loan_approval/")
    found = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, [])]
    return [key for key in found if "reproductions" in key or "feature-rows" in key]


def test_the_same_model_is_equal_although_it_was_packed_later(
    evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    found = made_again(evidenced, version)
    assert found.outcome == EQUAL
    assert found.steps == ("ValidateData", "PrepareFeatures", "TrainModel")
    assert found.comparison and found.comparison.same == 2


def test_nothing_is_left_behind(evidenced: Evidenced, running: Running, version: dict[str, Any]) -> None:
    made_again(evidenced, version)
    [pipeline] = running.deleted
    assert pipeline.startswith(f"{BASE}-reproduce-3-")
    assert running.pipelines == {}
    assert left(evidenced) == []


def test_inputs_are_the_recorded_versions_whatever_lies_there_now(
    evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    first = version["data"]["inputs"][0]["objects"][0]
    evidenced.s3.put_object(Bucket=DATA, Key=first["key"], Body=b"other rows")
    seen: dict[str, bytes] = {}
    train = running.train

    def look(uri: str, execution: str) -> None:
        bucket, _, prefix = running.asked["InputDataUri"].removeprefix("s3://").partition("/")
        for each in evidenced.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
            name = each["Key"].removeprefix(prefix)
            seen[name] = evidenced.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        train(uri, execution)

    running.train = look
    assert made_again(evidenced, version).outcome == EQUAL
    assert seen == {"loans.csv.gz": b"rows", "bank_months.csv.gz": b"rows"}
    assert running.asked["FeaturesAsOf"] == "2026-11-14T07:55:00Z"


def test_another_model_is_different_and_its_files_are_named(
    evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    running.train = trains(evidenced, {**FILES, "model.json": b"other trees"})
    found = made_again(evidenced, version)
    assert found.outcome == DIFFERENT
    assert found.comparison and found.comparison.differing == ("model.json",)
    assert left(evidenced) == []


@pytest.mark.parametrize(("auc", "outcome"), [(0.7104, WITHIN), (0.7206, DIFFERENT)])
def test_with_a_tolerance_figures_of_the_training_decide(
    auc: float, outcome: str, evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    running.train, running.auc = trains(evidenced, {**FILES, "model.json": b"other trees"}), auc
    found = made_again(evidenced, version, tolerance=0.001)
    assert found.outcome == outcome
    assert found.metrics == (Metric("validation:auc", 0.71, auc),)


def test_a_figure_that_is_not_told_any_more_is_no_agreement() -> None:
    differs = Comparison(1, ("model.json",), (), ())
    assert reproduce.judged(differs, [Metric("auc", 0.7, None)], 1.0) == DIFFERENT
    assert reproduce.judged(differs, [], 1.0) == DIFFERENT
    assert reproduce.judged(differs, [Metric("auc", 0.7, 0.7)], None) == DIFFERENT


def test_a_run_that_fails_says_why_and_leaves_nothing(
    evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    running.end = "Failed"
    with pytest.raises(CommandError, match=r"version 3: the reproduction Failed: TrainModel"):
        made_again(evidenced, version)
    assert running.pipelines == {}
    assert left(evidenced) == []


def test_an_interruption_leaves_nothing(evidenced: Evidenced, running: Running, version: dict[str, Any]) -> None:
    def interrupt(_uri: str, _execution: str) -> None:
        raise KeyboardInterrupt

    running.train = interrupt
    with pytest.raises(KeyboardInterrupt):
        made_again(evidenced, version)
    assert running.pipelines == {}
    assert left(evidenced) == []


def remove_object(evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    thing = told["data"]["inputs"][0]["objects"][0]
    evidenced.s3.delete_object(Bucket=DATA, Key=thing["key"], VersionId=thing["version_id"])
    return f"data: s3://{DATA}/{thing['key']}, version {thing['version_id']}, is gone"


def remove_code(evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    bundle = told["code"]["bundle"]
    bucket, _, key = bundle["uri"].removeprefix("s3://").partition("/")
    evidenced.s3.delete_object(Bucket=bucket, Key=key, VersionId=bundle["version_id"])
    return f"code: {bundle['uri']}, version {bundle['version_id']}, is gone"


def change_code(_evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    told["code"]["bundle"]["sha256"] = "0" * 64
    return f"code: {told['code']['bundle']['uri']} is not what the version was trained with"


def remove_artifact(evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    bucket, _, key = told["artifact"]["uri"].removeprefix("s3://").partition("/")
    evidenced.s3.delete_object(Bucket=bucket, Key=key, VersionId=told["artifact"]["version_id"])
    return f"artifact: {told['artifact']['uri']}"


def remove_execution(_evidenced: Evidenced, running: Running, told: dict[str, Any]) -> str:
    running.definition = ""
    return f"pipeline: execution {told['pipeline']['execution']} and its definition are gone"


def change_definition(_evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    told["code"]["definition_sha256"] = "1" * 64
    return f"pipeline: the definition of {told['pipeline']['execution']} is not the one with SHA-256"


def remove_group(_evidenced: Evidenced, running: Running, _told: dict[str, Any]) -> str:
    running.gone.add("mlops-local-bank-history")
    return "features: feature group mlops-local-bank-history does not exist any more"


def remove_pipeline(_evidenced: Evidenced, running: Running, told: dict[str, Any]) -> str:
    running.gone.add(told["pipeline"]["name"])
    return f"pipeline: {told['pipeline']['name']}, whose role runs the steps, does not exist any more"


def remove_ingested(evidenced: Evidenced, _running: Running, _told: dict[str, Any]) -> str:
    evidenced.s3.delete_object(Bucket=ARTIFACTS, Key=f"{INGESTED.split('/', 3)[3]}/ingested.json")
    return f"pipeline: what step IngestFeatures wrote as ingested is gone: {INGESTED}"


def forget_as_of(_evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    told["data"]["features"][0]["as_of"] = None
    return "features: as of which moment mlops-local-bank-history was joined was not recorded"


def forget_objects(_evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    for each in told["data"]["inputs"]:
        each["objects"] = []
    return "was not recorded"


def come_from_elsewhere(_evidenced: Evidenced, _running: Running, told: dict[str, Any]) -> str:
    told["origin"] = {"environment": "staging", "manifest": "s3://e/x"}
    return "version 3 was made in staging: mlops reproduce 3 --env staging"


@pytest.mark.parametrize(
    "spoil",
    [
        remove_object,
        remove_code,
        change_code,
        remove_artifact,
        remove_execution,
        change_definition,
        remove_group,
        remove_pipeline,
        remove_ingested,
        forget_as_of,
        forget_objects,
        come_from_elsewhere,
    ],
)
def test_what_is_missing_is_said_before_anything_runs(
    spoil: Callable[[Evidenced, Running, dict[str, Any]], str],
    evidenced: Evidenced,
    running: Running,
    version: dict[str, Any],
) -> None:
    expected = spoil(evidenced, running, version)
    found = made_again(evidenced, version)
    assert found.outcome == MISSING
    assert len(found.missing) == 1
    assert expected in found.missing[0]
    assert running.deleted == []
    assert left(evidenced) == []


def test_everything_that_is_missing_is_said_at_once(
    evidenced: Evidenced, running: Running, version: dict[str, Any]
) -> None:
    for spoil in (remove_object, remove_code, remove_group, remove_ingested):
        spoil(evidenced, running, version)
    assert [each.partition(":")[0] for each in made_again(evidenced, version).missing] == [
        "data", "code", "features", "pipeline",
    ]  # fmt: skip


def test_a_version_without_a_manifest_is_missing(evidenced: Evidenced, running: Running) -> None:
    found = reproduce.reproduce(evidenced.world.target, 3, tolerance=None, say=lambda step, text: None)
    assert found.outcome == MISSING
    assert "has no manifest" in found.missing[0]


@pytest.mark.parametrize(
    ("uri", "keys", "copied", "names"),
    [
        ("s3://data/p/until=2002/", ["p/until=2002/a.gz", "p/until=2002/b/c.gz"], "s3://x/i/000/", ["a.gz", "b/c.gz"]),
        ("s3://data/p/until", ["p/until/a.gz"], "s3://x/i/000", ["a.gz"]),
        ("s3://data/p/a.gz", ["p/a.gz"], "s3://x/i/000/a.gz", ["a.gz"]),
    ],
)
def test_a_copy_has_the_names_that_a_job_saw(uri: str, keys: list[str], copied: str, names: list[str]) -> None:
    """A job sees what comes after the prefix: the same for the copy."""
    where, moved = Input(uri, tuple((key, "v") for key in keys)).copied_to("s3://x/i/000")
    assert where == copied
    assert [new for _, _, new in moved] == [f"i/000/{name}" for name in names]


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        (FILES, 0, "version 3 of loan-approval in local was made again: all 2 files of its archive are the same"),
        ({**FILES, "model.json": b"other"}, 1, "  model.json differs"),
    ],
)
def test_command_tells_people(
    files: dict[str, bytes],
    code: int,
    said: str,
    evidenced: Evidenced,
    running: Running,
    version: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    evidenced.keep(version)
    running.train = trains(evidenced, files)
    assert main(["reproduce", "3"]) == code
    assert said in " ".join(capsys.readouterr().out.split("\n"))


def test_command_tells_programs_what_is_missing(
    evidenced: Evidenced, running: Running, version: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    remove_group(evidenced, running, version)
    evidenced.keep(version)
    assert main(["reproduce", "3", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert (answer["model"], answer["version"], answer["outcome"]) == ("loan-approval", 3, "missing")
    assert answer["missing"] == ["features: feature group mlops-local-bank-history does not exist any more"]


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "much"])
def test_a_tolerance_is_a_number(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "3", f"--tolerance={text}"]) == 2
    assert "is not a number of 0 or more" in capsys.readouterr().err
