"""The script of the build that makes a model, run as one command with stand-ins for AWS, make and the command line."""

import json
import subprocess
from pathlib import Path

import pytest

from mlops_constructs.project_build import SCRIPT

NEW_MODEL = """#!/bin/sh
mkdir -p pipeline_code/churn && echo made > pipeline_code/churn/schema.py
"""
AWS = """#!/bin/sh
for last; do :; done
[ "$2" = cp ] && cat > "$OUT/$(basename "$last")"
exit 0
"""
MAKE = """#!/bin/sh
[ "$1" = "$FAILS" ] && { echo looking; echo "lint: line too long"; exit 2; }
exit 0
"""


def _git(*arguments: str, folder: Path) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A bare one, whose branch main has a stand-in for the environment's Python."""
    seed, bare = tmp_path / "seed", tmp_path / "repository.git"
    _program(seed / ".venv" / "bin" / "python", NEW_MODEL)
    _git("init", "--quiet", "--initial-branch", "main", folder=seed)
    _git("add", "--all", "--force", folder=seed)
    _git("commit", "--quiet", "-m", "seed", folder=seed)
    _git("clone", "--quiet", "--bare", str(seed), str(bare), folder=tmp_path)
    return bare


def _run(repository: Path, folder: Path, fails: str = "nothing") -> "subprocess.CompletedProcess[str]":
    programs, out = folder / "bin", folder / "out"
    out.mkdir()
    _program(programs / "aws", AWS)
    _program(programs / "make", MAKE)
    (folder / "home").mkdir()
    environment = {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "OUT": str(out),
        "FAILS": fails,
        "BUCKET": "bucket",
        "CODEBUILD_BUILD_ID": "project:1",
        "REPOSITORY": str(repository),
        "BRANCH": "main",
        "PULL_REQUESTS_IN": "",
        "MODEL": "churn",
        "OWNER": "a@example.com",
        "PROJECT_ID": "p-1",
        "PROJECT_NAME": "churn",
    }
    return subprocess.run(["bash", "-c", SCRIPT], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_model_is_pushed_on_a_branch_of_its_own_and_nothing_else_with_it(repository: Path, tmp_path: Path) -> None:
    run = _run(repository, tmp_path)
    assert run.returncode == 0, run.stderr
    told = json.loads((tmp_path / "out" / "result.json").read_text())
    assert told == {"Branch": "new-model/churn", "Review": "new-model/churn"}
    files = _git("ls-tree", "-r", "--name-only", "new-model/churn", folder=repository).split()
    assert files == [".venv/bin/python", "pipeline_code/churn/schema.py"]


def test_what_failed_is_told_by_its_last_line_and_nothing_is_pushed(repository: Path, tmp_path: Path) -> None:
    run = _run(repository, tmp_path, fails="lint")
    assert run.returncode == 1
    assert (tmp_path / "out" / "reason.txt").read_text() == "lint: line too long\n"
    assert _git("branch", "--list", "new-model/*", folder=repository) == ""
