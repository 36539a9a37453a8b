"""A pipeline's definition: read, checked as CreatePipeline and UpdatePipeline check it, and taken apart.

What SageMaker refuses is refused here, in its words where they are known: unknown arguments, wrong types, unknown
steps and parameters, a Condition inside a Condition, cycles. A type of step that is not emulated is refused too.
"""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from local_aws.sagemaker import definition_rules, step_types
from local_aws.sagemaker import pipeline_parameters as parameters_of
from local_aws.sagemaker.expressions import ExpressionError
from local_aws.sagemaker.pipeline_model import BRANCHES, Definition, Step

VERSION = "2020-12-01"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOP = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"}


class DefinitionError(ValueError):
    """A definition that SageMaker, or this emulation, does not accept; one line."""


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Definition:
    """The definition in `text`; DefinitionError with the first thing that is wrong."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"Unable to parse pipeline definition. Not a JSON document: {error}.") from error
    try:
        read = _read(document)
        for problem in definition_rules.problems(read):
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
    if document.get("MlflowConfig") is not None:
        raise DefinitionError(_worded("MlflowConfig is not emulated by the local AWS."))
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
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            allowed = "letters, digits, '-' and '_', at most 64"
            raise DefinitionError(_worded(f"Step name {name!r} is not valid: {allowed}."))
        if kind in step_types.NOT_EMULATED:
            sentence = f"Step '{name}': steps of type {kind} are not emulated by the local AWS."
            raise DefinitionError(_worded(sentence))
        if kind not in step_types.EMULATED:
            raise DefinitionError(_worded(f"Step '{name}': unknown step type {kind!r}."))
        for problem in definition_rules.member_problems(name, body):
            raise DefinitionError(_worded(problem))
        yield Step(name, kind, body, parent, branch)
        if kind == "Condition":
            if parent:
                sentence = f"Step '{name}': nested condition steps are not supported; it is inside '{parent}'."
                raise DefinitionError(_worded(sentence))
            for side in BRANCHES:
                yield from _steps(body.get("Arguments", {}).get(side, []), name, side)
