"""The only module that touches ministack, whose extension points are private names.

ministack is pinned exactly; tests/unit/local_aws/test_seam.py fails by name where a new release
moves one of them. `configure` sets the environment that ministack reads while it is imported, so
every import of it stands inside a function.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from local_aws.core import store
from local_aws.core.api import Context

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Response]]
Properties = dict[str, Any]
Physical = tuple[str, dict[str, Any]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class ResourceType(Protocol):
    """How CloudFormation creates, updates and deletes one resource type; each may block and raise.

    `create` and `update` return (value of Ref, values of GetAtt). `create_only` names the properties
    whose change replaces the resource; `name` the one that holds a name given by the template.
    """

    @property
    def create_only(self) -> Container[str]: ...
    @property
    def name(self) -> str | None: ...
    @property
    def taggable(self) -> bool: ...

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical: ...
    def update(self, ctx: Context, ref: str, old: Properties, new: Properties) -> Physical: ...
    def delete(self, ctx: Context, ref: str, props: Properties) -> None: ...


def configure(*, account: str, region: str, port: int, home: Path) -> None:
    """Set the process environment that ministack, and the Lambda handlers it starts, are to see."""
    os.environ.update(
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",  # in queue URLs and ResponseURLs; the name localhost may mean ::1
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=account,
        MINISTACK_REGION=region,
        LAMBDA_EXECUTOR="local",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",  # checkpoints save more than ministack's own persistence, and consistently
        STATE_DIR=str(home / "ministack"),
        S3_DATA_DIR=str(home / "ministack" / "s3"),
        DOCKER_HOST=f"unix://{home}/no-docker.sock",
        LOG_LEVEL="WARNING",
    )


def application() -> Application:
    """ministack's ASGI application."""
    from ministack import app

    return app.app  # type: ignore[no-any-return]


def add_service(name: str, handler: Handler, *, target_prefix: str, credential_scope: str) -> None:
    """Route a service's requests to `handler`, which runs on the event loop."""
    from ministack import app
    from ministack.core import router

    app.SERVICE_HANDLERS[name] = handler
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix],
        "credential_scope": credential_scope,
        "host_patterns": [rf"{name}\."],
    }


def current() -> Context:
    """The account and region of the request, or of the stack operation, that is running."""
    from ministack.core.responses import get_account_id, get_region

    return Context(get_account_id(), get_region())


@contextmanager
def acting_in(ctx: Context) -> Iterator[None]:
    """Make ministack's stores those of `ctx`, where no request has chosen them."""
    from ministack.core.responses import request_scope

    with request_scope(ctx.account, ctx.region):
        yield


def put_event(
    loop: asyncio.AbstractEventLoop,
    ctx: Context,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Iterable[str],
) -> None:
    """Put an event of an AWS service on the default bus, soon, on the event loop."""
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": list(resources),
    }

    def put() -> None:
        with acting_in(ctx):
            # Customers may not send events of aws.* sources; services may.
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    # A context of its own: the caller's must not leak into rule targets.
    loop.call_soon_threadsafe(contextvars.Context().run, put)


def add_resource_type(cfn_type: str, resource: ResourceType) -> None:
    """Let CloudFormation provision `cfn_type`; its functions run on worker threads."""
    from ministack.services.cloudformation import provisioners

    def physical_name(stack_name: str, logical_id: str) -> Callable[[int], str]:
        return lambda limit: str(provisioners._physical_name(stack_name, logical_id, max_len=limit))

    def create(logical_id: str, props: Properties, stack_name: str) -> Physical:
        return resource.create(current(), physical_name(stack_name, logical_id), props)

    def update(ref: str, old: Properties, new: Properties, _stack_name: str) -> Physical:
        return resource.update(current(), ref, old, new)

    def delete(ref: str, props: Properties) -> None:
        resource.delete(current(), ref, props)

    provisioners._RESOURCE_HANDLERS[cfn_type] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[cfn_type] = resource.create_only
    if resource.name:
        provisioners._CUSTOM_NAME_REPLACEMENT[cfn_type] = {"name": resource.name}
    if resource.taggable:
        provisioners._STACK_TAG_PROPERTY[cfn_type] = ("Tags", "list")


