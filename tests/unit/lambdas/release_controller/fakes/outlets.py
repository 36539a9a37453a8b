# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Where the controller sends things: the topic, the dead-letter queue, the event bus, the tests, figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.unit.lambdas.release_controller.names import GROUP


@dataclass
class Outlets:
    told: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    chats: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    announced: list[dict[str, Any]] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    overdue: list[float] = field(default_factory=list)

    def publish(self, TopicArn: str, Subject: str, Message: str, MessageStructure: str) -> dict[str, Any]:
        assert len(Subject) <= 100 and Subject.isascii() and "\n" not in Subject and MessageStructure == "json"
        message = json.loads(Message)
        self.told.append(Subject)
        self.bodies.append(message["default"])
        self.chats.append(json.loads(message["https"]))
        return {"MessageId": "1"}

    def send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> dict[str, Any]:
        body = json.loads(MessageBody)
        assert MessageAttributes["reason"]["StringValue"] == body["reason"]
        self.dead_letters.append(body)
        return {"MessageId": "1"}

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        (entry,) = Entries
        assert (entry["Source"], entry["DetailType"]) == ("mlops.release", "Model Release Done")
        self.announced.append(json.loads(entry["Detail"]))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> dict[str, Any]:
        (datum,) = MetricData
        assert (Namespace, datum["MetricName"]) == ("mlops/release", "overdue_hours")
        assert datum["Dimensions"] == [{"Name": "Endpoint", "Value": GROUP}]
        self.overdue.append(datum["Value"])
        return {}

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:
        asked = json.loads(Payload)
        assert InvocationType == "Event" and asked["endpoint"] == GROUP and FunctionName == "release-tests"
        self.tested.append(asked["package"])
        return {"StatusCode": 202}
