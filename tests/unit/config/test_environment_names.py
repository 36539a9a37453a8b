"""Names of environments that must not reach each other."""

import shutil
from pathlib import Path

import pytest

from stacks.settings import SettingsError, load
from tests.infra.environments import ROOT


@pytest.mark.parametrize("loaded", ["dev", "dev-2"])
def test_an_environment_called_like_another_and_more_is_refused_in_one_line(tmp_path: Path, loaded: str) -> None:
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    shutil.copy(config / "dev.toml", config / "dev-2.toml")
    with pytest.raises(SettingsError) as caught:
        load(config, loaded)
    assert str(caught.value) == (
        "config/dev-2.toml: its name begins like dev's, whose roles would have rights on it: rename one of the files"
    )
    load(config, "prod")


def test_a_name_may_begin_with_the_letters_of_another(tmp_path: Path) -> None:
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    shutil.copy(config / "dev.toml", config / "develop.toml")
    assert load(config, "develop").environment == "develop"
