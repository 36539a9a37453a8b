"""Arguments of a step, held against the shape of the request that SageMaker will make of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import Shape

from mlops_constructs.definition_expressions import ANY, Scope, evaluate, is_expression
from mlops_constructs.definition_shapes import (
    LIST_TOKEN,
    Problem,
    has_token,
    join,
    literal_problems,
    member_problems,
    request_shape,
    size_problems,
    type_words,
)
from mlops_constructs.definition_steps import Step

# Step type → request, and the members that the service names or refuses to take from a definition.
REQUESTS: Mapping[str, tuple[str, frozenset[str]]] = {
    "Processing": ("CreateProcessingJob", frozenset({"ProcessingJobName"})),
    "QualityCheck": ("CreateProcessingJob", frozenset({"ProcessingJobName"})),
    "ClarifyCheck": ("CreateProcessingJob", frozenset({"ProcessingJobName"})),
    "Training": ("CreateTrainingJob", frozenset({"TrainingJobName"})),
    "Tuning": ("CreateHyperParameterTuningJob", frozenset({"HyperParameterTuningJobName"})),
    "Transform": ("CreateTransformJob", frozenset({"TransformJobName"})),
    "Model": ("CreateModel", frozenset({"ModelName"})),
    "RegisterModel": ("CreateModelPackage", frozenset({"ModelPackageName"})),
    "EndpointConfig": ("CreateEndpointConfig", frozenset({"EndpointConfigName"})),
    "Endpoint": ("CreateEndpoint", frozenset({"EndpointName"})),
    "AutoML": ("CreateAutoMLJob", frozenset({"AutoMLJobName"})),
    "InferenceComponent": ("CreateInferenceComponent", frozenset({"InferenceComponentName"})),
}

_FITS = {
    "string": {"string", "timestamp"},
    "timestamp": {"string", "timestamp"},
    "integer": {"integer", "long"},
    "long": {"integer", "long"},
    "float": {"integer", "long", "float", "double"},
    "double": {"integer", "long", "float", "double"},
    "boolean": {"boolean"},
}
# Lists whose entries the service tells apart by a member (API reference of the Create calls).
_UNIQUE_BY = {
    "ProcessingInputs": "InputName",
    "ProcessingOutputConfig.Outputs": "OutputName",
    "InputDataConfig": "ChannelName",
    "TrainingJobDefinition.InputDataConfig": "ChannelName",
}
_LOCAL_ROOT = "/opt/ml/processing/"
_FAIL_MESSAGE_LIMIT = 3072  # PipelineExecution.FailureReason


def argument_problems(step: Step, scope: Scope) -> Iterator[Problem]:
    """What the service would refuse in the step's own arguments; steps held by it are not looked at."""
    if not isinstance(step.body.get("Arguments"), Mapping):
        yield Problem("Arguments", step.body.get("Arguments"), "must be an object")
    elif step.type in REQUESTS:
        operation, supplied = REQUESTS[step.type]
        yield from _check(step.arguments, request_shape(operation), "Arguments", scope, supplied)
        yield from _same_names(step)
        yield from _local_paths(step)
    elif step.type == "Fail":
        yield from _fail(step, scope)
    elif step.type != "Condition":
        yield from expression_problems(step.arguments, scope, "Arguments")


def expression_problems(value: object, scope: Scope, path: str) -> Iterator[Problem]:
    """Expressions that lead nowhere, in a value whose shape is not known."""
    if is_expression(value):
        assert isinstance(value, Mapping)
        problems: list[Problem] = []
        evaluate(value, scope, path, problems)
        yield from problems
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from expression_problems(inner, scope, join(path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from expression_problems(inner, scope, f"{path}[{index}]")


def _check(
    value: object, shape: Shape, path: str, scope: Scope, supplied: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    if is_expression(value):
        assert isinstance(value, Mapping)
        yield from _check_expression(value, shape, path, scope)
        return
    match shape.type_name, value:
        case "structure", Mapping():
            yield from member_problems(value, shape, path, supplied)
            for name, inner in value.items():
                if name in shape.members:
                    yield from _check(inner, shape.members[name], join(path, name), scope)
        case "map", Mapping():
            yield from size_problems(value, shape, path)
            for name, inner in value.items():
                yield from literal_problems(name, shape.key, f"{path} (name)")
                yield from _check(inner, shape.value, join(path, name), scope)
        case "list", list():
            if any(isinstance(each, str) and LIST_TOKEN in each for each in value):  # how CDK writes an unknown list
                return
            yield from size_problems(value, shape, path)
            for index, inner in enumerate(value):
                yield from _check(inner, shape.member, f"{path}[{index}]", scope)
        case "structure" | "map" | "list", _:
            yield Problem(path, value, f"must be {type_words(shape)}")
        case _:
            yield from literal_problems(value, shape, path)


def _check_expression(value: Mapping[str, Any], shape: Shape, path: str, scope: Scope) -> Iterator[Problem]:
    problems: list[Problem] = []
    result = evaluate(value, scope, path, problems)
    yield from problems
    if result.kind == ANY:
        return
    if result.kind not in _FITS.get(shape.type_name, {shape.type_name}):
        hint = "; make it text with Std:Join" if shape.type_name == "string" else ""
        yield Problem(path, value, f"gives {result.kind}, must be {type_words(shape)}{hint}")
        return
    for literal in result.literals:
        for problem in literal_problems(literal, shape, path):
            yield Problem(path, literal, f"{problem.allowed} (a value of {result.source})")


def _same_names(step: Step) -> Iterator[Problem]:
    for where, key in _UNIQUE_BY.items():
        value: Any = step.arguments
        for name in where.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        entries = [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
        counts = Counter(each.get(key) for each in entries if isinstance(each.get(key), str))
        for repeated in (name for name, count in counts.items() if count > 1):
            yield Problem(f"Arguments.{where}", repeated, f"each {key} must be given once")


def _local_paths(step: Step) -> Iterator[Problem]:
    """API reference, ProcessingS3Input and ProcessingS3Output: paths begin with /opt/ml/processing/."""
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    for where, entries in (
        ("ProcessingInputs", step.arguments.get("ProcessingInputs")),
        ("ProcessingOutputConfig.Outputs", outputs),
    ):
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            for member in ("S3Input", "S3Output"):
                held = entry.get(member) if isinstance(entry, Mapping) else None
                local = held.get("LocalPath") if isinstance(held, Mapping) else None
                if isinstance(local, str) and not has_token(local) and not local.startswith(_LOCAL_ROOT):
                    path = f"Arguments.{where}[{index}].{member}.LocalPath"
                    yield Problem(path, local, f"must begin with {_LOCAL_ROOT}")


def _fail(step: Step, scope: Scope) -> Iterator[Problem]:
    for name in sorted(set(step.arguments) - {"ErrorMessage"}):
        yield Problem(f"Arguments.{name}", name, "a Fail step has ErrorMessage only")
    message = step.arguments.get("ErrorMessage", "")
    if is_expression(message):
        yield from expression_problems(message, scope, "Arguments.ErrorMessage")
    elif not isinstance(message, str) or len(message) > _FAIL_MESSAGE_LIMIT:
        allowed = f"must be text of at most {_FAIL_MESSAGE_LIMIT} characters"
        yield Problem("Arguments.ErrorMessage", message, allowed)
