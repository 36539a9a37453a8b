"""Whether an endpoint's instance type may change now: not while autoscaling watches the endpoint's variants.

SageMaker refuses such an update (developer guide: "Update or delete endpoints that use automatic scaling"), and
autoscaling cannot be switched off in the same deployment: CloudFormation deletes a scaling target only after the
endpoint's update. The reverse, scaling on together with a new type, would work, but not its rollback.

What is deployed is read from the physical id, not from OldResourceProperties: after a failed update CloudFormation
asks for the old properties again and calls the refused ones old. The physical id is still that of what stands, so
going back to it is no change; and as the rule is the same in both directions, so is going back from what it let pass.
"""

from __future__ import annotations

_SWITCHED_OFF = "off"
_PARTS = 4  # kind/endpoint/instance type/autoscaling


def refusal(standing: str, wanted: str) -> str:
    """Why what stands may not become what is wanted, or ""; both are physical ids, `standing` "" for a new one."""
    before, after = standing.split("/"), wanted.split("/")
    if len(before) != _PARTS:
        return ""
    _, endpoint, old_type, old_scaling = before
    _, _, new_type, new_scaling = after
    if old_type == new_type or old_scaling == new_scaling == _SWITCHED_OFF:
        return ""
    return (
        f"serving.instance_type = {new_type!r}: endpoint {endpoint} runs on {old_type}, and SageMaker refuses to "
        "change the instance type of a variant that autoscaling watches; deploy three times: with the old type and "
        "serving.autoscaling.enabled = false, then with the new type, then with autoscaling.enabled = true"
    )
