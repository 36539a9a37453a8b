"""Makes a version's model again, from what its manifest says it was made of, and proves that it is the same.

A temporary pipeline runs the steps that the training needed, with the role of the training pipeline; it and all that it
wrote are removed in the end, whatever the end is.
"""

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from mlops import evidence, pipelines, reproduce_archives, reproduce_materials
from mlops.aws import is_missing
from mlops.errors import CommandError
from mlops.evidence import NoManifest
from mlops.reproduce_archives import Comparison
from mlops.reproduce_definition import Json, Needs, NotReproducible, Plan, needs, rebuild
from mlops.reproduce_materials import Place
from mlops.target import LOCAL, Target

EQUAL, WITHIN, DIFFERENT, MISSING = "equal", "within tolerance", "different", "missing"
ROWS = "FEATURES_ROWS_URI"
"""Variable of a step that says where rows wait for their features; below it a folder for each run."""

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Metric:
    """A figure of the training, then and now; None where it was not told."""

    name: str
    before: float
    again: float | None

    def within(self, tolerance: float) -> bool:
        return self.again is not None and abs(self.again - self.before) <= tolerance


@dataclass(frozen=True)
class Result:
    """outcome: one of the four above. missing: what stands in the way, in words; nothing else is told then."""

    version: int
    outcome: str
    missing: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    job: str = ""
    comparison: Comparison | None = None
    metrics: tuple[Metric, ...] = ()
    tolerance: float | None = None


def reproduce(target: Target, version: int, *, tolerance: float | None, say: Say) -> Result:
    """Make the version's model again and compare it.

    tolerance: how far a metric of the training may be off where the archives differ; None: they must be the same.
    Raises CommandError if a step of the reproduction fails.
    """
    try:
        manifest = evidence.newest(target.clients("s3"), evidence.bucket(target), target.names, version)
    except NoManifest as error:
        return Result(version, MISSING, (str(error),))
    if troubles := list(_made_elsewhere(manifest, version)):
        return Result(version, MISSING, tuple(troubles))
    definition, troubles = _definition(target, manifest)
    if definition is None:
        return Result(version, MISSING, tuple(troubles))
    try:
        wanted = needs(definition, manifest)
        say("check", f"{len(wanted.steps)} steps make the model: {', '.join(step.name for step in wanted.steps)}")
        troubles += reproduce_materials.missing(target.clients, manifest, wanted, images=target.environment != LOCAL)
        taken, gone = reproduce_materials.taken_from(target.clients, manifest, wanted)
        role, unknown = _role(target, manifest)
        if troubles := [*troubles, *gone, *unknown]:
            return Result(version, MISSING, tuple(troubles))
        return _Run(target, manifest, version, say).run(definition, wanted, taken, role, tolerance)
    except NotReproducible as error:
        return Result(version, MISSING, (*troubles, str(error)))