def resource_types() -> set[str]:
    """The CloudFormation types that can be provisioned."""
    from ministack.services.cloudformation import provisioners

    return set(provisioners._RESOURCE_HANDLERS)


def wrap_created(cfn_type: str, wrap: Callable[[Context, Properties, Physical], Physical]) -> None:
    """Correct what ministack's own provisioner of `cfn_type` answers to a create or an update."""
    from ministack.services.cloudformation import provisioners

    handler = dict(provisioners._RESOURCE_HANDLERS[cfn_type])
    create, update = handler["create"], handler.get("update")

    def created(logical_id: str, props: Properties, stack_name: str) -> Physical:
        return wrap(current(), props, create(logical_id, props, stack_name))

    def updated(ref: str, old: Properties, new: Properties, *rest: Any) -> Physical:
        assert update is not None
        return wrap(current(), new, update(ref, old, new, *rest))

    handler["create"] = created
    if update is not None:
        handler["update"] = updated
    provisioners._RESOURCE_HANDLERS[cfn_type] = handler


def run_on_worker_threads(is_ours: Callable[[str], bool]) -> None:
    """Provision the types that `is_ours` accepts on worker threads, so that they may block."""
    from ministack.services.cloudformation import stacks

    original = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda cfn_type: original(cfn_type) or is_ours(cfn_type)


def watch_stacks(changed: Callable[[Context, str, str, str, str], None], provisioned: Callable[[str], None]) -> None:
    """Call `changed(ctx, stack id, status, reason, client request token)` on each status of a stack,
    and `provisioned(type)` for each resource that was created or updated.
    """
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, handlers, stacks

    original = stacks._add_event

    def add_event(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        *rest: Any,
        **named: Any,
    ) -> None:
        original(stack_id, stack_name, logical_id, resource_type, status, reason, *rest, **named)
        # ministack's times tie, and clients that sort by them, as the CDK CLI does, show them shuffled.
        time = store.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        cloudformation._stack_events[stack_id][-1]["Timestamp"] = time
        if resource_type == "AWS::CloudFormation::Stack" and logical_id == stack_name:
            changed(current(), stack_id, status, reason, stacks.CLIENT_REQUEST_TOKEN.get())
        elif status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            provisioned(resource_type)

    for module in (stacks, handlers, changesets):
        module._add_event = add_event


def wrap_stack_action(action: str, wrap: Callable[[bytes], bytes]) -> None:
    """Pass the XML of a successful CloudFormation action through `wrap`."""
    from ministack.services import cloudformation

    original = cloudformation._ACTION_HANDLERS[action]

    def handle(params: Any) -> Response:
        status, headers, body = original(params)
        return status, headers, wrap(body) if status == 200 else body

    cloudformation._ACTION_HANDLERS[action] = handle


def stacks() -> list[dict[str, Any]]:
    """ministack's records of the stacks of all accounts and regions."""
    from ministack.services import cloudformation

    return list(cloudformation._stacks._data.values())


def replace_alarm_evaluation() -> None:
    """Switch ministack's own evaluation of metric alarms off."""
    from ministack.services import cloudwatch

    cloudwatch._evaluate_alarm = lambda _alarm: None


def alarms() -> list[tuple[Context, dict[str, Any]]]:
    """Every metric alarm with its account and region; the record is ministack's own."""
    from ministack.services import cloudwatch

    return [(Context(key[0], key[1]), alarm) for key, alarm in list(cloudwatch._alarms._data.items())]


def metric_points(ctx: Context, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[dict[str, Any]]:
    """The stored points of exactly this metric, oldest write first."""
    from ministack.services import cloudwatch

    key = (ctx.account, ctx.region, (namespace, name, cloudwatch._dims_key(dict(dimensions))))
    return list(cloudwatch._metrics._data.get(key, ()))


def statistic(points: list[dict[str, Any]], name: str) -> float | None:
    """A basic or percentile statistic of points; None where there is none."""
    from ministack.services import cloudwatch

    values = cloudwatch._calc_stats(points)
    value = cloudwatch._stat_value(values, name, points) if values else None
    return None if value is None else float(value)


def change_alarm(ctx: Context, alarm: dict[str, Any], state: str, reason: str, now: float) -> None:
    """Move an alarm to `state`: its record, its history, its SNS actions and its composite parents."""
    from ministack.services import cloudwatch

    before = alarm["StateValue"]
    with acting_in(ctx):
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(now))
        cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)


