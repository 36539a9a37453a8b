"""Models: CreateModel, DescribeModel, ListModels, DeleteModel.

A model keeps, beside what was asked for, its containers in `ResolvedContainers`: a model package replaced by
the containers of its inference specification. An endpoint is made from these. Source: API reference,
CreateModel and ContainerDefinition; texts of errors as AWS answers them where they are known.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core import store, tags
from local_aws.core.api import Context, ValidationException, call, operation
from local_aws.core.listing import page

Record = dict[str, Any]
models = store.table("models")


def arn(ctx: Context, name: str) -> str:
    """SageMaker writes names in lower case in ARNs."""
    return ctx.arn(f"model/{name.lower()}")


def key(ctx: Context, name: str) -> store.Key:
    """Names that differ in case only are one name, as their ARN is one."""
    return ctx.account, ctx.region, name.lower()


def find(ctx: Context, name: str) -> Record:
    """The model's record.

    Errors: ValidationException when there is none."""
    record = models.get(key(ctx, name))
    if record is None:
        raise ValidationException(f'Could not find model "{arn(ctx, name)}".')
    return record


@operation("CreateModel")
def create_model(ctx: Context, params: Record) -> Record:
    name = params["ModelName"]
    primary, several = params.get("PrimaryContainer"), params.get("Containers")
    if bool(primary) == bool(several):
        raise ValidationException("A model needs either PrimaryContainer or Containers, and not both.")
    if params.get("InferenceExecutionConfig", {}).get("Mode") == "Direct":
        raise ValidationException("InferenceExecutionConfig Mode Direct is not emulated locally; use Serial.")
    resolved = [part for given in several or [primary] for part in _resolve(ctx, given)]
    with store.lock:
        if key(ctx, name) in models:
            raise ValidationException(f'Cannot create already existing model "{arn(ctx, name)}".')
        kept = {member: value for member, value in params.items() if member != "Tags"}
        models[key(ctx, name)] = {
            **kept,
            "ModelArn": arn(ctx, name),
            "CreationTime": store.now(),
            "EnableNetworkIsolation": params.get("EnableNetworkIsolation", False),
            "ResolvedContainers": resolved,
        }
        tags.set(arn(ctx, name), params.get("Tags", []))
    return {"ModelArn": arn(ctx, name)}


@operation("DescribeModel")
def describe_model(ctx: Context, params: Record) -> Record:
    return find(ctx, params["ModelName"])


@operation("ListModels")
def list_models(ctx: Context, params: Record) -> Record:
    return page(
        models.rows(ctx.account, ctx.region),
        params,
        key="Models",
        sort={"Name": lambda m: m["ModelName"], "CreationTime": lambda m: m["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
    )


@operation("DeleteModel")
def delete_model(ctx: Context, params: Record) -> Record:
    record = find(ctx, params["ModelName"])
    del models[key(ctx, params["ModelName"])]
    tags.remove(record["ModelArn"])
    return {}


def _resolve(ctx: Context, given: Record) -> list[Record]:
    """The containers to run for one container definition."""
    if given.get("Mode") == "MultiModel":
        raise ValidationException("Container Mode MultiModel is not emulated locally; use SingleModel.")
    package = given.get("ModelPackageName")
    if bool(package) == bool(given.get("Image")):
        raise ValidationException(
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
        )
    containers = _package_containers(ctx, package, given.get("InferenceSpecificationName")) if package else [given]
    for container in containers:
        _check_model_data(ctx, container)
    environment = given.get("Environment", {})
    return [{**part, "Environment": {**part.get("Environment", {}), **environment}} for part in containers]


def _package_containers(ctx: Context, name: str, specification: str | None) -> list[Record]:
    """The containers of a model package; a versioned one must be approved to be deployed (CreateModelPackage,
    ModelApprovalStatus: "must be set to Approved to deploy the model")."""
    package = call(ctx, "DescribeModelPackage", {"ModelPackageName": name})
    for member, wanted in (("ModelPackageStatus", "Completed"), ("ModelApprovalStatus", "Approved")):
        value = package.get(member, wanted)
        if value != wanted:
            raise ValidationException(
                f'Model package "{package["ModelPackageArn"]}" cannot be deployed: '
                f"its {member} is {value} and must be {wanted}."
            )
    found = package.get("InferenceSpecification")
    if specification:
        others = package.get("AdditionalInferenceSpecifications", [])
        found = next((other for other in others if other["Name"] == specification), None)
    if not found:
        wanted = specification or "InferenceSpecification"
        raise ValidationException(f'Model package "{package["ModelPackageArn"]}" has no {wanted}.')
    return list(found["Containers"])


def _check_model_data(ctx: Context, container: Record) -> None:
    url = container.get("ModelDataUrl")
    if not url or not url.startswith("s3://"):
        return
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        clients.client("s3", ctx).head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise ValidationException(f"Could not find model data at {url}.") from error
