"""Events of this account that another account has to hear of."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import explain_inline
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation

BUS = "default"


class EventForwarding(Construct):
    """From the default bus here to the default bus of `account`, in the same region.

    With a role that may do this and nothing else, as AWS recommends for buses of other accounts (EventBridge user
    guide: permissions for event buses). What the other bus does not take waits in a queue with an alarm. Events are
    a convenience for who hears of them: schedules make good what is lost.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        account: str,
        description: str,
        pattern: events.EventPattern,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        arn = stack.format_arn(service="events", account=account, resource="event-bus", resource_name=BUS)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        # Not by the rule's ARN as well: the rule names the role, and so cannot be named by it.
        sender = iam.ServicePrincipal(
            "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        )
        role = iam.Role(self, "Role", assumed_by=sender, description=description)
        explain_inline(role)
        rule = events.Rule(self, "Rule", description=description, event_pattern=pattern)
        bus = events.EventBus.from_event_bus_arn(self, "Bus", arn)
        # The target grants the role events:PutEvents on this one bus.
        rule.add_target(targets.EventBus(bus, role=role, dead_letter_queue=self.dead_letters))
        FailureAlarm(
            self,
            "DeadLettersWaiting",
            metric=self.dead_letters.metric_waiting(),
            topic=foundation.topic,
            description=f"{description}: DeadLettersWaiting",
        )


def versions_changed(group: str) -> events.EventPattern:
    """A version of the model package group was registered, approved, rejected or edited."""
    return events.EventPattern(
        source=[VERSIONS[0]], detail_type=[VERSIONS[1]], detail={"ModelPackageGroupName": [group]}
    )


def alarm_raised(name: str) -> events.EventPattern:
    """The alarm of this name went off."""
    return events.EventPattern(
        source=[ALARMS[0]], detail_type=[ALARMS[1]], detail={"alarmName": [name], "state": {"value": ["ALARM"]}}
    )


VERSIONS = ("aws.sagemaker", "SageMaker Model Package State Change")
ALARMS = ("aws.cloudwatch", "CloudWatch Alarm State Change")
"""Source and detail-type."""


class EventIntake(Construct):
    """Lets `account` put one kind of event on the default bus here.

    kind: source and detail-type. The account is named, not its role, which need not be there yet.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, account: str, kind: tuple[str, str], statement_id: str
    ) -> None:
        super().__init__(scope, construct_id)
        stack, (source, detail_type) = cdk.Stack.of(self), kind
        statement = iam.PolicyStatement(
            sid=statement_id,
            principals=[iam.AccountPrincipal(account)],
            actions=["events:PutEvents"],
            resources=[stack.format_arn(service="events", resource="event-bus", resource_name=BUS)],
            conditions={"StringEquals": {"events:source": source, "events:detail-type": detail_type}},
        )
        events.CfnEventBusPolicy(
            self, "Policy", event_bus_name=BUS, statement_id=statement_id, statement=statement.to_statement_json()
        )
