"""The code that a model's jobs and its endpoint run: one archive, the same bytes for the same sources.

Layout of the archive, which the pipeline's steps and SageMaker's script mode rely on:

    train.py            shim: runs <model>.steps.train.main()
    inference.py        shim: model_fn, input_fn, predict_fn and output_fn of <model>.inference
    <model>/**          the model's folder
    features/**         the feature store, shared by all models
    monitoring/**       statistics shared by all models
    tabular/**          what models of declared fields share: reading, encoding, answering, the gate

A shim is there only if the module behind it is. `requirements.txt` stays at `<model>/requirements.txt`: at
the archive's root SageMaker's toolkits would install it in every training job and in every serving container,
and the latter have no network.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_constructs.errors import ConstructError
from mlops_constructs.shipped import SHARED_PACKAGES, shared_root

# Read at synth, never inside a container; leaving them out keeps step caches valid when only the DAG or the sample
# requests change.
SYNTH_ONLY = frozenset({"definition.py", "model_monitor.py", "pipeline.py", "samples"})

_TRAIN_SHIM = '''"""Entry point of script mode."""
from {model}.steps.train import main

if __name__ == "__main__":
    main()
'''

_INFERENCE_SHIM = '''"""Entry point of the serving container."""
from {model}.inference import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''


@dataclass(frozen=True)
class CodeBundle:
    """A gzipped tar archive and the SHA-256 of its contents before compression (zlib versions differ)."""

    content: bytes
    sha256: str

    def write(self, path: Path) -> Path:
        path.write_bytes(self.content)
        return path


def build(code_root: Path, model: str) -> CodeBundle:
    """Bundle `code_root/<model>` with what it shares; raises ConstructError if the folder is not there."""
    members = dict(_members(code_root, model))
    if not members:
        raise ConstructError(f"model {model!r} has no code: {code_root.name}/{model}/ is missing or empty")
    if f"{model}/steps/train.py" in members:
        members["train.py"] = _TRAIN_SHIM.format(model=model).encode()
    if f"{model}/inference.py" in members:
        members["inference.py"] = _INFERENCE_SHIM.format(model=model).encode()
    archive = _tar(members)
    return CodeBundle(gzip.compress(archive, mtime=0), hashlib.sha256(archive).hexdigest())


def _members(code_root: Path, model: str) -> Iterator[tuple[str, bytes]]:
    if not (code_root / model).is_dir():
        return
    places = {model: code_root} | dict.fromkeys(SHARED_PACKAGES, shared_root(code_root))
    for package, root in places.items():
        for path in (root / package).rglob("*"):
            inside = path.relative_to(root)
            if path.is_file() and not _left_out(inside):
                yield inside.as_posix(), path.read_bytes()


def _left_out(inside: Path) -> bool:
    return (
        "__pycache__" in inside.parts
        or inside.suffix == ".pyc"
        or any(part.startswith(".") for part in inside.parts)
        or inside.parts[1] in SYNTH_ONLY
    )


def _tar(members: dict[str, bytes]) -> bytes:
    """Sorted names, one mode, no times and no owners: nothing but the sources decides the bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name]), 0o644
            archive.addfile(entry, io.BytesIO(members[name]))
    return buffer.getvalue()
