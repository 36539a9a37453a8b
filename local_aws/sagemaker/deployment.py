"""What changes an endpoint's fleets: creation, blue/green updates with baking and rollback, scaling,
deletion.

Each runs on a thread of its own. A server that stops leaves the record as it is, and `restore` finishes the
work after the next start: the fleet that served is started again, and an update that was under way is done
anew. Source: developer guide, deployment-guardrails and the pages below it.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import weakref
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.cloudwatch import alarms as evaluation
from local_aws.core import store, tags
from local_aws.core.api import Context, on_start, on_stop
from local_aws.sagemaker import capture, endpoint_state, guardrails, metrics, models, routing
from local_aws.sagemaker.endpoint_state import Record, endpoints
from local_aws.sagemaker.routing import Deployed
from local_aws.sagemaker.serving import Fleet, StartFailed, role_of

log = logging.getLogger(__name__)
POLL_SECONDS = 0.25
SETTLE_POLL_SECONDS = 0.05
# Baking ends once all alarms have been evaluated on the metrics of its last request, or after so long without.
SETTLE_SECONDS = 30.0
# How long a stopping server waits for deployments to notice.
STOP_SECONDS = 5.0

_deployed: dict[store.Key, Deployed] = {}
_stopping = threading.Event()
_workers: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class RolledBack(Exception):
    """The new fleet must go; the message is the endpoint's FailureReason."""


class Interrupted(Exception):
    """The server stops."""


def start(work: Callable[[Context, str], None], ctx: Context, name: str) -> None:
    """Run `work` on the endpoint on a thread of its own."""

    def run() -> None:
        try:
            work(ctx, name)
        except Interrupted:
            log.info("endpoint %s: the server stops; to be continued after its start", name)
        except Exception:
            log.exception("endpoint %s: %s failed", name, work.__name__)
            record = endpoints.get(models.key(ctx, name))
            if record is not None and not _stopping.is_set():
                _set_status(ctx, record, "Failed", f"Internal error of the local AWS in {work.__name__}.")

    thread = threading.Thread(target=run, name=f"endpoint {name}", daemon=True)
    _workers.add(thread)
    thread.start()


def create(ctx: Context, name: str) -> None:
    record = endpoint_state.find(ctx, name)
    key = _key(ctx, name)
    try:
        new = _bring_up(ctx, record)
    except StartFailed as failure:
        with store.lock:
            # What was asked for stays visible; nothing of it runs.
            record["Serving"] = record.pop("Target")
            for variant in record["Serving"]["Variants"]:
                variant.pop("Status", None)
            endpoint_state.mark(record, "Failed", str(failure))
        endpoint_state.announce(ctx, record)
        return
    _deployed[key] = new
    routing.publish(key, routing.route(None, new, _all))
    _commit(ctx, record)


def update(ctx: Context, name: str) -> None:
    """Blue/green: a new fleet beside the old one, traffic in steps, back to the old one when an alarm goes
    off."""
    record = endpoint_state.find(ctx, name)
    key = _key(ctx, name)
    old = _deployed[key]
    new: Deployed | None = None
    try:
        new = _bring_up(ctx, record)
        _shift(ctx, record, old, new)
    except (StartFailed, RolledBack) as failure:
        _set_status(ctx, record, "RollingBack", str(failure))
        routing.publish(key, routing.route(old, None, _all))
        if new is not None:
            new.fleet.stop()
        with store.lock:
            rolling = "RollingUpdatePolicy" in record.pop("Target")["DeploymentConfig"]
            # API reference, DescribeEndpoint: UpdateRollbackFailed is of rolling deployments only.
            status = "UpdateRollbackFailed" if rolling and not old.fleet.healthy() else "InService"
            endpoint_state.mark(record, status, str(failure))
        endpoint_state.announce(ctx, record)
        return
    _deployed[key] = new
    routing.publish(key, routing.route(None, new, _all))
    _commit(ctx, record)
    old.fleet.stop()
    capture.flush()


