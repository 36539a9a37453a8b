"""The project's configuration, to be spoiled."""

from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.fixture
def config(tmp_path):
    """A copy of the project's configuration."""
    folder = tmp_path / "config"
    folder.mkdir()
    for file in CONFIG.glob("*.toml"):
        (folder / file.name).write_text(file.read_text())
    return folder


@pytest.fixture
def refusal(config):
    """The one line that `load` ends with once `addition` is appended to an environment's file."""
    from stacks.settings import SettingsError, load

    def refused(addition, environment="prod", file=None):
        with (config / f"{file or environment}.toml").open("a") as settings:
            settings.write(f"\n{addition}\n")
        with pytest.raises(SettingsError) as caught:
            load(config, environment)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused
