"""What the roles of an environment may do, as its synthesized templates say it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator

from tests.permissions.calls import ACCOUNT, REGION, Call, Names

_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::URLSuffix": "amazonaws.com"}
# How ARNs of what a template makes look.
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::KMS::Key": "arn:aws:kms:{place}:key/{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{place}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{place}:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{place}:table/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{place}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{place}:log-group:{name}:*",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{place}:alarm:{name}",
    "AWS::SageMaker::Pipeline": "arn:aws:sagemaker:{place}:pipeline/{name}",
    "AWS::SageMaker::MlflowTrackingServer": "arn:aws:sagemaker:{place}:mlflow-tracking-server/{name}",
}
_NAMES = (
    *("BucketName", "TopicName", "QueueName", "TableName", "FunctionName", "LogGroupName", "RoleName", "AlarmName"),
    *("PipelineName", "Name"),
)
_REF_IS_ARN = ("AWS::SNS::Topic",)
_SERVICES = (
    *("lambda", "sagemaker", "scheduler", "events", "states", "codebuild", "codepipeline", "servicecatalog"),
    *("backup", "cloudtrail", "vpc-flow-logs"),
)
# DegradationReader: a function of another account takes it.
_READER = "Reader"

Document = dict[str, Any]


@dataclass(frozen=True, order=True)
class Pair:
    """An action on a resource that a role may do, wherever it stands in its policies."""

    role: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"


@dataclass(frozen=True)
class Role:
    """A role that a service takes; its statements are spelled as in the record of calls."""

    kind: str
    statements: tuple[Document, ...]

    @property
    def pairs(self) -> set[Pair]:
        return {
            Pair(self.kind, action, resource)
            for each in self.statements
            if each["Effect"] == "Allow"
            for action in _listed(each["Action"])
            for resource in _listed(each["Resource"])
        }

    def allows(self, call: Call) -> bool:
        """Whether ministack's evaluator, which is not ours, allows the call."""
        # To it a bucket, whose ARN has no account, is the caller's.
        [owner] = dict(call.context).get("s3:ResourceAccount", (ACCOUNT,))
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
            principal_type="AssumedRole",
            principal_account=owner,
            action=call.action,
            resource_arn=call.resource,
            region=REGION,
            source_ip="203.0.113.1",
            secure_transport=True,
            # A key with several values has them one by one, as a request has one.
            service_context={
                key.lower(): values[0] if len(values) == 1 else list(values) for key, values in call.context
            },
        )
        return bool(iam_evaluator.evaluate(asked, [self._parsed]).decision == "Allow")

    @cached_property
    def _parsed(self) -> Any:
        return iam_evaluator.parse_policy_document({"Statement": list(self.statements)})


