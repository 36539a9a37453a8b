"""What goes into a function's package, and what it may carry in its environment."""

import os
import shutil
import subprocess
import sys

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from mlops_constructs import function
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.errors import ConstructError
from mlops_constructs.function import LAMBDAS, PythonFunction


@pytest.fixture
def build(tmp_path):
    def built(**environment):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack")
        key = kms.Key(stack, "Key")
        variables = {"KEY": key.key_arn, **environment}
        protection = DataProtection(key=key, retain=False, log_retention_days=7)
        return PythonFunction(
            stack, "F", name="release_controller", description="x", protection=protection, environment=variables
        )

    return built


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """The folder that a function is packaged as, from a copy of the sources that the test may change."""
    sources = tmp_path / "lambdas"
    shutil.copytree(LAMBDAS, sources)
    monkeypatch.setattr(function, "LAMBDAS", sources)

    def package(name="out", function="release_controller"):
        app = cdk.App(outdir=str(tmp_path / name))
        stack = cdk.Stack(app, "Stack")
        protection = DataProtection(key=kms.Key(stack, "Key"), retain=False, log_retention_days=7)
        PythonFunction(stack, "F", name=function, description="x", protection=protection)
        app.synth()
        [folder] = (tmp_path / name).glob("asset.*")
        return folder

    return package


def test_package_has_the_functions_modules_and_the_shared_ones(packaged):
    folder = packaged()
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    own = {path.name for path in (LAMBDAS / "release_controller").iterdir() if path.is_file()}
    shared = {f"shared/{path.name}" for path in (LAMBDAS / "shared").glob("*.py")}
    assert found == own | shared
    assert {"handler.py", "experiment.sql", "shared/__init__.py", "shared/lock.py"} <= found


@pytest.mark.parametrize("name", sorted(path.parent.name for path in LAMBDAS.glob("*/handler.py")))
def test_package_of_each_function_can_be_imported_by_itself(packaged, name):
    """As Lambda does, with an empty environment and nothing but the package and boto3."""
    command = [sys.executable, "-B", "-c", "import handler; handler.handler"]
    subprocess.run(command, cwd=packaged(function=name), env={"PATH": os.environ["PATH"]}, check=True)


def test_package_is_named_by_its_contents(packaged):
    first = packaged("first")
    (function.LAMBDAS / "release_controller" / "__pycache__").mkdir(exist_ok=True)
    (function.LAMBDAS / "release_controller" / "__pycache__" / "plan.cpython-311.pyc").write_bytes(b"compiled")
    assert packaged("again").name == first.name
    (function.LAMBDAS / "batch_scoring" / "job.py").write_text("another function's")
    assert packaged("another").name == first.name
    (function.LAMBDAS / "shared" / "lock.py").write_text("changed")
    assert packaged("changed").name != first.name


def test_variables_that_fit_are_taken(build):
    assert build(POLICY="x" * 3000).function_name


def test_variables_that_lambda_would_refuse_stop_synthesis(build):
    """256 bytes are assumed for what only the deployment knows; quotes and names count too."""
    beside = len('{"KEY":"","POLICY":""}') + 256
    assert build(POLICY="x" * (4096 - beside))
    with pytest.raises(ConstructError, match=r"take up to 4097 bytes, Lambda allows 4096: shorten POLICY by 1,"):
        build(POLICY="x" * (4097 - beside))


def test_quotes_inside_a_variable_count_twice(build):
    with pytest.raises(ConstructError, match="shorten POLICY"):
        build(POLICY='"' * 2048)
