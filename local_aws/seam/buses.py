"""EventBridge's buses: their policies, and events on their way from one account or region to another."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import Response, acting_in, current

_FORWARDED = "_Forwarded"


@dataclass(frozen=True)
class Hop:
    """An event that a rule sends to a bus of another account or region.

    event: ministack's record, with source, detail type, account and region of its origin.
    again: it came from another account before.
    """

    sender: Context
    receiver: Context
    bus: str
    target: dict[str, Any]
    rule_arn: str
    event: dict[str, Any]
    again: bool

    @property
    def bus_arn(self) -> str:
        return f"arn:aws:events:{self.receiver.region}:{self.receiver.account}:event-bus/{self.bus}"

    @property
    def envelope(self) -> dict[str, Any]:
        """The event as targets get it."""
        from ministack.services import eventbridge

        return dict(eventbridge._pattern_event_view(self.event).event_with_detail())


def replace_bus_deliveries(deliver: Callable[[Hop], None]) -> None:
    """Send what rules put on buses elsewhere through `deliver`, on the event loop; ministack drops it."""
    from ministack.services import eventbridge

    targets: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("bus_target")
    invoke_target, to_bus = eventbridge._invoke_target, eventbridge._dispatch_to_event_bus

    def with_target(target: dict[str, Any], *rest: Any) -> None:
        token = targets.set(target)
        try:
            invoke_target(target, *rest)
        finally:
            targets.reset(token)

    def dispatch(spec: Any, event: dict[str, Any], rule: dict[str, Any], path: Any, payload: str | None = None) -> None:
        here, there = current(), Context(spec.account_id, spec.region)
        if here == there or not spec.resource.startswith("event-bus/"):
            to_bus(spec, event, rule, path, payload)
            return
        bus = spec.resource.partition("/")[2]
        # Rules that it passed belong to this account: of the same name, others may be there.
        forwarded = {key: value for key, value in event.items() if key not in ("_DispatchPath", _FORWARDED)}
        forwarded["EventBusName"] = bus
        if payload is not None:
            forwarded["Detail"] = payload
        deliver(Hop(here, there, bus, targets.get(), str(rule["Arn"]), forwarded, bool(event.get(_FORWARDED))))

    eventbridge._invoke_target, eventbridge._dispatch_to_event_bus = with_target, dispatch


def receive_event(hop: Hop) -> bool:
    """Put an event on the receiver's bus; False if there is no such bus."""
    from ministack.services import eventbridge

    with acting_in(hop.receiver):
        eventbridge._ensure_default_bus()
        if hop.bus not in eventbridge._event_buses:
            return False
        eventbridge._dispatch_event({**hop.event, _FORWARDED: hop.sender.account != hop.receiver.account})
        eventbridge._archive_event(hop.event)
        return True


def bus_policy(ctx: Context, bus: str) -> dict[str, Any] | None:
    """The policy of a bus; None where it has none."""
    from ministack.services import eventbridge

    with acting_in(ctx):
        found = eventbridge._event_bus_policies.get(bus)
    return None if found is None else dict(found)


def put_bus_statement(ctx: Context, bus: str, statement: dict[str, Any]) -> None:
    """Add a statement to the policy of a bus, in place of the one with the same Sid; ValueError if there is no bus."""
    from ministack.services import eventbridge

    with acting_in(ctx):
        eventbridge._ensure_default_bus()
        if bus not in eventbridge._event_buses:
            raise ValueError(f"Event bus {bus} does not exist.")
    _set_statements(ctx, bus, [*_others(ctx, bus, statement["Sid"]), statement])


def remove_bus_statement(ctx: Context, bus: str, sid: str) -> None:
    """Remove a statement from the policy of a bus, if it is there."""
    _set_statements(ctx, bus, _others(ctx, bus, sid))


def correct_bus_permissions() -> None:
    """PutPermission as AWS stores it: a whole Policy is taken, and an account becomes its root as the principal."""
    from ministack.services import eventbridge

    put = eventbridge._put_permission

    def put_permission(data: dict[str, Any]) -> Response:
        bus = data.get("EventBusName") or "default"
        if data.get("Policy"):
            _set_statements(current(), bus, json.loads(data["Policy"])["Statement"])
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"
        answer: Response = put(data)
        for statement in (bus_policy(current(), bus) or {}).get("Statement", []):
            if isinstance(statement["Principal"], str) and statement["Principal"].isdigit():
                statement["Principal"] = {"AWS": f"arn:aws:iam::{statement['Principal']}:root"}
            condition = statement.get("Condition") or {}
            if "Type" in condition:  # the operation's own form: Type, Key, Value
                statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
        return answer

    eventbridge._put_permission = put_permission


def _others(ctx: Context, bus: str, sid: str) -> list[dict[str, Any]]:
    return [each for each in (bus_policy(ctx, bus) or {}).get("Statement", []) if each.get("Sid") != sid]


def _set_statements(ctx: Context, bus: str, statements: list[dict[str, Any]]) -> None:
    from ministack.services import eventbridge

    with acting_in(ctx):
        if statements:
            eventbridge._event_bus_policies[bus] = {"Version": "2012-10-17", "Statement": statements}
        else:
            eventbridge._event_bus_policies.pop(bus, None)
