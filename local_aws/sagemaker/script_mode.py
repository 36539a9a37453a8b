"""Script mode: how SageMaker's framework images turn hyperparameters into the call of a training script.

The contract (environment, arguments, order of work) is that of the sagemaker-training toolkit, as its README and
the images' documentation describe it.
"""

import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.sagemaker import staging
from local_aws.sagemaker.container import Container

Row = dict[str, Any]

PROGRAM, SOURCE = "sagemaker_program", "sagemaker_submit_directory"
CODE = "/opt/ml/code"
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.py")


@dataclass(frozen=True)
class Script:
    """A command with its environment; the working directory is /opt/ml/code."""

    argv: list[str]
    environment: dict[str, str]

    @property
    def text(self) -> str:
        return shlex.join(self.argv)


def is_script_mode(hyperparameters: dict[str, str]) -> bool:
    return PROGRAM in hyperparameters


def decode(hyperparameters: dict[str, str]) -> dict[str, Any]:
    """Values are JSON where they parse as it, else plain text: 0.1 is a number, auc and "auc" are the same text."""

    def value(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return text

    return {name: value(text) for name, text in hyperparameters.items()}


def prepare(s3: Any, container: Container, hyperparameters: dict[str, str], described: Row) -> Script:
    """Bring the code to /opt/ml/code and say how to run it; StagingError if the code is not there.

    `described` holds job_name, resource_config and input_data_config, as in /opt/ml/input/config.
    """
    decoded = decode(hyperparameters)
    program, source = str(decoded[PROGRAM]), str(decoded.get(SOURCE, CODE))
    code = container.path(CODE)
    _bring(s3, container, source, code)
    if not (code / program).is_file():
        raise staging.StagingError(f"{PROGRAM} {program!r} is not in {source}")
    user = {name: value for name, value in decoded.items() if not name.startswith(("sagemaker_", "_tuning_"))}
    arguments = to_arguments(user)
    environment = _environment(program, source, decoded, user, arguments, described)
    return Script(_command(code, program, arguments), environment)


def to_arguments(values: dict[str, Any]) -> list[str]:
    """`--name value` in the order of the names; one dash for a name of one letter."""
    pairs = ((f"-{name}" if len(name) == 1 else f"--{name}", str(values[name])) for name in sorted(values))
    return [text for pair in pairs for text in pair]


def _bring(s3: Any, container: Container, source: str, code: Path) -> None:
    if source.startswith("s3://") and not source.endswith("/") and "." in source.rpartition("/")[2]:
        staging.unpack(staging.read(s3, source), code)
    elif source.startswith("s3://"):
        staging.download(s3, source.rstrip("/") + "/", code)
    elif (folder := container.path(source)).is_dir():
        if folder != code:
            shutil.copytree(folder, code, dirs_exist_ok=True)
    elif folder.is_file():
        staging.unpack(folder.read_bytes(), code)
    else:
        raise staging.StagingError(f"{SOURCE} {source!r} is neither an S3 URI nor a path in the container")


def _command(code: Path, program: str, arguments: list[str]) -> list[str]:
    if _MODULE.fullmatch(program):
        command = ["python3", "-m", program.removesuffix(".py"), *arguments]
    elif program.endswith(".py"):
        command = ["python3", program, *arguments]
    else:
        command = ["/bin/sh", "-c", f"./{program} {shlex.join(arguments)}"]
        (code / program).chmod(0o755)
    if not (code / "requirements.txt").is_file():
        return command
    install = "python3 -m pip install -r requirements.txt"
    return ["/bin/sh", "-c", f'{install} && exec "$@"', "sh", *command]


def _environment(
    program: str, source: str, decoded: Row, user: Row, arguments: list[str], described: Row
) -> dict[str, str]:
    resources, channels = described["resource_config"], described["input_data_config"]
    plain: dict[str, Any] = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": "/opt/ml/output/intermediate",
        "SM_MODULE_DIR": source,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_USER_ENTRY_POINT": program,
        "SM_LOG_LEVEL": decoded.get("sagemaker_container_log_level", 20),
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_CURRENT_INSTANCE_TYPE": resources["current_instance_type"],
        "SM_CURRENT_INSTANCE_GROUP": resources["current_group_name"],
        "SM_NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "SM_HOSTS": resources["hosts"],
        "SM_RESOURCE_CONFIG": resources,
        "SM_INPUT_DATA_CONFIG": channels,
        "SM_CHANNELS": sorted(channels),
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SM_NUM_NEURONS": 0,
        "SM_HPS": user,
        "SM_USER_ARGS": arguments,
        "PYTHONPATH": CODE,
    }
    plain |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels}
    plain |= {f"SM_HP_{name.upper()}": value for name, value in user.items()}
    plain["SM_TRAINING_ENV"] = {
        "channel_input_dirs": {name: f"/opt/ml/input/data/{name}" for name in channels},
        "current_host": resources["current_host"],
        "hosts": resources["hosts"],
        "hyperparameters": user,
        "input_data_config": channels,
        "job_name": described["job_name"],
        "model_dir": "/opt/ml/model",
        "module_dir": source,
        "output_data_dir": "/opt/ml/output/data",
        "resource_config": resources,
        "user_entry_point": program,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in plain.items()}


def failure(log: list[str], script: Script, code: int) -> str:
    """What the toolkit writes to /opt/ml/output/failure for a script that ended with an error."""
    starts = [index for index, line in enumerate(log) if line.startswith("Traceback (most recent call last)")]
    shown = log[starts[-1] :] if starts else [line for line in log if line.strip()][-1:]
    message = "\n".join(shown)
    return f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{message}"\nCommand "{script.text}"'
