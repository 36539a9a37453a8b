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
from local_aws.core.api import Context, ValidationException, operation
from local_aws.core.listing import page
from local_aws.sagemaker import registry

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
    role = params.get("ExecutionRoleArn")
    resolved = [part for given in several or [primary] for part in _resolve(ctx, given, role)]
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


def _resolve(ctx: Context, given: Record, role: str | None) -> list[Record]:
    """The containers to run for one container definition, each with the role that it runs as, if the model has one."""
    if given.get("Mode") == "MultiModel":
        raise ValidationException("Container Mode MultiModel is not emulated locally; use SingleModel.")
    package = given.get("ModelPackageName")
    if bool(package) == bool(given.get("Image")):
        raise ValidationException(
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
        )
    containers = _package_containers(ctx, package, given.get("InferenceSpecificationName")) if package else [given]
    for container in containers:
        _check_model_data(ctx, container, role)
    environment, of_role = given.get("Environment", {}), {"RoleArn": role} if role else {}
    return [{**part, **of_role, "Environment": {**part.get("Environment", {}), **environment}} for part in containers]


def _package_containers(ctx: Context, name: str, specification: str | None) -> list[Record]:
    """The containers of a model package; a versioned one must be approved to be deployed (CreateModelPackage,
    ModelApprovalStatus: "must be set to Approved to deploy the model"). One of another account is taken if the
    policy of its group allows CreateModel (developer guide, model-registry-deploy-xaccount)."""
    _, package = registry.shared(ctx, name, "CreateModel")
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


def _check_model_data(ctx: Context, container: Record, role: str | None) -> None:
    url = container.get("ModelDataUrl")
    if not url or not url.startswith("s3://"):
        return
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        # Nothing of it is read, but unlike HeadObject it needs the object's key as well.
        clients.client("s3", ctx, role).get_object(Bucket=bucket, Key=key)["Body"].close()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise ValidationException(f"Could not find model data at {url}.") from error
        raise ValidationException(
            f"Could not access model data at {url}. Please ensure that the role exists and that it has "
            f'"s3:GetObject" permissions and that the object is located in {ctx.region}.'
        ) from error
