"""Whether what is deployed is at rest, is what was synthesised, and rings nobody."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, verify
from mlops.cdk import ROOT
from mlops.doctor.finding import Finding, Patient, bad, ok, warn
from mlops.observation import observe
from mlops.situation import reading, runs
from mlops.situation.facts import Alarm
from mlops.situation.rows import INFORMATION, TRAINING_FAILED, outlived
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter

_BROKEN_ENDPOINT = ("Failed", "OutOfService", "UpdateRollbackFailed")


def stacks(patient: Patient) -> Iterator[Finding]:
    """Each is there, and nothing goes on in it."""
    states = {name: patient.stack(name).status for name in names(patient)}
    missing = [name for name, status in states.items() if status == verify.MISSING]
    if len(missing) == len(states):
        yield bad(f"environment {patient.environment}: is not deployed", patient.deploy)
        return
    for name in missing:
        yield bad(f"stack {name}: is not deployed, others are", patient.deploy)
    serving = {target.names.serving_stack for target in patient.targets}
    resting = 0
    for name, status in states.items():
        if status in verify.COMPLETE or (name in serving and status in verify.RELEASING):
            resting += 1
        elif status.endswith("IN_PROGRESS"):
            yield warn(f"stack {name}: is {status}", "wait; its events are in the console: CloudFormation")
        elif status != verify.MISSING:
            level = warn if status == "UPDATE_ROLLBACK_COMPLETE" else bad
            yield level(
                f"stack {name}: is {status}", f"read its events, mend the cause, deploy again: {patient.deploy}"
            )
    yield ok(f"stacks: {resting} of {len(states)} are deployed and at rest")


def assembly(patient: Patient, root: Path = ROOT) -> Iterator[Finding]:
    """Whether what is deployed is what was synthesised here last; templates are compared, values are not."""
    folder = root / "build" / "cdk.out" / patient.environment
    if not (folder / "manifest.json").exists():
        yield ok(f"synthesis: none of {patient.environment} here to compare with what is deployed")
        return
    differing = [name for name in names(patient) if _differs(patient, folder / f"{name}.template.json", name)]
    if differing:
        remedy = f"make synth ENV={patient.environment}, then make diff ENV={patient.environment}"
        named = ", ".join(differing[:2]) + (f" and {len(differing) - 2} more" if len(differing) > 2 else "")
        yield warn(f"{named}: not as build/cdk.out/{patient.environment} says", remedy)
    else:
        yield ok(f"what is deployed is what build/cdk.out/{patient.environment} says")


def dead_letters(patient: Patient) -> Iterator[Finding]:
    """Events that could not be handled wait for somebody, for two weeks."""
    watched = 0
    for target in patient.targets:
        model = target.names
        for stack in (model.release_stack, model.monitoring_stack, model.governance_stack):
            for key, url in patient.stack(stack).outputs.items():
                if "DeadLetterQueueUrl" not in key:
                    continue
                watched += 1
                yield from _waiting(patient.clients("sqs"), url, f"{target.title}, stack {stack}")
    yield ok(f"dead letters: {watched} queues looked at")


def alarms(patient: Patient) -> Iterator[Finding]:
    """Those that ring; what each asks for is in its description, unless what it tells of is over."""
    found = reading.alarms(patient.targets[0])
    ringing = [each for each in found if each.state == "ALARM"]
    for each in ringing:
        about, _, remedy = each.about.partition("What to do: ")
        if over := _outlived(patient, each):
            yield warn(f"alarm {each.name}: a run failed, and {over}", "nothing: the next run that succeeds ends it")
            continue
        level = warn if INFORMATION in each.about else bad
        yield level(f"alarm {each.name}: {about.strip(' .') or each.reason}", remedy or "docs/operations.md")
    yield ok(f"alarms: {len(found) - len(ringing)} of {len(found)} do not ring")


def _outlived(patient: Patient, alarm: Alarm) -> str:
    """Why an alarm tells of the past, or ""; the runs of a model are asked for only where they decide that."""
    for target in patient.targets:
        if target.settings.trains and alarm.name == f"{target.names.monitoring_stack}-{TRAINING_FAILED}":
            newest = runs.of(target, runs.TRAINING, 1)
            return outlived(alarm, newest[0] if newest else None)
    return ""


def endpoints(patient: Patient) -> Iterator[Finding]:
    """Each model that has a champion is served."""
    for target in patient.targets:
        if not target.settings.enabled:
            continue
        seen = observe(target, datetime.now(UTC))
        endpoint, champion = seen.endpoint, seen.state.version(ReleaseParameter.CHAMPION)
        about = f"endpoint {endpoint.name}"
        if not champion:
            yield ok(f"{about}: nothing is released yet")
        elif endpoint.stopped:
            yield warn(f"{about}: is stopped", target.command("start"))
        elif endpoint.status == verify.MISSING:
            yield bad(f"{about}: is not there, though version {champion} is the champion", _mend(target))
        elif endpoint.status in _BROKEN_ENDPOINT:
            yield bad(f"{about}: is {endpoint.status}: {endpoint.reason or 'no reason given'}", _mend(target))
        else:
            yield ok(f"{about}: {endpoint.status}, version {champion}")


def subscriptions(patient: Patient) -> Iterator[Finding]:
    """Whether those who are to be told have confirmed that they want to be."""
    foundation = patient.stack(_shared(patient).foundation_stack)
    topic = foundation.outputs.get("TopicArn")
    if topic is None:
        return
    pages = patient.clients("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    listed = [each for page in pages for each in page["Subscriptions"]]
    for each in listed:
        if each["SubscriptionArn"] == "PendingConfirmation":
            remedy = "open the mail with the subject AWS Notification - Subscription Confirmation, and confirm"
            yield bad(f"subscription of {each['Endpoint']}: is not confirmed, so nobody is told there", remedy)
    if listed:
        yield ok(f"notifications: {len(listed)} subscriptions")
    elif not patient.is_local:
        remedy = f"set notifications.emails in config/{patient.environment}.toml and deploy"
        yield warn("notifications: nobody is told of alarms and failures", remedy)


def trail(patient: Patient) -> Iterator[Finding]:
    """Whether CloudTrail records."""
    name = patient.stack(_shared(patient).access_stack).outputs.get("TrailName")
    if name is None or patient.is_local:  # the local AWS makes none: what it does is in its own log
        return
    try:
        status = patient.clients("cloudtrail").get_trail_status(Name=name)
    except ClientError as error:
        if not aws.is_missing(error, "TrailNotFoundException"):
            raise
        yield bad(f"trail {name}: is gone, so nobody's reading and changing is recorded", patient.deploy)
        return
    if not status["IsLogging"]:
        yield bad(
            f"trail {name}: does not record", f"aws cloudtrail start-logging --name {name}, and ask who stopped it"
        )
    elif why := status.get("LatestDeliveryError"):
        yield bad(f"trail {name}: cannot deliver its files: {why}", "docs/operations.md, TrailTouched")
    else:
        yield ok(f"trail {name}: records")


def names(patient: Patient) -> list[str]:
    """The stacks of the environment as it is configured."""
    shared = verify.stacks_of_environment(patient.settings)
    if patient.settings.projects.enabled:
        shared.append(_shared(patient).projects_stack)
    of_models = [
        name for target in patient.targets for name in (*verify.stacks_of_model(target), target.names.serving_stack)
    ]
    return [*shared, *of_models]


def _shared(patient: Patient) -> EnvironmentNames:
    return EnvironmentNames(patient.settings.project, patient.environment)


def _differs(patient: Patient, file: Path, stack: str) -> bool:
    """False for what is not deployed: that is said already."""
    if not file.exists():
        return False
    try:
        answer = patient.clients("cloudformation").get_template(StackName=stack, TemplateStage="Original")
    except ClientError as error:
        if aws.is_missing(error):
            return False
        raise
    deployed: Any = answer["TemplateBody"]
    if isinstance(deployed, str):
        try:
            deployed = json.loads(deployed)
        except ValueError:
            return True
    return bool(deployed != json.loads(file.read_text(encoding="utf-8")))


def _waiting(sqs: Any, url: str, about: str) -> Iterator[Finding]:
    attributes: Mapping[str, str] = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "QueueArn"]
    )["Attributes"]
    count = int(attributes["ApproximateNumberOfMessages"])
    if count:
        arn = attributes.get("QueueArn", url)
        remedy = f"mend what the function's log names, then: aws sqs start-message-move-task --source-arn {arn}"
        yield bad(f"dead letters of {about}: {count} events could not be handled", remedy)


def _mend(target: Target) -> str:
    return f"read {target.command('history')}; going back: {target.command('rollback')}"
