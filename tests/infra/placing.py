"""A template that fits any account, as it is for one account and region."""

import json
from collections.abc import Iterator
from typing import Any

from tests.infra.environments import Template, flat


def placed(template: Template, account: str, region: str) -> dict[str, Any]:
    """The template's body with account and region filled in, and what follows from them: texts, mappings, choices.

    What is left is written as CDK writes it where it knows both from the beginning.
    """
    body: dict[str, Any] = _Placing(template.body, account, region).body()
    return body


class _Placing:
    def __init__(self, body: dict[str, Any], account: str, region: str) -> None:
        self._body = body
        self._known = {"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": "aws"}

    def body(self) -> dict[str, Any]:
        return {
            section: self._value(each)
            for section, each in self._body.items()
            if section not in ("Mappings", "Conditions")
        }

    def _value(self, value: Any) -> Any:
        match value:
            case {"Ref": name} if name in self._known:
                return self._known[name]
            case {"Fn::Sub": str() as text}:
                for name, each in self._known.items():
                    text = text.replace(f"${{{name}}}", each)
                return text if "${" not in text else {"Fn::Sub": text}
            case {"Fn::FindInMap": [name, first, second]}:
                return self._body["Mappings"][name][self._value(first)][self._value(second)]
            case {"Fn::Join": ["", parts]}:
                return _joined([self._value(part) for part in parts])
            case {"Fn::If": [name, then, otherwise]} if name in self._body.get("Conditions", {}):
                holds = self._holds(self._body["Conditions"][name])
                return value if holds is None else self._value(then if holds else otherwise)
            case {"PipelineDefinitionBody": body}:
                return json.loads(flat(self._value(body)))
            case dict():
                return {key: self._value(each) for key, each in value.items()}
            case list():
                return [self._value(each) for each in value]
        return value

    def _holds(self, condition: Any) -> bool | None:
        """None for what only the deployment knows."""
        match condition:
            case {"Fn::Equals": [left, right]}:
                left, right = self._value(left), self._value(right)
                return bool(left == right) if isinstance(left, str) and isinstance(right, str) else None
        return None


def differences(one: Any, two: Any, at: str = "") -> Iterator[dict[str, Any]]:
    """Where two bodies differ, and in what; of lists, the members that the other has not."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted({*one, *two}):
            yield from differences(one.get(key), two.get(key), f"{at}/{key}")
    elif isinstance(one, list) and isinstance(two, list):
        gone, come = [each for each in one if each not in two], [each for each in two if each not in one]
        if gone or come:
            yield {"at": at, "one account": gone, "accounts": come}
    elif one != two:
        yield {"at": at, "one account": one, "accounts": two}


def _joined(parts: list[Any]) -> Any:
    """Texts beside each other are one."""
    found: list[Any] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found[0] if len(found) == 1 and isinstance(found[0], str) else {"Fn::Join": ["", found]}
