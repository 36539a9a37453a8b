"""What a machine of a Spark job does before there is a cluster, with a stand-in for the image's smspark-submit."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CODE = Path(__file__).parents[3] / "pipeline_code"
STEP = "monitoring.steps.inputs"

SMSPARK = """#!{python}
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
told = {{"arguments": sys.argv[1:], "region": os.environ.get("AWS_DEFAULT_REGION")}}
(base / "told.json").write_text(json.dumps(told))
if os.environ.get("REASON"):
    (base / "output").mkdir()
    (base / "output" / "reason").write_text(os.environ["REASON"])
    (base / "output" / "message").write_text("Algorithm Error: spark failed with a non-zero exit code")
    sys.exit(3)
"""


class Machine:
    """One of a job: its /opt/ml, its PATH, and the unpacked code."""

    def __init__(self, base):
        self.base, self.path = base / "ml", base / "bin"
        self.path.mkdir()
        (self.path / "python3").symlink_to(sys.executable)
        (self.base / "processing").mkdir(parents=True)

    def has_spark(self):
        program = self.path / "smspark-submit"
        program.write_text(SMSPARK.format(python=sys.executable))
        program.chmod(0o755)

    def is_one_of(self, count):
        hosts = [f"algo-{number + 1}" for number in range(count)]
        (self.base / "config").mkdir()
        (self.base / "config" / "resourceconfig.json").write_text(
            json.dumps({"current_host": "algo-1", "hosts": hosts})
        )

    def run(self, *arguments, code=CODE, **environment):
        command = [sys.executable, "-m", "monitoring.submit", *arguments]
        given = {"PATH": str(self.path), "SAGEMAKER_BASE_DIR": str(self.base), **environment}
        return subprocess.run(command, cwd=code, env=given, capture_output=True, text=True, check=False)

    @property
    def told(self):
        return json.loads((self.base / "told.json").read_text())

    @property
    def message(self):
        return (self.base / "output" / "message").read_text()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def code(tmp_path):
    """A bundle unpacked, without requirements: nothing is installed."""
    folder = tmp_path / "code"
    (folder / "loans").mkdir(parents=True)
    (folder / "loans" / "monitor.py").write_text("MODEL = None\n")
    (folder / "code.tar.gz").write_bytes(b"")
    (folder / "monitoring" / "steps").mkdir(parents=True)
    for name in ("__init__.py", "packages.py", "submit.py", "steps/__init__.py", "steps/job.py"):
        (folder / "monitoring" / name).write_bytes((CODE / "monitoring" / name).read_bytes())
    return folder


def test_the_step_is_submitted_with_the_code_its_arguments_and_event_logs(machine, code):
    machine.has_spark()
    done = machine.run(STEP, "--model", "loans", "--missing-means", "", code=code, AWS_REGION="eu-west-1")
    assert done.returncode == 0, done.stderr
    work = machine.base / "processing"
    driver = work / "driver" / "step.py"
    assert machine.told["arguments"] == [
        *("--py-files", str(work / "code.zip")),
        *("--local-spark-event-logs-dir", str(work / "output" / "spark-events")),
        *(str(driver), STEP, "--model", "loans", "--missing-means", ""),
    ]
    assert machine.told["region"] == "eu-west-1"
    assert (work / "output" / "spark-events").is_dir()
    names = zipfile.ZipFile(work / "code.zip").namelist()
    assert {"loans/monitor.py", "monitoring/submit.py"} <= set(names)
    assert not any(name.endswith(".gz") for name in names)
    compile(driver.read_text(), "step.py", "exec")


def test_the_steps_reason_is_the_jobs_and_not_that_of_spark(machine, code):
    machine.has_spark()
    done = machine.run(STEP, code=code, REASON="model nobody: has no monitor.py")
    assert done.returncode == 3
    assert machine.message == "model nobody: has no monitor.py"


def test_requirements_are_those_of_the_monitors_and_of_the_model(machine, code):
    machine.has_spark()
    for folder in ("monitoring", "loans"):
        (code / folder / "spark-requirements.txt").write_text("no_such_package_anywhere @ file:///nowhere\n")
    done = machine.run(STEP, code=code)
    assert done.returncode == 1
    assert not (machine.base / "told.json").exists(), "nothing is submitted without what it needs"
    assert "loans/spark-requirements.txt" in machine.message


def test_without_spark_one_machine_does_the_work_itself(machine):
    machine.is_one_of(1)
    done = machine.run(STEP, "--help")
    assert done.returncode == 0
    assert "runs in this process" in done.stdout
    assert "--window-hours" in done.stdout


def test_without_spark_several_machines_refuse(machine):
    machine.is_one_of(2)
    done = machine.run(STEP, "--help")
    assert done.returncode == 1
    assert machine.message == (
        "smspark-submit: not in this image, and the job has 2 machines; name an image of AWS's "
        "sagemaker-spark-processing under [images] spark, or set monitoring.instance_count to 1"
    )


def test_the_shell_takes_sparks_python_and_hands_on_every_argument(machine, tmp_path):
    """Of the step as the definition writes it; the first python3 of the image is another one."""
    from mlops_constructs.definition_builder import spark_script

    code = tmp_path / "processing" / "input" / "code"
    code.mkdir(parents=True)
    said = tmp_path / "python.said"
    for name, text in (("python3", "wrong"), ("sparks-python", '"$@"')):
        program = machine.path / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/bash\nprintf '%s|' {text} > {said}\n")
        program.chmod(0o755)
    subprocess.run(["tar", "-czf", code / "code.tar.gz", "-C", CODE, "monitoring/__init__.py"], check=True)
    script = spark_script(STEP).replace("/opt/ml", str(tmp_path))
    environment = {
        "PATH": f"{machine.path}:{os.environ['PATH']}",
        "PYSPARK_PYTHON": str(machine.path / "sparks-python"),
    }
    command = ["/bin/bash", "-c", script, "--", "--missing-means", "", "two words"]
    subprocess.run(command, env=environment, check=True)
    assert said.read_text() == f"-m|monitoring.submit|{STEP}|--missing-means||two words|"
