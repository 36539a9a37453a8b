"""Brings the jobs of a pipeline definition into the environment's private network, and encrypts between their machines.

Of any definition, also one that AWS's SDK wrote: an author need not think of it, and what an author set stays.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_constructs.definition_steps import all_steps
from mlops_constructs.network import Network

Json = dict[str, Any]

PROCESSING = frozenset({"Processing", "QualityCheck", "ClarifyCheck"})
_ENCRYPTED = "EnableInterContainerTrafficEncryption"


def connect(definition: Json, network: Network | None) -> None:
    """Change `definition`: each job in `network`, if there is one; transform jobs are where their model is.

    Traffic between containers is encrypted in every training, since the number of its machines may be a parameter, and
    in a processing job of more than one. One machine has nobody to talk to.
    """
    place = {"VpcConfig": network.vpc_config} if network else {}
    for step in all_steps(definition.get("Steps")):
        arguments = step.body.get("Arguments")
        if not isinstance(arguments, dict):
            continue
        if step.type in PROCESSING:
            if wanted := {**_between(arguments), **place}:
                _fill(arguments.setdefault("NetworkConfig", {}), wanted)
        elif step.type == "Model":
            _fill(arguments, place)
        elif step.type == "AutoML":
            security = arguments.setdefault("AutoMLJobConfig", {}).setdefault("SecurityConfig", {})
            _fill(security, {_ENCRYPTED: True, **place})
        for job in _trainings(step.type, arguments):
            _fill(job, {_ENCRYPTED: True, **place})


def _trainings(kind: str, arguments: Json) -> Iterator[Json]:
    if kind == "Training":
        yield arguments
    elif kind == "Tuning":
        several = arguments.get("TrainingJobDefinitions", [])
        yield from (each for each in (arguments.get("TrainingJobDefinition"), *several) if isinstance(each, dict))


def _between(arguments: Mapping[str, Any]) -> Json:
    resources = arguments.get("ProcessingResources", {})
    count = resources.get("ClusterConfig", {}).get("InstanceCount", 1) if isinstance(resources, Mapping) else 1
    return {} if count == 1 else {_ENCRYPTED: True}


def _fill(members: Any, wanted: Mapping[str, Any]) -> None:
    if isinstance(members, dict):  # what else an author wrote there, the definition check refuses
        for name, value in wanted.items():
            members.setdefault(name, value)
