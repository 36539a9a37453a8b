"""Asynchronous Lambda invocations: throttles wait, errors are retried, and what fails goes to its destination.

ministack sends events of rules to a function once, whatever comes of it, and counts a throttle as a
failed attempt. A function with a reserved concurrency would lose events that AWS keeps for hours.
Delays are shorter than AWS': it waits one and two minutes between attempts, we one and two seconds.
Source: Lambda developer guide, invocation-async-error-handling and invocation-async-retain-records.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from local_aws import clients, seam
from local_aws.core.api import Context
from local_aws.warm import process

log = logging.getLogger("local_aws.lambda")

_MAXIMUM_AGE_SECONDS = 6 * 3600
_RETRIES = 2
_FIRST_RETRY_SECONDS = 1.0
_THROTTLE_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)


def install() -> None:
    """Take over the invocations of type Event, and those of EventBridge and Scheduler."""
    seam.replace_async_invocations(_start, _not_delivered)
    seam.let_runs_end()
    seam.fork_python_functions(process.start)


def _start(function: dict[str, Any], event: Any) -> None:
    arguments = (seam.current(), function, event)
    threading.Thread(target=_run, args=arguments, name="lambda-event", daemon=True).start()


def _run(ctx: Context, function: dict[str, Any], event: Any) -> None:
    settings = seam.event_invoke_config(function)
    retries = int(settings.get("MaximumRetryAttempts", _RETRIES))
    deadline = time.monotonic() + float(settings.get("MaximumEventAgeInSeconds", _MAXIMUM_AGE_SECONDS))
    attempts = 0
    result: dict[str, Any] = {}
    while attempts <= retries and time.monotonic() < deadline:
        if attempts:
            time.sleep(_FIRST_RETRY_SECONDS * attempts)
        result = _unthrottled(ctx, function, event, deadline)
        attempts += 1
        if not result.get("error"):
            return
    expired = attempts <= retries
    _tell_failure(ctx, function, settings, event, result, attempts, expired=expired)


def _unthrottled(ctx: Context, function: dict[str, Any], event: Any, deadline: float) -> dict[str, Any]:
    """Run the function as soon as its concurrency allows; waiting is not an attempt."""
    waits = iter(_THROTTLE_SECONDS)
    while True:
        result = seam.execute_function(ctx, function, event)
        if not result.get("throttle") or time.monotonic() > deadline:
            return result
        time.sleep(next(waits, _THROTTLE_SECONDS[-1]))


def _tell_failure(
    ctx: Context,
    function: dict[str, Any],
    settings: dict[str, Any],
    event: Any,
    result: dict[str, Any],
    attempts: int,
    *,
    expired: bool,
) -> None:
    config = function["config"]
    name = config["FunctionName"]
    payload = result.get("body") or {}
    destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    log.info("%s failed %d times: %s", name, attempts, payload.get("errorMessage", payload))
    if destination:
        record = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{config['FunctionArn']}:$LATEST",
                "condition": "EventAgeExceeded" if expired else "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": result.get("function_error") or "Unhandled",
            },
            "responsePayload": payload,
        }
        _send(ctx, destination, json.dumps(record), {}, config.get("Role"))
    if dead_letters:
        attributes = {
            "RequestID": str(uuid.uuid4()),
            "ErrorCode": "200",
            "ErrorMessage": str(payload.get("errorMessage", ""))[:1024],
        }
        _send(ctx, dead_letters, json.dumps(event), attributes, config.get("Role"))


def _not_delivered(ctx: Context, target: dict[str, Any], rule_arn: str, event: Any) -> None:
    """A rule's or schedule's function does not exist: the event goes to the target's dead-letter queue.

    Source: EventBridge user guide, eb-rule-dlq.
    """
    to_dead_letters(ctx, target, rule_arn, event, ("NO_RESOURCE", f"The target {target['Arn']} does not exist"))


def to_dead_letters(ctx: Context, target: dict[str, Any], rule_arn: str, event: Any, why: tuple[str, str]) -> None:
    """Send what a rule or schedule could not deliver to its target's dead-letter queue; why: code and message."""
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        log.warning("%s: %s: %s, and it has no dead-letter queue", rule_arn, *why)
        return
    attributes = {
        "ERROR_CODE": why[0],
        "ERROR_MESSAGE": why[1],
        "RULE_ARN": rule_arn,
        "TARGET_ARN": target["Arn"],
    }
    threading.Thread(target=_send, args=(ctx, queue, json.dumps(event), attributes), daemon=True).start()


def _send(ctx: Context, arn: str, body: str, attributes: dict[str, str], role: str | None = None) -> None:
    """Deliver to a queue, a topic, a function or an event bus; a destination that is gone is logged.

    role: with whose rights, if it is not a service that delivers by itself.
    """
    service = arn.split(":")[2]
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
    client = clients.client(service, ctx, role, "lambda")
    try:
        if service == "sqs":
            # Lambda knows it from the ARN: the role needs no right to look it up.
            url = clients.client(service, ctx).get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=values)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=body, MessageAttributes=values)
        elif service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=body)
        else:
            detail_type = "Lambda Function Invocation Result - Failure"
            entry = {"EventBusName": arn, "Source": "lambda", "DetailType": detail_type, "Detail": body}
            client.put_events(Entries=[entry])
    except Exception:
        log.exception("a failed event could not be sent to %s", arn)
