"""Where a step gets what its image lacks: PyPI, nobody, or the environment's own repository."""

import subprocess
from importlib import metadata

import boto3
import pytest
from botocore.stub import Stubber

from mlops.cdk import ROOT
from monitoring import packages

REPOSITORY = "mlops-prod/111122223333/mlops-prod"


@pytest.fixture
def pip(monkeypatch):
    """Calls of pip and their variables; `lacking` lets one that must not ask anybody fail."""
    calls = []

    def run(command, check=False, env=None, **_):
        calls.append((command[4:], (env or {}).get("PIP_INDEX_URL")))
        failed = run.lacking and "--no-index" in command
        return subprocess.CompletedProcess(command, 1 if failed else 0)

    run.lacking, run.calls = False, calls
    monkeypatch.setattr(packages.subprocess, "run", run)
    return run


INSTALL = ["-q", "--disable-pip-version-check", "-r", "requirements.txt"]


def test_outside_of_a_private_network_pip_does_as_always(pip, monkeypatch):
    monkeypatch.delenv("PACKAGE_REPOSITORY", raising=False)
    packages.install("requirements.txt")
    assert pip.calls == [(INSTALL, None)]


def test_in_a_private_network_an_image_that_has_everything_asks_nobody(pip, monkeypatch):
    monkeypatch.setenv("PACKAGE_REPOSITORY", REPOSITORY)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: pytest.fail("asked CodeArtifact"))
    packages.install("requirements.txt")
    assert pip.calls == [([*INSTALL, "--no-index"], None)]


def test_what_an_image_lacks_comes_from_the_repository(pip, monkeypatch):
    monkeypatch.setenv("PACKAGE_REPOSITORY", REPOSITORY)
    pip.lacking = True
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    client = boto3.Session(**keys).client("codeartifact")
    place = "https://mlops-prod-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/mlops-prod/"
    of = {"domain": "mlops-prod", "domainOwner": "111122223333"}
    monkeypatch.setattr(boto3, "client", lambda name, **_: client)
    with Stubber(client) as stub:
        stub.add_response("get_authorization_token", {"authorizationToken": "t"}, {**of, "durationSeconds": 900})
        wanted = {**of, "repository": "mlops-prod", "format": "pypi"}
        stub.add_response("get_repository_endpoint", {"repositoryEndpoint": place}, wanted)
        packages.install("requirements.txt")
        stub.assert_no_pending_responses()
    index = place.replace("https://", "https://aws:t@") + "simple/"
    assert pip.calls == [([*INSTALL, "--no-index"], None), (INSTALL, index)]


@pytest.mark.parametrize(
    ("lines", "there"),
    [
        (["# why", "pandera[pandas]=={pandera}  # and so on", "", "pytest=={pytest}"], True),
        (["pandera[pandas]=={pandera}", "pytest==0.1"], False),
        (["pandera[polars]=={pandera}"], False),  # the extra's packages are not
        (["pytest"], False),
        (["pytest>=1"], False),
        (["no-such-package==1"], False),
        (["-r other.txt"], False),
    ],
)
def test_pip_is_not_asked_where_all_that_is_pinned_is_there(pip, tmp_path, monkeypatch, lines, there):
    monkeypatch.delenv("PACKAGE_REPOSITORY", raising=False)
    file = tmp_path / "requirements.txt"
    versions = {name: metadata.version(name) for name in ("pandera", "pytest")}
    file.write_text("\n".join(lines).format_map(versions))
    packages.install(str(file))
    assert len(pip.calls) == (not there)


def test_the_loan_models_requirements_are_of_this_kind():
    assert packages._are_there(str(ROOT / "pipeline_code" / "loan_approval" / "requirements.txt"))


def test_what_cannot_be_installed_ends_the_step(tmp_path, monkeypatch):
    monkeypatch.delenv("PACKAGE_REPOSITORY", raising=False)
    missing = tmp_path / "requirements.txt"
    missing.write_text("no_such_package_anywhere @ file:///nowhere\n")
    with pytest.raises(subprocess.CalledProcessError):
        packages.install(str(missing))
