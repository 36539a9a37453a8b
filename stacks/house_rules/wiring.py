"""What happens is heard: events that exist, targets and functions that lose none, an alarm where lost ones lie."""

from collections.abc import Iterator
from typing import Any

from stacks.house_rules.aws_events import BY_CLOUDTRAIL, SENT
from stacks.house_rules.findings import Breach, Expected
from stacks.house_rules.templates import Resource, Templates, at, flat, items

_ALARM, _COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
_RULE, _SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"
_FUNCTION = "AWS::Lambda::Function"
_WAITING = "ApproximateNumberOfMessagesVisible"


def known_events(templates: Templates, _: Expected) -> Iterator[Breach]:
    for rule in templates.resources(_RULE):
        pattern = rule.properties.get("EventPattern", {})
        for source in items(pattern.get("source")):
            if isinstance(source, str) and source.startswith("aws."):
                yield from (
                    (rule, "EventPattern", to_do) for to_do in _unsent(source, items(pattern.get("detail-type")))
                )


def _unsent(source: str, asked: list[Any]) -> Iterator[str]:
    """What to do where a rule asks this source for what it does not send, or for nothing in particular."""
    sent = SENT.get(source)
    if not asked:
        yield f"name the detail-type: {source} sends several"
    elif sent is None:
        yield f"add what {source} sends to stacks/house_rules/aws_events.py, with where it is said"
    else:
        unknown = [each for each in asked if each not in sent | BY_CLOUDTRAIL]
        yield from (f"listen to what {source} sends: nobody sends {each!r}" for each in unknown)


def nothing_lost(templates: Templates, _: Expected) -> Iterator[Breach]:
    for rule in templates.resources(_RULE):
        for number, target in enumerate(items(rule.properties.get("Targets"))):
            if not at(target, "DeadLetterConfig.Arn"):
                yield rule, f"Targets.{number}", "give the target a dead-letter queue: DeadLetterConfig"
    for schedule in templates.resources(_SCHEDULE):
        if not schedule.get("Target.DeadLetterConfig.Arn"):
            yield schedule, "Target", "give the target a dead-letter queue: DeadLetterConfig"
    yield from _functions(templates)


def _functions(templates: Templates) -> Iterator[Breach]:
    """Either a failed event has a destination, or CloudFormation waits for the answer."""
    kept = {
        templates.target(each.stack, each.get("FunctionName"))
        for each in templates.resources("AWS::Lambda::EventInvokeConfig")
        if each.get("DestinationConfig.OnFailure.Destination")
    }
    answered = {
        templates.target(each.stack, each.get("ServiceToken"))
        for each in templates.resources()
        if each.get("ServiceToken")
    }
    for function in templates.resources(_FUNCTION):
        if (function.stack, function.name) not in kept | answered and not function.get("DeadLetterConfig.TargetArn"):
            yield function, "", "give events that fail a destination: PythonFunction(on_failure=…)"
        if function.get("ReservedConcurrentExecutions") == 0:
            path = "ReservedConcurrentExecutions"
            yield function, path, "reserve at least 1, or nothing: with 0 it never runs"


def alarmed(templates: Templates, _: Expected) -> Iterator[Breach]:
    """Every queue here is a dead-letter queue: with nothing else would this project wait for people."""
    telling = {
        (each.stack, each.name)
        for each in templates.resources(_ALARM, _COMPOSITE)
        if each.get("AlarmActions") and each.get("ActionsEnabled") is not False
    }
    shared = [
        flat(each.get("AlarmRule")) for each in templates.resources(_COMPOSITE) if (each.stack, each.name) in telling
    ]
    watched = set()
    for alarm in templates.resources(_ALARM):
        # Composite alarms name their members by reference, here as <logical id> or <logical id.Arn>.
        if (alarm.stack, alarm.name) in telling or any(f"<{alarm.name}>" in rule for rule in shared):
            watched |= {queue for queue in _queues(templates, alarm) if queue}
    for queue in templates.resources("AWS::SQS::Queue"):
        if (queue.stack, queue.name) not in watched:
            yield queue, "", f"have an alarm that tells somebody of messages in it: {_WAITING}"


def _queues(templates: Templates, alarm: Resource) -> Iterator[tuple[str, str] | None]:
    if alarm.get("MetricName") == _WAITING:
        for dimension in items(alarm.properties.get("Dimensions")):
            if at(dimension, "Name") == "QueueName":
                yield templates.target(alarm.stack, at(dimension, "Value"))


def logs_expire(templates: Templates, _: Expected) -> Iterator[Breach]:
    for group in templates.resources("AWS::Logs::LogGroup"):
        if not group.get("RetentionInDays"):
            yield group, "RetentionInDays", "say how long logs are kept: RetentionInDays, from log_retention_days"
    for function in templates.resources(_FUNCTION):
        if not function.get("LoggingConfig.LogGroup"):
            yield function, "LoggingConfig", "give it a log group: the one that Lambda makes keeps logs for ever"
