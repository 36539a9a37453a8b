"""A new model as a copy of an example: its folder under another name, its data, and its part of the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops.cdk import ROOT
from mlops.errors import UsageError
from mlops.new_model import names

EXAMPLES = ROOT / "examples"
CONFIG_FILE = "config.toml"
_TEXTS = frozenset({".py", ".toml", ".md", ".json"})


@dataclass(frozen=True)
class Copied:
    """A model that is about to be made; example: the folder that it is copied from; owner: "" for the example's own."""

    name: str
    example: Path
    owner: str = ""

    @property
    def _folder(self) -> str:
        """What the example's own model is called: a model's folder has `definition.py`."""
        return next(self.example.glob("*/definition.py")).parent.name

    def files(self) -> dict[str, bytes]:
        """Contents by paths in the repository."""
        places = {self._folder: f"pipeline_code/{self.name}", "data": f"data/{self.name}"}
        return {
            f"{place}/{path.relative_to(self.example / folder).as_posix()}": self._renamed(path)
            for folder, place in places.items()
            for path in _files(self.example / folder)
        }

    def section(self) -> str:
        """Of config/base.toml."""
        lines = self._renamed(self.example / CONFIG_FILE).decode().splitlines(keepends=True)
        if self.owner:
            lines = [f'owner = "{self.owner}"\n' if line.startswith("owner = ") else line for line in lines]
        return "".join(lines)

    def _renamed(self, path: Path) -> bytes:
        content = path.read_bytes()
        return content.replace(self._folder.encode(), self.name.encode()) if path.suffix in _TEXTS else content


def plan(root: Path, name: str, example: str, owner: str = "", examples: Path = EXAMPLES) -> Copied:
    """What would be made; raises UsageError with one line for a name or an example that cannot be taken."""
    known = sorted(path.parent.name for path in examples.glob(f"*/{CONFIG_FILE}"))
    if example not in known:
        raise UsageError(f"--like {example}: no such example; use {', '.join(known)}")
    return Copied(names.folder(name, root), examples / example, owner)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
