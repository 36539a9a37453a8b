"""From the unpacked bundle to executors that import it: `monitoring.submit` with real spark-submit behind it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.oracle

CODE = Path(__file__).parents[2] / "pipeline_code"

SMSPARK = """#!/bin/bash
# As the image's: a cluster (here of two threads' worth of executors), then spark-submit with what it is given.
while [[ $1 == --* ]]; do
  if [[ $1 == --py-files ]]; then packages=$2; fi
  shift 2
done
cd /  # executors of a cluster work elsewhere
exec {python} {submit} --master 'local[2]' --conf spark.ui.enabled=false --py-files "$packages" "$@"
"""

STEP = """
import json, os, sys
from pathlib import Path

def where(number):
    import probe.step
    return [number, probe.step.__file__, os.getpid()]

def main(arguments, workers):
    found = list(workers.map(where, [3, 1, 2]))
    told = {"arguments": arguments, "found": found, "driver": os.getpid(), "path": sys.path[0]}
    Path(os.environ["SAGEMAKER_BASE_DIR"], "told.json").write_text(json.dumps(told))
    if "--fail" in arguments:
        raise ValueError("no such window")
"""


@pytest.fixture
def submit(tmp_path: Path):
    """Runs the step of a model called probe; its exit code, and what it told."""
    pytest.importorskip("pyspark")
    code, programs = tmp_path / "code", tmp_path / "bin"
    for folder in (code / "monitoring" / "steps", code / "probe", programs):
        folder.mkdir(parents=True)
    for path in [*(CODE / "monitoring").glob("*.py"), *(CODE / "monitoring" / "steps").glob("*.py")]:
        (code / path.relative_to(CODE)).write_bytes(path.read_bytes())
    (code / "probe" / "__init__.py").touch()
    (code / "probe" / "step.py").write_text(STEP)
    spark_submit = Path(sys.executable).parent / "spark-submit"
    program = programs / "smspark-submit"
    program.write_text(SMSPARK.format(python="/bin/bash", submit=spark_submit))
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"),
        "AWS_REGION": "eu-west-1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }

    def run(*arguments: str):
        command = [sys.executable, "-m", "monitoring.submit", "probe.step", *arguments]
        done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
        assert (tmp_path / "ml" / "told.json").exists(), done.stderr[-3000:]
        return done.returncode, json.loads((tmp_path / "ml" / "told.json").read_text())

    return run


def test_executors_import_the_bundle_and_answer_in_order(submit):
    code, told = submit("--missing-means", "", "--windows", "two words")
    assert code == 0
    assert told["arguments"] == ["--missing-means", "", "--windows", "two words"]
    assert [number for number, _, _ in told["found"]] == [3, 1, 2]
    for _, place, process in told["found"]:
        assert "code.zip" in place
        assert process != told["driver"]
    assert told["path"].endswith("/driver"), "nothing of the bundle hides a library's module"


def test_the_steps_reason_gets_through(submit, tmp_path):
    code, _ = submit("--fail")
    assert code != 0
    assert (tmp_path / "ml" / "output" / "message").read_text() == "ValueError: no such window"
