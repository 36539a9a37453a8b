"""The rules of a pipeline definition that SageMaker checks when a pipeline is created or updated."""

import graphlib
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.sagemaker import argument_check, caching, conditions, expressions, step_types
from local_aws.sagemaker.expressions import ExpressionError
from local_aws.sagemaker.pipeline_model import BRANCHES, Definition, Step

_MEMBERS: Mapping[str, type] = {
    "Name": str,
    "Type": str,
    "Arguments": dict,
    "DependsOn": list,
    "DisplayName": str,
    "Description": str,
    "CacheConfig": dict,
    "PropertyFiles": list,
    "RetryPolicies": list,
    "Metadata": dict,
}
_EXPECTED: Mapping[type, str] = {dict: "start of Json Object", list: "start of Json Array", str: "a text"}
_EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)
_EXCEPTIONS = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)


def member_problems(name: str, body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a step's members, whatever its type; looked at before anything is read from them."""
    for key, value in body.items():
        if key not in _MEMBERS:
            yield f"Cannot parse object, unknown property '{key}'."
        elif not isinstance(value, _MEMBERS[key]):
            yield f"Step '{name}': {key}: expecting {_EXPECTED[_MEMBERS[key]]}."
    for item in body.get("DependsOn", []):
        if not isinstance(item, str):
            yield f"Step '{name}': DependsOn: {item!r} is not a step's name."
    for file in body.get("PropertyFiles", []):
        members = ("PropertyFileName", "OutputName", "FilePath")
        if not isinstance(file, dict) or not all(isinstance(file.get(member), str) for member in members):
            yield f"Step '{name}': a property file needs {', '.join(members)}."
    yield from _cache_problems(name, body.get("CacheConfig", {}))
    for policy in body.get("RetryPolicies", []):
        yield from _retry_problems(name, policy)


def _cache_problems(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    for key in config:
        if key not in ("Enabled", "ExpireAfter"):
            yield f"Cannot parse object, unknown property '{key}'."
    if "ExpireAfter" in config:
        try:
            caching.duration(str(config["ExpireAfter"]))
        except caching.CacheError as error:
            yield f"Step '{name}': CacheConfig: {error}."


def _retry_problems(name: str, policy: Any) -> Iterator[str]:
    exceptions = policy.get("ExceptionType") if isinstance(policy, dict) else None
    if not isinstance(exceptions, list) or not exceptions:
        yield f"Step '{name}': RetryPolicies: ExceptionType is missing."
        return
    for exception in exceptions:
        if exception not in _EXCEPTIONS:
            allowed = ", ".join(_EXCEPTIONS)
            yield f"Step '{name}': RetryPolicies: {exception!r} is not one of {allowed}."
    for key in ("IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"):
        value = policy.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            yield f"Step '{name}': RetryPolicies: {key} {value!r} is not a number of at least 0."


def problems(definition: Definition) -> Iterator[str]:
    for step in definition.steps.values():
        for problem in expressions.malformed(step.arguments):
            yield f"Step '{step.name}': {problem}."
        yield from _reference_problems(definition, step)
        yield from _order_problems(definition, step)
        yield from _argument_problems(definition, step)
    yield from _cycle(definition)


def _reference_problems(definition: Definition, step: Step) -> Iterator[str]:
    for path in expressions.gets(step.arguments):
        if found := expressions.step_and_path(path):
            if found[0] not in definition.steps:
                yield f"Step '{step.name}' refers to step '{found[0]}', which is not in the pipeline: {path}."
        elif path.startswith("Parameters."):
            if path.removeprefix("Parameters.") not in definition.parameters:
                yield f"Step '{step.name}' refers to a parameter that is not defined: {path}."
        elif path.removeprefix("Execution.") not in _EXECUTION_VARIABLES:
            yield f"Step '{step.name}' refers to something unknown: {path}."
    for body in expressions.json_gets(step.arguments):
        if "PropertyFile" in body:
            definition.property_file(body["PropertyFile"])  # ExpressionError if no step declares it
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
        yield from _conditions_problems(step, step.arguments["Conditions"])
        for key in step.body.get("Arguments", {}):
            if key not in ("Conditions", *BRANCHES):
                yield f"Unknown Argument member '{key}'."
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


def _conditions_problems(step: Step, items: Any) -> Iterator[str]:
    if not isinstance(items, list) or not items:
        yield f"Step '{step.name}': Conditions must be a list that is not empty."
        return
    for item in items:
        yield from _condition_problems(step, item)


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
    if kind == "Or":
        yield from _conditions_problems(step, condition.get("Conditions"))
    elif kind == "Not":
        yield from _condition_problems(step, condition.get("Condition"))
    elif kind == "In" and not isinstance(condition.get("Values"), list):
        yield f"Step '{step.name}': condition In needs a list of Values."


def _cycle(definition: Definition) -> Iterator[str]:
    graph = {name: definition.needs(name) for name in definition.steps}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"Cycle detected in the dependencies of steps: {' -> '.join(reversed(error.args[1]))}."


def _type_of(definition: Definition, path: str) -> str | None:
    """The type of what a Get leads to; None if only the run can tell. ExpressionError if there is no such property."""
    if path.startswith("Parameters."):
        parameter = definition.parameters.get(path.removeprefix("Parameters."))
        return parameter.type if parameter else None
    found = expressions.step_and_path(path)
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
