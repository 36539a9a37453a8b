"""Lambda: asynchronous invocations and concurrency."""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import acting_in, current


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


def fork_python_functions(start: Callable[[list[str], str, dict[str, str], list[str]], Any]) -> None:
    """Have `start(argv, cwd, env, folders added to sys.path)` start the processes of Python functions.

    It returns what stands for a `Popen` with text streams, or None: the process is started as any other.
    """
    from ministack.core import lambda_runtime

    def popen(argv: list[str], **options: Any) -> Any:
        process = None
        if options.get("text") and argv[0] == sys.executable:
            cwd, env = options["cwd"], options["env"]
            layers = [each for each in env.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if each]
            folders = [cwd, *(f"{each}{part}" for each in layers for part in ("", "/python"))]
            process = start(argv, cwd, env, folders)
        return subprocess.Popen(argv, **options) if process is None else process

    lambda_runtime.subprocess = types.SimpleNamespace(**{**vars(subprocess), "Popen": popen})


def event_invoke_config(function: dict[str, Any]) -> dict[str, Any]:
    """A function's settings for asynchronous invocations; empty where it has none."""
    return dict(
        function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    )


def execute_function(ctx: Context, function: dict[str, Any], event: Any) -> dict[str, Any]:
    """Run a function and wait: "error" and "throttle" tell how it went, "body" what it returned."""
    from ministack.services import lambda_svc

    with acting_in(ctx):
        # The limit of now: the record was copied when the event came, and what waits is to go on once it is raised.
        limits = lambda_svc._functions.get(function["config"]["FunctionName"]) or function
        record = {**function, "concurrency": limits.get("concurrency")}
        return dict(lambda_svc._execute_function_with_config_scope(record, event))


_retired: set[Any] = set()
"""Processes of functions that were changed or deleted while they ran."""


def let_runs_end() -> None:
    """A function that is changed or deleted while it runs ends its run as it was.

    ministack kills it, which AWS does not. What the run held, such as a lock, would stay held.
    """
    from ministack.core import lambda_runtime

    end = lambda_runtime.kill_workers

    def after_their_runs(workers: Iterable[Any]) -> None:
        known = [worker for worker in workers if worker is not None]
        busy = [worker for worker in known if worker.in_use]
        _retired.update(busy)
        for worker in busy:
            threading.Thread(target=_retire, args=(worker, end), name="lambda-retired", daemon=True).start()
        end([worker for worker in known if worker not in _retired])

    lambda_runtime.kill_workers = after_their_runs


def _retire(worker: Any, end: Callable[[list[Any]], None]) -> None:
    deadline = time.monotonic() + float(worker.config.get("Timeout", 3)) + 5
    while worker.in_use and time.monotonic() < deadline:
        time.sleep(0.05)
    end([worker])
    _retired.discard(worker)


def functions_run() -> bool:
    """Whether any function runs."""
    from ministack.core import lambda_runtime

    return bool(lambda_runtime.workers_in_use() or _retired)


def end_function_processes() -> None:
    """End the processes of functions, also of those that run: each would go on until its event is handled."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        for worker in [*_retired, *(each for workers in lambda_runtime._workers.values() for each in workers)]:
            worker.in_use = False
    lambda_runtime.reset()


def connect_function(name: str, subnet_ids: Sequence[str], group_ids: Sequence[str]) -> None:
    """Note where a function of the current account and region is connected to; nothing of a network is emulated."""
    from ministack.services import lambda_svc

    config = {"SubnetIds": list(subnet_ids), "SecurityGroupIds": list(group_ids)}
    lambda_svc._functions[name]["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(config)


def reserve_concurrency(name: str, executions: int | None) -> None:
    """Set how many executions of a function of the current account and region run at a time."""
    from ministack.services import lambda_svc

    lambda_svc._functions[name]["concurrency"] = executions
