"""Where functions send things that are not AWS's to act on: people, and the dead-letter queue."""

from __future__ import annotations

import json
from typing import Any


def publish(sns: Any, topic_arn: str, subject: str, message: str) -> None:
    """message: by protocol, as JSON (`shared.messages`)."""
    sns.publish(TopicArn=topic_arn, Subject=subject, Message=message, MessageStructure="json")


def bury(sqs: Any, queue_url: str, event: object, reason: str) -> None:
    """Send a malformed event to the dead-letter queue with its reason, ready to be replayed."""
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps({"reason": reason, "event": event}),
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
    )
