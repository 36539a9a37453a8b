"""What a template's policies let somebody do, by an evaluation of IAM's rules that is not ours: the local AWS's.

It knows Allow, Deny, NotAction, NotResource, conditions with their set operators, and trust policies.
"""

import re
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator

from tests.infra.environments import Template

ACCOUNT, REGION = "111122223333", "eu-west-1"

# What exports and attributes are called here, by a part of their names.
_PLACES = {
    "Evidence": "arn:aws:s3:::evidence",
    "Artifacts": "arn:aws:s3:::artifacts",
    "Capture": "arn:aws:s3:::capture",
    "Data": "arn:aws:s3:::data",
    "TrailFiles": "arn:aws:s3:::trail",
    "Ledger": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/ledger",
    "Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/key",
}
# What another environment tells by its parameters.
_ELSEWHERE = {
    "artifactsbucket": "elsewhere-artifacts",
    "foundationkey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/elsewhere",
}
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}


def resolved(value: Any) -> Any:
    """A policy as it is deployed, with ARNs of places for what only the deployment knows."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(resolved(parts))
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: _PSEUDO[found[1]], text)
        case {"Ref": name} if name in _PSEUDO:
            return _PSEUDO[name]
        case {"Ref": name} if "SsmParameterValue" in name:
            return next(place for part, place in _ELSEWHERE.items() if part in name)
        case {"Fn::ImportValue": name} | {"Fn::GetAtt": [name, "Arn"]}:
            return next(place for part, place in _PLACES.items() if part in name.rpartition("Exports")[2])
        case dict():
            return {key: resolved(each) for key, each in value.items()}
        case list():
            return [resolved(each) for each in value]
    return value


@dataclass(frozen=True)
class Person:
    """Somebody in one of the roles, with the policies that the role has, and further ones if somebody added them."""

    policies: list[Any]
    trust: Any

    @classmethod
    def of(cls, template: Template, role: str, *added: dict[str, Any]) -> "Person":
        """role: how its logical id starts; added: statements that somebody attached to it later."""
        found = template.body["Resources"][template.role(role)]["Properties"]
        attached = [template.body["Resources"][each["Ref"]]["Properties"] for each in found["ManagedPolicyArns"]]
        documents = [resolved(each["PolicyDocument"]) for each in attached]
        documents += [{"Version": "2012-10-17", "Statement": list(added)}]
        return cls(
            [iam_evaluator.parse_policy_document(each) for each in documents],
            resolved(found["AssumeRolePolicyDocument"]),
        )

    @classmethod
    def with_statements(cls, *statements: dict[str, Any]) -> "Person":
        """Whoever has these statements and no others; nobody takes the role."""
        document = {"Version": "2012-10-17", "Statement": [resolved(each) for each in statements]}
        return cls([iam_evaluator.parse_policy_document(document)], {"Statement": []})

    def may(self, action: str, resource: str = "*", **context: Any) -> bool:
        """Whether a request is allowed. context: condition keys, with __ for the colon and the slash."""
        asked = _request(action, resource, context, "arn:aws:sts::111122223333:assumed-role/role/ann", "AssumedRole")
        return bool(iam_evaluator.evaluate(asked, self.policies).decision == "Allow")

    def trusts(self, caller: str, kind: str, **context: Any) -> bool:
        """Whether `caller`, of a kind that aws:PrincipalType knows, may take the role."""
        asked = _request("sts:AssumeRole", "*", context, caller, kind)
        return bool(iam_evaluator.evaluate_trust_policy(self.trust, caller, asked))


def _request(action: str, resource: str, context: dict[str, Any], caller: str, kind: str) -> Any:
    keys = {name.replace("__", ":", 1).replace("__", "/").lower(): value for name, value in context.items()}
    return iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type=kind,
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        source_ip="203.0.113.1",
        secure_transport=True,
        service_context=keys,
    )
