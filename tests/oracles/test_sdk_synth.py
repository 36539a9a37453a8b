"""A model folder with `pipeline.py` synthesizes as one with `definition.py` does: with tokens, and reproducibly."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from mlops_constructs import pipeline_definition
from mlops_constructs.pipeline_context import PipelineContext

pytestmark = pytest.mark.oracle

HERE = Path(__file__).parent
ASSETS = "s3://cdk-hnb659fds-assets-111122223333-eu-west-1"


def _synthesized(outdir: Path, context: PipelineContext) -> dict[str, bytes]:
    """Every file of an assembly with one stack that holds the SDK pipeline's definition."""
    app = cdk.App(outdir=str(outdir))
    stack = cdk.Stack(app, "Training", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    bucket = s3.Bucket(stack, "Artifacts")
    context = dataclasses.replace(
        context,
        model="uploads_sdk",
        role_arn=role.role_arn,
        data_bucket=bucket.bucket_name,
        artifacts_bucket=bucket.bucket_name,
    )
    definition = pipeline_definition.load(stack, HERE, context)
    cdk.CfnOutput(stack, "Definition", value=stack.to_json_string(definition.body))
    app.synth()
    files = (path for path in sorted(outdir.rglob("*")) if path.is_file() and path.name != "validation-report.json")
    return {path.relative_to(outdir).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def assembly(context: PipelineContext, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return _synthesized(tmp_path_factory.mktemp("one"), context)


def test_two_synths_are_byte_identical(
    assembly: dict[str, bytes], context: PipelineContext, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert _synthesized(tmp_path_factory.mktemp("other"), context) == assembly


def test_tokens_become_references(assembly: dict[str, bytes]) -> None:
    template = json.loads(assembly["Training.template.json"])
    _, (*parts,) = template["Outputs"]["Definition"]["Value"]["Fn::Join"]
    text = "".join(part for part in parts if isinstance(part, str))
    assert "Token[" not in text
    assert "placeholder" not in text
    references: list[Any] = [part for part in parts if isinstance(part, dict)]
    assert {"Ref": next(name for name in template["Resources"] if name.startswith("Artifacts"))} in references
    assert any("Fn::GetAtt" in part for part in references)


def test_every_uri_of_code_is_an_object_that_the_deployment_publishes(assembly: dict[str, bytes]) -> None:
    template = json.loads(assembly["Training.template.json"])
    text = json.dumps(template["Outputs"]["Definition"])
    manifest = json.loads(assembly["Training.assets.json"])
    published = {
        destination["objectKey"]: file["source"]["path"]
        for file in manifest["files"].values()
        for destination in file["destinations"].values()
    }
    code = [part.split('\\"')[0].removeprefix("/") for part in text.split(ASSETS)[1:]]
    assert len(code) == 5  # a script, a folder and its drivers, an archive and its drivers
    for uri in code:
        assert any(key == uri or key.startswith(f"{uri}/") for key in published), uri
    assert all(not Path(path).is_absolute() and path in assembly for path in published.values())
