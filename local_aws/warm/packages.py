"""What the warm interpreter imports for a container: the packages that the container's code names, if they are listed.

Code that names none costs nothing; a package is imported once, when the first code that names it starts.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

MODULES = {
    "boto3": ("boto3", "botocore.client", "botocore.httpsession", "botocore.handlers", "botocore.retries.standard"),
    "numpy": ("numpy", "numpy.random", "numpy.typing"),
    "pandas": ("pandas",),
    "pandera": ("pandera.pandas",),
    "pyarrow": ("pyarrow.parquet",),
    "scipy": ("scipy.stats", "scipy.special", "scipy.optimize"),
    "sklearn": ("sklearn",),
    "xgboost": ("xgboost",),
}
"""By the name that code imports: the modules to import, as far as they are installed."""

_IMPORT = re.compile(rb"^[ \t]*(?:import[ \t]+(?P<several>[^\n#;]+)|from[ \t]+(?P<one>[A-Za-z_]\w*))", re.MULTILINE)
_NAME = re.compile(rb"(?:^|,)[ \t]*([A-Za-z_]\w*)")
_LARGEST = 1_000_000


def named_below(folder: Path) -> list[str]:
    """Names of MODULES that the Python files below `folder` import, also those in .tar.gz archives; sorted."""
    found = (match for text in _texts(folder) for match in _IMPORT.finditer(text))
    names = {name.decode() for match in found for name in _NAME.findall(match["several"] or match["one"])}
    return sorted(names & MODULES.keys())


def _texts(folder: Path) -> Iterator[bytes]:
    for path in _files(folder):
        if path.suffix == ".py":
            yield path.read_bytes()
        elif path.name.endswith(".tar.gz") and path.stat().st_size <= _LARGEST:
            yield from _archived(path)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _archived(path: Path) -> Iterator[bytes]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".py") else None
                if content is not None:
                    yield content.read()
    except (tarfile.TarError, OSError, EOFError):
        return  # not ours to judge: the container's code may never open it
