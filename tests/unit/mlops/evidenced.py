"""The played environment with what explains its versions: evidence bucket, artifacts, model cards, lineage."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mlops_constructs.naming import EnvironmentNames
from tests.unit.mlops.manifests import ACCOUNT, EVIDENCE, stored
from tests.unit.mlops.world import REGION, Registry, World, buckets, refused

ARTIFACTS = f"mlops-local-artifacts-{ACCOUNT}"
DATA, ASSETS = f"mlops-local-data-{ACCOUNT}", f"cdk-assets-{ACCOUNT}"
CODE = b"the code, as tar"


@dataclass
class Pages:
    """A paginator with one page."""

    answer: Mapping[str, Any]

    def paginate(self, **request: Any) -> list[Mapping[str, Any]]:
        return [self.answer(**request)] if callable(self.answer) else [self.answer]


@dataclass
class Sagemaker:
    """The registry, and beside it cards, executions and lineage; `down` leads from an artifact to what came of it."""

    registry: Registry
    definition: str = ""
    started_by: str = ""
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    down: dict[str, list[str]] = field(default_factory=dict)
    exports: list[dict[str, Any]] = field(default_factory=list)
    export_status: list[str] = field(default_factory=lambda: ["Completed"])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.registry, name)

    def describe_pipeline_definition_for_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        if not self.definition:
            raise refused("Describe", "ResourceNotFound", f"{PipelineExecutionArn} does not exist.")
        return {"PipelineDefinition": self.definition}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        if not self.started_by:
            raise refused("Describe", "ResourceNotFound", f"{PipelineExecutionArn} does not exist.")
        return {"CreatedBy": {"IamIdentity": {"Arn": self.started_by}}}

    def describe_model_card(self, ModelCardName: str, ModelCardVersion: int = 0) -> dict[str, Any]:  # noqa: N803
        if ModelCardName not in self.cards:
            raise refused("DescribeModelCard", "ResourceNotFound", f"Model card {ModelCardName} is not there")
        return dict(self.cards[ModelCardName])

    def create_model_card_export_job(self, **request: Any) -> dict[str, str]:
        self.exports.append(request)
        return {"ModelCardExportJobArn": "arn:job"}

    def describe_model_card_export_job(self, ModelCardExportJobArn: str) -> dict[str, Any]:  # noqa: N803
        status = self.export_status.pop(0) if len(self.export_status) > 1 else self.export_status[0]
        job = self.exports[-1]
        place = f"{job['OutputConfig']['S3OutputPath']}/{job['ModelCardExportJobName']}"
        return {"Status": status, "FailureReason": "no", "ExportArtifacts": {"S3ExportArtifacts": place}}

    def get_paginator(self, operation: str) -> Pages:
        assert operation == "list_artifacts"

        def listed(SourceUri: str) -> dict[str, Any]:  # noqa: N803
            found = [arn for arn, uri in self.artifacts.items() if uri == SourceUri]
            return {"ArtifactSummaries": [{"ArtifactArn": arn} for arn in found]}

        return Pages(listed)  # type: ignore[arg-type]

    def query_lineage(self, **request: Any) -> dict[str, Any]:
        """One vertex an answer, so that whoever forgets the next page is found out."""
        (start,), place = request["StartArns"], int(request.get("NextToken", "0"))
        found = self.down.get(start, [])
        more = {"NextToken": str(place + 1)} if place + 1 < len(found) else {}
        return {"Vertices": [{"Arn": arn, "Type": "Model"} for arn in found[place : place + 1]], **more}


class Evidenced:
    """`world` with its buckets. `keep` stores the revisions of a manifest, `fill` all that a manifest names."""

    def __init__(self, world: World) -> None:
        self.world, self.s3 = world, world.s3
        self.sagemaker = Sagemaker(world.registry)
        self.moments = iter(range(10_000))
        foundation = world.stacks.stacks[EnvironmentNames("mlops", world.environment).foundation_stack]
        foundation |= {"EvidenceBucket": EVIDENCE, "ArtifactsBucket": ARTIFACTS, "DataBucket": DATA}
        reach = world.clients
        world.clients = lambda service: self.sagemaker if service == "sagemaker" else reach(service)
        for bucket in (EVIDENCE, ARTIFACTS, DATA, ASSETS):
            buckets().create_bucket(bucket, REGION)
            buckets().put_bucket_versioning(bucket, "Enabled")
        world.registry.endpoint = {
            "EndpointStatus": "InService",
            "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{world.names.endpoint}",
            "EndpointConfigName": "config-7",
            "ProductionVariants": [{"VariantName": "champion", "CurrentWeight": 1.0}],
        }

    def keep(self, *revisions: Mapping[str, Any]) -> list[str]:
        return stored(self.s3, *revisions)

    def card(self, version: int, content: Mapping[str, Any], status: str = "Approved") -> None:
        name = self.world.names.card(version)
        self.sagemaker.cards[name] = {
            "ModelCardName": name,
            "ModelCardArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-card/{name}",
            "ModelCardVersion": 3,
            "ModelCardStatus": status,
            "Content": json.dumps(content),
            "CreationTime": datetime(2026, 11, 14, 8, 2, tzinfo=UTC),
            "CreatedBy": {"IamIdentity": {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Keeper/record-keeper"}},
        }

    def fill(self, told: dict[str, Any]) -> dict[str, Any]:
        """Put everything that a manifest names into S3, and note the S3 versions in it."""
        for each in told["data"]["inputs"]:
            for thing in each["objects"]:
                thing["version_id"] = self._put(f"s3://{DATA}/{thing['key']}", b"rows")
        for part in (*told["baselines"].values(), told["bias"], told["explanations"], told["artifact"]):
            part["version_id"] = self._put(part["uri"], b"{}")
        bundle = told["code"]["bundle"]
        bundle["version_id"] = self._put(bundle["uri"], gzip.compress(CODE))
        bundle["sha256"] = hashlib.sha256(CODE).hexdigest()
        return told

    def _put(self, uri: str, body: bytes) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        named_before = buckets().get_object(bucket, key)
        return str((named_before or buckets().put_object(bucket, key, body)).version_id)
