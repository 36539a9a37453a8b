"""All environments are synthesized once a test run: that costs seconds, looking at the result nothing."""

import json
import os

# Read when `import aws_cdk` starts the engine. The built-in validator costs seconds; it has a test of its own.
os.environ["CDK_VALIDATION"] = "false"
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.infra.environments import ROOT, Template, all_synthesized, in_accounts, new_app, read
from tests.real_samples import sample_folder


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each environment, and of the watched one, the assembly, and in a file beside it what the rules found."""
    return all_synthesized(tmp_path_factory)


@pytest.fixture(scope="session")
def assembly(synthesized: Path) -> Callable[[str], Path]:
    return lambda environment: synthesized / environment


@pytest.fixture(scope="session")
def templates(assembly: Callable[[str], Path]) -> Callable[[str], dict[str, Template]]:
    """`templates("prod")["serving"]`."""

    @cache
    def templates_of(environment: str) -> dict[str, Template]:
        return read(assembly(environment), environment)

    return templates_of


@pytest.fixture(scope="session")
def accounts(assembly: Callable[[str], Path]) -> Callable[[str], dict[str, Template]]:
    """`accounts("prod")["serving"]`: the same where dev, staging and prod have an account each."""

    @cache
    def templates_of(environment: str) -> dict[str, Template]:
        return read(assembly(in_accounts(environment)), environment)

    return templates_of


@pytest.fixture(scope="session")
def prod_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Template]:
    """The serving template of prod with an addition to its settings."""

    @cache
    def synthesize(addition: str) -> Template:
        from mlops_constructs.naming import EnvironmentNames
        from stacks.foundation import FoundationStack
        from stacks.serving import ServingStack
        from stacks.settings import load

        folder = tmp_path_factory.mktemp("prod")
        for file in (ROOT / "config").glob("*.toml"):
            text = file.read_text() + (f"\n{addition}\n" if file.stem == "prod" else "")
            (folder / file.name).write_text(text)
        settings = load(folder, "prod")
        names = EnvironmentNames(settings.project, settings.environment)
        app = new_app(folder / "cdk.out")
        shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings)
        model = names.model("loan_approval")
        ServingStack(app, model.serving_stack, names=model, settings=settings, foundation=shared.foundation)
        app.synth()
        return Template(json.loads(Path(app.outdir, f"{model.serving_stack}.template.json").read_text()))

    return synthesize


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.fixture
def shared_fixtures() -> Path:
    return sample_folder()
