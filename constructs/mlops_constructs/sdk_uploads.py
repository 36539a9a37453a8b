"""What a SageMaker SDK session uploads while a pipeline is built: kept on disk, then addressed by content.

The SDK puts times and random parts into the keys of what it uploads, archive members carry the times of this
machine, and one of its files holds the path of the model's folder. None of that may reach a template, so
every upload is brought into a canonical form and named by the SHA-256 of it.
"""

import gzip
import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from mlops_constructs.errors import ConstructError

ACCOUNT = "000000000000"
"""Stands for the account while a pipeline is built."""
MARK = "mlops-placeholder"
"""Part of every placeholder: where it is left, a value of the deployment is missing."""

_NOT_CODE = ("__pycache__", ".ipynb_checkpoints", ".DS_Store")


class Uploads:
    """Objects by bucket and key, in a folder of their own; stands where S3 would."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: set[str] = set()

    def put(self, bucket: str, key: str, body: bytes) -> None:
        path = self._root / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def note_folder(self, uri: str) -> None:
        """A folder was uploaded as `s3://bucket/key`: the prefix stands for all below it."""
        self._folders.add(uri.removeprefix("s3://").rstrip("/"))

    def is_object(self, bucket: str, key: str) -> bool:
        return (self._root / bucket / key).is_file()

    def read(self, bucket: str, key: str) -> bytes:
        return (self._root / bucket / key).read_bytes()

    def files(self, bucket: str, key: str) -> dict[str, bytes]:
        """What an S3 URI brings into a container, by name: one object, or all of an uploaded folder.

        Empty for any other URI: a place for outputs may well lie above something uploaded.
        """
        path = self._root / bucket / key.rstrip("/")
        if path.is_file():
            return {path.name: path.read_bytes()}
        uri = f"{bucket}/{key}".rstrip("/")
        if any(uri == folder or uri.startswith(f"{folder}/") for folder in self._folders):
            return dict(_below(path))
        return {}

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """All uploads, by bucket and key in one."""
        return _below(self._root)


def _below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part in _NOT_CODE for part in inside.parts):
            yield inside.as_posix(), path.read_bytes()


class ContentStore:
    """Canonical uploads, each distinct content in a sub-folder of `staging` that its SHA-256 names."""

    def __init__(self, where: str, staging: Path, local_root: Path) -> None:
        """`where` begins error messages; the path of `local_root` is taken out of files."""
        self._where = where
        self._staging = staging
        self._local_roots = {str(local_root).encode(), str(local_root.resolve()).encode()}
        shutil.rmtree(staging, ignore_errors=True)

    def add(self, files: dict[str, bytes]) -> tuple[str, Path]:
        """Keep `files`; returns the digest of their names and contents, and the folder that holds them."""
        digest = hashlib.sha256()
        canonical = {}
        for name, body in sorted(files.items()):
            archive = _is_archive(name)
            content = self._repacked(body, name) if archive else self._cleaned(body, name)
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            # hashed before compression: versions of zlib differ in their output
            canonical[name] = gzip.compress(content, mtime=0) if archive else content
        folder = self._staging / digest.hexdigest()
        for name, content in canonical.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return digest.hexdigest(), folder

    def _repacked(self, body: bytes, name: str) -> bytes:
        """The archive's files, sorted, with plain modes and no times or owners; not compressed."""
        packed = io.BytesIO()
        try:
            with (
                tarfile.open(fileobj=io.BytesIO(body), mode="r:*") as source,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as target,
            ):
                for member in sorted(source.getmembers(), key=lambda each: each.name):
                    held = source.extractfile(member) if member.isfile() else None
                    if held is None or any(part in _NOT_CODE for part in Path(member.name).parts):
                        continue
                    content = self._cleaned(held.read(), member.name)
                    entry = tarfile.TarInfo(member.name.removeprefix("./"))
                    entry.size, entry.mode = len(content), 0o755 if member.mode & 0o100 else 0o644
                    target.addfile(entry, io.BytesIO(content))
        except tarfile.TarError as error:
            raise ConstructError(f"{self._where}: {name} is no tar archive: {error}") from error
        return packed.getvalue()

    def _cleaned(self, body: bytes, name: str) -> bytes:
        if holds_placeholder(body.decode(errors="ignore")):
            raise ConstructError(
                f"{self._where}: the uploaded file {name} holds a value that only the deployment knows: "
                f"pass it as an argument, an environment variable or a hyperparameter"
            )
        for root in self._local_roots:
            body = body.replace(root + b"/", b"").replace(root, b".")
        return body


def holds_placeholder(text: str) -> bool:
    return MARK in text or ACCOUNT in text


def _is_archive(name: str) -> bool:
    return name.endswith((".tar.gz", ".tgz"))
