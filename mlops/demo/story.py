"""What happens to a bank's model after its first version serves: a better one, a worse one, a broken one.

Nothing here decides anything. A person trains and approves; customers apply; outcomes arrive. The release controller
does the rest, and the story tells what its ledger says.
"""

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlops import checkout, ledger, outcomes, pipelines, registry, release_state, releases
from mlops.cdk import ROOT
from mlops.console import line
from mlops.demo import loans, telling
from mlops.demo.customers import BATCH, Customers
from mlops.demo.phases import Run
from mlops.errors import CommandError
from mlops.ledger import ENDED, Entry
from mlops.release_state import ReleaseState, version_of
from mlops.target import Target

POLL_SECONDS = 0.3
LOOK_SECONDS = 5.0
"""Between two looks that are told: a comparison takes a dozen of them."""
TIMEOUT_SECONDS = 600
WHO = "demo"
EVALUATION = "EvaluateModel/evaluation/evaluation.json"
"""What the pipeline measured, below a run's folder."""
RECENT = {"TrainFrom": "2003-01-01", "TrainTo": "2004-12-31", "TestFrom": "2005-01-01", "TestTo": "2005-03-31"}
"""The periods of the second version: newer loans than the first one's."""

SLIP = """

_predict = predict_fn


def predict_fn(columns, model):
    if "Y" in columns["RevLineCr"]:
        raise KeyError("RevLineCr")
    return _predict(columns, model)
"""
"""A programming error that the broken version carries: it meets only applications for a revolving credit."""


