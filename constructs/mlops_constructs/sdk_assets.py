"""Publishes the code of an SDK pipeline through CDK's own asset publishing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.sdk_canonical import mapped
from mlops_constructs.sdk_pipeline import LoadedPipeline


@dataclass(frozen=True)
class PublishedPipeline:
    """A definition that names the published code, and the bucket it is in; None if it brings no code."""

    definition: dict[str, Any]
    bucket: s3.IBucket | None


def publish(scope: Construct, loaded: LoadedPipeline) -> PublishedPipeline:
    """Make every file of `loaded.assets` a file asset of the stack; grant read on the bucket to who runs it.

    The objects' keys are `<sha256>/<name below the folder>`: an entry point names its script, and a channel
    brings a whole prefix, so names must survive. An `s3_assets.Asset` would rename files and zip folders.
    """
    uris: dict[str, str] = {}
    bucket = ""
    for prefix, folder in sorted(loaded.assets.items()):
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = file.relative_to(folder).as_posix()
            location = _add(scope, file, f"{folder.name}/{name}")
            bucket = location.bucket_name
            uris[prefix] = f"s3://{bucket}/{location.object_key.removesuffix(name).rstrip('/')}"
    return PublishedPipeline(
        mapped(loaded.definition, lambda text: _published(text, uris)),
        s3.Bucket.from_bucket_name(scope, "PipelineCode", bucket) if bucket else None,
    )


def _add(scope: Construct, file: Path, key: str) -> cdk.FileAssetLocation:
    """The synthesizer makes the object's key of the asset's hash and the file's extension."""
    return cdk.Stack.of(scope).synthesizer.add_file_asset(
        source_hash=key.removesuffix(file.suffix),
        file_name=_in_assembly(scope, file),
        packaging=cdk.FileAssetPackaging.FILE,
    )


def _in_assembly(scope: Construct, file: Path) -> str:
    """Manifests name files relative to the assembly, which can be moved then, and is the same everywhere."""
    stage = cdk.Stage.of(scope)
    outdir = Path(stage.outdir).resolve() if stage else Path()
    return file.resolve().relative_to(outdir).as_posix() if file.resolve().is_relative_to(outdir) else str(file)


def _published(text: str, uris: Mapping[str, str]) -> str:
    for placeholder, uri in uris.items():
        text = text.replace(placeholder, uri)
    return text
