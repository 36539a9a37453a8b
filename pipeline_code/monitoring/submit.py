"""Runs a step on SageMaker's Spark image: on each machine of the job, before there is a cluster.

`python3 -m monitoring.submit <step's module> <its arguments>`, from the unpacked code. It installs what the image
lacks, zips the code for the executors, and hands over to the image's own smspark-submit, which makes one cluster of
the machines (github.com/aws/sagemaker-spark-container: src/smspark). Only the standard library is there yet.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import List, Sequence

from monitoring import packages
from monitoring.steps import job
from monitoring.steps.job import StepError

SUBMIT = "smspark-submit"
REQUIREMENTS = "spark-requirements.txt"
"""Of `monitoring`, and of the model's folder if there is one: what the image lacks."""
REASON = "reason"
EVENTS = "spark-events"
"""Output folder of the job, where Spark's history server finds what was done."""

_DRIVER = "from monitoring.on_spark import main\n\nmain()\n"


def main(argv: Sequence[str]) -> None:
    """Raises StepError on one of several machines without Spark, which would each do the whole work."""
    module, *arguments = argv
    if shutil.which(SUBMIT) is None:
        if hosts() > 1:
            raise StepError(
                f"{SUBMIT}: not in this image, and the job has {hosts()} machines; name an image of AWS's "
                f"sagemaker-spark-processing under [images] spark, or set monitoring.instance_count to 1"
            )
        print(f"{SUBMIT} is not here, and neither are other machines: {module} runs in this process")
        sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    code = Path.cwd()
    install(code)
    work = job.base_folder() / "processing"
    # A name of its own folder: the driver's is first on sys.path, and hides nothing.
    (work / "driver").mkdir(parents=True, exist_ok=True)
    driver = work / "driver" / "step.py"
    driver.write_text(_DRIVER)
    command = [SUBMIT, "--py-files", str(bundle(code, work / "code.zip"))]
    command += ["--local-spark-event-logs-dir", str(job.output_folder(EVENTS)), str(driver), module, *arguments]
    done = subprocess.run(command, check=False, env=environment())
    if done.returncode:
        _tell_reason()
        raise SystemExit(done.returncode)


def install(code: Path) -> None:
    for requirements in sorted(code.glob(f"*/{REQUIREMENTS}")):
        packages.install(str(requirements))


def bundle(code: Path, archive: Path) -> Path:
    """The packages of the code as Spark takes them; the tar archive that they came in is left out."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(code.rglob("*")):
            if path.is_file() and path.parent != code and "__pycache__" not in path.parts:
                packed.write(path, path.relative_to(code))
    return archive


def environment() -> dict[str, str]:
    """boto3 looks for the region under one name, SageMaker tells it under the other."""
    region = os.environ.get("AWS_REGION", "")
    return {**({"AWS_DEFAULT_REGION": region} if region else {}), **os.environ}


def hosts() -> int:
    """Machines of the job (developer guide: "Build your own processing container", resourceconfig.json)."""
    try:
        found: List[str] = json.loads((job.base_folder() / "config" / "resourceconfig.json").read_text())["hosts"]
    except FileNotFoundError:
        return 1
    return len(found)


def _tell_reason() -> None:
    """smspark-submit has said that Spark ended with a code; the step knew why."""
    output = job.base_folder() / "output"
    if (output / REASON).is_file():
        shutil.copyfile(output / REASON, output / "message")


if __name__ == "__main__":
    job.run(lambda: main(sys.argv[1:]))
