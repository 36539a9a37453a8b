"""Tags for allocating costs on what a pipeline's steps make: CloudFormation tags the pipeline, not its jobs."""

from typing import Any

from mlops_constructs.definition_steps import BRANCHES
from mlops_constructs.naming import ModelNames

# Steps whose Arguments are a request that takes Tags, and makes something that costs. A tuning job hands its tags to
# its training jobs (API reference: CreateHyperParameterTuningJob).
TAGGED = frozenset({"Processing", "Training", "Tuning", "Transform"})


def tagged(definition: dict[str, Any], names: ModelNames) -> dict[str, Any]:
    """The same pipeline definition, its jobs tagged as the model's resources are. Tags that a step has stay."""
    return {**definition, "Steps": [_step(each, names.tags) for each in definition.get("Steps", [])]}


def _step(step: Any, tags: dict[str, str]) -> Any:
    if not isinstance(step, dict) or not isinstance(step.get("Arguments"), dict):
        return step
    arguments = dict(step["Arguments"])
    for branch in BRANCHES.get(step.get("Type", ""), ()):
        if isinstance(arguments.get(branch), list):
            arguments[branch] = [_step(each, tags) for each in arguments[branch]]
    if step.get("Type") in TAGGED:
        own = arguments.get("Tags", [])
        known = {each["Key"] for each in own}
        arguments["Tags"] = [*own, *({"Key": key, "Value": tags[key]} for key in tags if key not in known)]
    return {**step, "Arguments": arguments}
