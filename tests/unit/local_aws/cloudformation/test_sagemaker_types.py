"""SageMaker's resource types against a small SageMaker of this file: what they ask of it, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.cloudformation import sagemaker
from local_aws.cloudformation.sagemaker import SageMakerType
from local_aws.core import api, tags
from local_aws.core.api import Context
from local_aws.core.errors import ValidationException
from local_aws.core.store import now

ROLE = "arn:aws:iam::111122223333:role/execution"
TYPES = {resource.kind: resource for resource in sagemaker.TYPES}


class Service:
    """Create, describe, update and delete of every kind; endpoints pass through states that a test sets."""

    def __init__(self, ctx: Context) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.states: list[dict[str, Any]] = []
        self._ctx = ctx

    def operations(self) -> dict[str, api.Operation]:
        found: dict[str, api.Operation] = {}
        for kind in TYPES:
            found |= {
                f"Create{kind}": self._operation("Create", kind),
                f"Update{kind}": self._operation("Update", kind),
                f"Describe{kind}": lambda _ctx, params, kind=kind: self._described(kind, params),
                f"Delete{kind}": lambda _ctx, params, kind=kind: self._deleted(kind, params),
            }
        return found

    def asked(self, verb: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name.startswith(verb)]

    def _operation(self, verb: str, kind: str) -> api.Operation:
        def run(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
            name = params[f"{kind}Name"]
            self.calls.append((f"{verb}{kind}", params))
            # As SageMaker: the ARN holds the name of an endpoint in small letters.
            arn = ctx.arn(f"{kind.lower()}/{name.lower()}")
            if verb == "Create":
                if (kind, name) in self.rows:
                    raise ValidationException(f"Cannot create already existing {kind} {name}")
                tags.set(arn, params.get("Tags"))
            row = {"CreationTime": now(), "EndpointStatus": "InService", "ModelPackageGroupStatus": "Completed"}
            self.rows[kind, name] = {**self.rows.get((kind, name), row), **params, f"{kind}Arn": arn}
            return {f"{kind}Arn": arn}

        return run

    def _described(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        key = (kind, params[f"{kind}Name"])
        if key not in self.rows:
            raise ValidationException(f'Could not find {kind} "{key[1]}".')
        if kind == "Endpoint" and self.states:
            self.rows[key] |= self.states.pop(0)
        return self.rows[key]

    def _deleted(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((f"Delete{kind}", params))
        del self.rows[kind, params[f"{kind}Name"]]
        return {}


@pytest.fixture
def service(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service(ctx)
    for name, operation in service.operations().items():
        monkeypatch.setitem(api.operations, name, operation)
    return service


def name(_limit: int) -> str:
    return "stack-Logical-1A2B"


def endpoint(ctx: Context, **properties: Any) -> tuple[str, dict[str, Any]]:
    return TYPES["Endpoint"].create(ctx, name, {"EndpointConfigName": "first", **properties})


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint", "ModelPackageGroup"])
def test_ref_is_the_arn_and_getatt_has_the_name(ctx: Context, service: Service, kind: str) -> None:
    properties = {
        "Model": {"ExecutionRoleArn": ROLE},
        "EndpointConfig": {"ProductionVariants": [{"VariantName": "champion", "ModelName": "m"}]},
        "Endpoint": {"EndpointConfigName": "first"},
        "ModelPackageGroup": {"ModelPackageGroupName": "loans"},
    }[kind]
    ref, attributes = TYPES[kind].create(ctx, name, properties)
    given = properties.get(f"{kind}Name", "stack-Logical-1A2B")
    assert ref == attributes[f"{kind}Arn"] == ctx.arn(f"{kind.lower()}/{str(given).lower()}")
    assert attributes[f"{kind}Name"] == given


def test_text_in_a_template_reaches_the_operation_in_its_type(ctx: Context, service: Service) -> None:
    variant = {"VariantName": "champion", "ModelName": "m", "InitialInstanceCount": "2"}
    TYPES["EndpointConfig"].create(ctx, name, {"ProductionVariants": [variant]})
    assert service.asked("Create")[0]["ProductionVariants"][0]["InitialInstanceCount"] == 2


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"PipelineDefinitionBody": "{}"}, {"PipelineDefinition": "{}"}),
        (json.dumps({"PipelineDefinitionBody": "{}"}), {"PipelineDefinition": "{}"}),
        (
            {"PipelineDefinitionS3Location": {"Bucket": "assets", "Key": "p.json", "Version": "v1"}},
            {"PipelineDefinitionS3Location": {"Bucket": "assets", "ObjectKey": "p.json", "VersionId": "v1"}},
        ),
    ],
)
def test_a_pipeline_is_defined_by_text_or_by_a_place_in_s3(
    ctx: Context, service: Service, given: Any, sent: dict[str, Any]
) -> None:
    properties = {"PipelineName": "training", "RoleArn": ROLE, "PipelineDefinition": given}
    ref, _ = TYPES["Pipeline"].create(ctx, name, properties)
    assert ref == "training"
    asked = service.asked("CreatePipeline")[0]
    assert asked.items() >= sent.items()
    assert asked["ClientRequestToken"]


def test_a_pipeline_without_a_definition_says_what_to_give(ctx: Context, service: Service) -> None:
    with pytest.raises(ValueError, match="give PipelineDefinitionBody or PipelineDefinitionS3Location"):
        TYPES["Pipeline"].create(ctx, name, {"PipelineName": "p", "RoleArn": ROLE, "PipelineDefinition": {}})


def test_a_pipeline_is_updated_in_place_and_its_tags_by_their_own_operations(ctx: Context, service: Service) -> None:
    old = {
        "PipelineName": "training",
        "RoleArn": ROLE,
        "PipelineDefinition": {"PipelineDefinitionBody": "{}"},
        "Tags": [{"Key": "old", "Value": "1"}],
    }
    ref, attributes = TYPES["Pipeline"].create(ctx, name, old)
    retagged = {**old, "Tags": [{"Key": "new", "Value": "2"}]}
    TYPES["Pipeline"].update(ctx, ref, old, retagged)
    assert service.asked("Update") == []
    assert tags.get(attributes["PipelineArn"]) == [{"Key": "new", "Value": "2"}]
    changed = {**retagged, "PipelineDefinition": {"PipelineDefinitionBody": '{"Steps": []}'}}
    TYPES["Pipeline"].update(ctx, ref, retagged, changed)
    (asked,) = service.asked("Update")
    assert asked == {"PipelineName": "training", "RoleArn": ROLE, "PipelineDefinition": '{"Steps": []}'}


def test_creating_an_endpoint_waits_until_it_is_in_service(ctx: Context, service: Service) -> None:
    service.states = [{"EndpointStatus": "Creating"}] * 3 + [{"EndpointStatus": "InService"}]
    endpoint(ctx, RetainAllVariantProperties=True)
    assert service.states == []
    assert "RetainAllVariantProperties" not in service.asked("CreateEndpoint")[0]


def test_an_endpoint_that_fails_fails_its_stack_with_its_reason_and_is_removed(ctx: Context, service: Service) -> None:
    service.states = [{"EndpointStatus": "Creating"}, {"EndpointStatus": "Failed", "FailureReason": "no /ping"}]
    with pytest.raises(ValueError, match="no /ping"):
        endpoint(ctx)
    assert service.rows == {}


def test_an_update_waits_for_the_new_configuration(ctx: Context, service: Service) -> None:
    ref, _ = endpoint(ctx)
    # The first look is before UpdateEndpoint: another change may still be on its way.
    service.states = [{}, {"EndpointStatus": "Updating"}, {"EndpointStatus": "InService"}]
    new = {"EndpointConfigName": "second", "RetainAllVariantProperties": "true"}
    assert TYPES["Endpoint"].update(ctx, ref, {"EndpointConfigName": "first"}, new)[0] == ref
    (asked,) = service.asked("UpdateEndpoint")
    assert asked["EndpointConfigName"] == "second"
    assert asked["RetainAllVariantProperties"] is True


def test_an_update_that_sagemaker_rolled_back_fails_the_stack(ctx: Context, service: Service) -> None:
    ref, _ = endpoint(ctx)
    service.states = [
        {},
        {"EndpointStatus": "Updating"},
        {"EndpointStatus": "RollingBack"},
        {"EndpointStatus": "InService", "EndpointConfigName": "first", "FailureReason": "alarm errors."},
    ]
    with pytest.raises(ValueError, match=r"to second failed: alarm errors; it was rolled back to first"):
        TYPES["Endpoint"].update(ctx, ref, {"EndpointConfigName": "first"}, {"EndpointConfigName": "second"})


def test_an_update_whose_rollback_failed_says_so(ctx: Context, service: Service) -> None:
    ref, _ = endpoint(ctx)
    service.states = [{}, {"EndpointStatus": "UpdateRollbackFailed", "FailureReason": "no capacity"}]
    with pytest.raises(ValueError, match=r"to second failed: no capacity$"):
        TYPES["Endpoint"].update(ctx, ref, {"EndpointConfigName": "first"}, {"EndpointConfigName": "second"})


def test_an_endpoint_with_capitals_is_found_by_its_arn_in_small_letters(ctx: Context, service: Service) -> None:
    ref, attributes = endpoint(ctx, EndpointName="Loans")
    assert ref.endswith("/loans")
    assert attributes["EndpointName"] == "Loans"
    TYPES["Endpoint"].delete(ctx, ref, {})
    assert service.asked("DeleteEndpoint") == [{"EndpointName": "Loans"}]


@pytest.mark.parametrize("resource", sagemaker.TYPES, ids=lambda resource: str(resource.kind))
def test_deleting_what_is_gone_is_no_error(ctx: Context, service: Service, resource: SageMakerType) -> None:
    resource.delete(ctx, "gone", {})
    assert service.asked("Delete") == []


def test_the_policy_of_a_group_is_set_by_its_own_operation(
    ctx: Context, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies: list[Any] = []
    put, delete = "PutModelPackageGroupPolicy", "DeleteModelPackageGroupPolicy"
    monkeypatch.setitem(api.operations, put, lambda _ctx, params: policies.append(params["ResourcePolicy"]) or {})
    monkeypatch.setitem(api.operations, delete, lambda _ctx, _params: policies.append(None) or {})
    group = TYPES["ModelPackageGroup"]
    plain = {"ModelPackageGroupName": "loans"}
    guarded = {**plain, "ModelPackageGroupPolicy": {"Version": "2012-10-17"}}
    ref, _ = group.create(ctx, name, guarded)
    group.update(ctx, ref, guarded, plain)
    assert policies == ['{"Version": "2012-10-17"}', None]


@pytest.mark.parametrize("resource", sagemaker.TYPES, ids=lambda resource: str(resource.kind))
def test_a_new_name_replaces_a_resource_and_tags_do_not(resource: SageMakerType) -> None:
    assert resource.name in resource.create_only
    assert "Tags" not in resource.create_only
