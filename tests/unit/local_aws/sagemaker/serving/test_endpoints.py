"""Endpoints with real serving processes: creation, invocation, updates, rollback, scaling, restart."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.autoscaling import targets
from local_aws.core.api import (
    APPLICATION_AUTOSCALING,
    AwsError,
    Context,
    RuntimeRequest,
    RuntimeResponse,
    ValidationException,
    call,
)
from local_aws.sagemaker import capture, container, deployment, metrics, serving
from local_aws.sagemaker.endpoint_state import endpoints, find
from local_aws.sagemaker.invoke import MAX_BODY, invoke_endpoint

from .conftest import BROKEN, ECHO, FAILING, FakeAws, settled, variant

pytestmark = pytest.mark.usefixtures("serving")

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/loans"
ALL_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
PING = (
    "The primary container for production variant champion did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


def canary(percent: int = 50, wait: int = 1, termination: int = 0, *alarms: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
                "WaitIntervalInSeconds": wait,
            },
            "TerminationWaitInSeconds": termination,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


@pytest.fixture
def create(ctx: Context, make_model: Callable[..., None], make_config: Callable[..., None]) -> Callable[..., Any]:
    """An endpoint `loans` in service, one variant for each model, of equal weight."""

    def run(*models: str, code: str = ECHO, config: str = "one", **more: Any) -> dict[str, Any]:
        for name in models:
            make_model(name, code)
        names = ["champion", "challenger"]
        make_config(config, *(variant(m, n) for m, n in zip(models, names, strict=False)), **more)
        call(ctx, "CreateEndpoint", {"EndpointName": "loans", "EndpointConfigName": config})
        return settled(ctx)

    return run


def update(ctx: Context, config: str, wait: bool = True, **more: Any) -> dict[str, Any]:
    call(ctx, "UpdateEndpoint", {"EndpointName": "loans", "EndpointConfigName": config, **more})
    return settled(ctx) if wait else call(ctx, "DescribeEndpoint", {"EndpointName": "loans"})


def send(ctx: Context, body: Any = "hello", **headers: str) -> RuntimeResponse:
    given = {"content-type": "application/json", **headers}
    return invoke_endpoint(ctx, RuntimeRequest("loans", json.dumps(body).encode(), given))


def model_of(response: RuntimeResponse) -> str:
    assert response.status == 200, response.body
    return str(json.loads(response.body)[0])


def shape(value: Any) -> Any:
    """Keys and kinds; a whole number is as good as another."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def test_a_created_endpoint_serves_its_model(ctx: Context, create: Callable[..., Any]) -> None:
    described = create("first")
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointArn"] == ARN
    assert described["EndpointConfigName"] == "one"
    (summary,) = described["ProductionVariants"]
    assert summary["CurrentInstanceCount"] == summary["DesiredInstanceCount"] == 1
    assert summary["CurrentWeight"] == summary["DesiredWeight"] == 1.0
    assert not {"PendingDeploymentSummary", "FailureReason"} & set(described)
    response = send(ctx)
    assert json.loads(response.body) == ["first", "hello"]
    assert response.headers == {
        "Content-Type": "application/json",
        "x-Amzn-Invoked-Production-Variant": "champion",
    }


