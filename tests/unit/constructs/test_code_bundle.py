"""The code archive: the same bytes for the same sources, and nothing else in it."""

import io
import os
import tarfile

import pytest

from mlops_constructs import code_bundle
from mlops_constructs.errors import ConstructError


@pytest.fixture
def code(tmp_path):
    root = tmp_path / "pipeline_code"
    for name, text in {
        "fraud/__init__.py": "",
        "fraud/definition.py": "synth = 1",
        "fraud/inference.py": "model_fn = input_fn = predict_fn = output_fn = None",
        "fraud/requirements.txt": "pandera",
        "fraud/samples/requests.jsonl": "{}",
        "fraud/steps/samples.py": "",
        "fraud/steps/train.py": "def main(): print('trained')",
        "fraud/__pycache__/x.pyc": "junk",
        "fraud/.hidden": "junk",
        "fraud/card.toml": "[overview]",
        "features/group.py": "",
        "monitoring/psi.py": "",
        "other/__init__.py": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def unpacked(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive.getmembers()}


def test_holds_the_model_the_shared_code_and_the_entry_points(code):
    assert set(unpacked(code_bundle.build(code, "fraud"))) == {
        "features/group.py",
        "fraud/__init__.py",
        "fraud/card.toml",
        "fraud/inference.py",
        "fraud/requirements.txt",
        "fraud/steps/samples.py",
        "fraud/steps/train.py",
        "inference.py",
        "monitoring/psi.py",
        "train.py",
    }


def test_same_sources_same_bytes_whatever_the_clock_says(code):
    first = code_bundle.build(code, "fraud")
    for path in code.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o755)
    assert code_bundle.build(code, "fraud") == first


def test_any_change_of_the_code_changes_the_hash_and_one_of_the_definition_does_not(code):
    first = code_bundle.build(code, "fraud").sha256
    (code / "fraud" / "definition.py").write_text("synth = 2")
    assert code_bundle.build(code, "fraud").sha256 == first
    (code / "monitoring" / "psi.py").write_text("x = 1")
    assert code_bundle.build(code, "fraud").sha256 != first


def test_entry_points_run_the_models_own_code(code, tmp_path, capfd):
    import subprocess
    import sys

    with tarfile.open(fileobj=io.BytesIO(code_bundle.build(code, "fraud").content)) as archive:
        archive.extractall(tmp_path / "unpacked")
    run = subprocess.run(
        [sys.executable, "-c", "import runpy, inference; runpy.run_module('train', run_name='__main__')"],
        cwd=tmp_path / "unpacked",
        capture_output=True,
        text=True,
    )
    assert (run.stdout, run.stderr) == ("trained\n", "")


def test_a_model_without_a_script_gets_no_shim_for_it(code):
    (code / "fraud" / "steps" / "train.py").unlink()
    assert "train.py" not in unpacked(code_bundle.build(code, "fraud"))


def test_a_model_without_code_is_refused(code):
    with pytest.raises(ConstructError, match=r"pipeline_code/nothing/ is missing or empty"):
        code_bundle.build(code, "nothing")
