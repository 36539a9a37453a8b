"""What a step says besides its arguments: dependencies, cache, retries and property files."""

import re
from collections.abc import Iterator, Mapping

from mlops_constructs.definition_expressions import is_a
from mlops_constructs.definition_shapes import Problem, one_of
from mlops_constructs.definition_steps import TRIGGERS, Step

# Developer guide, "Turn on step caching": a number and a letter for each unit; the leading P may be missing.
_DURATION = re.compile(r"P?(?=\d|T\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?", re.IGNORECASE)
_DURATION_WORDS = "must be an ISO 8601 duration such as P30D or PT12H"
# Developer guide, "Retry policy for pipeline steps".
_EXCEPTIONS = frozenset(
    {"Step.SERVICE_FAULT", "Step.THROTTLING"}
    | {"SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"}
)
_RETRY_RANGES: Mapping[str, tuple[float, float]] = {
    "IntervalSeconds": (0, 43200),
    "BackoffRate": (0, float("inf")),
    "MaxAttempts": (0, 20),
    "ExpireAfterMin": (0, 14400),
}


def step_member_problems(step: Step) -> Iterator[Problem]:
    """Mistakes in DependsOn, CacheConfig, RetryPolicies and PropertyFiles, where the step has them."""
    yield from _depends_on(step)
    yield from _cache(step)
    yield from _retries(step)
    yield from _property_files(step)


def repeated(names: list[str]) -> Iterator[tuple[str, int]]:
    """Names given more than once, and how often."""
    for name in dict.fromkeys(names):
        if (count := names.count(name)) > 1:
            yield name, count


def _depends_on(step: Step) -> Iterator[Problem]:
    given = step.body.get("DependsOn", [])
    for index, entry in enumerate(given if isinstance(given, list) else [given]):
        match entry:
            case str() | {"Step": str(), "Trigger": "Completed" | "Failed" | "Stopped" | "Any"}:
                pass
            case _:
                allowed = f"must be a step's name, or {{Step: name, Trigger: {' | '.join(sorted(TRIGGERS))}}}"
                yield Problem(f"DependsOn[{index}]", entry, allowed)
    if not isinstance(given, list):
        yield Problem("DependsOn", given, "must be a list")


def _cache(step: Step) -> Iterator[Problem]:
    if "CacheConfig" not in step.body:
        return
    config = step.body["CacheConfig"]
    if not isinstance(config, Mapping) or not isinstance(config.get("Enabled"), bool):
        yield Problem("CacheConfig", config, "must be {Enabled: true or false, ExpireAfter: duration}")
        return
    for name in sorted(set(config) - {"Enabled", "ExpireAfter"}):
        yield Problem(f"CacheConfig.{name}", name, "allowed: Enabled, ExpireAfter")
    duration = config.get("ExpireAfter")
    if duration is None and config["Enabled"]:
        yield Problem("CacheConfig.ExpireAfter", None, f"is missing; {_DURATION_WORDS}")
    elif duration is not None and not (isinstance(duration, str) and _DURATION.fullmatch(duration)):
        yield Problem("CacheConfig.ExpireAfter", duration, _DURATION_WORDS)


def _retries(step: Step) -> Iterator[Problem]:
    given = step.body.get("RetryPolicies", [])
    if not isinstance(given, list):
        yield Problem("RetryPolicies", given, "must be a list")
        return
    for index, policy in enumerate(given):
        yield from _retry(policy, f"RetryPolicies[{index}]")


def _retry(policy: object, path: str) -> Iterator[Problem]:
    if not isinstance(policy, Mapping):
        yield Problem(path, policy, "must be an object with ExceptionType")
        return
    for name in sorted(set(policy) - {"ExceptionType", *_RETRY_RANGES}):
        yield Problem(f"{path}.{name}", name, one_of({"ExceptionType", *_RETRY_RANGES}))
    types = policy.get("ExceptionType")
    if not isinstance(types, list) or not types:
        yield Problem(f"{path}.ExceptionType", types, f"must be a list; {one_of(_EXCEPTIONS)}")
    else:
        for unknown in (each for each in types if not isinstance(each, str) or each not in _EXCEPTIONS):
            yield Problem(f"{path}.ExceptionType", unknown, one_of(_EXCEPTIONS))
    for name, (low, high) in _RETRY_RANGES.items():
        if name not in policy:
            continue
        value = policy[name]
        whole = name == "BackoffRate" or isinstance(value, int)
        if not (is_a(value, "Float") and whole and low <= value <= high):
            kind = "number" if name == "BackoffRate" else "whole number"
            yield Problem(f"{path}.{name}", value, f"must be a {kind} from {low} to {high}")
    if "MaxAttempts" in policy and "ExpireAfterMin" in policy:
        yield Problem(path, sorted(policy), "must have MaxAttempts or ExpireAfterMin, not both")


def _property_files(step: Step) -> Iterator[Problem]:
    given = step.body.get("PropertyFiles", [])
    if not isinstance(given, list):
        yield Problem("PropertyFiles", given, "must be a list")
        return
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    known = outputs if isinstance(outputs, list) else []
    names = [each.get("OutputName") for each in known if isinstance(each, Mapping)]
    for index, entry in enumerate(given):
        path = f"PropertyFiles[{index}]"
        match entry:
            case {"PropertyFileName": str(), "OutputName": str(output), "FilePath": str(file), **rest} if not rest:
                if output not in names:
                    yield Problem(f"{path}.OutputName", output, f"no such output; {one_of(map(str, names))}")
                if not file or file.startswith("/") or ".." in file.split("/"):
                    yield Problem(f"{path}.FilePath", file, "must be a path relative to the output's folder")
            case _:
                yield Problem(path, entry, "must have PropertyFileName, OutputName and FilePath, all texts")
    for name, count in repeated([str(each.get("PropertyFileName")) for each in step.property_files]):
        yield Problem("PropertyFiles", name, f"is the name of {count} property files")