def test_what_is_under_way_shows_as_pending(
    ctx: Context, make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    make_model("m", "import time\ntime.sleep(0.3)\n" + ECHO)
    make_config("one", variant("m", count=3))
    call(ctx, "CreateEndpoint", {"EndpointName": "loans", "EndpointConfigName": "one"})
    described = call(ctx, "DescribeEndpoint", {"EndpointName": "loans"})
    assert described["EndpointStatus"] == "Creating"
    pending = described["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "one"
    (summary,) = pending["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["DesiredInstanceCount"]) == (0, 3)
    assert summary["VariantStatus"][0]["Status"] == "Creating"
    for operation in ("UpdateEndpoint", "DeleteEndpoint"):
        params = {"EndpointName": "loans"}
        if operation == "UpdateEndpoint":
            params["EndpointConfigName"] = "one"
        with pytest.raises(ValidationException, match=f'Cannot update in-progress endpoint "{ARN}"'):
            call(ctx, operation, params)
    with pytest.raises(AwsError, match="Endpoint loans of account 111122223333 not found"):
        send(ctx)
    (summary,) = settled(ctx)["ProductionVariants"]
    # one process, but the count is what was asked for
    assert summary["CurrentInstanceCount"] == 3


def test_a_model_that_does_not_load_fails_the_endpoint(ctx: Context, create: Callable[..., Any], aws: FakeAws) -> None:
    described = create("m", code=BROKEN)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"] == PING
    with pytest.raises(ValidationException, match="can only be deleted"):
        update(ctx, "one")
    streams = {stream for stream, line in aws.logs.lines if "no such model" in line}
    assert {stream.rpartition("/")[0] for stream in streams} == {"/aws/sagemaker/Endpoints/loans:champion"}
    call(ctx, "DeleteEndpoint", {"EndpointName": "loans"})


def test_missing_model_data_fails_the_endpoint(
    ctx: Context, aws: FakeAws, make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    make_model("m")
    make_config("one", variant("m"))
    aws.s3.objects.clear()
    call(ctx, "CreateEndpoint", {"EndpointName": "loans", "EndpointConfigName": "one"})
    described = settled(ctx)
    assert described["EndpointStatus"] == "Failed"
    assert (
        'Failed to download model data for container "primary" from URL: "s3://models/m.tar.gz"'
        in (described["FailureReason"])
    )


def test_names_and_configurations_are_checked(ctx: Context, create: Callable[..., Any]) -> None:
    create("m")
    with pytest.raises(ValidationException, match=f'Cannot create already existing endpoint "{ARN}"'):
        call(ctx, "CreateEndpoint", {"EndpointName": "Loans", "EndpointConfigName": "one"})
    with pytest.raises(ValidationException, match=r'Could not find endpoint configuration ".*/none".'):
        update(ctx, "none")
    # the name is matched without case, except by InvokeEndpoint
    assert call(ctx, "DescribeEndpoint", {"EndpointName": "LOANS"})["EndpointName"] == "loans"
    with pytest.raises(AwsError, match="Endpoint LOANS of account 111122223333 not found"):
        invoke_endpoint(ctx, RuntimeRequest("LOANS", b"1", {}))
    with pytest.raises(ValidationException, match=r'Could not find endpoint ".*endpoint/none".'):
        call(ctx, "DescribeEndpoint", {"EndpointName": "none"})


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [("bad", 400, "instances[0].GrAppv: 'abc' is not a number\n"), ({"a": [1]}, 200, "")],
)
def test_a_model_error_carries_the_models_own_status_and_message(
    ctx: Context, create: Callable[..., Any], body: Any, status: int, message: str
) -> None:
    create("m")
    response = send(ctx, body)
    if status == 200:
        assert response.status == 200
        return
    assert response.status == 424
    assert response.headers["x-amzn-ErrorType"] == "ModelError"
    error = json.loads(response.body)
    assert error["OriginalStatusCode"] == status
    assert error["OriginalMessage"].startswith(message)
    assert error["LogStreamArn"] == ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/sagemaker/Endpoints/loans")
    assert error["Message"].startswith(f'Received client error (400) from primary with message "{message}')
    assert error["Message"].endswith(
        "#logEventViewer:group=/aws/sagemaker/Endpoints/loans in account 111122223333 for more information."
    )


def test_a_server_error_is_called_so(ctx: Context, create: Callable[..., Any]) -> None:
    create("m", code=FAILING)
    error = json.loads(send(ctx).body)
    assert error["OriginalStatusCode"] == 500
    assert error["Message"].startswith('Received server error (500) from primary with message "it does not work')


def test_a_model_that_takes_too_long_gives_status_0(
    ctx: Context, create: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MODEL_SECONDS", 0.2)
    create("m", code="import time\n" + ECHO.replace("return [model, data]", "time.sleep(1)"))
    error = json.loads(send(ctx).body)
    assert error["OriginalStatusCode"] == 0
    assert "Your invocation timed out while waiting for a response from container primary" in error["Message"]


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        ("x" * MAX_BODY, {}, "Member must have length less than or equal to 6291456"),
        ("x", {"x-amzn-sagemaker-target-model": "m"}, "TargetModel needs a multi-model endpoint"),
        ("x", {"x-amzn-sagemaker-target-variant": "none"}, "Variant none was not found"),
    ],
)
def test_a_request_that_no_model_can_answer_is_a_validation_error(
    ctx: Context, create: Callable[..., Any], body: str, headers: dict[str, str], reason: str
) -> None:
    create("m")
    with pytest.raises(AwsError, match=reason) as error:
        send(ctx, body, **headers)
    assert error.value.code == "ValidationError"


def test_headers_reach_the_model_and_come_back(ctx: Context, create: Callable[..., Any]) -> None:
    code = """
def model_fn(d): return None
def transform_fn(model, data, content_type, accept, context):
    name = "X-Amzn-SageMaker-Custom-Attributes"
    context.set_response_header(0, name, "seen " + context.get_request_header(0, name))
    return f"{content_type} {accept}", "text/plain"
"""
    create("m", code=code)
    response = send(ctx, **{"x-amzn-sagemaker-custom-attributes": "trace-1", "accept": "text/csv"})
    assert response.body == b"application/json text/csv"
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["X-Amzn-SageMaker-Custom-Attributes"] == "seen trace-1"


def test_a_system_without_namespaces_serves_too(
    ctx: Context, create: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "namespaces_work", lambda: False)
    create("first")
    assert model_of(send(ctx)) == "first"


def test_a_model_that_loads_too_slowly_fails_the_endpoint(
    ctx: Context, create: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "START_SECONDS", 0.3)
    started = time.monotonic()
    described = create("m", code="import time\ntime.sleep(60)\n" + ECHO)
    assert (described["EndpointStatus"], described["FailureReason"]) == ("Failed", PING)
    assert time.monotonic() - started < 5


def test_a_dead_process_is_started_again_once(ctx: Context, create: Callable[..., Any]) -> None:
    create("m")

    def wait_for(status: int) -> None:
        end = time.monotonic() + 5
        while send(ctx).status != status:
            assert time.monotonic() < end
            time.sleep(0.02)

    assert json.loads(send(ctx, "die").body)["OriginalStatusCode"] == 500
    wait_for(200)
    assert send(ctx, "die").status == 424
    time.sleep(0.3)
    error = json.loads(send(ctx).body)
    assert (error["OriginalStatusCode"], error["OriginalMessage"]) == (500, "primary: there is no serving process")


def test_containers_in_a_row_pass_the_answer_on(
    ctx: Context, make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    for name in ("a", "b"):
        make_model(name)
    described = [call(ctx, "DescribeModel", {"ModelName": n})["PrimaryContainer"] for n in ("a", "b")]
    call(ctx, "CreateModel", {"ModelName": "both", "Containers": described})
    make_config("one", variant("both"))
    call(ctx, "CreateEndpoint", {"EndpointName": "loans", "EndpointConfigName": "one"})
    settled(ctx)
    assert json.loads(send(ctx, "x").body) == ["b", ["a", "x"]]


def test_an_update_moves_all_requests_without_losing_one(
    ctx: Context, create: Callable[..., Any], make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    create("first")
    make_model("second", "import time\n" + ECHO.replace("return [model", "time.sleep(0.002)\n    return [model"))
    make_config("two", variant("second"))
    answers: list[str] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def drive() -> None:
        while not stop.is_set():
            try:
                answers.append(model_of(send(ctx)))
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for thread in threads:
        thread.start()
    described = update(ctx, "two", DeploymentConfig=canary(30, 1))
    updated = len(answers)
    deadline = time.monotonic() + 10
    while len(answers) < updated + len(threads) + 20 and time.monotonic() < deadline:
        time.sleep(0.01)  # those that were under way, and twenty that were sent after the update
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert described["EndpointConfigName"] == "two"
    assert described["LastDeploymentConfig"] == canary(30, 1)
    assert "PendingDeploymentSummary" not in described
    assert Counter(answers).keys() == {"first", "second"}
    assert set(answers[-20:]) == {"second"}


def test_an_alarm_in_baking_brings_the_old_fleet_back(
    ctx: Context,
    create: Callable[..., Any],
    aws: FakeAws,
    make_config: Callable[..., None],
    make_model: Callable[..., None],
) -> None:
    create("first")
    make_model("second", FAILING)
    make_config("two", variant("second"))
    aws.cloudwatch.alarms["errors"] = "OK"
    update(ctx, "two", wait=False, DeploymentConfig=canary(50, 30, 0, "errors"))
    while send(ctx).status == 200:
        time.sleep(0.01)
    aws.cloudwatch.alarms["errors"] = "ALARM"
    described = settled(ctx)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "one"
    assert described["FailureReason"] == "The deployment was rolled back: alarm(s) errors went into ALARM."
    assert "PendingDeploymentSummary" not in described
    assert {model_of(send(ctx)) for _ in range(20)} == {"first"}


@pytest.mark.parametrize(("state", "reason"), [("ALARM", "errors went into ALARM"), (None, "errors do not exist")])
def test_no_traffic_moves_under_an_alarm_that_cannot_guard_it(
    ctx: Context,
    create: Callable[..., Any],
    aws: FakeAws,
    make_config: Callable[..., None],
    state: str | None,
    reason: str,
) -> None:
    create("first")
    make_config("two", variant("first"))
    if state:
        aws.cloudwatch.alarms["errors"] = state
    described = update(ctx, "two", DeploymentConfig=canary(50, 30, 0, "errors"))
    assert (described["EndpointConfigName"], reason in described["FailureReason"]) == ("one", True)


def test_alarms_that_cannot_be_read_guard_nothing(
    ctx: Context,
    create: Callable[..., Any],
    aws: FakeAws,
    make_config: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAlarms")

    monkeypatch.setattr(aws.cloudwatch, "describe_alarms", denied)
    create("first")
    make_config("two", variant("first"))
    described = update(ctx, "two", DeploymentConfig=canary(50, 30, 0, "errors"))
    assert described["EndpointConfigName"] == "one"
    assert "alarms could not be read: An error occurred (AccessDenied)" in described["FailureReason"]


def test_a_new_fleet_that_does_not_come_up_leaves_the_old_one(
    ctx: Context, create: Callable[..., Any], make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    create("first")
    make_model("second", BROKEN)
    make_config("two", variant("second"))
    described = update(ctx, "two")
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "one"
    assert described["FailureReason"] == PING
    assert model_of(send(ctx)) == "first"
    make_config("three", variant("first"))
    assert "FailureReason" not in update(ctx, "three")


def test_a_rolled_back_deployment_configuration_can_be_used_again(
    ctx: Context, create: Callable[..., Any], aws: FakeAws, make_config: Callable[..., None]
) -> None:
    create("first")
    make_config("two", variant("first"))
    config = canary(50, 0, 0, "errors")
    assert update(ctx, "two", DeploymentConfig=config)["EndpointConfigName"] == "one"
    aws.cloudwatch.alarms["errors"] = "OK"
    described = update(ctx, "two", RetainDeploymentConfig=True)
    assert (described["EndpointConfigName"], described["LastDeploymentConfig"]) == ("two", config)
    assert "LastDeploymentConfig" not in update(ctx, "one")


def test_a_changed_set_of_variants_comes_all_at_once_without_baking(
    ctx: Context, create: Callable[..., Any], make_config: Callable[..., None], emitted: list[dict[str, Any]]
) -> None:
    """Developer guide, deployment-guardrails-exclusions: other policies need the same variants before and after."""
    create("first")
    make_config("two", variant("first"), variant("first", "challenger", weight=0.0))
    make_config("three", variant("first"), ShadowProductionVariants=[variant("first", "shadow")])
    for config in ("two", "three", "one"):
        described = update(ctx, config, DeploymentConfig=canary(50, 3600, 3600))
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", config)
        assert described["LastDeploymentConfig"] == canary(50, 3600, 3600)
    told = [e["detail"] for e in emitted if e["detail-type"] == "SageMaker Endpoint Deployment State Change"]
    pending = [v for detail in told for v in detail["PendingDeploymentSummary"]["ProductionVariants"]]
    assert {v["VariantStatus"][0]["Status"] for v in pending} == {"Creating", "ActivatingTraffic"}


def test_a_rolling_update_whose_rollback_finds_no_old_fleet_says_so_and_can_be_mended(
    ctx: Context, create: Callable[..., Any], make_model: Callable[..., None], make_config: Callable[..., None]
) -> None:
    create("first")
    make_model("second", BROKEN)
    fleet = deployment._deployed[ctx.account, ctx.region, "loans"].fleet
    for _ in range(1 + serving.RESTARTS):
        while not fleet.healthy():
            time.sleep(0.01)
        send(ctx, "die")
        while fleet.healthy():
            time.sleep(0.01)
    time.sleep(0.2)  # it is not started a second time
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    make_config("three", variant("first", count=2))
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}}
    make_config("broken", variant("second", count=2))
    described = update(ctx, "broken", DeploymentConfig=rolling)
    assert (described["EndpointStatus"], described["FailureReason"]) == ("UpdateRollbackFailed", PING)
    assert update(ctx, "three")["EndpointStatus"] == "InService"
    assert model_of(send(ctx)) == "first"


def test_a_wrong_deployment_configuration_changes_nothing(ctx: Context, create: Callable[..., Any]) -> None:
    create("first")
    with pytest.raises(ValidationException, match="between 0% and 50%"):
        update(ctx, "one", DeploymentConfig=canary(60))
    described = call(ctx, "DescribeEndpoint", {"EndpointName": "loans"})
    assert described["EndpointStatus"] == "InService"
    assert "LastDeploymentConfig" not in described


def test_weights_and_counts_change_without_new_processes(ctx: Context, create: Callable[..., Any]) -> None:
    create("first", "second")
    before = deployment._deployed[ctx.account, ctx.region, "loans"].fleet
    wanted = [
        {"VariantName": "champion", "DesiredWeight": 0.0, "DesiredInstanceCount": 2},
        {"VariantName": "challenger", "DesiredWeight": 5.0},
    ]
    params = {"EndpointName": "loans", "DesiredWeightsAndCapacities": wanted}
    assert call(ctx, "UpdateEndpointWeightsAndCapacities", params) == {"EndpointArn": ARN}
    summaries = {v["VariantName"]: v for v in settled(ctx)["ProductionVariants"]}
    assert summaries["champion"]["CurrentWeight"] == 0.0
    assert summaries["champion"]["CurrentInstanceCount"] == 2
    assert summaries["challenger"]["DesiredWeight"] == 5.0
    assert deployment._deployed[ctx.account, ctx.region, "loans"].fleet is before
    assert {model_of(send(ctx)) for _ in range(20)} == {"second"}
    assert model_of(send(ctx, **{"x-amzn-sagemaker-target-variant": "champion"})) == "first"
    params["DesiredWeightsAndCapacities"] = [{"VariantName": "none", "DesiredWeight": 1.0}]
    with pytest.raises(ValidationException, match="Could not find variant none"):
        call(ctx, "UpdateEndpointWeightsAndCapacities", params)


@pytest.mark.parametrize(
    ("more", "weight", "count"),
    [
        ({}, 7.0, 4),
        ({"RetainAllVariantProperties": True}, 3.0, 2),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
            },
            7.0,
            2,
        ),
    ],
)
def test_an_update_keeps_weights_and_counts_only_when_asked_to(
    ctx: Context, create: Callable[..., Any], make_config: Callable[..., None], more: Any, weight: float, count: int
) -> None:
    create("first")
    change = {"VariantName": "champion", "DesiredWeight": 3.0, "DesiredInstanceCount": 2}
    call(
        ctx,
        "UpdateEndpointWeightsAndCapacities",
        {"EndpointName": "loans", "DesiredWeightsAndCapacities": [change]},
    )
    settled(ctx)
    make_config("two", variant("first", weight=7.0, count=4))
    (summary,) = update(ctx, "two", **more)["ProductionVariants"]
    assert (summary["CurrentWeight"], summary["CurrentInstanceCount"]) == (weight, count)


def register(ctx: Context, name: str, **bounds: int) -> None:
    resource = {"ResourceId": f"endpoint/loans/variant/{name}", "ServiceNamespace": "sagemaker"}
    dimension = {"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    params = {**resource, **dimension, "MinCapacity": 1, "MaxCapacity": 4, **bounds}
    call(ctx, "RegisterScalableTarget", params, APPLICATION_AUTOSCALING)


@pytest.mark.parametrize(
    "variants",
    [
        [variant("first")],
        [variant("first"), {**variant("second", "challenger"), "InstanceType": "ml.m5.xlarge"}],
    ],
)
def test_a_variant_that_auto_scaling_watches_stays_with_its_instance_type(
    ctx: Context, create: Callable[..., Any], make_config: Callable[..., None], variants: list[dict[str, Any]]
) -> None:
    create("first", "second")
    register(ctx, "challenger")
    make_config("two", *variants)
    told = (
        r'The variant\(s\) "\[challenger\]" must be deregistered as scalable targets with AutoScaling before they '
        "can be removed or have their instance type updated."
    )
    with pytest.raises(ValidationException, match=told):
        update(ctx, "two")
    assert call(ctx, "DescribeEndpoint", {"EndpointName": "loans"})["EndpointStatus"] == "InService"
    targets.forget(ctx, "loans")
    assert update(ctx, "two")["EndpointConfigName"] == "two"


def test_the_model_of_a_scaled_variant_may_change(
    ctx: Context, create: Callable[..., Any], make_config: Callable[..., None]
) -> None:
    create("first", "second")
    register(ctx, "champion", MinCapacity=2)
    assert settled(ctx)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    make_config("two", variant("second"), variant("second", "challenger"))
    assert update(ctx, "two")["EndpointConfigName"] == "two"


def test_deleting_an_endpoint_deregisters_its_variants(ctx: Context, create: Callable[..., Any]) -> None:
    create("first")
    register(ctx, "champion")
    call(ctx, "DeleteEndpoint", {"EndpointName": "LOANS"})
    assert targets.variants(ctx, "loans") == set()


def test_a_shadow_gets_the_requests_and_answers_none(
    ctx: Context, create: Callable[..., Any], aws: FakeAws, make_model: Callable[..., None]
) -> None:
    make_model("dark", FAILING)
    described = create("first", ShadowProductionVariants=[variant("dark", "shadow")])
    assert [v["VariantName"] for v in described["ShadowProductionVariants"]] == ["shadow"]
    assert {model_of(send(ctx)) for _ in range(10)} == {"first"}
    end = time.monotonic() + 5
    seen = 0.0
    while seen < 10 and time.monotonic() < end:
        metrics.flush()
        errors = [
            count
            for datum in aws.cloudwatch.data
            if datum["MetricName"] == "Invocation5XXErrors" and len(datum["Dimensions"]) == 2
            for dimension in datum["Dimensions"]
            if dimension["Value"] == "shadow"
            for value, count in zip(datum["Values"], datum["Counts"], strict=True)
            if value == 1
        ]
        seen = sum(errors)
        time.sleep(0.02)
    assert seen == 10


def test_capture_and_metrics_name_variant_and_configuration(
    ctx: Context, create: Callable[..., Any], aws: FakeAws
) -> None:
    config = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captured",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    described = create("first", DataCaptureConfig=config)
    assert described["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captured",
        "KmsKeyId": "",
    }
    send(ctx, "good", **{"x-amzn-sagemaker-inference-id": "loan-1"})
    send(ctx, "bad")
    call(ctx, "DeleteEndpoint", {"EndpointName": "loans"})
    while endpoints:
        time.sleep(0.01)
    # deleting writes what was captured; the failed request is none of it
    (put,) = aws.s3.puts
    assert put["Key"].startswith("loans/champion/")
    record = json.loads(put["Body"])
    assert record["captureData"]["endpointOutput"]["data"] == '["first", "good"]'
    assert record["eventMetadata"]["inferenceId"] == "loan-1"
    dimensions = {d["Name"]: d["Value"] for datum in aws.cloudwatch.data for d in datum["Dimensions"]}
    assert dimensions == {"EndpointName": "loans", "VariantName": "champion", "EndpointConfigName": "one"}


def test_a_deleted_endpoint_is_gone_with_its_processes(ctx: Context, create: Callable[..., Any]) -> None:
    create("first")
    fleet = deployment._deployed[ctx.account, ctx.region, "loans"].fleet
    call(ctx, "DeleteEndpoint", {"EndpointName": "loans"})
    while endpoints:
        time.sleep(0.01)
    assert not fleet.healthy()
    with pytest.raises(AwsError, match="Endpoint loans of account 111122223333 not found"):
        send(ctx)
    create("other", config="again")
    assert model_of(send(ctx)) == "other"


def test_endpoints_are_listed_by_status(ctx: Context, create: Callable[..., Any]) -> None:
    create("first")
    for status, names in (("InService", ["loans"]), ("Failed", [])):
        listed = call(ctx, "ListEndpoints", {"StatusEquals": status})["Endpoints"]
        assert [endpoint["EndpointName"] for endpoint in listed] == names


def test_state_changes_are_told_as_aws_tells_them(
    ctx: Context, create: Callable[..., Any], emitted: list[dict[str, Any]], fixtures: Path
) -> None:
    create("first")
    told = [e for e in emitted if e["detail-type"] == "SageMaker Endpoint State Change"]
    assert [e["detail"]["EndpointStatus"] for e in told] == ["CREATING", "IN_SERVICE"]
    real = json.loads((fixtures / "events" / "endpoint_state.json").read_text())
    assert shape(told[-1]["detail"]) == shape(real["detail"])
    assert told[-1]["resources"] == [ARN]
    assert told[-1]["detail"]["CreationTime"] > 1_700_000_000_000


def test_deployments_are_told_as_aws_tells_them(
    ctx: Context,
    create: Callable[..., Any],
    make_config: Callable[..., None],
    emitted: list[dict[str, Any]],
    fixtures: Path,
) -> None:
    create("first")
    make_config("two", variant("first", count=3))
    emitted.clear()
    update(ctx, "two", DeploymentConfig=canary(50, 1))
    told = [e["detail"] for e in emitted if e["detail-type"] == "SageMaker Endpoint Deployment State Change"]
    statuses = [
        v["VariantStatus"][0]["Status"]
        for detail in told
        for v in detail["PendingDeploymentSummary"]["ProductionVariants"]
    ]
    assert statuses == ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic"]
    real = json.loads((fixtures / "events" / "endpoint_deployment.repaired.json").read_text())
    baking = told[2]
    assert shape(baking) == shape(real["detail"])
    assert baking["EndpointStatus"] == "UPDATING"
    assert baking["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    states = [e["detail"]["EndpointStatus"] for e in emitted if "State Change" in e["detail-type"]]
    assert (states[0], states[-1]) == ("UPDATING", "IN_SERVICE")


def test_scaling_is_told_as_aws_tells_it(
    ctx: Context, create: Callable[..., Any], emitted: list[dict[str, Any]], fixtures: Path
) -> None:
    create("first")
    emitted.clear()
    change = {"VariantName": "champion", "DesiredInstanceCount": 6}
    call(
        ctx,
        "UpdateEndpointWeightsAndCapacities",
        {"EndpointName": "loans", "DesiredWeightsAndCapacities": [change]},
    )
    settled(ctx)
    (told,) = [e for e in emitted if e["detail-type"] == "SageMaker Endpoint Deployment State Change"]
    real = json.loads((fixtures / "events" / "endpoint_deployment_2.repaired.json").read_text())
    assert shape(told["detail"]) == shape(real["detail"])
    message = told["detail"]["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"]
    assert message == real["detail"]["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"]


def test_after_a_restart_the_endpoint_serves_again(ctx: Context, create: Callable[..., Any]) -> None:
    create("first")
    deployment.shut_down()
    with pytest.raises(AwsError, match="not found"):
        send(ctx)
    deployment.restore()
    # the caller waits for the process instead of failing
    assert model_of(send(ctx)) == "first"
    assert settled(ctx)["EndpointStatus"] == "InService"


@pytest.mark.parametrize("status", ["Updating", "RollingBack"])
def test_an_update_that_a_stop_interrupted_settles_after_the_restart(
    ctx: Context,
    create: Callable[..., Any],
    make_model: Callable[..., None],
    make_config: Callable[..., None],
    status: str,
) -> None:
    create("first")
    make_model("second")
    make_config("two", variant("second"))
    update(ctx, "two", wait=False, DeploymentConfig=canary(50, 3600 if status == "RollingBack" else 1))
    deployment.shut_down()
    record = find(ctx, "loans")
    assert record["EndpointStatus"] == "Updating"
    if status == "RollingBack":
        record.update(EndpointStatus="RollingBack", FailureReason="an alarm")
    deployment.restore()
    described = settled(ctx)
    expected = ("two", None) if status == "Updating" else ("one", "an alarm")
    assert (described["EndpointConfigName"], described.get("FailureReason")) == expected
    assert model_of(send(ctx)) == ("second" if status == "Updating" else "first")


def test_stopping_writes_what_was_captured(ctx: Context, create: Callable[..., Any], aws: FakeAws) -> None:
    config = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captured/all",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    create("first", DataCaptureConfig=config)
    for _ in range(5):
        send(ctx)
    deployment.shut_down()
    capture.flush()
    assert sum(put["Body"].count(b"\n") for put in aws.s3.puts) == 5
