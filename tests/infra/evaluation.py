"""What CloudFormation would make of a template for given parameter values: conditions, and functions of text."""

from typing import Any

from tests.infra.environments import Template

_NOTHING = object()


def deployed(template: Template, values: dict[str, str]) -> Template:
    """The template with only what stands under these values, and Fn::If replaced by what it chooses.

    References to parameters that are not given stay references.
    """
    return Template(_Evaluation(template.body, values).body())


class _Evaluation:
    def __init__(self, body: dict[str, Any], values: dict[str, str]) -> None:
        assert set(values) <= set(body["Parameters"])
        self._body, self._values = body, values

    def body(self) -> dict[str, Any]:
        return {section: self._standing(self._body[section]) for section in ("Resources", "Outputs")}

    def _standing(self, entries: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._value({key: value for key, value in entry.items() if key != "Condition"})
            for name, entry in entries.items()
            if "Condition" not in entry or self._holds({"Condition": entry["Condition"]})
        }

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._holds(self._body["Conditions"][name])
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": inner}:
                return all(self._holds(each) for each in inner)
            case {"Fn::Equals": [left, right]}:
                return bool(self._value(left) == self._value(right))
        raise AssertionError(f"unexpected {condition}")

    def _value(self, value: Any) -> Any:
        match value:
            case {"Ref": "AWS::NoValue"}:
                return _NOTHING
            case {"Ref": name} if name in self._values:
                return self._values[name]
            case {"Fn::If": [condition, then, otherwise]}:
                return self._value(then if self._holds({"Condition": condition}) else otherwise)
            case {"Fn::Select": [index, items]}:
                return self._value(items)[int(index)]
            case {"Fn::Split": [separator, text]}:
                return self._value(text).split(separator)
            case {"Fn::Join": [separator, parts]}:
                found = self._value(parts)
                known = all(isinstance(part, str) for part in found)
                return separator.join(found) if known else {"Fn::Join": [separator, found]}
            case dict():
                entries = ((key, self._value(each)) for key, each in value.items())
                return {key: each for key, each in entries if each is not _NOTHING}
            case list():
                return [each for each in map(self._value, value) if each is not _NOTHING]
        return value
