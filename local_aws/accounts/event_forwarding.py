"""Events that a rule sends to a bus of another account or region.

The rule's role needs events:PutEvents on that bus, and the policy of a bus in another account has to let the
sender in. The event keeps its source, detail type, time, account and region, and goes no further than one account.
Source: EventBridge user guide, eb-cross-account, eb-cross-region, eb-event-bus-perms and eb-rule-dlq.
"""

from __future__ import annotations

import logging

from local_aws import lambda_events, permissions, seam

log = logging.getLogger("local_aws.events")

_ACTION = "events:PutEvents"


def install() -> None:
    """Deliver to buses elsewhere, which ministack does not."""
    seam.correct_bus_permissions()
    seam.replace_bus_deliveries(_deliver)


def _deliver(hop: seam.Hop) -> None:
    if hop.again:
        log.info("%s: the event came from another account and is not sent on to %s", hop.rule_arn, hop.bus_arn)
    elif reason := _refusal(hop):
        _give_up(hop, "NO_PERMISSIONS", reason)
    elif not seam.receive_event(hop):
        _give_up(hop, "NO_RESOURCE", f"The target {hop.bus_arn} does not exist")


def _refusal(hop: seam.Hop) -> str:
    """Why the bus does not get the event; empty if it does."""
    role = hop.target.get("RoleArn", "")
    sender = {"aws:sourcearn": hop.rule_arn, "aws:sourceaccount": hop.sender.account}
    ours = role.startswith(f"arn:aws:iam::{hop.sender.account}:role/")
    if not ours or not seam.service_may_assume(role, "events.amazonaws.com", hop.sender.region, sender):
        return f"{role or 'no role'}: not a role of {hop.sender.account} that events.amazonaws.com may assume"
    session = f"arn:aws:sts::{hop.sender.account}:assumed-role/{role.rpartition('/')[2]}/events"
    event = hop.envelope
    context = {
        "events:source": event["source"],
        "events:detail-type": event["detail-type"],
        "events:eventbusinvocation": "true",
        **sender,
    }
    question = seam.Question(session, _ACTION, hop.bus_arn, hop.receiver.region, context)
    permissions.allowed(role, hop.sender, [(_ACTION, hop.bus_arn, context)])  # for the record: it is refused below
    if seam.role_decides(role, question) != "Allow":
        return f"{role} is not authorized to perform: {_ACTION} on resource: {hop.bus_arn}"
    if hop.sender.account == hop.receiver.account:
        return ""
    if seam.decide(seam.bus_policy(hop.receiver, hop.bus), question) != "Allow":
        return f"the policy of {hop.bus_arn} does not allow {role} to perform: {_ACTION}"
    return ""


def _give_up(hop: seam.Hop, code: str, reason: str) -> None:
    log.warning("%s: not delivered: %s", hop.rule_arn, reason)
    lambda_events.to_dead_letters(hop.sender, hop.target, hop.rule_arn, hop.envelope, (code, reason))