@dataclass(frozen=True)
class _Run:
    """One reproduction, once nothing is missing."""

    target: Target
    manifest: Mapping[str, Any]
    version: int
    say: Say

    def run(
        self,
        definition: Json,
        wanted: Needs,
        taken: Mapping[tuple[str, str], reproduce_materials.Input],
        role: str,
        tolerance: float | None,
    ) -> Result:
        identifier = uuid.uuid4().hex[:8]
        bucket = self.target.output(self.target.foundation_stack, "ArtifactsBucket")
        names = self.target.names
        scratch = f"s3://{bucket}/{names.folder}/reproductions/version-{self.version}/{identifier}"
        pipeline = f"{names.base}-reproduce-{self.version}-{identifier}"
        s3 = self.target.clients("s3")
        with _scratch(s3, scratch, self.say):
            pins = {
                each.uri: reproduce_materials.copy(s3, each, f"{scratch}/inputs/{number:03}")
                for number, each in enumerate(reproduce_materials.inputs(self.manifest, wanted))
            }
            copies = {
                place: reproduce_materials.copy(s3, each, f"{scratch}/inputs/{'-'.join(place)}")
                for place, each in taken.items()
            }
            plan = rebuild(definition, self.manifest, work=f"{scratch}/work", pins=pins, taken=copies)
            if loose := sorted(pins.keys() - plan.pinned):
                raise NotReproducible(
                    f"data: {loose[0]} is put together by the definition, so a copy cannot take its place"
                )
            follower = self._follow(pipeline, plan, role)
            return self._compared(plan, follower, tolerance)

    def _follow(self, pipeline: str, plan: Plan, role: str) -> Sequence[Mapping[str, Any]]:
        """Run the plan as a pipeline that is gone afterwards; returns its steps."""
        sagemaker = self.target.clients("sagemaker")
        self.say("pipeline", f"{pipeline} runs, and is removed in the end")
        sagemaker.create_pipeline(
            PipelineName=pipeline,
            PipelineDescription=f"Makes the model of version {self.version} again; removed when it has ended",
            PipelineDefinition=json.dumps(plan.definition),
            RoleArn=role,
        )
        execution = ""
        try:
            execution = pipelines.start(sagemaker, pipeline, plan.parameters)
            follower = pipelines.Follower(sagemaker, self.target.clients("logs"), execution, self.say)
            ended = follower.follow()
            if (status := ended["PipelineExecutionStatus"]) != "Succeeded":
                raise CommandError(f"version {self.version}: the reproduction {status}: {follower.failure(ended)}")
            return follower.steps()
        finally:
            pipelines.stop_running(sagemaker, pipeline)
            sagemaker.delete_pipeline(PipelineName=pipeline)
            for rows in _rows(plan, execution):
                reproduce_materials.remove(self.target.clients("s3"), rows)

    def _compared(self, plan: Plan, steps: Sequence[Mapping[str, Any]], tolerance: float | None) -> Result:
        [arn] = [each["Metadata"]["TrainingJob"]["Arn"] for each in steps if each["StepName"] == plan.step]
        job = self.target.clients("sagemaker").describe_training_job(TrainingJobName=arn.rsplit("/", 1)[-1])
        artifact = self.manifest["artifact"]
        comparison = reproduce_archives.compare(
            self._members(artifact["uri"], artifact.get("version_id")),
            self._members(job["ModelArtifacts"]["S3ModelArtifacts"]),
        )
        told = {each["MetricName"]: float(each["Value"]) for each in job.get("FinalMetricDataList", [])}
        metrics = tuple(
            Metric(name, float(value), told.get(name)) for name, value in self.manifest["training"]["metrics"].items()
        )
        return Result(
            self.version,
            judged(comparison, metrics, tolerance),
            steps=plan.steps,
            job=arn,
            comparison=comparison,
            metrics=metrics,
            tolerance=tolerance,
        )

    def _members(self, uri: str, version: str | None = None) -> dict[str, str]:
        place = Place.of(uri)
        with tempfile.TemporaryFile() as file:
            exact = {"ExtraArgs": {"VersionId": version}} if version else {}
            self.target.clients("s3").download_fileobj(place.bucket, place.key, file, **exact)
            file.seek(0)
            return reproduce_archives.members(file)


def judged(comparison: Comparison, metrics: Sequence[Metric], tolerance: float | None) -> str:
    """The outcome: the same bits, or with a tolerance figures that are as close. Pure."""
    if comparison.equal:
        return EQUAL
    close = tolerance is not None and metrics and all(each.within(tolerance) for each in metrics)
    return WITHIN if close else DIFFERENT


def _made_elsewhere(manifest: Mapping[str, Any], version: int) -> Iterator[str]:
    if origin := manifest.get("origin"):
        there = origin["environment"]
        yield f"version {version} was made in {there}: mlops reproduce {version} --env {there}"


def _definition(target: Target, manifest: Mapping[str, Any]) -> tuple[Json | None, list[str]]:
    """The definition of the execution that made the version, and what is wrong with it."""
    execution = (manifest.get("pipeline") or {}).get("execution")
    if not execution:
        return None, ["pipeline: which execution made the version was not recorded"]
    try:
        told = target.clients("sagemaker").describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
    except ClientError as error:
        if not is_missing(error, "ResourceNotFound"):
            raise
        return None, [f"pipeline: execution {execution} and its definition are gone"]
    text = told["PipelineDefinition"]
    expected = (manifest.get("code") or {}).get("definition_sha256")
    if expected and sha256(text.encode()).hexdigest() != expected:
        return json.loads(text), [f"pipeline: the definition of {execution} is not the one with SHA-256 {expected}"]
    return json.loads(text), []


def _role(target: Target, manifest: Mapping[str, Any]) -> tuple[str, list[str]]:
    name = manifest["pipeline"]["name"]
    try:
        return str(target.clients("sagemaker").describe_pipeline(PipelineName=name)["RoleArn"]), []
    except ClientError as error:
        if not is_missing(error, "ResourceNotFound"):
            raise
        return "", [f"pipeline: {name}, whose role runs the steps, does not exist any more"]


def _rows(plan: Plan, execution: str) -> set[str]:
    """Where rows of this run waited for their features: not below the scratch prefix, since a table names the place."""
    if not execution:
        return set()
    places = (step["Arguments"].get("Environment", {}).get(ROWS) for step in plan.definition["Steps"])
    return {f"{place}/{execution.rsplit('/', 1)[-1]}/" for place in places if isinstance(place, str)}


@contextmanager
def _scratch(s3: Any, prefix: str, say: Say) -> Iterator[None]:
    try:
        yield
    finally:
        removed = reproduce_materials.remove(s3, f"{prefix}/")
        say("scratch", f"{removed} objects below {prefix}/ removed")