class Environment:
    """The templates of an assembly, by the names of their stacks, and the account that they are for."""

    def __init__(self, templates: Mapping[str, Document], account: str = ACCOUNT) -> None:
        self._templates, self._account = templates, account

    @classmethod
    def of(cls, folder: Path, account: str = ACCOUNT) -> "Environment":
        files = sorted(folder.glob("*.template.json"))
        templates = {each.name.removesuffix(".template.json"): json.loads(each.read_text()) for each in files}
        return cls(templates, account)

    def roles(self) -> dict[tuple[str, str], Role]:
        """By the name of their stack and their kind: the roles that AWS services and other accounts' functions take."""
        found = {}
        for stack, template in self._templates.items():
            if (names := Names.of(stack, self._account)) is None:
                continue
            for logical_id, each in template["Resources"].items():
                if each["Type"] != "AWS::IAM::Role":
                    continue
                if _of_a_service(each["Properties"]) or logical_id.startswith(_READER):
                    kind = names.role(logical_id)
                    found[stack, kind] = Role(kind, tuple(self._statements(stack, logical_id, names)))
        return found

    def _statements(self, stack: str, logical_id: str, names: Names) -> Iterator[Document]:
        resources = self._templates[stack]["Resources"]
        properties = resources[logical_id]["Properties"]
        documents = [(stack, each["PolicyDocument"]) for each in properties.get("Policies", [])]
        for each in resources.values():
            attached = each["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            if attached and {"Ref": logical_id} in each["Properties"].get("Roles", []):
                documents.append((stack, each["Properties"]["PolicyDocument"]))
        documents += [self._managed(stack, each) for each in properties.get("ManagedPolicyArns", [])]
        for place, document in documents:
            for statement in document["Statement"]:
                yield json.loads(names.general(json.dumps(self._resolved(place, statement))))

    def _managed(self, stack: str, reference: Any) -> tuple[str, Document]:
        """A policy that the stack, or one that it imports from, makes, with the name of that stack; AWS's own are
        nowhere used."""
        match reference:
            case {"Ref": logical_id}:
                return stack, self._templates[stack]["Resources"][logical_id]["Properties"]["PolicyDocument"]
            case {"Fn::ImportValue": name}:
                return self._managed(*self._exported(str(self._resolved(stack, name))))
        raise AssertionError(f"{stack}: unexpected policy {reference}")

    def _resolved(self, stack: str, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._ref(stack, name)
            case {"Fn::GetAtt": [name, "Arn"]} | {"Fn::GetAtt": [name, "TopicArn"]}:
                return self._arn(stack, name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{{{stack}/{name}.{attribute}}}"
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(str(self._resolved(stack, each)) for each in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._ref(stack, found[1])), text)
            case {"Fn::ImportValue": name}:
                return self._imported(str(self._resolved(stack, name)))
            case {"Fn::FindInMap": [name, *keys]}:
                found = self._templates[stack]["Mappings"][name]
                for key in keys:
                    found = found[self._resolved(stack, key)]
                return found
            case {"Fn::If": [_, then, _otherwise]}:
                return self._resolved(stack, then)
            case dict():
                return {key: self._resolved(stack, each) for key, each in value.items()}
            case list():
                return [self._resolved(stack, each) for each in value]
        return value

    def _ref(self, stack: str, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name == "AWS::AccountId":
            return self._account
        if name == "AWS::StackId":
            return f"arn:aws:cloudformation:{REGION}:{self._account}:stack/{stack}/{{{stack}/StackId}}"
        parameter = self._templates[stack].get("Parameters", {}).get(name)
        if parameter is not None:
            return f"{{{parameter.get('Default', name)}}}"
        if self._templates[stack]["Resources"][name]["Type"] in _REF_IS_ARN:
            return self._arn(stack, name)
        return self._name(stack, name)

    def _name(self, stack: str, logical_id: str) -> str:
        properties = self._templates[stack]["Resources"][logical_id].get("Properties", {})
        given = next((properties[each] for each in _NAMES if each in properties), None)
        return f"{{{stack}/{logical_id}}}" if given is None else str(self._resolved(stack, given))

    def _arn(self, stack: str, logical_id: str) -> str:
        kind = self._templates[stack]["Resources"][logical_id]["Type"]
        # Of what is nowhere deployed locally it only matters that it is always spelled alike.
        form = _ARNS.get(kind)
        name, place = self._name(stack, logical_id), f"{REGION}:{self._account}"
        return form.format(name=name, place=place, account=self._account) if form else f"{{{stack}/{logical_id}.Arn}}"

    def _imported(self, name: str) -> Any:
        return self._resolved(*self._exported(name))

    def _exported(self, name: str) -> tuple[str, Any]:
        """The stack that exports a value, and the value as it stands there."""
        for stack, template in self._templates.items():
            for output in template.get("Outputs", {}).values():
                if "Export" in output and self._resolved(stack, output["Export"]["Name"]) == name:
                    return stack, output["Value"]
        raise AssertionError(f"no stack exports {name}")


def _of_a_service(properties: Document) -> bool:
    """People and other accounts take the others."""
    principals = [each.get("Principal", {}) for each in properties["AssumeRolePolicyDocument"]["Statement"]]
    services = [
        service for each in principals if isinstance(each, dict) for service in _listed(each.get("Service", []))
    ]
    return any(str(each).split(".")[0] in _SERVICES for each in services)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