def scale(ctx: Context, name: str) -> None:
    """New weights and counts of running variants; the processes stay as they are."""
    record = endpoint_state.find(ctx, name)
    key = _key(ctx, name)
    endpoint_state.announce_scaling(ctx, record)
    with store.lock:
        for variant in record["Serving"]["Variants"]:
            variant["Weight"] = variant.pop("DesiredWeight", variant["Weight"])
            variant["Count"] = variant.pop("DesiredCount", variant["Count"])
            variant.pop("Status", None)
        _deployed[key] = dataclasses.replace(_deployed[key], variants=record["Serving"]["Variants"])
    routing.publish(key, routing.route(_deployed[key], None, _all))
    _set_status(ctx, record, "InService")


def delete(ctx: Context, name: str) -> None:
    record = endpoint_state.find(ctx, name)
    key = _key(ctx, name)
    routing.withdraw(key)
    deployed = _deployed.pop(key, None)
    if deployed is not None:
        deployed.fleet.stop()
    capture.flush()
    metrics.flush()
    with store.lock:
        del endpoints[models.key(ctx, name)]
        tags.remove(record["EndpointArn"])


def _key(ctx: Context, name: str) -> store.Key:
    """InvokeEndpoint, unlike the others, minds the case of the name (API reference, CreateEndpoint)."""
    return ctx.account, ctx.region, name


def _set_status(ctx: Context, record: Record, status: str, reason: str | None = None) -> None:
    endpoint_state.mark(record, status, reason)
    endpoint_state.announce(ctx, record)


def _all(_count: int) -> float:
    return 1.0


def _start_fleet(ctx: Context, name: str, wanted: Record) -> Deployed:
    """Start what a record's Serving or Target says.

    Errors: StartFailed."""
    role = role_of(wanted["Variants"][0])
    fleet = Fleet(ctx, name, wanted["Variants"])
    fleet.start()
    return Deployed(wanted["Config"], wanted["Variants"], capture.Settings.of(wanted["Capture"], role), fleet)


def _bring_up(ctx: Context, record: Record) -> Deployed:
    target = record["Target"]
    none = {variant["VariantName"]: 0 for variant in target["Variants"]}
    endpoint_state.set_progress(ctx, record, "Creating", "Creating the instances of the new fleet.", none)
    deployed = _start_fleet(ctx, record["EndpointName"], target)
    if _stopping.is_set():
        deployed.fleet.stop(drain=False)
        raise Interrupted
    return deployed


def _commit(ctx: Context, record: Record) -> None:
    """The target is what serves now."""
    with store.lock:
        serving = record.pop("Target")
        serving.pop("DeploymentConfig", None)
        for variant in serving["Variants"]:
            variant.pop("Ready", None)
            variant.pop("Status", None)
        record["Serving"] = serving
        record["EndpointConfigName"] = serving["Config"]
        endpoint_state.mark(record, "InService")
    endpoint_state.announce(ctx, record)


def _shift(ctx: Context, record: Record, old: Deployed, new: Deployed) -> None:
    """Move the traffic in the planned steps.

    Errors: RolledBack when an alarm goes off, does not exist or cannot be read, or when time is up. (What AWS
    does about an alarm that does not exist is not documented; a missing guard must not pass for a quiet one.)"""
    config = record["Target"]["DeploymentConfig"]
    counts = {variant["VariantName"]: variant["Count"] for variant in new.variants}
    alarms = guardrails.alarm_names(config)
    seconds = guardrails.timeout_seconds(config)
    # The clock of the whole deployment; a restarted server gives it anew.
    deadline = time.monotonic() + seconds if seconds else None
    role = role_of(new.variants[0])
    _check_alarms(ctx, alarms, role)
    for step in guardrails.plan(config, counts, {variant["VariantName"] for variant in old.variants}):
        ready = {name: step.size.instances(count) if step.size else count for name, count in counts.items()}
        most = max(counts.values())
        endpoint_state.set_progress(ctx, record, "ActivatingTraffic", step.activating(most), ready)
        routing.publish(_key(ctx, record["EndpointName"]), routing.route(old, new, step.share))
        if step.seconds:
            endpoint_state.set_progress(ctx, record, "Baking", step.baking(most), ready)
            _bake(ctx, step.seconds, alarms, role, deadline)


