"""What stacks tell: events of their status, and the parameters they resolved.

Sources: developer guide, event-detail-stack-status-change; API reference, Parameter (ResolvedValue).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from local_aws import seam
from local_aws.cloudformation import types
from local_aws.core import events
from local_aws.seam import StackEvent

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def install() -> None:
    """Emit an event on each status of a stack, and report resources and parameters as AWS does."""
    changes = Changes()
    seam.watch_stack_events(changes.status, _recorded)
    seam.wrap_stack_action("DescribeStacks", _with_resolved_values)


class Changes:
    """The status that AWS gives the resources of an update.

    ministack reports every resource of an updated stack as updated. AWS reports a new one as
    created, and says nothing of one that did not change.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], dict[str, Any] | None] = {}

    def status(self, event: StackEvent) -> str | None:
        """The status to record; None for an unchanged resource, whose start is then forgotten too."""
        if event.of_stack or seam.stack_status(event) != "UPDATE_IN_PROGRESS":
            return event.status
        key = (event.stack_id, event.logical_id)
        now = seam.stack_resource(event)
        if event.status == "UPDATE_IN_PROGRESS":
            before = self._before.setdefault(key, now)
            return "CREATE_IN_PROGRESS" if before is None else event.status
        if event.status not in ("UPDATE_COMPLETE", "UPDATE_FAILED") or key not in self._before:
            return event.status
        before = self._before.pop(key)
        if before is None:
            return event.status.replace("UPDATE", "CREATE")
        if event.status == "UPDATE_COMPLETE" and _same(before, now):
            seam.forget_stack_event(event, "UPDATE_IN_PROGRESS")
            return None
        return event.status


def _same(before: dict[str, Any], now: dict[str, Any] | None) -> bool:
    compared = ("PhysicalResourceId", "Properties")
    return now is not None and all(before.get(key) == now.get(key) for key in compared)


def _recorded(event: StackEvent) -> None:
    if not event.of_stack:
        if event.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            types.note(event.type_name)
        return
    events.emit(
        event.ctx,
        "CloudFormation Stack Status Change",
        {
            "stack-id": event.stack_id,
            "status-details": {"status": event.status, "status-reason": event.reason},
            "client-request-token": event.token,
        },
        [event.stack_id],
        source="aws.cloudformation",
    )


def _with_resolved_values(body: bytes) -> bytes:
    """Name the SSM parameter in ParameterValue, and its value in ResolvedValue.

    ministack reports the value as ParameterValue and no name.
    """
    names = {stack["StackId"]: stack.get("_resolved_params", {}) for stack in seam.stacks()}
    if not any("SsmName" in parameter for stack in names.values() for parameter in stack.values()):
        return body
    ET.register_namespace("", _NAMESPACE)
    root = ET.fromstring(body)  # noqa: S314 - written by this process
    for stack in root.iter(f"{{{_NAMESPACE}}}member"):
        parameters = names.get(stack.findtext(f"{{{_NAMESPACE}}}StackId", ""), {})
        for parameter in stack.iterfind(f"{{{_NAMESPACE}}}Parameters/{{{_NAMESPACE}}}member"):
            key = parameter.findtext(f"{{{_NAMESPACE}}}ParameterKey", "")
            value = parameter.find(f"{{{_NAMESPACE}}}ParameterValue")
            name = parameters.get(key, {}).get("SsmName")
            if name and value is not None:
                ET.SubElement(parameter, f"{{{_NAMESPACE}}}ResolvedValue").text = value.text
                value.text = name
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
