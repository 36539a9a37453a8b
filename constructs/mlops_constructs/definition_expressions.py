"""Expressions of a pipeline definition: `Get`, `Std:Join` and `Std:JsonGet`, and what type they give.

Sources: SageMaker developer guide, "Pipelines steps" (properties are those of the job's Describe call) and
"Pass data between steps" (property files).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import Shape

from mlops_constructs.definition_shapes import Problem, join, one_of, response_shape
from mlops_constructs.definition_steps import Step

FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
ANY = "any"

EXECUTION_VARIABLES = frozenset(
    {
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "TrainingJobName",
        "ProcessingJobName",
    }
)
PARAMETER_KINDS = {"String": "string", "Integer": "integer", "Float": "float", "Boolean": "boolean"}

# What a step's properties are: the answers of these calls, members taken together.
_DESCRIBED_BY = {
    "Processing": ("DescribeProcessingJob",),
    "Training": ("DescribeTrainingJob",),
    "Tuning": ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob"),
    "Transform": ("DescribeTransformJob",),
    "Model": ("DescribeModel",),
    "RegisterModel": ("DescribeModelPackage",),
    "EndpointConfig": ("DescribeEndpointConfig",),
    "Endpoint": ("DescribeEndpoint",),
}
_CONSTRAINTS = frozenset({"CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints"})
_STATISTICS = frozenset({"CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics"})
_FIXED_PROPERTIES = {
    "QualityCheck": _CONSTRAINTS | _STATISTICS,
    "ClarifyCheck": _CONSTRAINTS,
    "Condition": frozenset({"Outcome"}),
    "Fail": frozenset[str](),
    "Cleanup": frozenset[str](),
}
# Lists that the service lets one index by a member's value: path of the list → (where the step declares the
# names, the member that holds the name).
_NAMED_LISTS = {
    "ProcessingOutputConfig.Outputs": ("ProcessingOutputConfig.Outputs", "OutputName"),
    "ProcessingInputs": ("ProcessingInputs", "InputName"),
    "FinalMetricDataList": ("AlgorithmSpecification.MetricDefinitions", "Name"),
}
_WITH_OUTPUT_PARAMETERS = frozenset({"Lambda", "Callback"})

_PATH_PART = re.compile(r"(?:^|\.)([A-Za-z_]\w*)|\['([^']+)'\]|\[(\d+)\]")
_JSON_PATH = re.compile(
    r"""(?:[^.\[\]'"\s]+|\['[^']+'\]|\["[^"]+"\]|\[\d+\])(?:\.[^.\[\]'"\s]+|\['[^']+'\]|\["[^"]+"\]|\[\d+\])*"""
)


@dataclass(frozen=True)
class Result:
    """What an expression gives: a botocore type name, or ANY; and literals that it may turn out to be."""

    kind: str = ANY
    literals: tuple[object, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Scope:
    """All that an expression can refer to."""

    parameters: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, Step]
    used: set[str] = field(default_factory=set)


def is_a(value: object, kind: str) -> bool:
    """Whether a literal can be the value of a parameter of this type."""
    match kind:
        case "String":
            return isinstance(value, str)
        case "Boolean":
            return isinstance(value, bool)
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def is_expression(value: object) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def evaluate(expression: Mapping[str, Any], scope: Scope, path: str, problems: list[Problem]) -> Result:
    """The type of `expression`; appends to `problems` what it refers to in vain."""
    match expression:
        case {"Get": str(target)}:
            return _get(target, scope, path, problems)
        case {"Std:Join": {"On": str(), "Values": list(values)}}:
            for index, value in enumerate(values):
                _joined(value, scope, f"{path}.Std:Join.Values[{index}]", problems)
            return Result("string")
        case {"Std:Join": other}:
            problems.append(Problem(join(path, "Std:Join"), other, "must be {On: text, Values: list}"))
        case {"Std:JsonGet": Mapping() as arguments}:
            _json_get(arguments, scope, f"{path}.Std:JsonGet", problems)
        case other:
            problems.append(Problem(path, other, "must be {Get: text}, {Std:Join: {…}} or {Std:JsonGet: {…}}"))
    return Result()


def _joined(value: object, scope: Scope, path: str, problems: list[Problem]) -> None:
    if is_expression(value):
        assert isinstance(value, Mapping)
        kind = evaluate(value, scope, path, problems).kind
        if kind in ("list", "map", "structure"):
            problems.append(Problem(path, value, f"gives a {kind}, only single values can be joined"))
    elif not isinstance(value, str | int | float):
        problems.append(Problem(path, value, "must be text, a number, true or false, or an expression"))


def _get(target: str, scope: Scope, path: str, problems: list[Problem]) -> Result:
    namespace, _, rest = target.partition(".")
    match namespace:
        case "Parameters":
            return _parameter(target, rest, scope, path, problems)
        case "Execution":
            if rest not in EXECUTION_VARIABLES:
                problems.append(Problem(path, target, f"no such variable; {one_of(EXECUTION_VARIABLES)}"))
            return Result("string")
        case "Steps":
            return Result(_property_kind(target, rest, scope, path, problems), source=target)
        case "ForEach" | "IterationOutput":  # only inside the body of a ForEach step, which has no model here
            return Result()
    problems.append(Problem(path, target, "must begin with Parameters., Execution. or Steps."))
    return Result()


def _parameter(target: str, name: str, scope: Scope, path: str, problems: list[Problem]) -> Result:
    scope.used.add(name)
    declared = scope.parameters.get(name)
    if declared is None:
        problems.append(Problem(path, target, f"no such parameter; {one_of(scope.parameters)}"))
        return Result()
    defaults = [declared["DefaultValue"]] if "DefaultValue" in declared else []
    choices = declared.get("EnumValues")
    given = [*defaults, *(choices if isinstance(choices, list) else [])]
    literals = tuple(dict.fromkeys(each for each in given if isinstance(each, str | int | float)))
    return Result(PARAMETER_KINDS.get(str(declared.get("Type")), ANY), literals, target)


