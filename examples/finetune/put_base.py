"""`python -m examples.finetune.put_base FOLDER`: puts a base model's files where the pipeline reads them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops import target
from mlops.commands import group
from mlops.commands.options import LOCAL, Env, Model
from mlops.commands.output import Output
from mlops.errors import UsageError

BASE_FOLDER = "base"
"""As the example's `definition.py` has it, below the model's data prefix."""
WANTED = frozenset({".json", ".safetensors", ".txt", ".model"})


def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="config.json, tokenizer.json, *.safetensors")],
    model: Model = "message-routing",
    env: Env = LOCAL,
) -> None:
    """Put a base model's files where the pipeline of a fine-tuned model reads them."""
    files = wanted(folder)
    about = target.find(env, model)
    bucket = about.output(about.foundation_stack, "DataBucket")
    prefix = f"{about.settings.training.data_prefix}/{BASE_FOLDER}"
    upload(about.clients("s3"), files, bucket, prefix)
    Output().say(f"{len(files)} files are below s3://{bucket}/{prefix}/")


def wanted(folder: Path) -> list[Path]:
    """The files of a base model, none of them a pickle; raises UsageError if there are no weights."""
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.suffix in WANTED)
    if not any(path.suffix == ".safetensors" for path in files):
        raise UsageError(f"{folder}: has no *.safetensors; give the folder of a model in Hugging Face's format")
    return files


def upload(s3: Any, files: Sequence[Path], bucket: str, prefix: str) -> None:
    for path in files:
        s3.upload_file(str(path), bucket, f"{prefix}/{path.name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; what cannot be done is one line on standard error, as with every command."""
    return group.alone(run, "put_base", argv)


if __name__ == "__main__":
    sys.exit(main())
