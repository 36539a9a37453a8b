"""InvokeEndpoint of sagemaker-runtime.

Source: API reference, runtime_InvokeEndpoint; the wording of errors as AWS answers them. Latency is measured
around the containers (ModelLatency) and around the whole operation (OverheadLatency is the rest).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local_aws.core.api import AwsError, Context, RuntimeRequest, RuntimeResponse, runtime_operation
from local_aws.sagemaker import capture, metrics, routing
from local_aws.sagemaker.routing import Target
from local_aws.sagemaker.serving import Answer, ModelTimeout, ServerDown, log_group

# The service model's maximum of BodyBlob; botocore itself does not check it.
MAX_BODY = 6291456
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
NOT_EMULATED = {
    "x-amzn-sagemaker-target-model": "TargetModel needs a multi-model endpoint",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname needs direct invocation",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName needs inference components",
    "x-amzn-sagemaker-session-id": "SessionId needs a stateful model",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations needs an ExplainerConfig",
}
SHADOW_QUEUE = 64

_shadows = ThreadPoolExecutor(max_workers=2, thread_name_prefix="shadow")
_shadow_places = threading.BoundedSemaphore(SHADOW_QUEUE)


@dataclass(frozen=True)
class Exchange:
    """One request and what the model made of it. `status` is 0 when the model gave no answer in time."""

    target: Target
    container: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300


@runtime_operation("InvokeEndpoint")
def invoke_endpoint(ctx: Context, request: RuntimeRequest) -> RuntimeResponse:
    started = time.perf_counter()
    _check(request)
    exchange = _answer(ctx, request)
    _record(ctx, request, exchange, time.perf_counter() - started)
    return _response(request, exchange) if exchange.succeeded else _model_error(ctx, request.endpoint_name, exchange)


def _check(request: RuntimeRequest) -> None:
    if len(request.body) > MAX_BODY:
        raise AwsError(
            "ValidationError",
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY}",
        )
    for header, reason in NOT_EMULATED.items():
        if header in request.headers:
            raise AwsError("ValidationError", f"{reason}, which is not emulated locally.")


def _answer(ctx: Context, request: RuntimeRequest) -> Exchange:
    """Ask a target; one that is just being stopped is left for another, so that no request fails in an
    update."""
    variant = request.headers.get("x-amzn-sagemaker-target-variant")
    while route := routing.lookup((ctx.account, ctx.region, request.endpoint_name)):
        target = route.choose(variant)
        if target is None:
            text = f"Variant {variant} was not found" if variant else "No variant has a weight above 0"
            raise AwsError("ValidationError", f"{text} for endpoint {request.endpoint_name} of account {ctx.account}.")
        with target.instance.lease() as held:
            if held:
                _mirror(ctx, request, route.mirror())
                return _ask(target, request)
        time.sleep(0.001)
    raise AwsError("ValidationError", f"Endpoint {request.endpoint_name} of account {ctx.account} not found.")


def _ask(target: Target, request: RuntimeRequest) -> Exchange:
    passed = ("content-type", "accept", CUSTOM_ATTRIBUTES)
    headers = {name: request.headers[name] for name in passed if name in request.headers}
    started = time.perf_counter()
    container = target.instance.containers[-1].name
    try:
        container, answer = target.instance.invoke(headers, request.body)
    except ModelTimeout:
        text = (
            f"Your invocation timed out while waiting for a response from container {container}. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
        answer = Answer(0, {}, text.encode())
    except ServerDown as error:
        answer = Answer(500, {}, str(error).encode())
    return Exchange(target, container, answer.status, answer.headers, answer.body, time.perf_counter() - started)


def _mirror(ctx: Context, request: RuntimeRequest, shadow: Target | None) -> None:
    """Give the shadow its copy, without waiting; its answer is counted and captured, then forgotten.

    A shadow that cannot keep up misses requests rather than slowing the endpoint."""
    if shadow is None or not _shadow_places.acquire(blocking=False):
        return

    def run() -> None:
        try:
            with shadow.instance.lease() as held:
                if held:
                    exchange = _ask(shadow, request)
                    _record(ctx, request, exchange, exchange.seconds)
        finally:
            _shadow_places.release()

    _shadows.submit(run)


def _record(ctx: Context, request: RuntimeRequest, exchange: Exchange, total: float) -> None:
    target = exchange.target
    metrics.record(
        ctx,
        request.endpoint_name,
        target.config,
        target.variant,
        target.instances,
        exchange.status,
        exchange.seconds,
        total,
    )
    settings = target.capture
    if settings is not None and exchange.succeeded and capture.sampled(settings):
        capture.submit(
            ctx,
            settings,
            request.endpoint_name,
            target.variant,
            (request.headers.get("content-type", ""), request.body),
            (exchange.headers.get("content-type", ""), exchange.body),
            request.headers.get(CUSTOM_ATTRIBUTES),
            request.headers.get("x-amzn-sagemaker-inference-id"),
        )


def _response(request: RuntimeRequest, exchange: Exchange) -> RuntimeResponse:
    headers = {
        "Content-Type": exchange.headers.get("content-type", request.headers.get("accept", "")),
        "x-Amzn-Invoked-Production-Variant": exchange.target.variant,
    }
    if CUSTOM_ATTRIBUTES in exchange.headers:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = exchange.headers[CUSTOM_ATTRIBUTES]
    return RuntimeResponse(200, headers, exchange.body)


def _model_error(ctx: Context, endpoint: str, exchange: Exchange) -> RuntimeResponse:
    message = exchange.body.decode("utf-8", "replace")
    side = "client" if 400 <= exchange.status < 500 else "server"
    group = log_group(endpoint)
    console = f"https://{ctx.region}.console.aws.amazon.com/cloudwatch/home?region={ctx.region}"
    body = {
        "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
        "LogStreamArn": f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{group}",
        "Message": (
            f'Received {side} error ({exchange.status}) from {exchange.container} with message "{message}". '
            f"See {console}#logEventViewer:group={group} in account {ctx.account} for more information."
        ),
        "OriginalMessage": message,
        "OriginalStatusCode": exchange.status,
    }
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}
    return RuntimeResponse(424, headers, json.dumps(body).encode())
