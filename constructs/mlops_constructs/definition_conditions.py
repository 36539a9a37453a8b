"""Conditions of a Condition step: their form, and whether both sides can ever be compared."""

from collections.abc import Iterator, Mapping

from mlops_constructs.definition_expressions import ANY, Scope, evaluate, is_expression
from mlops_constructs.definition_shapes import Problem, one_of
from mlops_constructs.definition_steps import Step

_ORDERINGS = frozenset({"GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"})
_MEMBERS: Mapping[str, frozenset[str]] = {
    **{kind: frozenset({"LeftValue", "RightValue"}) for kind in (*_ORDERINGS, "Equals")},
    "In": frozenset({"QueryValue", "Values"}),
    "Not": frozenset({"Condition"}),
    "Or": frozenset({"Conditions"}),
}
# What the service compares with what.
_FAMILIES = {
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "boolean": "true or false",
    "string": "text",
    "timestamp": "text",
}


def condition_problems(step: Step, scope: Scope) -> Iterator[Problem]:
    """What is wrong with the step's arguments; the steps in its branches are looked at by themselves."""
    given = step.body.get("Arguments")
    if not isinstance(given, Mapping):
        yield Problem("Arguments", given, "must be an object")
        return
    for name in sorted(set(given) - {"Conditions", "IfSteps", "ElseSteps"}):
        yield Problem(f"Arguments.{name}", name, "allowed: Conditions, ElseSteps, IfSteps")
    for name in ("IfSteps", "ElseSteps"):
        if not isinstance(given.get(name, []), list):
            yield Problem(f"Arguments.{name}", given[name], "must be a list of steps")
    yield from _list(given.get("Conditions"), "Arguments.Conditions", scope)


def _list(conditions: object, path: str, scope: Scope) -> Iterator[Problem]:
    if not isinstance(conditions, list) or not conditions:
        yield Problem(path, conditions, "must be a list of at least one condition")
        return
    for index, condition in enumerate(conditions):
        yield from _condition(condition, f"{path}[{index}]", scope)


def _condition(condition: object, path: str, scope: Scope) -> Iterator[Problem]:
    kind = condition.get("Type") if isinstance(condition, Mapping) else None
    if not isinstance(condition, Mapping) or not isinstance(kind, str) or kind not in _MEMBERS:
        yield Problem(f"{path}.Type", kind, one_of(_MEMBERS))
        return
    if set(condition) - {"Type"} != _MEMBERS[kind]:
        members = ", ".join(sorted(_MEMBERS[kind]))
        yield Problem(path, sorted(set(condition) - {"Type"}), f"a condition of type {kind} has {members}")
        return
    match kind:
        case "Not":
            yield from _condition(condition["Condition"], f"{path}.Condition", scope)
        case "Or":
            yield from _list(condition["Conditions"], f"{path}.Conditions", scope)
        case "In":
            values = condition["Values"]
            if isinstance(values, list):
                yield from _compare([condition["QueryValue"], *values], path, scope)
            else:
                yield Problem(f"{path}.Values", values, "must be a list")
        case _:
            sides = [condition["LeftValue"], condition["RightValue"]]
            yield from _compare(sides, path, scope, ordered=kind in _ORDERINGS)


def _compare(sides: list[object], path: str, scope: Scope, *, ordered: bool = False) -> Iterator[Problem]:
    problems: list[Problem] = []
    families = {_family(side, path, scope, problems) for side in sides} - {ANY}
    yield from problems
    if len(families) > 1:
        yield Problem(path, sides, f"compares {' with '.join(sorted(families))}: never equal")
    elif ordered and families and families != {"number"}:
        yield Problem(path, sides, f"orders {families.pop()}: only numbers have an order")


def _family(side: object, path: str, scope: Scope, problems: list[Problem]) -> str:
    if is_expression(side):
        assert isinstance(side, Mapping)
        kind = evaluate(side, scope, path, problems).kind
        if kind in ("list", "map", "structure"):
            problems.append(Problem(path, side, f"gives a {kind}, only single values can be compared"))
        return _FAMILIES.get(kind, ANY)
    if isinstance(side, bool):
        return "true or false"
    if isinstance(side, int | float):
        return "number"
    if isinstance(side, str):
        return "text"
    problems.append(Problem(path, side, "must be text, a number, true or false, or an expression"))
    return ANY
