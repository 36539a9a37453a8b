"""The constructs are a library of their own: an app needs its wheel and nothing else of the repository."""

import os
import re
import subprocess
import sys
import zipfile

import pytest

from tests.infra.environments import ROOT
from tests.infra.test_construct_examples import example_of

EXAMPLES = ("TrainingPipeline", "MonitoringPipeline", "ReleaseController", "AuditTables")
"""Between them they need all that the wheel has beside its modules: jobs' code, functions' code and queries."""
READ_ME = "README.md"

_APPS = """
import functools
import sys

import aws_cdk as cdk

app, flags = cdk.App, {"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True}
for name in sys.argv[1:]:
    cdk.App = functools.partial(app, context=flags, outdir=f"out/{name}")
    exec(compile(open(name).read(), name, "exec"), {"__name__": "__main__"})
print(*(each.__file__ for each in list(sys.modules.values()) if getattr(each, "__file__", None)), sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", str(folder), str(ROOT / "constructs")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder like site-packages that has the library and nothing else."""
    site = tmp_path_factory.mktemp("site-packages")
    offline = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(wheel)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    return site


@pytest.fixture(scope="module")
def elsewhere(installed, tmp_path_factory):
    """A folder outside of the repository, with apps that were synthesized there, and the files of all modules used."""
    folder = tmp_path_factory.mktemp("elsewhere")
    [read_me] = re.findall(r"```python\n(.*?)```", (ROOT / "constructs" / READ_ME).read_text(), re.DOTALL)
    sources = {READ_ME: read_me, **{name: example_of(name) for name in EXAMPLES}}
    for name, source in {**sources, "apps.py": _APPS}.items():
        (folder / name).write_text(source)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment |= {"PYTHONPATH": str(installed), "CDK_VALIDATION": "false"}
    environment |= {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20"}
    command = [sys.executable, "apps.py", *sources]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder, run.stdout.splitlines()


@pytest.mark.parametrize(("name", "stacks"), [(READ_ME, 2), *((each, 2) for each in EXAMPLES)])
def test_an_app_elsewhere_is_synthesized_with_the_wheel_alone(name, stacks, elsewhere):
    folder, _ = elsewhere
    assert len(list((folder / "out" / name).glob("*.template.json"))) == stacks


def test_an_app_elsewhere_uses_no_module_of_the_repository(elsewhere, installed):
    _, files = elsewhere
    assert str(installed / "mlops_constructs" / "release_controller.py") in files
    assert str(installed / "mlops_constructs" / "pipeline_code" / "monitoring" / "definition.py") in files
    virtual = str(ROOT / ".venv")
    assert not [file for file in files if file.startswith(str(ROOT)) and not file.startswith(virtual)]


def test_the_wheel_has_all_functions_shared_packages_and_queries_and_no_rest_of_other_tools(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        "mlops_constructs": ROOT / "constructs" / "mlops_constructs",
        "mlops_constructs/lambdas": ROOT / "lambdas",
        **{f"mlops_constructs/pipeline_code/{each}": ROOT / "pipeline_code" / each for each in _shared()},
    }
    wanted = {
        f"{place}/{path.relative_to(source).as_posix()}"
        for place, source in sources.items()
        for path in source.rglob("*")
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in path.parts)
    }
    assert {each for each in held if ".dist-info/" not in each} == wanted


def test_without_its_functions_the_library_says_what_to_install(monkeypatch, tmp_path):
    from mlops_constructs import shipped
    from mlops_constructs.errors import ConstructError

    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "site-packages" / "mlops_constructs" / "shipped.py"))
    with pytest.raises(ConstructError, match=r"lambdas: is neither in .* install the wheel of constructs/"):
        shipped.folder("lambdas")


def _shared():
    from mlops_constructs.shipped import SHARED_PACKAGES

    return SHARED_PACKAGES
