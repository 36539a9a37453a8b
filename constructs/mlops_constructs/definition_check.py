"""Checks a pipeline definition before anything is deployed: without network, account or SageMaker SDK.

SageMaker looks at little of a definition when the pipeline is created; most mistakes show hours later, when
the step is reached. What botocore's service model and the documented rules can tell is told here.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_constructs.definition_arguments import argument_problems, expression_problems
from mlops_constructs.definition_conditions import condition_problems
from mlops_constructs.definition_expressions import PARAMETER_KINDS, Scope, is_a
from mlops_constructs.definition_members import repeated, step_member_problems
from mlops_constructs.definition_shapes import (
    Problem,
    has_token,
    literal_problems,
    one_of,
    request_shape,
    response_shape,
)
from mlops_constructs.definition_steps import BRANCHES, Step, all_steps, order_problems

STEP_LIMIT = 50
"""Quota "steps per pipeline" (AWS General Reference, SageMaker endpoints and quotas); branches count."""
VERSION = "2020-12-01"

_TOP = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"})
_PARAMETER = frozenset({"Name", "Type", "DefaultValue", "EnumValues"})

_COMMON = frozenset({"Name", "Type", "Arguments", "DisplayName", "Description", "DependsOn"})
_CHECK_STEP = frozenset(
    {
        "CheckType",
        "ModelPackageGroupName",
        "SkipCheck",
        "FailOnViolation",
        "RegisterNewBaseline",
        "SuppliedBaselineConstraints",
        "CacheConfig",
    }
)
# Step type → its members besides the common ones; the types not named here are checked for references only.
_MEMBERS: Mapping[str, frozenset[str]] = {
    "Processing": frozenset({"CacheConfig", "RetryPolicies", "PropertyFiles"}),
    "Training": frozenset({"CacheConfig", "RetryPolicies"}),
    "Tuning": frozenset({"CacheConfig", "RetryPolicies"}),
    "Transform": frozenset({"CacheConfig", "RetryPolicies"}),
    "AutoML": frozenset({"CacheConfig", "RetryPolicies"}),
    "Model": frozenset({"RetryPolicies"}),
    "RegisterModel": frozenset({"RetryPolicies"}),
    "QualityCheck": _CHECK_STEP | {"SuppliedBaselineStatistics"},
    "ClarifyCheck": _CHECK_STEP,
    "Condition": frozenset(),
    "Fail": frozenset(),
    "ForEach": frozenset(),
}
_UNMODELLED = frozenset(
    {"Lambda", "Callback", "EMR", "EMRServerless", "EndpointConfig", "Endpoint", "InferenceComponent"}
    | {"Lineage", "Job", "Cleanup"}
)

_SHOWN = 100


def findings(definition: Mapping[str, Any]) -> list[str]:
    """One line for each mistake: `step: path: value: what is allowed`; an empty list is a good definition."""
    steps = list(all_steps(definition.get("Steps")))
    parameters = {str(each["Name"]): each for each in _declared(definition)}
    scope = Scope(parameters, {step.name: step for step in steps})
    lines = [_line("pipeline", problem) for problem in _pipeline_problems(definition, steps, scope)]
    for step in steps:
        lines += [_line(step.name, problem) for problem in _step_problems(step, scope)]
    if len(scope.steps) == len(steps):
        lines += [_line(name, problem) for name, problem in order_problems(steps)]
    for name in sorted(set(parameters) - scope.used):
        lines.append(_line("pipeline", Problem("Parameters", name, "is never used: use it or remove it")))
    return list(dict.fromkeys(lines))


def _line(step: str, problem: Problem) -> str:
    shown = json.dumps(problem.value, ensure_ascii=False, default=str)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…"
    return f"{step}: {problem.path}: {shown}: {problem.allowed}"


def _declared(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = definition.get("Parameters")
    entries = given if isinstance(given, list) else []
    return [each for each in entries if isinstance(each, Mapping) and "Name" in each]


def _pipeline_problems(definition: Mapping[str, Any], steps: list[Step], scope: Scope) -> Iterator[Problem]:
    for name in sorted(set(definition) - _TOP):
        yield Problem(name, name, one_of(_TOP))
    if definition.get("Version") != VERSION:
        yield Problem("Version", definition.get("Version"), f"must be {VERSION}")
    if not isinstance(definition.get("Metadata", {}), Mapping):
        yield Problem("Metadata", definition["Metadata"], "must be an object")
    if not isinstance(definition.get("Steps"), list) or not definition["Steps"]:
        yield Problem("Steps", definition.get("Steps"), "must be a list of at least one step")
    size = len(json.dumps(definition).encode())
    limit = request_shape("CreatePipeline").members["PipelineDefinition"].metadata["max"]
    if size > limit:
        yield Problem("(definition)", size, f"has more bytes than the {limit} that SageMaker takes")
    if len(steps) > STEP_LIMIT:
        yield Problem("Steps", len(steps), f"at most {STEP_LIMIT} steps, those in branches included")
    for name, count in repeated([step.name for step in steps]):
        yield Problem("Steps", name, f"is the name of {count} steps: names must differ, in branches too")
    yield from _unreadable(definition.get("Steps"), "Steps")
    yield from _parameter_problems(definition)
    for name in ("PipelineExperimentConfig", "MlflowConfig"):
        yield from expression_problems(definition.get(name), scope, name)


def _unreadable(entries: object, path: str) -> Iterator[Problem]:
    """Entries that are no steps at all, wherever they stand."""
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        match entry:
            case {"Name": str(), "Type": str(kind), "Arguments": Mapping() as arguments}:
                for branch in BRANCHES.get(kind, ()):
                    yield from _unreadable(arguments.get(branch), f"{path}[{index}].Arguments.{branch}")
            case _:
                yield Problem(f"{path}[{index}]", entry, "must be an object with Name, Type and Arguments")


def _parameter_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    given = definition.get("Parameters", [])
    if not isinstance(given, list):
        yield Problem("Parameters", given, "must be a list")
        return
    limit = request_shape("StartPipelineExecution").members["PipelineParameters"]
    if len(given) > limit.metadata["max"]:
        yield Problem("Parameters", len(given), f"at most {limit.metadata['max']} parameters")
    for name, count in repeated([str(each["Name"]) for each in _declared(definition)]):
        yield Problem("Parameters", name, f"is declared {count} times")
    for index, parameter in enumerate(given):
        path = f"Parameters[{index}]"
        if isinstance(parameter, Mapping) and isinstance(parameter.get("Name"), str):
            yield from _one_parameter(parameter, path)
        else:
            yield Problem(path, parameter, "must be an object with Name and Type")


def _one_parameter(parameter: Mapping[str, Any], path: str) -> Iterator[Problem]:
    shapes = request_shape("StartPipelineExecution").members["PipelineParameters"].member.members
    yield from literal_problems(parameter["Name"], shapes["Name"], f"{path}.Name")
    for name in sorted(set(parameter) - _PARAMETER):
        yield Problem(f"{path}.{name}", name, one_of(_PARAMETER))
    kind = parameter.get("Type")
    if not isinstance(kind, str) or kind not in PARAMETER_KINDS:
        yield Problem(f"{path}.Type", kind, one_of(PARAMETER_KINDS))
        return
    choices = parameter.get("EnumValues")
    if "EnumValues" in parameter and (not isinstance(choices, list) or not choices or kind != "String"):
        yield Problem(f"{path}.EnumValues", choices, "must be a list of texts, for a String parameter")
        choices = None
    values = [] if "DefaultValue" not in parameter else [("DefaultValue", parameter["DefaultValue"])]
    values += [(f"EnumValues[{index}]", choice) for index, choice in enumerate(choices or [])]
    for where, value in values:
        if not has_token(value) and not is_a(value, kind):
            yield Problem(f"{path}.{where}", value, f"must be a {kind} as {parameter['Name']} is one")
        elif isinstance(value, str):
            yield from literal_problems(value, shapes["Value"], f"{path}.{where}")
    default = parameter.get("DefaultValue")
    if choices and default is not None and default not in choices and not has_token(default):
        yield Problem(f"{path}.DefaultValue", default, one_of(map(str, choices)))


def _step_problems(step: Step, scope: Scope) -> Iterator[Problem]:
    described = response_shape("ListPipelineExecutionSteps").members["PipelineExecutionSteps"].member.members
    if not step.name:
        yield Problem("Name", step.name, "must not be empty")
    yield from literal_problems(step.name, described["StepName"], "Name")
    for member, shape in (("DisplayName", "StepDisplayName"), ("Description", "StepDescription")):
        if member in step.body:
            yield from literal_problems(step.body[member], described[shape], member)
    if step.type not in _MEMBERS and step.type not in _UNMODELLED:
        yield Problem("Type", step.type, one_of(_MEMBERS.keys() | _UNMODELLED, most=30))
        return
    if step.type in _MEMBERS:
        allowed = _COMMON | _MEMBERS[step.type]
        for name in sorted(set(step.body) - allowed):
            yield Problem(name, name, f"no member of a {step.type} step; {one_of(allowed)}")
    if step.type == "Condition":
        yield from condition_problems(step, scope)
    else:
        yield from argument_problems(step, scope)
    yield from step_member_problems(step)
    if step.type in ("QualityCheck", "ClarifyCheck"):
        for name in sorted(_MEMBERS[step.type] - {"CacheConfig"}):
            yield from expression_problems(step.body.get(name), scope, name)