def _property_kind(target: str, rest: str, scope: Scope, path: str, problems: list[Problem]) -> str:
    name, _, properties = rest.partition(".")
    step = scope.steps.get(name)
    if step is None:
        problems.append(Problem(path, target, f"no such step; {one_of(scope.steps)}"))
        return ANY
    if properties.startswith("PropertyFiles"):
        problems.append(Problem(path, target, "a property file can only be read by Std:JsonGet"))
        return ANY
    if step.type in _FIXED_PROPERTIES:
        allowed = _FIXED_PROPERTIES[step.type]
        if properties not in allowed:
            hint = one_of(allowed) if allowed else "it has none"
            problems.append(Problem(path, target, f"no such property of a {step.type} step; {hint}"))
        return "boolean" if step.type == "Condition" else "string"
    if step.type in _WITH_OUTPUT_PARAMETERS:
        names = [each.get("OutputName") for each in step.body.get("OutputParameters") or []]
        if properties not in {f"OutputParameters['{each}']" for each in names}:
            problems.append(Problem(path, target, f"no such output parameter; {one_of(map(str, names))}"))
        return ANY
    if step.type not in _DESCRIBED_BY:
        return ANY
    try:
        return _walk(_parts(properties), step)
    except LookupError as error:
        problems.append(Problem(path, target, str(error.args[0])))
        return ANY


def _parts(properties: str) -> list[str | int]:
    """`A.B['x'][0]` as ["A", "B", "'x", 0]: names in brackets keep a quote in front."""
    parts: list[str | int] = []
    position = 0
    while position < len(properties):
        found = _PATH_PART.match(properties, position)
        if not found:
            raise LookupError(f"cannot be read after {properties[:position]!r}: use Member, ['name'] or [0]")
        member, name, index = found.groups()
        parts.append(member or (f"'{name}" if name else int(index)))
        position = found.end()
    if not parts:
        raise LookupError("must name a property of the step")
    return parts


def _walk(parts: list[str | int], step: Step) -> str:
    """Type at the end of the path; raises LookupError that says where it leaves the step's properties."""
    members: dict[str, Shape] = {}
    for operation in _DESCRIBED_BY[step.type]:
        members |= dict(response_shape(operation).members)
    shape: Shape | None = None
    walked = ""
    for part in parts:
        known = members if shape is None else getattr(shape, "members", {})
        if isinstance(part, str) and not part.startswith("'"):
            if part not in known:
                wrong = join(walked, part)
                raise LookupError(f"{wrong!r} is no property of a {step.type} step; {one_of(known)}")
            shape, walked = known[part], join(walked, part)
            continue
        if shape is None or shape.type_name not in ("list", "map"):
            raise LookupError(f"{walked!r} is neither a list nor a map, it cannot be indexed")
        if isinstance(part, str):
            _require_named(part[1:], walked, shape, step)
        elif shape.type_name == "map":
            raise LookupError(f"{walked!r} is a map: use ['name']")
        shape = shape.member if shape.type_name == "list" else shape.value
    assert shape is not None
    return str(shape.type_name)


def _require_named(name: str, walked: str, shape: Shape, step: Step) -> None:
    if shape.type_name == "map":
        return
    if walked not in _NAMED_LISTS:
        raise LookupError(f"{walked!r} is a list: use [0], not [{name!r}]")
    declared_at, key = _NAMED_LISTS[walked]
    names = [str(entry[key]) for entry in _entries(step.arguments, declared_at) if key in entry]
    if not names and walked == "FinalMetricDataList":  # built-in algorithms declare no metrics
        return
    if name not in names:
        raise LookupError(f"step {step.name} has no {walked} named {name!r}; {one_of(names)}")


def _entries(arguments: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
    value: Any = arguments
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping):
            yield entry


def _json_get(arguments: Mapping[str, Any], scope: Scope, path: str, problems: list[Problem]) -> None:
    json_path = arguments.get("Path")
    if not isinstance(json_path, str) or not _JSON_PATH.fullmatch(json_path):
        allowed = "must be a path such as metrics.auc.value or rows[0].id"
        problems.append(Problem(f"{path}.Path", json_path, allowed))
    match dict(arguments):
        case {"PropertyFile": {"Get": str(target)}, "Path": _, **rest} if not rest:
            _property_file(target, scope, f"{path}.PropertyFile", problems)
        case {"S3Uri": uri, "Path": _, **rest} if not rest:
            if is_expression(uri):
                evaluate(uri, scope, f"{path}.S3Uri", problems)
        case other:
            allowed = "must have Path, and PropertyFile {Get: Steps.<step>.PropertyFiles.<name>} or S3Uri"
            problems.append(Problem(path, sorted(other), allowed))


def _property_file(target: str, scope: Scope, path: str, problems: list[Problem]) -> None:
    found = re.fullmatch(r"Steps\.([A-Za-z0-9\-_]+)\.PropertyFiles\.(.+)", target)
    if not found:
        problems.append(Problem(path, target, "must be Steps.<step>.PropertyFiles.<name>"))
        return
    step = scope.steps.get(found[1])
    if step is None:
        problems.append(Problem(path, target, f"no such step; {one_of(scope.steps)}"))
        return
    names = [str(each.get("PropertyFileName")) for each in step.property_files]
    if found[2] not in names:
        problems.append(Problem(path, target, f"step {step.name} has no such property file; {one_of(names)}"))