@dataclass
class Story:
    """The versions that come after the first, each released with customers applying all the time.

    answered: of the newest release's applications by the loan's name, whether it was approved and by which version.
    """

    run: Run
    target: Target
    endpoint: str
    capture_bucket: str
    artifacts_bucket: str
    runtime: Any
    applications: Iterator[loans.Loan] = field(default_factory=lambda: iter(()))
    releases: list[dict[str, Any]] = field(default_factory=list)
    answered: dict[str, tuple[bool, str]] = field(default_factory=dict)
    _looked: float = 0.0
    _stages: dict[int, str] = field(default_factory=dict)

    def tell_first(self, version: int) -> None:
        """The first version has nothing to be compared with."""
        self.releases.append(
            {"version": version, "strategy": ["replace"], "verdict": None, "samples": 0, "outcome": "promoted"}
        )

    def train(self, what: str, data_uri: str, **parameters: str) -> Mapping[str, Any]:
        """Run the pipeline on the data; returns the version that it registered."""
        given = {"InputDataUri": data_uri, "CodeCommit": checkout.commit(ROOT), **parameters}
        pipelines.run(self._clients, self.target.names.pipeline, given, telling.steps(self.run.clock))
        package = releases.newest_version(self._clients("sagemaker"), self.target.package_group)
        auc = float(package["CustomerMetadataProperties"]["test_auc"])
        self._say(f"version {package['ModelPackageVersion']} registered: {what}, test AUC {auc:.3f}", style="green")
        return package

    def register_by_hand(self, good: Mapping[str, Any], code: str, what: str) -> Mapping[str, Any]:
        """Register a copy of a version with more code at the end of its own, past the pipeline and its tests."""
        s3, sagemaker = self._clients("s3"), self._clients("sagemaker")
        container = good["InferenceSpecification"]["Containers"][0]
        bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
        archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        content = hashlib.sha256(archive + code.encode()).hexdigest()[:12]
        changed = f"{self.target.names.folder}/by-hand/{content}/model.tar.gz"
        s3.put_object(Bucket=self.artifacts_bucket, Key=changed, Body=with_code(archive, code))
        kept = {name: value for name, value in container.items() if name in ("Image", "Environment")}
        kept["ModelDataUrl"] = f"s3://{self.artifacts_bucket}/{changed}"
        arn = sagemaker.create_model_package(
            ModelPackageGroupName=self.target.package_group,
            ModelPackageDescription=f"Changed by hand: {what}",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=good["InferenceSpecification"] | {"Containers": [kept]},
        )["ModelPackageArn"]
        self._say(f"version {version_of(arn)} registered by hand: {what}")
        return registry.version(sagemaker, self.target.package_group, version_of(arn))

    def release(self, package: Mapping[str, Any], *, hotfix: bool = False) -> dict[str, Any]:
        """Approve a version while customers apply, and tell what becomes of it until it has come or gone."""
        arn, version = package["ModelPackageArn"], package["ModelPackageVersion"]
        newest = ledger.newest(self._clients("dynamodb"), self._ledger, self.target.names.public, 1)
        generation = newest[0].generation if newest else 0
        known = {entry.key for entry in self._entries(generation)}
        began = self.run.clock()
        # The ids are of this release: in a later run on the same state, the same loans apply anew.
        with self.customers(f"v{version}-") as customers:
            registry.approve(
                self._clients("sagemaker"), package, reason="approved in the demo", by=WHO,
                strategy="replace" if hotfix else None,
            )  # fmt: skip
            self._say(f"version {version} approved" + (", to replace the champion at once" if hotfix else ""))
            told = list(self._follow(arn, known, generation))
            end = self._state()
        self.answered = dict(customers.answers)
        result = (
            summarize(version, told, champion=end.champion == arn)
            | self._learned(package)
            | {
                "requests": customers.requests,
                "failed_requests": customers.failures.total(),
                "failures": dict(customers.failures),
                "answered_by": dict(sorted(customers.versions.items())),
                "seconds": round(self.run.clock() - began, 1),
            }
        )
        answered = ", ".join(f"{count} by version {name}" for name, count in sorted(customers.versions.items()))
        failed = ", ".join(f"{count} × {what}" for what, count in customers.failures.items()) or "none"
        self._say(f"{customers.requests} applications meanwhile: answered {answered}; failed: {failed}")
        self.releases.append(result)
        return result

    def _learned(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """What the pipeline measured: on which loans, how well, and how well today's champion did on the same ones."""
        metadata = package.get("CustomerMetadataProperties", {})
        if not {"pipeline_execution", "test_auc", "train_from", "train_to"} <= metadata.keys():
            return {}  # made by hand
        key = f"{self.target.names.folder}/runs/{metadata['pipeline_execution']}/{EVALUATION}"
        champion = json.load(self._clients("s3").get_object(Bucket=self.artifacts_bucket, Key=key)["Body"])["champion"]
        return {
            "test_auc": round(float(metadata["test_auc"]), 4),
            "champion_auc": round(champion["auc"]["value"], 4) if champion else None,
            "learned": {"from": metadata["train_from"], "to": metadata["train_to"]},
        }

    def customers(self, prefix: str, batch: int = BATCH) -> Customers:
        """Customers who apply as long as the context lasts; `prefix` begins the inference ids of their requests."""

        def tell(known: Any) -> None:
            outcomes.put(self._clients("s3"), self.capture_bucket, self.target.names.folder, known, outcomes.utc_now())

        return Customers(self.runtime, self.endpoint, self.applications, prefix, tell, batch)

    def _follow(self, package: str, known: set[str], generation: int) -> Iterator[Entry]:
        """Yield the controller's new decisions until the version serves alone, or has no part in it any more.

        generation: of the newest decision before.
        """
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen = False
        while True:
            state = self._state()
            for entry in self._entries(generation):
                if entry.key not in known:
                    known.add(entry.key)
                    self._tell(entry)
                    yield entry
            at_rest = state.candidate is None
            seen = seen or not at_rest
            if seen and at_rest:
                return
            if time.monotonic() > deadline:
                raise CommandError(
                    f"version {version_of(package)}: not at rest after {TIMEOUT_SECONDS} s; see mlops status, and "
                    "the release controller's log"
                )
            time.sleep(POLL_SECONDS)

    def _tell(self, entry: Entry) -> None:
        if entry.kind == "look" and entry.verdict and self.run.clock() - self._looked > LOOK_SECONDS:
            self._looked = self.run.clock()
            self._say(telling.look(entry.verdict), source=entry.stage)
        if entry.is_step:
            return
        said = telling.decision(entry, self._stages.get(entry.version, ""))
        self._say(said, source="controller", style="green" if entry.verdict else "")
        if entry.kind == "begin":
            self._stages[entry.version] = entry.stage

    def _state(self) -> ReleaseState:
        return release_state.read(self._clients("ssm"), self.target.names)

    def _entries(self, generation: int) -> list[Entry]:
        return ledger.since(self._clients("dynamodb"), self._ledger, self.target.names.public, generation)

    @cached_property
    def _ledger(self) -> str:
        """Its name takes a call, and it is read several times a second."""
        return self.target.ledger

    def _say(self, text: str, *, source: str = "", style: str = "") -> None:
        line(self.run.clock, text, source=source, style=style)

    @property
    def _clients(self) -> Callable[[str], Any]:
        return self.target.clients


def summarize(version: int, told: Sequence[Entry], *, champion: bool) -> dict[str, Any]:
    """What the ledger says of a release: the stages it went through, their verdicts, and how it ended.

    outcome: "promoted", "rolled back" (by CloudFormation), or the kind of the entry that ended it, such as "lost".
    samples: outcomes, or pairs, that all verdicts together rest on.
    """
    stages: list[dict[str, Any]] = []
    outcome = "promoted" if champion else "unknown"
    for entry in told:
        if entry.verdict and stages and entry.kind in ("begin", *ENDED):
            stages[-1] |= _figures(entry.verdict)
        elif entry.verdict and stages and entry.kind == "look":
            stages[-1].setdefault("course", []).append(_look(entry.verdict))
        if entry.kind == "begin":
            stages.append({"stage": entry.stage})
        elif entry.kind in ENDED:
            outcome = ENDED[entry.kind]
    compared = [stage for stage in stages if stage["stage"] != "promote"]
    return {
        "version": version,
        "strategy": [stage["stage"] for stage in compared] or ["replace"],
        "verdict": compared[-1].get("verdict") if compared else None,
        "samples": sum(stage.get("samples", 0) for stage in compared),
        "outcome": outcome,
        "stages": compared,
    }


def _look(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """One point of a comparison's course."""
    return {"samples": verdict["samples"]} | {name: round(verdict[name], 4) for name in ("estimate", "low", "high")}


def _figures(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": verdict["decision"],
        "samples": verdict["samples"],
        "planned": verdict["horizon"],
        "estimate": round(verdict["estimate"], 4),
        "interval": [round(verdict["low"], 4), round(verdict["high"], 4)],
        "looks": verdict["looks"],
    }


def with_code(archive: bytes, code: str) -> bytes:
    """A model's archive with `code` at the end of its inference code."""
    changed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as source, tarfile.open(fileobj=changed, mode="w:gz") as target:
        for member in source.getmembers():
            body = source.extractfile(member)
            content = body.read() if body else b""
            if member.name.removeprefix("./") == "code/inference.py":
                content += code.encode()
                member.size = len(content)
            target.addfile(member, io.BytesIO(content) if body else None)
    return changed.getvalue()
