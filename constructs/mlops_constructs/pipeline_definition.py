"""A model's pipeline definition: found, given its settings, and checked."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs import definition_check, definition_network, shipped
from mlops_constructs.errors import ConstructError, SettingRefusedError
from mlops_constructs.network import Network
from mlops_constructs.pipeline_context import PipelineContext

_KINDS: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Boolean": (bool,),
    "Integer": (int,),
    "Float": (float, int),
}


@dataclass(frozen=True)
class PipelineDefinition:
    """What goes into the pipeline, and where the code lies that an SDK pipeline brought along."""

    body: dict[str, Any]
    code_bucket: s3.IBucket | None = None
    code_prefixes: tuple[str, ...] = ()


def load(
    scope: Construct, code_root: Path, context: PipelineContext, network: Network | None = None
) -> PipelineDefinition:
    """The definition of `code_root/<model>`, with the parameter defaults that the configuration sets.

    A model folder has either `definition.py` with `definition(context) -> dict`, or `pipeline.py` with a
    SageMaker SDK pipeline; its jobs are brought into `network`. `code_root` must be on the import path. Raises
    ConstructError with one line for each finding of the definition check.
    """
    folder = code_root / context.model
    if (folder / "definition.py").is_file():
        place = f"{code_root.name}/{context.model}/definition.py"
        module = shipped.load(code_root, f"{context.model}.definition")
        definition = PipelineDefinition(dict(module.definition(context)))
    elif (folder / "pipeline.py").is_file():
        place = f"{code_root.name}/{context.model}/pipeline.py"
        definition = _from_sdk(scope, folder, context)
    else:
        raise ConstructError(f"{code_root.name}/{context.model}: has neither definition.py nor pipeline.py")
    _set_defaults(definition.body, context, place)
    definition_network.connect(definition.body, network)
    if found := definition_check.findings(definition.body):
        raise ConstructError("\n".join(f"{place}: {finding}" for finding in found))
    return definition


def _from_sdk(scope: Construct, folder: Path, context: PipelineContext) -> PipelineDefinition:
    from mlops_constructs import sdk_assets, sdk_pipeline  # only models that use the SDK need it installed

    stage, stack = cdk.Stage.of(scope), cdk.Stack.of(scope)
    staging = Path(stage.outdir if stage else ".") / "sdk" / context.base_name
    loaded = sdk_pipeline.load(folder, context, staging, region=stack.region)
    published = sdk_assets.publish(scope, loaded)
    prefixes = tuple(sorted({source.name for source in loaded.assets.values()}))
    return PipelineDefinition(published.definition, published.bucket, prefixes)


def _set_defaults(body: Mapping[str, Any], context: PipelineContext, place: str) -> None:
    declared = {parameter["Name"]: parameter for parameter in body.get("Parameters", [])}
    for name, value in context.settings.parameters.items():
        key = f"models.{context.model}.training.parameters.{name}"
        if name not in declared:
            names = ", ".join(difflib.get_close_matches(name, declared, n=1) or sorted(declared))
            raise SettingRefusedError(key, value, f"for a parameter that {place} declares: {names}")
        kind = declared[name].get("Type")
        if kind in _KINDS and type(value) not in _KINDS[kind]:
            raise SettingRefusedError(key, value, f"of type {kind}, as {place} declares it")
        declared[name]["DefaultValue"] = value