# What ministack keeps of S3 in memory only; its own state holds the settings of buckets.
_S3_STORES = (
    "_buckets",
    "_object_tags",
    "_object_acl",
    "_object_annotations",
    "_object_versions",
    "_object_retention",
    "_object_legal_hold",
    "_multipart_uploads",
    "_completed_multipart_uploads",
)
# ministack would write the code into files of its own, which then belong to no checkpoint.
_LAMBDA_STORES = (
    "functions",
    "layers",
    "esms",
    "function_urls",
    "kinesis_positions",
    "dynamodb_stream_positions",
)
_S3_OBJECTS = "s3_objects"


def operation_in_progress() -> bool:
    """Whether a stack is being created, changed or deleted, or a change set executed."""
    from ministack.services import cloudformation

    busy = [str(stack["StackStatus"]) for stack in stacks()]
    busy += [str(change["ExecutionStatus"]) for change in list(cloudformation._change_sets._data.values())]
    return any(status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS" for status in busy)


def service_states() -> dict[str, Any]:
    """The state of every service that was used, not copied: to be serialized before anything runs on."""
    from ministack import app

    states: dict[str, Any] = {}
    for name, get_state in app._build_persistence_save_dict().items():
        if name == "lambda":
            from ministack.services import lambda_svc

            states[name] = {kept: getattr(lambda_svc, f"_{kept}") for kept in _LAMBDA_STORES}
        elif (state := get_state()) is not None:
            states[name] = state
    if "s3" in states:
        from ministack.services import s3

        states[_S3_OBJECTS] = {kept: getattr(s3, kept)._data for kept in _S3_STORES}
    return states


def restore_services(states: dict[str, Any]) -> None:
    """Give every service the state that `service_states` returned."""
    from ministack import app
    from ministack.services import s3

    for kept, rows in states.pop(_S3_OBJECTS, {}).items():
        getattr(s3, kept)._data.update(rows)
    for name, state in states.items():
        app._get_module(app._state_map[name]).load_persisted_state(state)


def replace_async_invocations(
    start: Callable[[dict[str, Any], Any], None],
    not_delivered: Callable[[Context, dict[str, Any], str, Any], None],
) -> None:
    """Send asynchronous Lambda invocations through `start(function record, event)`.

    `not_delivered(ctx, target, rule or schedule arn, event)` gets those of rules and schedules whose
    function does not exist.
    """
    from ministack.services import eventbridge, lambda_svc

    targets: contextvars.ContextVar[tuple[dict[str, Any], str]] = contextvars.ContextVar("target")
    invoke_target = eventbridge._invoke_target

    def with_target(target: dict[str, Any], event: Any, rule: dict[str, Any], *rest: Any) -> None:
        token = targets.set((target, str(rule.get("Arn", ""))))
        try:
            invoke_target(target, event, rule, *rest)
        finally:
            targets.reset(token)

    def to_lambda(arn: str, payload: str) -> None:
        event = json.loads(payload)
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            start(lambda_svc._execution_record_for_config(function, config), event)
        else:
            target, rule_arn = targets.get()
            not_delivered(current(), target, rule_arn, event)

    eventbridge._invoke_target = with_target
    eventbridge._dispatch_to_lambda = to_lambda
    lambda_svc.invoke_async_with_retry = start


def event_invoke_config(function: dict[str, Any]) -> dict[str, Any]:
    """A function's settings for asynchronous invocations; empty where it has none."""
    return dict(
        function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    )


def execute_function(ctx: Context, function: dict[str, Any], event: Any) -> dict[str, Any]:
    """Run a function and wait: "error" and "throttle" tell how it went, "body" what it returned."""
    from ministack.services import lambda_svc

    with acting_in(ctx):
        return dict(lambda_svc._execute_function_with_config_scope(function, event))


def reserve_concurrency(name: str, executions: int | None) -> None:
    """Set how many executions of a function of the current account and region run at a time."""
    from ministack.services import lambda_svc

    lambda_svc._functions[name]["concurrency"] = executions
