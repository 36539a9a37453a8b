"""What every step shares, of training and of monitoring: where SageMaker puts things, and how a step ends with a
reason."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable

MESSAGE_LIMIT = 1024
"""Bytes of ExitMessage (API reference: DescribeProcessingJob)."""


class StepError(Exception):
    """The step cannot go on; its text tells a person what was found, where, and what to do."""


def base_folder() -> Path:
    """`/opt/ml`, or what the variable says that SageMaker's toolkits use for it."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def input_folder(name: str) -> Path:
    return base_folder() / "processing" / "input" / name


def output_folder(name: str) -> Path:
    folder = base_folder() / "processing" / "output" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")


def run(main: Callable[[], None]) -> None:
    """Run a step; what ends it becomes the job's exit message, which DescribeProcessingJob shows, and exit code 1.

    A StepError is told by its text alone; anything else, such as a refusal of AWS, also by its traceback in the log.
    """
    _tell_region()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What is told of captured values may hold half of a character, which no log takes; no reason to end.
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
    except StepError as error:
        _leave(str(error))
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        _leave(f"{type(error).__name__}: {error}")
        raise


def _tell_region() -> None:
    """SageMaker tells a job its region as AWS_REGION; boto3 looks for it under another name, and has no default."""
    region = os.environ.get("AWS_REGION")
    if region:
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


def _leave(reason: str) -> None:
    message = base_folder() / "output" / "message"
    message.parent.mkdir(parents=True, exist_ok=True)
    message.write_text(reason.encode("utf-8", "backslashreplace")[:MESSAGE_LIMIT].decode(errors="ignore"))
