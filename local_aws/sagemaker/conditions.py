"""The conditions of a Condition step, compared with their types: a text is never a number."""

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.sagemaker.expressions import ExpressionError

Evaluate = Callable[[Any], Any]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}
# Members of each type of condition, as the SageMaker SDK writes them.
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "Equals": ("LeftValue", "RightValue"),
    **dict.fromkeys(_COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}


def holds(condition: Mapping[str, Any], evaluate: Evaluate) -> bool:
    """Whether one condition is true; ExpressionError where its values cannot be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], evaluate)
    if kind == "Or":
        return any(holds(item, evaluate) for item in condition["Conditions"])
    if kind == "In":
        wanted = evaluate(condition["QueryValue"])
        return any(_equal(wanted, evaluate(item)) for item in condition["Values"])
    left, right = evaluate(condition["LeftValue"]), evaluate(condition["RightValue"])
    if kind == "Equals":
        return _equal(left, right)
    _check_order(kind, left, right)
    return _COMPARISONS[kind](left, right)


def type_name(value: Any) -> str:
    """A value's type by the names that pipeline parameters have."""
    names = {bool: "Boolean", int: "Integer", float: "Float", str: "String"}
    return names.get(type(value), type(value).__name__)


def _equal(left: Any, right: Any) -> bool:
    if _family(left) != _family(right):
        raise ExpressionError(_mismatch("Equals", left, right))
    return bool(left == right)


def _check_order(kind: str, left: Any, right: Any) -> None:
    if _family(left) != _family(right) or _family(left) not in ("number", "text"):
        raise ExpressionError(_mismatch(kind, left, right))


def _family(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__


def _mismatch(kind: str, left: Any, right: Any) -> str:
    return f"{kind} cannot compare {type_name(left)} {left!r} with {type_name(right)} {right!r}"
