"""A new model put into the repository: all of it, or nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mlops.errors import CommandError
from mlops.new_model import columns, example, names, table
from mlops.new_model.render import TO_FILL_IN, NewModel
from stacks.settings import SettingsError, load
from stacks.settings.loader import BASE, environments

CONFIG = "config"


class Planned(Protocol):
    """A model that is about to be made: its files' contents by their paths, and its section of config/base.toml."""

    @property
    def name(self) -> str: ...

    def files(self) -> dict[str, bytes]: ...

    def section(self) -> str: ...


def plan(root: Path, name: str, owner: str, data: Path | None, target: str, positive: str) -> NewModel:
    """What would be made; raises UsageError with one line for a name or a file that cannot be taken."""
    folder = names.folder(name, root)
    if data is None:
        rows, source = example.table(root)
        target, positive, meanings = example.TARGET, example.POSITIVE, example.MEANINGS
    else:
        rows, source, meanings = table.read(data), TO_FILL_IN, {}
    return NewModel(folder, owner, rows, columns.infer(rows, target, positive, meanings), source)


def make(root: Path, model: Planned) -> list[str]:
    """Write the model's files and its section of config/base.toml; returns the folders that were made.

    Nothing is in its place before everything is written and the configuration was read with it. Raises CommandError
    if an environment would not take the model, OSError if the disk does not.
    """
    files, base = model.files(), root / CONFIG / f"{BASE}.toml"
    text = base.read_text().rstrip("\n") + "\n" + model.section()
    _check(root, text, model.name)
    made = sorted({"/".join(path.split("/")[: 3 if path.startswith("tests/") else 2]) for path in files})
    with tempfile.TemporaryDirectory(prefix=".new-model-", dir=root) as work, _undone(root, made):
        for place, content in files.items():
            path = Path(work) / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (Path(work) / base.name).write_text(text)
        shutil.copymode(base, Path(work) / base.name)
        for place in made:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (Path(work) / place).rename(root / place)
        # Last: from here on the model is there.
        (Path(work) / base.name).replace(base)
    return made


def _check(root: Path, text: str, name: str) -> None:
    """Every environment can be read with the model in it."""
    with tempfile.TemporaryDirectory() as work:
        config = Path(shutil.copytree(root / CONFIG, Path(work) / CONFIG))
        (config / f"{BASE}.toml").write_text(text)
        for environment in environments(config):
            try:
                load(config, environment)
            except SettingsError as error:
                raise CommandError(f"{name}: the configuration would not take it: {error}") from error


@contextmanager
def _undone(root: Path, made: list[str]) -> Iterator[None]:
    """If something fails, an interruption too, nothing that was put in its place stays."""
    try:
        yield
    except BaseException:
        for place in made:
            shutil.rmtree(root / place, ignore_errors=True)
        raise
