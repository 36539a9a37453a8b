"""`mlops stop` and `mlops start`: take an endpoint away while nobody needs it, and bring it back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from botocore.exceptions import ClientError, WaiterError

from mlops import aws, people, target
from mlops.commands.options import DAY_SECONDS, Env, Json, Model, Timeout, Wait
from mlops.commands.output import Output, of
from mlops.errors import CommandError, NotYet
from mlops.target import LOCAL, Target
from mlops_constructs.switch_names import ASKED, NOW, OFF, ON, RUNNING

_BUSY = ("can not be updated", "cannot be updated")
_POLL_SECONDS = 15


def add(app: typer.Typer) -> None:
    app.command("stop")(stop)
    app.command("start")(start)


def stop(
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Take the endpoint away; its champion comes back with `mlops start`."""
    said = "is being stopped: releases wait until it is started"
    _turn(target.find(env, model), OFF, said, timeout if wait else 0, Output(json))


def start(
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Bring the endpoint back that was stopped."""
    said = "is being started, with the champion that it had"
    _turn(target.find(env, model), ON, said, timeout if wait else 0, Output(json))


def _turn(model: Target, value: str, done: str, wait_seconds: int, out: Output) -> None:
    stack = _stack(model)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    was = outputs.get(NOW)
    if was is None:
        needed = "set serving.stop.enabled = true, where retain is false, and deploy"
        raise CommandError(f"{model.title}: its endpoint has no switch; {needed}")
    changed = was != value
    if changed:
        _update(model, stack, value)
        if wait_seconds:
            with out.busy(f"waiting for stack {model.names.serving_stack}"):
                _wait(model, wait_seconds)
    if not changed:
        done = f"is {was} already; nothing to do"
    elif wait_seconds:
        done = done.replace("is being", "is")
    text = f"{model.names.endpoint} {done}"
    out.answer(of(model, running=value == ON, changed=changed, text=text), [text])


def _stack(model: Target) -> Mapping[str, Any]:
    name = model.names.serving_stack
    try:
        found: Mapping[str, Any] = model.clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if aws.is_missing(error):
            raise CommandError(f"stack {name}: does not exist; deploy it") from error
        raise
    return found


def _update(model: Target, stack: Mapping[str, Any], value: str) -> None:
    """As the schedule does it; raises CommandError while another operation of the stack runs."""
    by = people.name(people.caller(model.clients("sts")))
    asked = {RUNNING: value, ASKED: f"by {by}, {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    keys = [each["ParameterKey"] for each in stack["Parameters"]]
    try:
        model.clients("cloudformation").update_stack(
            StackName=model.names.serving_stack,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": asked[key]}
                if key in asked
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in keys
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as error:
        if any(word in str(error) for word in _BUSY):
            raise CommandError(f"{model.title}: {_busy(model)}") from error
        raise


def _busy(model: Target) -> str:
    """Why the stack takes no update: another one runs, or one failed so that it takes none."""
    name, status = model.names.serving_stack, _stack(model)["StackStatus"]
    if "IN_PROGRESS" in status or status.endswith("_COMPLETE"):
        return f"stack {name} is being updated; try again when that has ended"
    return f"stack {name} is {status} and takes no update; docs/operations.md says how it is mended"


def _wait(model: Target, seconds: int) -> None:
    name, poll = model.names.serving_stack, 1 if model.environment == LOCAL else _POLL_SECONDS
    waiter = model.clients("cloudformation").get_waiter("stack_update_complete")
    try:
        waiter.wait(StackName=name, WaiterConfig={"Delay": poll, "MaxAttempts": -(-seconds // poll)})
    except WaiterError as error:
        status = _stack(model)["StackStatus"]
        if "IN_PROGRESS" in status:
            raise NotYet(f"stack {name}: is still {status} after {seconds} s") from error
        raise CommandError(f"stack {name}: is {status}; read its events, and try again") from error
