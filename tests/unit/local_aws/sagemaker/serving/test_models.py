"""Models and endpoint configurations: what is kept and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.core.api import Context, ValidationException, call
from local_aws.sagemaker import models, registry

from .conftest import FakeAws, variant

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/xgboost:3.0-5"
PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/3"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> dict[str, Any]:
    """The model package that the registry finds; a test may change it."""
    described: dict[str, Any] = {
        "ModelPackageArn": PACKAGE,
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "Approved",
        "ModelPackageGroupName": "loans",
        "InferenceSpecification": {
            "Containers": [
                {"Image": IMAGE, "ModelDataUrl": "s3://models/m.tar.gz", "Environment": {"A": "1", "B": "1"}}
            ]
        },
    }
    aws.s3.objects["models", "m.tar.gz"] = b""
    monkeypatch.setattr(registry, "shared", lambda ctx, _name, action: {"CreateModel": (ctx, described)}[action])
    return described


def create(ctx: Context, **container: Any) -> str:
    return call(ctx, "CreateModel", {"ModelName": "Loans", "PrimaryContainer": container})["ModelArn"]


def test_a_package_gives_its_containers_with_the_environment_added(ctx: Context, package: dict[str, Any]) -> None:
    assert create(ctx, ModelPackageName=PACKAGE, Environment={"B": "2", "C": "3"}) == (
        "arn:aws:sagemaker:eu-west-1:111122223333:model/loans"
    )
    (container,) = models.find(ctx, "Loans")["ResolvedContainers"]
    assert container["Image"] == IMAGE
    assert container["Environment"] == {"A": "1", "B": "2", "C": "3"}
    described = call(ctx, "DescribeModel", {"ModelName": "Loans"})
    assert described["PrimaryContainer"]["ModelPackageName"] == PACKAGE
    assert described["EnableNetworkIsolation"] is False


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_only_an_approved_package_can_be_deployed(ctx: Context, package: dict[str, Any], status: str) -> None:
    package["ModelApprovalStatus"] = status
    with pytest.raises(ValidationException, match=f"ModelApprovalStatus is {status} and must be Approved"):
        create(ctx, ModelPackageName=PACKAGE)


def test_an_unversioned_package_needs_no_approval(ctx: Context, package: dict[str, Any]) -> None:
    del package["ModelApprovalStatus"]
    assert create(ctx, ModelPackageName="loans")


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"Image": IMAGE, "ModelPackageName": PACKAGE}, "Specify one of either Image and Model Data URL or"),
        ({"Environment": {}}, "Specify one of either Image and Model Data URL or ModelPackageName"),
        ({"Image": IMAGE, "Mode": "MultiModel"}, "MultiModel is not emulated"),
        ({"Image": IMAGE, "ModelDataUrl": "s3://models/none.tar.gz"}, "Could not find model data at s3://models/"),
        ({"ModelPackageName": PACKAGE, "InferenceSpecificationName": "other"}, "has no other"),
    ],
)
def test_a_wrong_container_is_refused(
    ctx: Context, package: dict[str, Any], container: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationException, match=reason):
        create(ctx, **container)


@pytest.mark.parametrize("given", [{}, {"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]}])
def test_a_model_has_one_primary_container_or_several(ctx: Context, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationException, match="either PrimaryContainer or Containers"):
        call(ctx, "CreateModel", {"ModelName": "loans", **given})


def test_names_are_taken_once_and_free_again_after_deletion(ctx: Context, aws: FakeAws) -> None:
    arn = create(ctx, Image=IMAGE)
    with pytest.raises(
        ValidationException, match=f'^ValidationException: Cannot create already existing model "{arn}".$'
    ):
        create(ctx, Image=IMAGE)
    call(ctx, "DeleteModel", {"ModelName": "Loans"})
    with pytest.raises(ValidationException, match=f'Could not find model "{arn}"'):
        call(ctx, "DescribeModel", {"ModelName": "Loans"})
    create(ctx, Image=IMAGE)


def test_models_are_listed_newest_first(ctx: Context, make_model: Callable[..., None]) -> None:
    for name in ("a", "b", "c"):
        make_model(name)
    first = call(ctx, "ListModels", {"MaxResults": 2})
    assert [model["ModelName"] for model in first["Models"]] == ["c", "b"]
    rest = call(ctx, "ListModels", {"MaxResults": 2, "NextToken": first["NextToken"]})
    assert [model["ModelName"] for model in rest["Models"]] == ["a"]
    named = call(ctx, "ListModels", {"SortBy": "Name", "SortOrder": "Ascending"})
    assert [model["ModelName"] for model in named["Models"]] == ["a", "b", "c"]


SERVERLESS = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}


@pytest.mark.parametrize(
    ("variants", "more", "reason"),
    [
        ([variant("none")], {}, 'Could not find model "arn:aws:sagemaker:eu-west-1:111122223333:model/none"'),
        ([variant("m"), variant("m")], {}, "Variant names must be unique: champion is given 2 times"),
        ([SERVERLESS], {}, "ServerlessConfig is not emulated locally"),
        ([{"VariantName": "v", "ModelName": "m"}], {}, "InstanceType is required"),
        (
            [variant("m"), variant("m", "challenger")],
            {"ShadowProductionVariants": [variant("m", "shadow")]},
            "exactly one production variant and one shadow variant; it has 2 and 1",
        ),
        (
            [variant("m")],
            {"ShadowProductionVariants": [variant("m", "champion")]},
            "Variant names must be unique",
        ),
        (
            [variant("m")],
            {
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "https://b/x",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "https://b/x must start with s3://",
        ),
        (
            [variant("m")],
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b"}}},
            "AsyncInferenceConfig is not emulated",
        ),
    ],
)
def test_a_wrong_endpoint_configuration_is_refused(
    make_model: Callable[..., None],
    make_config: Callable[..., None],
    variants: list[dict[str, Any]],
    more: dict[str, Any],
    reason: str,
) -> None:
    make_model("m")
    with pytest.raises(ValidationException, match=reason):
        make_config("c", *variants, **more)


def test_an_endpoint_configuration_is_described_as_given(
    ctx: Context, make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    make_model("m")
    given = variant("m")
    del given["InitialVariantWeight"]
    make_config("Config", given)
    described = call(ctx, "DescribeEndpointConfig", {"EndpointConfigName": "Config"})
    assert described["ProductionVariants"] == [{**given, "InitialVariantWeight": 1.0}]
    assert described["EndpointConfigArn"] == "arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/config"
    with pytest.raises(ValidationException, match="Cannot create already existing endpoint configuration"):
        make_config("Config", given)
    call(ctx, "DeleteEndpointConfig", {"EndpointConfigName": "Config"})
    with pytest.raises(ValidationException, match="Could not find endpoint configuration"):
        call(ctx, "DescribeEndpointConfig", {"EndpointConfigName": "Config"})
