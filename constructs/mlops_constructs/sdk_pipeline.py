"""Pipelines written with the SageMaker Python SDK: a model folder's `pipeline.py` instead of `definition.py`.

    def pipeline(context: PipelineContext, session: PipelineSession) -> Pipeline:
        trainer = ModelTrainer(sagemaker_session=session, role=context.role_arn, …)
        return Pipeline(name=context.base_name, steps=[…], sagemaker_session=session)

`session` goes wherever the SDK takes a `sagemaker_session`; its default bucket is the artifacts bucket, below
the model's prefix. Relative paths start at the model's folder. Name, role and tags of the deployed pipeline
are the stack's. Whoever synthesizes such a model needs the SDK installed (`INSTALL`), nobody else.

Synth has no account, and must give the same bytes each time. So values that only the deployment knows reach
`pipeline()` as placeholders of the right form and are put back afterwards; what the SDK would upload becomes
a folder named by its content, for CDK to publish; and the pipeline is built twice, to refuse what changes.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from mlops_constructs.definition_shapes import has_token
from mlops_constructs.errors import ConstructError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_canonical import (
    Substitution,
    clock_readings,
    first_difference,
    strings,
    with_assets,
    without_nulls,
)
from mlops_constructs.sdk_uploads import ContentStore, Uploads

INSTALL = ".venv/bin/pip install -r requirements/sdk.txt"


@dataclass(frozen=True)
class LoadedPipeline:
    """A definition in which the code's URIs are placeholders.

    `assets`: placeholder prefix `s3://…/<sha256>` → folder whose files belong below that prefix.
    """

    definition: dict[str, Any]
    assets: Mapping[str, Path]


@dataclass(frozen=True)
class _Build:
    definition: dict[str, Any]
    uploads: Uploads
    began: datetime
    ended: datetime


def load(model_dir: Path, context: PipelineContext, staging: Path, *, region: str) -> LoadedPipeline:
    """Build `model_dir/pipeline.py`; what it would upload is kept below `staging`, which is emptied first.

    Raises ConstructError, in one line, if the SDK is missing, if the file is wrong, or if the result depends
    on the time, the place or chance.
    """
    where = f"{model_dir.name}/pipeline.py"
    if has_token(region):
        raise ConstructError(f"{where}: needs a concrete region: set the environment's AWS region")
    model_dir, staging = model_dir.resolve(), staging.absolute()
    substitution = Substitution(context)
    with tempfile.TemporaryDirectory() as scratch:
        once, again = (_build(model_dir, substitution.context, region, Path(scratch, name)) for name in "ab")
        store = ContentStore(where, staging, model_dir)
        definition, assets = with_assets(where, once.definition, once.uploads, store)
        repeated, _ = with_assets(where, again.definition, again.uploads, store)
        _refuse_chance(where, definition, repeated)
        _refuse_time(where, definition, once)
        _refuse_place(where, definition, (str(model_dir), scratch, str(staging)))
    return LoadedPipeline(substitution.undo(where, definition), assets)


def _build(model_dir: Path, context: PipelineContext, region: str, scratch: Path) -> _Build:
    where = f"{model_dir.name}/pipeline.py"
    if not (model_dir / "pipeline.py").is_file():
        raise ConstructError(f"{where}: does not exist")
    uploads = Uploads(scratch)
    began = datetime.now(UTC)
    with _environment(_surroundings(region)):  # without a region the SDK cannot even be imported
        try:
            from mlops_constructs import sdk_session
        except ImportError as error:
            raise ConstructError(f"{where}: needs the SageMaker SDK 3 ({error}); install with: {INSTALL}") from error
        with sdk_session.offline(model_dir):
            definition = _definition(model_dir, context, sdk_session.open_session(uploads, region, context))
    return _Build(without_nulls(definition), uploads, began, datetime.now(UTC))


def _definition(model_dir: Path, context: PipelineContext, session: object) -> dict[str, Any]:
    try:
        return dict(json.loads(_import(model_dir).pipeline(context, session).definition()))
    except Exception as error:
        # whatever users' code and the SDK raise ends a synth in one line; the chain keeps the rest
        said = " ".join(str(error).split())
        kind = "" if isinstance(error, ConstructError) else f"{type(error).__name__}: "
        raise ConstructError(f"{model_dir.name}/pipeline.py{_line(error, model_dir)}: {kind}{said}") from error
    finally:
        gc.collect()  # the SDK leaves it to the collector to remove its temporary folders


def _surroundings(region: str) -> dict[str, str | None]:
    """Variables while a pipeline is built, nothing of this machine's configuration; None is unset."""
    return {
        "AWS_ACCESS_KEY_ID": "synth",
        "AWS_SECRET_ACCESS_KEY": "synth",
        "AWS_SESSION_TOKEN": None,
        "AWS_PROFILE": None,
        "AWS_ENDPOINT_URL": None,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }


def _line(error: Exception, model_dir: Path) -> str:
    """`:12` if the error went through the model's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename).is_relative_to(model_dir)]
    return f":{own[-1]}" if own else ""


def _import(model_dir: Path) -> ModuleType:
    """`<model>.pipeline`, anew each time, with the model's siblings importable."""
    sys.path.insert(0, str(model_dir.parent))
    before = set(sys.modules)
    try:
        return importlib.import_module(f"{model_dir.name}.pipeline")
    finally:
        sys.path.remove(str(model_dir.parent))
        for name in set(sys.modules) - before:
            if name.split(".")[0] == model_dir.name:
                del sys.modules[name]


@contextlib.contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    _set_environment(variables)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _refuse_chance(where: str, once: object, again: object) -> None:
    if difference := first_difference(once, again):
        path, one, other = difference
        raise ConstructError(
            f"{where}: {path}: {one!r} in one build and {other!r} in the next: give an explicit name or URI"
        )


def _refuse_time(where: str, definition: object, build: _Build) -> None:
    readings = clock_readings(build.began, build.ended)
    for path, text in strings(definition):
        for reading in readings:
            if reading in text:
                raise ConstructError(f"{where}: {path}: {text!r} tells the time: give an explicit name or URI")


def _refuse_place(where: str, definition: object, folders: tuple[str, ...]) -> None:
    for path, text in strings(definition):
        for folder in folders:
            if folder in text:
                raise ConstructError(f"{where}: {path}: {text!r} is a path of this machine: upload it instead")
