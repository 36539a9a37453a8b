"""What stacks made: which resource a physical name is of, and which key it is encrypted with."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from local_aws import seam

_FRESH_SECONDS = 2.0
# The bootstrap stack's bucket has a name that the CDK knows: policies spell it out.
_NOT_OURS = "CDKToolkit"
_SEPARATORS = re.compile(r"([:/])")
_SHORTEST = 8
# What comes with a resource and has a name of its own: the attributes that tell it.
_OTHERS = {"AWS::EC2::VPC": ("DefaultSecurityGroup",)}

Properties = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """The resources of all stacks at one time."""

    places: dict[str, str] = field(default_factory=dict)
    """Name that CloudFormation generated: "<stack>/<logical id>"."""
    roles: dict[str, str] = field(default_factory=dict)
    """Name of a role: "<stack>/<logical id>"."""
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """(type, name) of what is encrypted: the key, as its properties name it."""

    def take(self, other: Deployed) -> None:
        """Add what another one has."""
        self.places.update(other.places)
        self.roles.update(other.roles)
        self.keys.update(other.keys)

    def spelled(self, arn: str) -> str:
        """An ARN with "{<stack>/<logical id>}" for each name that was generated."""
        for name in (each for each in self.places if "/" in each and each in arn):
            arn = arn.replace(name, f"{{{self.places[name]}}}")
        parts = _SEPARATORS.split(arn)
        return "".join(f"{{{self.places[part]}}}" if part in self.places else part for part in parts)


class Lookup:
    """The resources as they were at most two seconds ago."""

    def __init__(self) -> None:
        self._found = Deployed()
        self._at = float("-inf")
        self._of_stacks: dict[str, tuple[tuple[object, ...], Deployed]] = {}

    def now(self, *, fresh: bool = False) -> Deployed:
        """fresh: as they are at this moment."""
        if fresh or time.monotonic() - self._at > _FRESH_SECONDS:
            found = Deployed()
            for stack in seam.stacks():
                if stack["StackName"] != _NOT_OURS:
                    found.take(self._of(stack))
            self._found = found
            self._at = time.monotonic()
        return self._found

    def _of(self, stack: dict[str, Any]) -> Deployed:
        """Read again only what an operation may have changed: there are hundreds of resources."""
        state = (stack["StackStatus"], stack.get("LastUpdatedTime"))
        known = self._of_stacks.get(stack["StackId"])
        if known is None or known[0] != state or str(stack["StackStatus"]).endswith("_IN_PROGRESS"):
            known = self._of_stacks[stack["StackId"]] = (state, _read(stack))
        return known[1]


def _read(stack: dict[str, Any]) -> Deployed:
    found = Deployed()
    found.places[stack["StackId"].rpartition("/")[2]] = f"{stack['StackName']}/StackId"
    for logical, each in list((stack.get("_resources") or {}).items()):
        kind, properties = str(each.get("ResourceType", "")), each.get("Properties") or {}
        physical = str(each.get("PhysicalResourceId", ""))
        name = _SEPARATORS.split(physical)[-1]
        place = f"{stack['StackName']}/{logical}"
        if kind == "AWS::IAM::Role":
            found.roles[name] = place
        if kind == "AWS::Logs::LogGroup":
            name = physical  # the names of others have no slashes
        for attribute in _OTHERS.get(kind, ()):
            found.places[str((each.get("Attributes") or {}).get(attribute, ""))] = f"{place}.{attribute}"
        if len(name) >= _SHORTEST and name not in json.dumps(properties):
            found.places[name] = place
        if key := _key(kind, properties):
            found.keys[kind, name] = key
    return found


def _key(kind: str, properties: Properties) -> str:
    match kind:
        case "AWS::S3::Bucket":
            rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
            found = [each.get("ServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for each in rules]
            return str(next(filter(None, found), ""))
        case "AWS::SNS::Topic" | "AWS::SQS::Queue":
            return str(properties.get("KmsMasterKeyId") or "")
        case "AWS::DynamoDB::Table":
            return str(properties.get("SSESpecification", {}).get("KMSMasterKeyId") or "")
    return ""
