# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Everything around the record keeper, in memory: registry, pipeline, storage, cards, lineage, ledger, and people.

Requests are checked against botocore's own models. A run that has crashed has no effect any more.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from tests.unit.lambdas.checked_client import check, operation
from tests.unit.lambdas.record_keeper.fakes.governance import Cards, Graph
from tests.unit.lambdas.record_keeper.fakes.mlflow import Mlflow
from tests.unit.lambdas.record_keeper.fakes.pipeline import Pipeline, Run
from tests.unit.lambdas.record_keeper.fakes.storage import Storage
from tests.unit.lambdas.record_keeper.names import (
    CHAMPION,
    CODE,
    DIGEST,
    EVIDENCE,
    FOLDER,
    GROUP,
    IMAGE,
    KEEPER,
    MODEL,
    PARTITION,
    PIPELINE_ARN,
    REVIEWS,
    SNAPSHOT,
    SOMEBODY,
    TOML,
    arn,
    number,
    refused,
    runs,
)
from tests.unit.lambdas.release_controller.clients import Client
from tests.unit.lambdas.release_controller.fakes.clock import Clock
from tests.unit.lambdas.release_controller.fakes.outlets import Outlets
from tests.unit.lambdas.release_controller.fakes.table import Table

Row = dict[str, Any]
A_CALL = timedelta(seconds=0.05)
QUALITY = {"binary_classification_metrics": {"auc": {"value": 0.79}, "confusion_matrix": {"0": {"0": 5}}}}
BIAS = {
    "post_training_bias_metrics": {
        "facets": {"NewExist": [{"value_or_threshold": "2", "metrics": [{"name": "DI", "value": 0.93}]}]}
    }
}
SHAP = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"bank": 0.3, "State": -0.1}}}}}


class CrashError(Exception):
    """The run ends here: the call before it took effect."""


