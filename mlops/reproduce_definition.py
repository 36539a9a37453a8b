"""From the definition that made a version to one that makes its model again, and nothing else. Pure: no AWS.

It keeps the steps that the training step needs, with what they say, and changes four things: inputs are pinned copies,
outputs go below a scratch prefix, nothing is taken from a cache, and a search is one training with the parameters that
it found. What a step puts into a store that others read (a step whose name begins with Ingest) is not put there again:
what it wrote for the steps after it is taken from the run that made the version.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_constructs.definition_steps import Step, all_steps

Json = dict[str, Any]

INGEST = "Ingest"
AS_OF = "FeaturesAsOf"
"""The pipeline's parameter that says as of which moment features are joined."""

RESULTS = "FEATURES_RESULTS_URI"
"""Variable of a step that says where queries of features leave their results."""

_MAKING = ("Training", "Tuning")
_RUNS_AGAIN = ("Processing", *_MAKING)
_OF_SEARCH = ("DefinitionName", "HyperParameterRanges", "StaticHyperParameters", "TuningObjective")
_NOTED_BY_TUNING = "_"
"""What SageMaker adds to a training job's parameters by itself begins so: `_tuning_objective_metric`."""


class NotReproducible(Exception):
    """The definition cannot be made into one that only makes the model; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    step: the training step; steps: all of them, in their order. taken: by step and output, where a step's output is
    taken from, instead of running it. pinned: the inputs' URIs that were replaced.
    """

    definition: Json
    parameters: Mapping[str, str]
    step: str
    steps: tuple[str, ...]
    pinned: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Needs:
    """What making the model takes: the training step, the steps before it, and those whose outputs are taken."""

    step: Step
    steps: tuple[Step, ...]
    taken: tuple[str, ...]


def needs(definition: Mapping[str, Any], manifest: Mapping[str, Any]) -> Needs:
    """What the training step of this version needs; raises NotReproducible if it is not to be told."""
    steps = list(all_steps(definition.get("Steps")))
    by_name = {step.name: step for step in steps}
    maker = _maker(steps, manifest)
    found: dict[str, None] = {}
    waiting = [maker.name]
    while waiting:
        step = by_name[waiting.pop()]
        if step.name in found or step.type == "Condition":
            continue  # the branch was taken: what it was decided by is of no matter
        found[step.name] = None
        if not step.name.startswith(INGEST):
            waiting += [name for name in step.needs if name in by_name]
    kept = [step for step in steps if step.name in found]
    again = [step for step in kept if not step.name.startswith(INGEST)]
    for step in again:
        _check(step, is_maker=step is maker)
    return Needs(maker, tuple(again), tuple(step.name for step in kept if step not in again))


def rebuild(
    definition: Mapping[str, Any],
    manifest: Mapping[str, Any],
    *,
    work: str,
    pins: Mapping[str, str],
    taken: Mapping[tuple[str, str], str],
) -> Plan:
    """work: prefix of what the steps write, without a slash at its end. pins: from an input's URI to that of its copy.
    taken: by step and output, the copy of what a step wrote that is not run again.

    Raises NotReproducible for what cannot be run again.
    """
    wanted = needs(definition, manifest)
    names = {step.name for step in wanted.steps}
    declared = {each["Name"]: each for each in definition.get("Parameters", [])}
    parameters = _parameters(manifest, declared)
    pinned: set[str] = set()
    for name, value in {**{n: each.get("DefaultValue") for n, each in declared.items()}, **parameters}.items():
        if value in pins:
            parameters[name] = pins[value]
            pinned.add(value)
    bodies = []
    for step in wanted.steps:
        body = _trained(step, manifest) if step.type == "Tuning" else copy.deepcopy(dict(step.body))
        body.pop("CacheConfig", None)
        body["DependsOn"] = [each for each in body.get("DependsOn", []) if _name(each) in names]
        if not body["DependsOn"]:
            del body["DependsOn"]
        _redirect(body, work)
        body["Arguments"] = _replaced(body["Arguments"], pins, taken, pinned)
        bodies.append(body)
    used = {target.removeprefix("Parameters.") for target in _targets(bodies) if target.startswith("Parameters.")}
    made = {
        "Version": definition["Version"],
        "Metadata": {},
        "Parameters": [each for name, each in declared.items() if name in used],
        "Steps": bodies,
    }
    parameters = {name: value for name, value in parameters.items() if name in used}
    if left := [name for body in bodies for name in _mentioned(body) if name not in names]:
        raise NotReproducible(f"definition: {left[0]} is read otherwise than as an output, so it cannot be left out")
    return Plan(made, parameters, wanted.step.name, tuple(step.name for step in wanted.steps), frozenset(pinned))


def name_of(arn_or_name: str | None) -> str:
    """A job's name, from its ARN or as it is."""
    return (arn_or_name or "").rsplit("/", 1)[-1]


