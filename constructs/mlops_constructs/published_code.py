"""The code bundle of a model where SageMaker's jobs can read it."""

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs import code_bundle


@dataclass(frozen=True)
class PublishedCode:
    """An archive described in `code_bundle`: where it is, and the hash of its contents."""

    bucket: s3.IBucket
    key: str
    uri: str
    sha256: str


def publish(scope: Construct, code_root: Path, model: str) -> PublishedCode:
    """Hand the bundle of `code_root/<model>` to CDK's asset publishing.

    Not by `s3_assets.Asset`: its keys end in `.gz`, and both SageMaker's script mode and people expect `.tar.gz`.
    The synthesizer makes the key of the hash and the file's last suffix.
    """
    bundle = code_bundle.build(code_root, model)
    stage = cdk.Stage.of(scope)
    archive = Path(stage.outdir if stage else ".") / f"asset.{bundle.sha256}.tar.gz"
    bundle.write(archive)
    location = cdk.Stack.of(scope).synthesizer.add_file_asset(
        source_hash=f"{bundle.sha256}.tar",
        file_name=archive.name,
        packaging=cdk.FileAssetPackaging.FILE,
        display_name=f"Code of {model}",
    )
    bucket = s3.Bucket.from_bucket_name(scope, "Code", location.bucket_name)
    return PublishedCode(bucket, location.object_key, location.s3_object_url, bundle.sha256)
