"""What stacks tell: events of their status, and the parameters they resolved.

Sources: developer guide, event-detail-stack-status-change; API reference, Parameter (ResolvedValue).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from local_aws import seam
from local_aws.cloudformation import types
from local_aws.core import events
from local_aws.core.api import Context

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def install() -> None:
    """Emit an event on each status of a stack, and report resolved parameters as AWS does."""
    seam.watch_stacks(_emit, types.note)
    seam.wrap_stack_action("DescribeStacks", _with_resolved_values)


def _emit(ctx: Context, stack_id: str, status: str, reason: str, token: str) -> None:
    events.emit(
        ctx,
        "CloudFormation Stack Status Change",
        {
            "stack-id": stack_id,
            "status-details": {"status": status, "status-reason": reason},
            "client-request-token": token,
        },
        [stack_id],
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
