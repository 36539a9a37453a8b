"""What a training job leaves behind, and an evaluation finds: model.tar.gz."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple

from monitoring.archive import extract
from monitoring.steps.job import StepError

MODEL_FILE, METADATA_FILE = "xgboost-model", "model.json"
CROSS_FITTED_FILE = "cross_fitted.csv"
"""Label and probability of each row that the model learned from, by a model that did not learn from it."""


def save(model: bytes, metadata: Mapping[str, Any], code_root: Path, code: Sequence[str], folder: Path) -> None:
    """Write the model, what is to be known about it, and what of `code_root` it serves with.

    Of `code`, files and folders, what is not there is left out: the shims exist in a code bundle only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / METADATA_FILE).write_text(json.dumps(metadata, indent=1) + "\n")
    for name in code:
        source, target = code_root / name, folder / "code" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copyfile(source, target)


def metadata_of(folder: Path, features: Sequence[str]) -> Any:
    """What is to be known about a model; raises ValueError if it was trained on other features than the code makes."""
    metadata = json.loads((folder / METADATA_FILE).read_text())
    trained, made = metadata["features"], list(features)
    if trained != made:
        raise ValueError(f"{METADATA_FILE}: trained on features {trained}, this code makes {made}")
    return metadata


def load(folder: Path, features: Sequence[str]) -> Tuple[Any, Any]:
    """The booster that training saved, and its metadata; raises ValueError as `metadata_of` does."""
    import xgboost

    metadata = metadata_of(folder, features)
    booster = xgboost.Booster(model_file=bytearray((folder / MODEL_FILE).read_bytes()))
    booster.set_param({"nthread": 1})  # waking threads takes longer than scoring a request; scale by workers
    return booster, metadata


def unpack(folder: Path, work: Path) -> Path:
    """The one model.tar.gz in `folder`, extracted below `work`; raises StepError unless there is exactly one."""
    archives = sorted(folder.glob("*.tar.gz"))
    if len(archives) != 1:
        raise StepError(f"model: {len(archives)} archives in {folder}, expected one model.tar.gz")
    return extract(archives[0], work / "candidate")
