"""What schedules set off: deliveries, their retries, and the dead letters of those that failed.

A delivery is a row until it has come to its end, so that a stop of the server loses none; one that was under way is
tried again, as on AWS, which delivers at least once. Between attempts AWS waits with exponential backoff; so does this,
from a second up to a minute. Source: user guide, configuring-schedule-dlq; API reference, RetryPolicy.
"""

from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core import api, store
from local_aws.core.api import Context
from local_aws.scheduler import schedules, targets
from local_aws.scheduler.targets import Run

Row = dict[str, Any]
TICK_SECONDS = 0.5
_ATTEMPTS, _AGE_SECONDS = 185, 86_400
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_ID_LENGTH = 16

log = logging.getLogger("local_aws.scheduler")
deliveries = store.table("schedule_deliveries")
_under_way: set[store.Key] = set()
_workers = ThreadPoolExecutor(8, "schedule")


def install() -> None:
    """Look for what is due on a tick of the server."""
    api.on_tick(TICK_SECONDS, lambda: look(store.now()))


def look(now: datetime) -> None:
    """Make deliveries of the schedules that are due, and try those deliveries whose time has come."""
    for key in schedules.schedules:
        if (due := schedules.taken(key, now)) is not None:
            _begin(key, *due, now)
    for key, row in list(deliveries.items()):
        if row["Due"] <= now and key not in _under_way:
            _under_way.add(key)
            _workers.submit(_try, key, now)


def wait() -> None:
    """Return once no delivery is under way."""
    while _under_way:
        _workers.submit(lambda: None).result()


def _begin(key: store.Key, schedule: Row, at: datetime, now: datetime) -> None:
    account, region, _ = key
    deliveries[account, region, f"{schedule['Arn']}|{at.isoformat()}"] = {
        "ScheduleArn": schedule["Arn"],
        "At": at,
        "Begun": now,
        "Due": now,
        "Attempt": 1,
        "Target": schedule["Target"],
    }


def _try(key: store.Key, now: datetime) -> None:
    try:
        row = deliveries[key]
        run = Run(Context(key[0], key[1]), row["ScheduleArn"], row["At"], uuid.uuid4().hex[:_ID_LENGTH], row["Attempt"])
        text = targets.payload(run, row["Target"])
        try:
            targets.send(run, row["Target"], text)
        except Exception as error:
            _failed(key, row, run, text, error, now)
        else:
            del deliveries[key]
    except Exception:
        log.exception("%s", key[2])
        deliveries.pop(key, None)
    finally:
        _under_way.discard(key)


def _failed(key: store.Key, row: Row, run: Run, text: str, error: Exception, now: datetime) -> None:
    policy = row["Target"].get("RetryPolicy", {})
    attempts = int(policy.get("MaximumRetryAttempts", _ATTEMPTS))
    age = timedelta(seconds=int(policy.get("MaximumEventAgeInSeconds", _AGE_SECONDS)))
    wait = timedelta(seconds=min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (run.attempt - 1)))
    exhausted = ""
    if run.attempt > attempts:
        exhausted = "MaximumRetryAttempts"
    elif now + wait > row["Begun"] + age:
        exhausted = "MaximumEventAgeInSeconds"
    code, message = _error(error)
    log.info("%s: attempt %d failed: %s: %s", run.schedule_arn, run.attempt, code, message)
    if not exhausted:
        deliveries[key] = {**row, "Attempt": run.attempt + 1, "Due": now + wait}
        return
    del deliveries[key]
    queue = row["Target"].get("DeadLetterConfig", {}).get("Arn")
    if queue:
        _bury(run, queue, row["Target"], text, (code, message, exhausted))
    else:
        log.warning("%s: given up (%s), and it has no dead-letter queue", run.schedule_arn, exhausted)


def _bury(run: Run, queue: str, target: Row, text: str, why: tuple[str, str, str]) -> None:
    code, message, exhausted = why
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message[:1024],
        "EXECUTION_ID": run.execution_id,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(run.attempt - 1),
        "SCHEDULED_TIME": targets.time_text(run.at),
        "SCHEDULE_ARN": run.schedule_arn,
        "TARGET_ARN": target["Arn"],
    }
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
    client = clients.client("sqs", run.ctx, target.get("RoleArn"), "scheduler")
    try:
        url = targets.queue_url(run.ctx, queue)
        client.send_message(QueueUrl=url, MessageBody=text, MessageAttributes=values)
    except Exception:
        log.exception("%s: its dead letter could not be sent to %s", run.schedule_arn, queue)


def _error(error: Exception) -> tuple[str, str]:
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        return str(answer.get("Code")), str(answer.get("Message"))
    return type(error).__name__, str(error)
