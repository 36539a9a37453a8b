# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""The model registry, and the buckets with the models and their archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.lambdas.release_controller.names import GROUP, arn, number, refused


@dataclass
class Registry:
    packages: dict[int, str] = field(default_factory=dict)
    metadata: dict[int, dict[str, str]] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    objects: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 3

    def put(self, version: int, approval: str, updated: list[str]) -> None:
        self.packages[version] = approval
        self.objects[f"artifacts/models/{version}/model.tar.gz"] = f"weights {version}"
        self._event(version, updated)

    def edit(self, version: int, **metadata: str) -> None:
        self.metadata.setdefault(version, {}).update(metadata)
        self._event(version, ["CustomerMetadataProperties"])

    def list_model_packages(
        self,
        ModelPackageGroupName: str,
        SortBy: str = "CreationTime",
        SortOrder: str = "Ascending",
        MaxResults: int = 10,
        NextToken: str = "0",
    ) -> dict[str, Any]:
        assert ModelPackageGroupName == GROUP and SortBy == "CreationTime"
        start, versions = int(NextToken), sorted(self.packages, reverse=SortOrder == "Descending")
        stop = start + min(MaxResults, self.page_size)
        summaries = [
            {
                "ModelPackageGroupName": GROUP,
                "ModelPackageVersion": version,
                "ModelPackageArn": arn(version),
                "ModelPackageStatus": "InProgress" if version in self.unfinished else "Completed",
                "ModelApprovalStatus": self.packages[version],
            }
            for version in versions[start:stop]
        ]
        more = {"NextToken": str(stop)} if stop < len(versions) else {}
        return {"ModelPackageSummaryList": summaries, **more}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        version = self._known(ModelPackageName, "DescribeModelPackage")
        container = {"Image": "image", "ModelDataUrl": f"s3://artifacts/models/{version}/model.tar.gz"}
        return {
            "ModelPackageArn": ModelPackageName,
            "ModelPackageVersion": version,
            "InferenceSpecification": {"Containers": [container]},
            "CustomerMetadataProperties": self.metadata.get(version, {}),
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    def delete_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        del self.packages[self._known(ModelPackageName, "DeleteModelPackage")]
        return {}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if f"{Bucket}/{Key}" not in self.objects:
            raise refused("404", "Not Found", "HeadObject")
        return {"ContentLength": 7}

    def copy_object(self, Bucket: str, Key: str, CopySource: str) -> dict[str, Any]:
        self.objects[f"{Bucket}/{Key}"] = self.objects[CopySource]
        return {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        self.objects[f"{Bucket}/{Key}"] = Body
        return {}

    def _known(self, package: str, operation: str) -> int:
        version = number(package)
        if version not in self.packages:
            raise refused("ValidationException", f"ModelPackage {package} does not exist.", operation)
        return version

    def _event(self, version: int, updated: list[str]) -> None:
        detail: dict[str, Any] = {
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn(version),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": self.packages[version],
        }
        if updated:
            detail["UpdatedModelPackageFields"] = updated
        kind = "SageMaker Model Package State Change"
        self.events.append({"source": "aws.sagemaker", "detail-type": kind, "detail": detail})