class World:
    """toml: what the code bundle has as card.toml."""

    def __init__(self, *, checked: bool = True, toml: str = TOML) -> None:
        self.clock = Clock()
        self.table, self.outlets = Table(), Outlets()
        self.storage, self.cards, self.graph, self.pipeline = Storage(self.clock), Cards(), Graph(), Pipeline()
        self.mlflow = Mlflow()
        self.packages: dict[int, Row] = {}
        self.champion = ("none", self.clock.now)
        self.overdue: list[float] = []
        self.checked = checked
        self.events: list[Row] = []
        self.calls: list[str] = []
        self.before_call: Callable[[str], object] = _nothing
        self.after_call: Callable[[str], object] = _nothing
        self.storage.put(f"{SNAPSHOT}loans.csv.gz", b"loans")
        self.storage.put(CODE, _bundle(toml))

    def __getstate__(self) -> Row:
        return self.__dict__ | {"before_call": _nothing, "after_call": _nothing}

    # What people, time and other parts of the platform do.

    def train(self, version: int, *, ended: bool = True, tuned: bool = False, cached: int = 0, **metadata: str) -> None:
        """The pipeline runs, and registers a version; its run ends a moment later, or goes on."""
        started = self.clock.now
        self.pipeline.runs[version] = Run(version, started, tuned, cached)
        self.clock.pass_seconds(300)
        for path, body in {
            "model/model.tar.gz": b"model",
            "evaluation/statistics.json": json.dumps(QUALITY).encode(),
            "bias/analysis.json": json.dumps(BIAS).encode(),
            "explainability/analysis.json": json.dumps(SHAP).encode(),
            "baseline/constraints.json": b"{}",
        }.items():
            self.storage.put(runs(version, path), body)
        told = {
            "code_uri": CODE, "code_sha256": "c" * 64, "data_uri": SNAPSHOT, "data_sha256": "d" * 64,
            "train_from": "2000-10-01", "train_to": "2002-09-30", "test_from": "2002-10-01", "test_to": "2002-12-31",
            "features_as_of": "now", "features_run": f"run{version}", "commit": "0" * 40,
            "pipeline_execution": f"run{version}",
        }  # fmt: skip
        self.register(version, **told | metadata)
        if ended:
            self.end(version)

    def fail(self, number: int, step: str = "EvaluateModel", *, stopped: bool = False) -> None:
        """The pipeline runs, and registers nothing: a step fails, or somebody stops it there."""
        self.pipeline.runs[number] = Run(number, self.clock.now, failed=step, stopped=stopped)
        self.clock.pass_seconds(300)
        if step == "EvaluateModel":
            self.storage.put(runs(number, "evaluation/statistics.json"), json.dumps(QUALITY).encode())
        self.end(number)

    def register(self, version: int, approval: str = "PendingManualApproval", **metadata: str) -> None:
        """A version as the pipeline registers it, or as a person does by hand."""
        package: Row = {
            "ModelPackageArn": arn(version), "ModelPackageGroupName": GROUP, "ModelPackageVersion": version,
            "CreationTime": self.clock.now, "LastModifiedTime": self.clock.now,
            "ModelPackageStatus": "Completed", "ModelApprovalStatus": approval,
            "CustomerMetadataProperties": dict(metadata),
        }  # fmt: skip
        if "pipeline_execution" in metadata:
            container = {"Image": IMAGE, "ImageDigest": DIGEST, "ModelDataUrl": runs(version, "model/model.tar.gz")}
            package["InferenceSpecification"] = {"Containers": [container]}
            package["ModelMetrics"] = {
                "ModelQuality": {"Statistics": {"S3Uri": runs(version, "evaluation/statistics.json")}},
                "Bias": {"Report": {"S3Uri": runs(version, "bias/analysis.json")}},
                "Explainability": {"Report": {"S3Uri": runs(version, "explainability/analysis.json")}},
            }
            baseline = {"Constraints": {"S3Uri": runs(version, "baseline/constraints.json")}}
            package["DriftCheckBaselines"] = {"ModelDataQuality": baseline}
        self.packages[version] = package
        self._changed(version)

    def end(self, version: int) -> None:
        """The run that made the version ends."""
        self.clock.pass_seconds(2)
        self.pipeline.runs[version].ended = self.clock.now
        status = self.pipeline.runs[version].status
        detail = {"pipelineArn": PIPELINE_ARN, "currentPipelineExecutionStatus": status}
        self._event("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change", detail)

    def decide(self, version: int, status: str = "Approved", why: str = "good", by: str = "") -> None:
        """A person approves or rejects; `by` is what `mlops approve` notes."""
        self.clock.pass_seconds(60)
        package = self.packages[version]
        package |= {"ModelApprovalStatus": status, "ApprovalDescription": why}
        self._edited(package, SOMEBODY)
        if by:
            package["CustomerMetadataProperties"]["approved_by"] = by
        self._changed(version)

    def release(self, version: int) -> None:
        """The release controller brings the version to the endpoint."""
        for kind, stage in (("begin", "promote"), ("apply", "promote"), ("done", "promote")):
            self.clock.pass_seconds(60)
            self._note(MODEL, kind, version, stage=stage, reason=f"{kind} of {version}")
        self.champion = (arn(version), self.clock.now)
        detail = {"environment": "test", "model": MODEL, "package": arn(version), "version": version}
        self._event("mlops.release", "Model Release Done", detail)

    def review(self, version: int, note: str = "as expected") -> None:
        """`mlops review`."""
        self._note(REVIEWS, "review", version, reason=note, by=SOMEBODY)

    def retire(self, version: int, *, archived: bool = True) -> None:
        """The release controller archives the version and deletes it; or a person only deletes it."""
        package = self.packages.pop(version)
        if archived:
            self._note(MODEL, "retire", version, stage="", reason="too old")
            body = json.dumps(package, default=str).encode()
            self.storage.put(f"s3://artifacts/{FOLDER}/archive/{version}/model-package.json", body)

    def pass_days(self, days: float) -> None:
        self.clock.pass_seconds(days * 86400)

    def _note(self, partition: str, kind: str, version: int, **values: str) -> None:
        at = self.clock.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.clock.pass_seconds(1)
        key = f"{int(self.clock.now.timestamp()):010d}#{kind}#{version}"
        texts = {"model": partition, "entry": key, "at": at, "kind": kind, "package": arn(version), **values}
        item = {name: {"S": value} for name, value in texts.items()}
        self.table.items[partition, key] = {**item, "version": {"N": str(version)}}

    def _edited(self, package: Row, by: str) -> None:
        package["LastModifiedTime"] = self.clock.now
        package["LastModifiedBy"] = {"IamIdentity": {"Arn": by}}

    def _changed(self, version: int) -> None:
        detail = {
            "ModelPackageGroupName": GROUP, "ModelPackageVersion": version, "ModelPackageArn": arn(version),
            "ModelPackageStatus": "Completed", "ModelApprovalStatus": self.packages[version]["ModelApprovalStatus"],
        }  # fmt: skip
        self._event("aws.sagemaker", "SageMaker Model Package State Change", detail)

    def _event(self, source: str, kind: str, detail: Row) -> None:
        self.events.append({"source": source, "detail-type": kind, "detail": detail})

    # What came of it.

    def revisions(self, version: int) -> list[bytes]:
        return [self.storage.body(EVIDENCE, key) for key in self.storage.keys(EVIDENCE, f"{FOLDER}/version-{version}/")]

    def manifest(self, version: int) -> Row:
        manifest: Row = json.loads(self.revisions(version)[-1])
        return manifest

    def index(self) -> list[str]:
        """The keys of the index, in the table's order."""
        return [key[1] for key in sorted(self.table.items) if key[0] == PARTITION]

    def final(self) -> Row:
        """What must come out the same whatever went wrong on the way; times of recording are not part of it."""
        own = {"revision", "previous_sha256", "written_at", "reason"}
        return {
            "manifests": {
                version: {name: value for name, value in self.manifest(version).items() if name not in own}
                for version in range(1, 10)
                if self.revisions(version)
            },
            "cards": {
                name: (self.cards.content(name), row["ModelCardStatus"]) for name, row in self.cards.cards.items()
            },
            "lineage": self.graph.named(),
            "links": {
                version: each["CustomerMetadataProperties"].get("manifest") for version, each in self.packages.items()
            },
            "runs": self.mlflow.told(),
            "locked": [key for key in self.table.items if key[0].startswith("lock#")],
        }

    # What the keeper calls.

    def client(self, service: str, dead: Callable[[], bool]) -> Any:
        """dead: whether the run that calls has ended, so that nothing it still does has an effect."""

        def call(service: str, method: str, parameters: Row) -> Any:
            if dead():
                raise CrashError("this run has ended")
            return self.call(service, method, parameters)

        return Client(call, service)

    def call(self, service: str, method: str, parameters: Row) -> Any:
        if service == "mlflow":
            return self._ask_mlflow(method, **parameters)
        name, shape = operation(service, method)
        if self.checked:
            check(parameters, shape)
        self.clock.now += A_CALL
        self.before_call(name)
        self.calls.append(name)
        answer = getattr(self._player(service, method), method)(**parameters)
        self.after_call(name)
        return answer

    def _ask_mlflow(self, path: str, method: str, fields: Row) -> tuple[int, Row]:
        name = f"mlflow {path}"
        self.clock.now += A_CALL
        self.before_call(name)
        self.calls.append(name)
        answer = self.mlflow.answer(method, path, json.loads(json.dumps(fields)))
        self.after_call(name)
        return answer

    def _player(self, service: str, method: str) -> object:
        part = _part(service, method)
        return getattr(self, part) if part else self

    def get_parameters(self, Names: list[str]) -> Row:
        assert Names == [CHAMPION]
        value, at = self.champion
        return {"Parameters": [{"Name": CHAMPION, "Value": value, "LastModifiedDate": at}]}

    def put_metric_data(self, Namespace: str, MetricData: list[Row]) -> Row:
        [datum] = MetricData
        assert (Namespace, datum["MetricName"]) == ("MLOps/Governance", "ReviewOverdueDays")
        assert datum["Dimensions"] == [{"Name": "Model", "Value": GROUP}]
        self.overdue.append(datum["Value"])
        return {}

    def list_model_packages(
        self, ModelPackageGroupName: str, SortBy: str, SortOrder: str, MaxResults: int, NextToken: str = "0"
    ) -> Row:
        name = ModelPackageGroupName.rpartition("/")[2]  # the ARN is taken as well
        assert (name, SortBy, SortOrder) == (GROUP, "CreationTime", "Descending")
        start, versions = int(NextToken), sorted(self.packages, reverse=True)
        stop = start + min(MaxResults, 2)
        members = ("ModelPackageArn", "ModelPackageStatus", "ModelApprovalStatus")
        summaries = [{name: self.packages[version][name] for name in members} for version in versions[start:stop]]
        more = {"NextToken": str(stop)} if stop < len(versions) else {}
        return {"ModelPackageSummaryList": summaries, **more}

    def describe_model_package(self, ModelPackageName: str) -> Row:
        if number(ModelPackageName) not in self.packages:
            raise refused("ValidationException", f"ModelPackage {ModelPackageName} does not exist.", "Describe")
        return self.packages[number(ModelPackageName)]

    def update_model_package(self, ModelPackageArn: str, CustomerMetadataProperties: dict[str, str]) -> Row:
        version = number(ModelPackageArn)
        if version not in self.packages:
            raise refused("ValidationException", f"ModelPackage {ModelPackageArn} does not exist.", "Update")
        package = self.packages[version]
        package["CustomerMetadataProperties"] |= CustomerMetadataProperties
        self._edited(package, f"arn:aws:sts::111122223333:assumed-role/Keeper/{KEEPER}")
        self._changed(version)
        return {}


@cache
def _bundle(toml: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        files = {"train.py": b"", **({f"{FOLDER}/card.toml": toml.encode()} if toml else {})}
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


@cache
def _part(service: str, method: str) -> str:
    """The world's part that answers; "" where it is the world itself."""
    kinds = {"cards": Cards, "graph": Graph, "pipeline": Pipeline} if service == "sagemaker" else {}
    own = next((name for name, kind in kinds.items() if hasattr(kind, method)), "")
    return {"dynamodb": "table", "sqs": "outlets", "s3": "storage"}.get(service, own)


def _nothing(_name: str) -> None:
    """The hook that does nothing."""
