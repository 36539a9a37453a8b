"""The state of ministack's services, for checkpoints."""

from __future__ import annotations

import sys
from typing import Any

from local_aws.seam.cloudformation import stacks
from local_aws.seam.deferred import used

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
# Services whose stores are taken as they are. Their own `get_state` would copy every metric, every line
# of every log, or write a function's code into files that belong to no checkpoint.
_UNCOPIED = {
    "lambda": (
        "functions",
        "layers",
        "esms",
        "function_urls",
        "kinesis_positions",
        "dynamodb_stream_positions",
    ),
    "cloudwatch": (
        "metrics",
        "alarms",
        "composite_alarms",
        "composite_triggers",
        "alarm_history",
        "dashboards",
        "resource_tags",
    ),
    "cloudwatch_logs": (
        "log_groups",
        "destinations",
        "resource_policies",
        "log_group_policies",
        "metric_filters",
        "queries",
        "log_records",
        "delivery_sources",
        "delivery_destinations",
        "deliveries",
    ),
}
_S3_OBJECTS = "s3_objects"
WITH_LARGE_VALUES = frozenset({_S3_OBJECTS, "lambda", "ecr"})
"""The states that hold objects, code and layers: byte strings worth keeping apart."""


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
    for name, module_name in used(app._state_map).items():
        # Also those that only other services have imported.
        module: Any = app._loaded_modules.get(module_name) or sys.modules.get(f"ministack.services.{module_name}")
        if not hasattr(module, "get_state"):
            continue
        if name in _UNCOPIED:
            states[name] = {kept: getattr(module, f"_{kept}") for kept in _UNCOPIED[name]}
        elif name == "cloudformation":
            states[name] = {key: store() for store, key in module._PERSISTED_STORES}
        elif (state := module.get_state()) is not None:
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