def _maker(steps: Sequence[Step], manifest: Mapping[str, Any]) -> Step:
    """The step that made the model: by the training job, or as the only search that was run."""
    ran = {each["name"]: name_of(each.get("job")) for each in (manifest.get("pipeline") or {}).get("steps", [])}
    job = name_of((manifest.get("training") or {}).get("job"))
    candidates = [step for step in steps if step.type in _MAKING and step.name in ran]
    exact = [step for step in candidates if job and ran[step.name] == job]
    searches = [step for step in candidates if step.type == "Tuning"]
    for found in (exact, searches, candidates):
        if len(found) == 1:
            return found[0]
    told = ", ".join(step.name for step in candidates) or "none"
    raise NotReproducible(f"training: which step trained the model is not to be told: {told} of the definition ran")


def _check(step: Step, *, is_maker: bool) -> None:
    if step.type not in _RUNS_AGAIN or (step.type == "Tuning" and not is_maker):
        raise NotReproducible(
            f"definition: step {step.name} is of type {step.type}; only Processing and Training are run again, since "
            "what others do outside is not known"
        )
    outputs = step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    if any("FeatureStoreOutput" in each for each in outputs):
        raise NotReproducible(f"definition: step {step.name} writes to the feature store, which is not done again")


def _parameters(manifest: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, str]:
    """Those of the run, as far as they are declared; features as of the moment that they were joined at."""
    given = (manifest.get("pipeline") or {}).get("parameters", {})
    parameters = {name: str(value) for name, value in given.items() if name in declared}
    as_of = {each.get("as_of") for each in (manifest.get("data") or {}).get("features", [])}
    if AS_OF in declared and as_of:
        if len(as_of) > 1 or None in as_of:
            raise NotReproducible("features: as of which moment they were joined was not recorded")
        parameters[AS_OF] = str(as_of.pop())
    return parameters


def _trained(step: Step, manifest: Mapping[str, Any]) -> Json:
    """A training with the parameters of the search's best job; what the search held fixed is as it was."""
    job = step.arguments.get("TrainingJobDefinition")
    found = (manifest.get("training") or {}).get("hyperparameters")
    if not isinstance(job, Mapping) or "ResourceConfig" not in job:
        raise NotReproducible(f"definition: step {step.name} has not one training job definition with its resources")
    if not found:
        raise NotReproducible("training: the parameters that the search found were not recorded")
    arguments = copy.deepcopy({name: value for name, value in job.items() if name not in _OF_SEARCH})
    searched = {name: str(value) for name, value in found.items() if not name.startswith(_NOTED_BY_TUNING)}
    arguments["HyperParameters"] = {**searched, **copy.deepcopy(job.get("StaticHyperParameters", {}))}
    own = {name: copy.deepcopy(value) for name, value in step.body.items() if name not in ("Arguments", "Type")}
    return {**own, "Type": "Training", "Arguments": arguments}


def _redirect(body: Json, work: str) -> None:
    """Let a step write below `work`, and begin anew where it would go on from a checkpoint."""
    name, arguments = body["Name"], body["Arguments"]
    for output in arguments.get("ProcessingOutputConfig", {}).get("Outputs", []):
        output["S3Output"]["S3Uri"] = f"{work}/{name}/{output['OutputName']}"
    if "OutputDataConfig" in arguments:
        arguments["OutputDataConfig"]["S3OutputPath"] = f"{work}/models"
    if "CheckpointConfig" in arguments:
        arguments["CheckpointConfig"]["S3Uri"] = f"{work}/checkpoints/{name}"
    if RESULTS in arguments.get("Environment", {}):
        arguments["Environment"][RESULTS] = f"{work}/feature-queries"


def _replaced(value: Any, pins: Mapping[str, str], taken: Mapping[tuple[str, str], str], pinned: set[str]) -> Any:
    """The value with copies for inputs and for outputs of steps that are not run; notes which inputs it met."""
    match value:
        case {"Get": str(target)} if (place := _output(target)) in taken and place:
            return taken[place]
        case Mapping():
            return {name: _replaced(each, pins, taken, pinned) for name, each in value.items()}
        case list():
            return [_replaced(each, pins, taken, pinned) for each in value]
        case str() if value in pins:
            pinned.add(value)
            return pins[value]
    return value


def _output(target: str) -> tuple[str, str] | None:
    """Step and output of `Steps.X.ProcessingOutputConfig.Outputs['y'].S3Output.S3Uri`; None for anything else."""
    name, _, rest = target.removeprefix("Steps.").partition(".")
    before, _, after = rest.partition("['")
    output, _, end = after.partition("']")
    fits = (target.startswith("Steps."), before, end) == (True, "ProcessingOutputConfig.Outputs", ".S3Output.S3Uri")
    return (name, output) if fits else None


def outputs_read(wanted: Needs) -> list[tuple[str, str]]:
    """Outputs of the steps that are not run again, as far as the others read them."""
    found = {place: None for step in wanted.steps for target in _targets(step.body) if (place := _output(target))}
    return [place for place in found if place[0] in wanted.taken]


def _mentioned(value: object) -> Iterator[str]:
    for target in _targets(value):
        if target.startswith("Steps."):
            yield target.removeprefix("Steps.").partition(".")[0]


def _targets(value: object) -> Iterator[str]:
    match value:
        case {"Get": str(target)}:
            yield target
        case Mapping():
            for each in value.values():
                yield from _targets(each)
        case list():
            for each in value:
                yield from _targets(each)


def _name(entry: Any) -> str:
    return str(entry.get("Step")) if isinstance(entry, Mapping) else str(entry)
