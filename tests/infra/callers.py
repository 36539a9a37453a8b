"""Callers of one account and policies of another one's resources, by the evaluation that `permissions` uses."""

from typing import Any

from ministack.core import iam_evaluator

from tests.infra.environments import ACCOUNTS, ACCOUNTS_REGION, flat

ARTIFACTS = "arn:aws:s3:::artifacts"
"""What the artifacts bucket of a foundation is called here."""


def plain(value: Any) -> Any:
    """A policy with `<…>` for what only the deployment knows, but for the artifacts' bucket."""
    match value:
        case {"Fn::GetAtt": ["Artifacts82DD59A1", "Arn"]}:
            return ARTIFACTS
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(plain(part) for part in parts)
        case {"Fn::GetAtt": _} | {"Ref": _} | {"Fn::ImportValue": _} | {"Fn::Sub": _}:
            return flat(value)
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
    return value


class Caller:
    """A role of an account, with its policies."""

    def __init__(self, account: str, name: str, statements: list[Any]) -> None:
        self.account, self.arn = account, f"arn:aws:iam::{account}:role/{name}"
        self._policy = iam_evaluator.parse_policy_document({"Statement": plain(statements)})

    def asks(self, action: str, resource: str, **context: Any) -> iam_evaluator.EvalContext:
        return iam_evaluator.EvalContext(
            principal_arn=self.arn,
            principal_type="AssumedRole",
            principal_account=self.account,
            action=action,
            resource_arn=resource,
            region=ACCOUNTS_REGION,
            source_ip="203.0.113.1",
            secure_transport=True,
            service_context={"s3:tlsversion": "1.3"}
            | {name.replace("__", ":").lower(): value for name, value in context.items()},
        )

    def may(self, action: str, resource: str, policy: Any, *, owner: str = ACCOUNTS["staging"], **context: Any) -> bool:
        """Whether both its own policies and that of the resource, which `owner` has, let it."""
        asked = self.asks(action, resource, **context)
        own = iam_evaluator.evaluate(asked, [self._policy])
        return bool(iam_evaluator.combine_resource_policy(own, asked, policy, owner).decision == "Allow")


ANYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
