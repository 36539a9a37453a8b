"""A pipeline as its definition describes it: parameters, steps, and what needs what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.sagemaker import expressions
from local_aws.sagemaker.pipeline_parameters import Parameter

BRANCHES = ("IfSteps", "ElseSteps")


@dataclass(frozen=True)
class Step:
    """One step; `parent` and `branch` say in which branch of which Condition it is."""

    name: str
    type: str
    body: Mapping[str, Any]
    parent: str | None = None
    branch: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the step evaluates: of a Condition, not the steps in its branches."""
        arguments: dict[str, Any] = self.body.get("Arguments", {})
        if self.type == "Condition":
            return {"Conditions": arguments.get("Conditions", [])}
        return arguments

    @property
    def property_files(self) -> dict[str, dict[str, str]]:
        return {item["PropertyFileName"]: item for item in self.body.get("PropertyFiles", [])}

    @property
    def depends_on(self) -> list[str]:
        names: list[str] = self.body.get("DependsOn", [])
        return names


@dataclass(frozen=True)
class Definition:
    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]
    experiment: Mapping[str, Any] | None = None
    _needs: dict[str, frozenset[str]] = field(default_factory=dict)

    def needs(self, name: str) -> frozenset[str]:
        """The steps that must have succeeded before this one can start, its Condition among them."""
        if name not in self._needs:
            self._needs[name] = frozenset(self._all_needs(self.steps[name]))
        return self._needs[name]

    def _all_needs(self, step: Step) -> Iterator[str]:
        yield from step.depends_on
        yield from (found[0] for path in expressions.gets(step.arguments) if (found := expressions.step_and_path(path)))
        for body in expressions.json_gets(step.arguments):
            if "PropertyFile" in body:
                yield self.property_file(body["PropertyFile"])[0]
        if step.parent:
            yield step.parent

    def property_file(self, reference: Any) -> tuple[str, Mapping[str, str]]:
        files = {name: step.property_files for name, step in self.steps.items()}
        return expressions.Scope({}, {}, {}, files, json.loads).property_file(reference)

    def branch(self, condition: str, branch: str) -> list[str]:
        return [s.name for s in self.steps.values() if (s.parent, s.branch) == (condition, branch)]
