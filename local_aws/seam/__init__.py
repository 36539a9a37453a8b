"""The only place that touches ministack, whose extension points are private names.

ministack is pinned exactly; tests/unit/local_aws/test_seam.py fails by name where a new release
moves one of them. `configure` sets the environment that ministack reads while it is imported, so
every import of it stands inside a function.
"""

from local_aws.seam.athena import glue_table, object_bytes, object_sizes, run_statement, workgroup
from local_aws.seam.cloudformation import (
    Physical,
    Properties,
    ResourceType,
    StackEvent,
    add_resource_type,
    forget_stack_event,
    resource_types,
    run_on_worker_threads,
    stack_resource,
    stack_status,
    stacks,
    watch_stack_events,
    wrap_created,
    wrap_stack_action,
)
from local_aws.seam.functions import (
    end_function_processes,
    event_invoke_config,
    execute_function,
    replace_async_invocations,
    reserve_concurrency,
)
from local_aws.seam.hosting import (
    Application,
    Handler,
    Response,
    acting_in,
    add_service,
    application,
    configure,
    current,
    put_event,
    replace_service_handler,
    service_handler,
)
from local_aws.seam.identities import caller
from local_aws.seam.metrics import (
    alarms,
    change_alarm,
    metric_points,
    replace_alarm_evaluation,
    statistic,
)
from local_aws.seam.parameters import name_writers, watch_parameters
from local_aws.seam.schedules import CronFields, cron_fields, cron_next
from local_aws.seam.state import (
    WITH_LARGE_VALUES,
    operation_in_progress,
    restore_services,
    service_states,
)

__all__ = [
    "WITH_LARGE_VALUES",
    "Application",
    "CronFields",
    "Handler",
    "Physical",
    "Properties",
    "ResourceType",
    "Response",
    "StackEvent",
    "acting_in",
    "add_resource_type",
    "add_service",
    "alarms",
    "application",
    "caller",
    "change_alarm",
    "configure",
    "cron_fields",
    "cron_next",
    "current",
    "end_function_processes",
    "event_invoke_config",
    "execute_function",
    "forget_stack_event",
    "glue_table",
    "metric_points",
    "name_writers",
    "object_bytes",
    "object_sizes",
    "operation_in_progress",
    "put_event",
    "replace_alarm_evaluation",
    "replace_async_invocations",
    "replace_service_handler",
    "reserve_concurrency",
    "resource_types",
    "restore_services",
    "run_on_worker_threads",
    "run_statement",
    "service_handler",
    "service_states",
    "stack_resource",
    "stack_status",
    "stacks",
    "statistic",
    "watch_parameters",
    "watch_stack_events",
    "workgroup",
    "wrap_created",
    "wrap_stack_action",
]
