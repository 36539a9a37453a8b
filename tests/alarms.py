"""Every alarm of the synthesized templates, as CloudWatch is told of it, with names in place of references."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infra.environments import Template

METRIC, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
TOPIC = re.compile(r"\w+-\w+-foundation:ExportsOutputRefTopic\w+")
_REGION, _PINNED = "eu-west-1", "111122223333"

Properties = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a template is thought to be deployed; all of its environments share one topic."""

    account: str
    topic: str = ""

    def resolved(self, template: Template, stack: str, value: Any) -> Any:
        """What CloudFormation would make of a value; what it names itself is named by stack and logical id.

        Fails for a reference to another stack that is not the notification topic.
        """
        match value:
            case str():
                return value.replace(_PINNED, self.account)
            case list():
                return [self.resolved(template, stack, each) for each in value]
            case {"Ref": "AWS::AccountId"}:
                return self.account
            case {"Ref": "AWS::Region"}:
                return _REGION
            case {"Ref": "AWS::Partition"}:
                return "aws"
            case {"Ref": name}:
                return f"{stack}-{name}"
            case {"Fn::GetAtt": [name, "Arn"]} if name in template.resources(METRIC):
                return f"arn:aws:cloudwatch:{_REGION}:{self.account}:alarm:{self.name(template, stack, name)}"
            case {"Fn::GetAtt": [name, _]}:
                return f"{stack}-{name}"
            case {"Fn::ImportValue": name}:
                assert TOPIC.fullmatch(name), name
                return self.topic
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.resolved(template, stack, part) for part in parts)
            case dict():
                assert not any(key.startswith("Fn::") for key in value), value
                return {key: self.resolved(template, stack, each) for key, each in value.items()}
        return value

    def name(self, template: Template, stack: str, logical_id: str) -> str:
        given = template.body["Resources"][logical_id]["Properties"].get("AlarmName", f"{stack}-{logical_id}")
        return str(self.resolved(template, stack, given))


@dataclass(frozen=True, eq=False)
class Alarm:
    """One alarm: `properties` are the parameters of PutMetricAlarm or PutCompositeAlarm."""

    kind: str
    logical_id: str
    properties: Properties

    @property
    def name(self) -> str:
        return str(self.properties["AlarmName"])

    @property
    def members(self) -> list[str]:
        """Names of the alarms that a composite's rule refers to."""
        return re.findall(r'ALARM\("[^"]*:alarm:([^"]+)"\)', self.properties.get("AlarmRule", ""))

    @property
    def actions(self) -> list[str]:
        return list(self.properties.get("AlarmActions", ()))

    @property
    def is_information(self) -> bool:
        return "Information: nobody is called." in self.properties["AlarmDescription"]


def alarms(stacks: Mapping[str, Template], place: Place) -> Iterator[Alarm]:
    """The alarms of templates by the names of their stacks, metric alarms before composite ones."""
    for kind in (METRIC, COMPOSITE):
        for stack, template in stacks.items():
            for logical_id, resource in template.resources(kind).items():
                properties = place.resolved(template, stack, resource["Properties"])
                properties.setdefault("AlarmName", f"{stack}-{logical_id}")
                yield Alarm(kind, logical_id, {key: each for key, each in properties.items() if key != "Tags"})


def wakes(stacks: Mapping[str, Template], place: Place) -> Iterator[tuple[str, Properties]]:
    """Names and patterns of the rules that hear of alarms; stacks are numbered in them, since names are too long."""
    for number, (stack, template) in enumerate(stacks.items()):
        for logical_id, rule in template.resources("AWS::Events::Rule").items():
            pattern = rule["Properties"].get("EventPattern", {})
            if "aws.cloudwatch" in pattern.get("source", ()):
                yield f"{logical_id}-{number}", place.resolved(template, stack, pattern)
