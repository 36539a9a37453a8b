"""Whether a new model can be called so: as a Python package, as a part of AWS's names, and beside what is there."""

import importlib.util
import keyword
import sys
from pathlib import Path

from mlops.errors import UsageError
from mlops_constructs.errors import ConstructError
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.shipped import SHARED_PACKAGES
from stacks.settings import SettingsError, load
from stacks.settings.loader import environments


def folder(name: str, root: Path) -> str:
    """The model's folder; its public name, with hyphens, is taken too. Raises UsageError with one line."""
    chosen = name.replace("-", "_")
    config = root / "config"
    for environment in environments(config):
        try:
            settings = load(config, environment)
            EnvironmentNames(settings.project, environment).model(chosen)
        except SettingsError as error:
            raise UsageError(str(error)) from error
        except ConstructError as error:
            raise UsageError(f"{name}: {error} (config/{environment}.toml)") from error
        if chosen in settings.models:
            raise UsageError(f"{name}: config/ has [models.{chosen}] already, in {environment}; use another name")
        for other, model in settings.models.items():
            if model.training.data_prefix.partition("/")[0] == chosen:
                raise UsageError(f"{name}: the data of {other} lie below {chosen}/; use another name")
    for place in (f"pipeline_code/{chosen}", f"data/{chosen}", f"tests/unit/{chosen}"):
        if (root / place).exists() and chosen not in SHARED_PACKAGES:
            raise UsageError(f"{name}: {place} is there already; use another name")
    if _is_reserved(chosen, root):
        raise UsageError(f"{name}: is reserved, something else is imported by that name; use another name")
    return chosen


def _is_reserved(name: str, root: Path) -> bool:
    if name in SHARED_PACKAGES or name in sys.stdlib_module_names or keyword.iskeyword(name):
        return True
    return (root / name).exists() or importlib.util.find_spec(name) is not None
