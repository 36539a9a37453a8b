"""One App for each environment and test session: synthesizing costs seconds, looking at the result nothing."""

import os

# Read when `import aws_cdk` starts the engine. The built-in validator costs seconds; it has a test of its own.
os.environ["CDK_VALIDATION"] = "false"
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.infra.environments import Template, add, new_app, read
from tests.real_samples import sample_folder


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """The App of an environment, synthesized."""

    @cache
    def synthesize(environment: str) -> Any:
        app = new_app(tmp_path_factory.mktemp(environment))
        add(app, environment)
        app.synth()
        return app

    return synthesize


@pytest.fixture(scope="session")
def assembly(synthesized: Callable[[str], Any]) -> Callable[[str], Path]:
    return lambda environment: Path(synthesized(environment).outdir)


@pytest.fixture(scope="session")
def templates(assembly: Callable[[str], Path]) -> Callable[[str], dict[str, Template]]:
    """`templates("prod")["serving"]`."""

    @cache
    def templates_of(environment: str) -> dict[str, Template]:
        return read(assembly(environment), environment)

    return templates_of


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.fixture
def shared_fixtures() -> Path:
    return sample_folder()