def _bake(ctx: Context, seconds: float, alarms: list[str], role: str | None, deadline: float | None) -> None:
    """Wait, with an eye on the alarms; the last look comes when the last request's metrics were evaluated."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if deadline is not None and now > deadline:
            raise RolledBack("The deployment took longer than MaximumExecutionTimeoutInSeconds and was rolled back.")
        _wait(min(POLL_SECONDS, end - now))
        _check_alarms(ctx, alarms, role)
    if alarms:
        metrics.flush()
        evaluated, latest = evaluation.evaluated_anew(), time.monotonic() + SETTLE_SECONDS
        while not evaluated() and time.monotonic() < latest:
            _wait(SETTLE_POLL_SECONDS)
        _check_alarms(ctx, alarms, role)


def _wait(seconds: float) -> None:
    if _stopping.wait(seconds):
        raise Interrupted


def _check_alarms(ctx: Context, names: list[str], role: str | None) -> None:
    if not names:
        return
    try:
        found = clients.client("cloudwatch", ctx, role).describe_alarms(
            AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
    except (BotoCoreError, ClientError) as error:
        raise RolledBack(f"The deployment was rolled back: its alarms could not be read: {error}") from error
    states = {a["AlarmName"]: a["StateValue"] for a in [*found["MetricAlarms"], *found.get("CompositeAlarms", [])]}
    if missing := [name for name in names if name not in states]:
        raise RolledBack(f"The deployment was rolled back: alarm(s) {', '.join(missing)} do not exist.")
    if tripped := [name for name in names if states[name] == "ALARM"]:
        raise RolledBack(f"The deployment was rolled back: alarm(s) {', '.join(tripped)} went into ALARM.")


@on_start
def restore() -> None:
    """Start what ran before the server stopped, and finish what was under way."""
    _stopping.clear()
    for (account, region, _), record in list(endpoints.items()):
        ctx, name = Context(account, region), record["EndpointName"]
        if record["EndpointStatus"] == "Creating":
            start(create, ctx, name)
        elif record["EndpointStatus"] == "Deleting":
            start(delete, ctx, name)
        elif record["EndpointStatus"] != "Failed":
            routing.expect(_key(ctx, name))
            start(_resume, ctx, name)


def _resume(ctx: Context, name: str) -> None:
    record = endpoint_state.find(ctx, name)
    key = _key(ctx, name)
    try:
        _deployed[key] = _start_fleet(ctx, name, record["Serving"])
    except StartFailed as failure:
        routing.withdraw(key)
        _set_status(ctx, record, "Failed", str(failure))
        return
    routing.publish(key, routing.route(_deployed[key], None, _all))
    if record["EndpointStatus"] == "Updating":
        (update if "Target" in record else scale)(ctx, name)
    elif record["EndpointStatus"] == "RollingBack":
        with store.lock:
            record.pop("Target", None)
        _set_status(ctx, record, "InService", record.get("FailureReason"))


@on_stop
def shut_down() -> None:
    """End the serving processes, and write what was captured and measured."""
    _stopping.set()
    end = time.monotonic() + STOP_SECONDS
    for worker in list(_workers):
        worker.join(max(0.0, end - time.monotonic()))
    for key, deployed in list(_deployed.items()):
        routing.withdraw(key)
        deployed.fleet.stop(drain=False)
    _deployed.clear()
    capture.flush()
    metrics.flush()
