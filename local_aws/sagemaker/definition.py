"""A pipeline's definition: read, checked as CreatePipeline and UpdatePipeline check it, and taken apart.

What SageMaker refuses is refused here, in its words where they are known: unknown arguments, wrong types, unknown
steps and parameters, a Condition inside a Condition, cycles. A type of step that is not emulated is refused too.
"""

import functools
import graphlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.sagemaker import argument_check, conditions, expressions, step_types
from local_aws.sagemaker import pipeline_parameters as parameters_of
from local_aws.sagemaker.expressions import ExpressionError

VERSION = "2020-12-01"
_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9_-])*")
_LONGEST_NAME = 64
_TOP = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"}
_MEMBERS = {
    "Name",
    "Type",
    "Arguments",
    "DependsOn",
    "DisplayName",
    "Description",
    "CacheConfig",
    "PropertyFiles",
    "RetryPolicies",
    "Metadata",
}
BRANCHES = ("IfSteps", "ElseSteps")
EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


class DefinitionError(ValueError):
    """A definition that SageMaker, or this emulation, does not accept; one line."""


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
    parameters: Mapping[str, parameters_of.Parameter]
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
        yield from (found[0] for path in expressions.gets(step.arguments) if (found := _step(path)))
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


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Definition:
    """The definition in `text`; DefinitionError with the first thing that is wrong."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"Unable to parse pipeline definition. Not a JSON document: {error}.") from error
    try:
        read = _read(document)
        for problem in _problems(read):
            raise DefinitionError(_worded(problem))
    except (parameters_of.ParameterError, ExpressionError) as error:
        raise DefinitionError(_worded(f"{error}.")) from error
    return read


def _worded(problem: str) -> str:
    # SageMaker puts this one without the words that begin all others.
    if problem.startswith("Cannot assign property reference"):
        return problem
    return f"Unable to parse pipeline definition. {problem}"


def _read(document: Any) -> Definition:
    if not isinstance(document, dict):
        raise DefinitionError("Unable to parse pipeline definition. Expecting start of Json Object.")
    for key in document:
        if key not in _TOP:
            raise DefinitionError(_worded(f"Cannot parse object, unknown property '{key}'."))
    if document.get("Version") != VERSION:
        raise DefinitionError(_worded(f"Version {document.get('Version')!r} is not supported; use '{VERSION}'."))
    steps: dict[str, Step] = {}
    for step in _steps(document.get("Steps"), None, None):
        if step.name in steps:
            raise DefinitionError(_worded(f"Step names must be unique; '{step.name}' is used more than once."))
        steps[step.name] = step
    if not steps:
        raise DefinitionError(_worded("Steps: a pipeline needs at least one step."))
    return Definition(
        parameters_of.declared(document.get("Parameters", [])), steps, document.get("PipelineExperimentConfig")
    )


def _steps(items: Any, parent: str | None, branch: str | None) -> Iterator[Step]:
    if not isinstance(items, list):
        raise DefinitionError(_worded("Steps: expecting start of Json Array."))
    for body in items:
        if not isinstance(body, dict):
            raise DefinitionError(_worded("Steps: expecting start of Json Object."))
        name, kind = body.get("Name"), body.get("Type")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            allowed = "letters, digits, '-' and '_', at most 64"
            raise DefinitionError(_worded(f"Step name {name!r} is not valid: {allowed}."))
        if kind in step_types.NOT_EMULATED:
            sentence = f"Step '{name}': steps of type {kind} are not emulated by the local AWS."
            raise DefinitionError(_worded(sentence))
        if kind not in step_types.EMULATED:
            raise DefinitionError(_worded(f"Step '{name}': unknown step type {kind!r}."))
        if not isinstance(body.get("Arguments", {}), dict):
            raise DefinitionError(_worded(f"Step '{name}': Arguments: expecting start of Json Object."))
        yield Step(name, kind, body, parent, branch)
        if kind == "Condition":
            if parent:
                sentence = f"Step '{name}': nested condition steps are not supported; it is inside '{parent}'."
                raise DefinitionError(_worded(sentence))
            for side in BRANCHES:
                yield from _steps(body.get("Arguments", {}).get(side, []), name, side)


def _problems(definition: Definition) -> Iterator[str]:
    for step in definition.steps.values():
        for key in step.body:
            if key not in _MEMBERS:
                yield f"Cannot parse object, unknown property '{key}'."
        yield from _reference_problems(definition, step)
        yield from _order_problems(definition, step)
        yield from _argument_problems(definition, step)
    yield from _cycle(definition)


def _reference_problems(definition: Definition, step: Step) -> Iterator[str]:
    for path in expressions.gets(step.arguments):
        if found := _step(path):
            if found[0] not in definition.steps:
                yield f"Step '{step.name}' refers to step '{found[0]}', which is not in the pipeline: {path}."
        elif path.startswith("Parameters."):
            if path.removeprefix("Parameters.") not in definition.parameters:
                yield f"Step '{step.name}' refers to a parameter that is not defined: {path}."
        elif path.removeprefix("Execution.") not in EXECUTION_VARIABLES:
            yield f"Step '{step.name}' refers to something unknown: {path}."
    for body in expressions.json_gets(step.arguments):
        if "PropertyFile" in body:
            definition.property_file(body["PropertyFile"])
        elif "S3Uri" not in body:
            yield f"Step '{step.name}': {expressions.JSON_GET} needs PropertyFile or S3Uri."
        if not isinstance(body.get("Path"), str):
            yield f"Step '{step.name}': {expressions.JSON_GET} needs a Path."
    for path in expressions.gets(step.arguments):
        _type_of(definition, path)  # ExpressionError for a property that the step's type does not have


def _order_problems(definition: Definition, step: Step) -> Iterator[str]:
    for name in step.depends_on:
        if name not in definition.steps:
            yield f"Step '{step.name}' depends on step '{name}', which is not in the pipeline."
    for name in definition.needs(step.name) & definition.steps.keys():
        other = definition.steps[name]
        if other.type == "Fail":
            yield f"{step.name} can not depends on {name}."
        if other.parent and (other.parent, other.branch) != (step.parent, step.branch):
            yield (
                f"Step '{step.name}' depends on step '{name}', which runs only in a branch of condition "
                f"'{other.parent}'; put both into that branch."
            )


def _argument_problems(definition: Definition, step: Step) -> Iterator[str]:
    def type_of(path: str) -> str | None:
        return _type_of(definition, path)

    if step.type == "Condition":
        for condition in step.arguments["Conditions"]:
            yield from _condition_problems(step, condition)
        if not step.arguments["Conditions"]:
            yield f"Step '{step.name}': Conditions must not be empty."
    elif step.type == "Fail":
        for key in step.arguments:
            if key != "ErrorMessage":
                yield f"Unknown Argument member '{key}'."
    else:
        kind = step_types.CREATING[step.type]
        for key in step_types.SET_BY_PIPELINE.get(step.type, ()):
            if key in step.arguments:
                yield f"Unknown Argument member '{key}'."
        shape = step_types.shape(kind.create, "input")
        optional = (kind.name_member,) if kind.name_member else ()
        yield from argument_check.problems(step.arguments, shape, type_of, optional)


def _condition_problems(step: Step, condition: Any) -> Iterator[str]:
    kind = str(condition.get("Type")) if isinstance(condition, dict) else ""
    if kind not in conditions.MEMBERS:
        yield f"Step '{step.name}': unknown condition type {kind!r}."
        return
    for key in condition:
        if key not in ("Type", *conditions.MEMBERS[kind]):
            yield f"Cannot parse object, unknown property '{key}'."
    for key in conditions.MEMBERS[kind]:
        if key not in condition:
            yield f"Step '{step.name}': condition {kind} needs {key}."
    inner = condition.get("Conditions", []) if kind == "Or" else [condition.get("Condition")] if kind == "Not" else []
    for item in inner:
        yield from _condition_problems(step, item)


def _cycle(definition: Definition) -> Iterator[str]:
    graph = {name: definition.needs(name) for name in definition.steps}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"Cycle detected in the dependencies of steps: {' -> '.join(reversed(error.args[1]))}."


def _step(path: str) -> tuple[str, str] | None:
    return expressions.step_and_path(path)


def _type_of(definition: Definition, path: str) -> str | None:
    """The type of what a Get leads to; None if only the run can tell. ExpressionError if there is no such property."""
    if path.startswith("Parameters."):
        parameter = definition.parameters.get(path.removeprefix("Parameters."))
        return parameter.type if parameter else None
    found = _step(path)
    if found is None:
        return "String"  # execution variables
    step = definition.steps.get(found[0])
    if step is None or found[1].startswith("PropertyFiles"):
        return None
    if step.type == "Condition":
        return _outcome_type(path, found[1])
    if step.type == "Fail":
        raise ExpressionError(f"{path}: a Fail step has no properties")
    return _property_type(step, found[1], path)


def _outcome_type(path: str, rest: str) -> str:
    if rest != "Outcome":
        raise ExpressionError(f"{path}: the only property of a Condition step is Outcome")
    return "Boolean"


def _property_type(step: Step, rest: str, path: str) -> str | None:
    shape = step_types.shape(step_types.CREATING[step.type].describe, "output")
    for token in expressions.tokens(rest):
        if token == "TrainingJobSummaries" and step.type == "Tuning":  # noqa: S105 - a member's name
            shape = step_types.shape("ListTrainingJobsForHyperParameterTuningJob", "output").members[token]
        elif shape.type_name == "structure" and token in shape.members:
            shape = shape.members[token]
        elif shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map" and isinstance(token, str):
            shape = shape.value
        else:
            raise ExpressionError(f"{path}: '{token}' is not a property of a {step.type} step")
    return argument_check.TYPE_NAMES.get(shape.type_name)
