"""Takes all rules from a security group. Pure: no AWS."""

from __future__ import annotations

from typing import Any


def closing(group: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By method of the EC2 client, the rules to revoke with it; nothing for a group that is closed.

    group: as DescribeSecurityGroups gives it.
    """
    rules = {
        "revoke_security_group_ingress": group.get("IpPermissions", []),
        "revoke_security_group_egress": group.get("IpPermissionsEgress", []),
    }
    return {method: each for method, each in rules.items() if each}
