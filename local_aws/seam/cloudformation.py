"""CloudFormation: resource types, stacks and their events."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any, Protocol

from local_aws.core import store
from local_aws.core.api import Context
from local_aws.seam.hosting import Response, current

Properties = dict[str, Any]
Physical = tuple[str, dict[str, Any]]


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


@dataclass(frozen=True)
class StackEvent:
    """A status of a stack or of one of its resources, as CloudFormation is about to record it."""

    ctx: Context
    stack_id: str
    stack_name: str
    logical_id: str
    type_name: str
    status: str
    reason: str
    token: str

    @property
    def of_stack(self) -> bool:
        return self.type_name == "AWS::CloudFormation::Stack" and self.logical_id == self.stack_name


def watch_stack_events(status_of: Callable[[StackEvent], str | None], recorded: Callable[[StackEvent], None]) -> None:
    """Record every stack event with the status that `status_of` gives it, or not at all if that is None."""
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
        token = stacks.CLIENT_REQUEST_TOKEN.get()
        event = StackEvent(current(), stack_id, stack_name, logical_id, resource_type, status, reason, token)
        if (new_status := status_of(event)) is None:
            return
        original(stack_id, stack_name, logical_id, resource_type, new_status, reason, *rest, **named)
        # ministack's times tie, and clients that sort by them, as the CDK CLI does, show them shuffled.
        time = store.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        cloudformation._stack_events[stack_id][-1]["Timestamp"] = time
        recorded(replace(event, status=new_status))

    for module in (stacks, handlers, changesets):
        module._add_event = add_event


def stack_resource(event: StackEvent) -> dict[str, Any] | None:
    """ministack's record of the resource of an event; None while it is not there."""
    from ministack.services import cloudformation

    found = (cloudformation._stacks.get(event.stack_name) or {}).get("_resources", {}).get(event.logical_id)
    return found if found is None else dict(found)


def stack_status(event: StackEvent) -> str:
    """The status of the stack of an event."""
    from ministack.services import cloudformation

    return str((cloudformation._stacks.get(event.stack_name) or {}).get("StackStatus", ""))


def forget_stack_event(event: StackEvent, status: str) -> None:
    """Remove the newest event with `status` of the same resource."""
    from ministack.services import cloudformation

    events = cloudformation._stack_events[event.stack_id]
    for position in range(len(events) - 1, -1, -1):
        if (events[position]["LogicalResourceId"], events[position]["ResourceStatus"]) == (
            event.logical_id,
            status,
        ):
            del events[position]
            return


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


def stack_in_progress(stack: str) -> bool:
    """Whether an operation runs on a stack, given by name or id, of the request's account and region."""
    from ministack.services import cloudformation

    found = (each for each in cloudformation._stacks.values() if stack in (each["StackName"], each["StackId"]))
    return any(str(each["StackStatus"]).endswith("_IN_PROGRESS") for each in found)
