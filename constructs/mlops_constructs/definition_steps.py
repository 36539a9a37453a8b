"""Steps of a pipeline definition, and the order that their dependencies impose.

Source of the rules on branches: SageMaker developer guide, "Add a step", limitations of the condition step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from mlops_constructs.definition_shapes import Problem, one_of

# Where a step holds other steps.
BRANCHES = {"Condition": ("IfSteps", "ElseSteps"), "ForEach": ("ForEachBody",)}
_NOT_INSIDE = {"Condition": frozenset({"Condition"}), "ForEach": frozenset({"Condition", "ForEach", "Fail"})}
TRIGGERS = frozenset({"Completed", "Failed", "Stopped", "Any"})


@dataclass(frozen=True)
class Step:
    """One step, wherever it stands; `holder` and `branch` name the step and the list that it stands in."""

    name: str
    type: str
    body: Mapping[str, Any]
    holder: str = ""
    branch: str = ""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Its own arguments, without the steps that it holds."""
        given = self.body.get("Arguments")
        if not isinstance(given, Mapping):
            return {}
        return {name: value for name, value in given.items() if name not in BRANCHES.get(self.type, ())}

    @property
    def property_files(self) -> list[Mapping[str, Any]]:
        given = self.body.get("PropertyFiles")
        return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []

    @property
    def depends_on(self) -> list[str]:
        """Names in DependsOn, with or without a trigger."""
        given = self.body.get("DependsOn")
        entries = given if isinstance(given, list) else []
        names = [each.get("Step") if isinstance(each, Mapping) else each for each in entries]
        return [name for name in names if isinstance(name, str)]

    @property
    def needs(self) -> list[str]:
        """Steps that must have run before this one, in the order they are mentioned."""
        own = {name: value for name, value in self.body.items() if name != "Arguments"}
        mentioned = [*self.depends_on, *_mentioned(own), *_mentioned(self.arguments)]
        return list(dict.fromkeys(mentioned))


def all_steps(entries: object, holder: str = "", branch: str = "") -> Iterator[Step]:
    """Every step with a name and a type, holders before what they hold."""
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case {"Name": str(name), "Type": str(kind)}:
                yield Step(name, kind, entry, holder, branch)
                arguments = entry.get("Arguments")
                for inner in BRANCHES.get(kind, ()) if isinstance(arguments, Mapping) else ():
                    yield from all_steps(arguments.get(inner), name, inner)


def order_problems(steps: Sequence[Step]) -> Iterator[tuple[str, Problem]]:
    """By step: cycles, dependencies on nothing, and steps that could never run because of a branch."""
    by_name = {step.name: step for step in steps}
    for step in steps:
        if step.holder and step.type in _NOT_INSIDE[by_name[step.holder].type]:
            holder = by_name[step.holder]
            allowed = f"cannot stand inside {holder.type} step {holder.name}"
            yield step.name, Problem("Type", step.type, allowed)
        for name in step.depends_on:
            if name not in by_name:
                yield step.name, Problem("DependsOn", name, f"no such step; {one_of(by_name)}")
        for name in step.needs:
            if name in by_name:
                yield from _branch_problems(step, by_name[name])
    yield from _cycles(by_name)


def _branch_problems(step: Step, needed: Step) -> Iterator[tuple[str, Problem]]:
    if not needed.holder or (step.holder, step.branch) == (needed.holder, needed.branch):
        return
    if step.holder == needed.holder:
        why = f"stands in {needed.branch} of the same step: only one of the branches runs"
    elif needed.branch == "ForEachBody":
        return  # the loop's aggregated results are properties of the ForEach step itself
    else:
        why = (
            f"stands in {needed.branch} of {needed.holder}: a step outside that branch never runs after it; "
            f"move {step.name} into the branch"
        )
    yield step.name, Problem("depends on", needed.name, why)


def _cycles(by_name: Mapping[str, Step]) -> Iterator[tuple[str, Problem]]:
    graph = {
        name: {needed for needed in (*step.needs, step.holder) if needed in by_name} for name, step in by_name.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        yield circle[0], Problem("depends on", circle[::-1], "a step cannot wait for itself")


def _mentioned(value: object) -> Iterator[str]:
    match value:
        case {"Get": str(target), **others} if not others:
            namespace, _, rest = target.partition(".")
            if namespace == "Steps":
                yield rest.partition(".")[0]
        case Mapping():
            for inner in value.values():
                yield from _mentioned(inner)
        case list():
            for inner in value:
                yield from _mentioned(inner)
