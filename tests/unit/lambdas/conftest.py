"""Loads a handler's folder as Lambda does (flat modules beside the package `shared`), without leaving its names behind.

Two handlers may both have a gateway.py: the folder is on sys.path only while it is loaded, and its modules
are kept under names of their own. `shared` is the same for all of them, as it is the same code.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

LAMBDAS = Path(__file__).parents[3] / "lambdas"


def load_folder(folder: Path, prefix: str) -> SimpleNamespace:
    """Import every module of the folder; returns them by name, and those of `shared` whose names it does not have.

    Raises ImportError as the handler would.
    """
    if str(LAMBDAS) not in sys.path:
        sys.path.append(str(LAMBDAS))
    names = [path.stem for path in sorted(folder.glob("*.py"))]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        own = {name: importlib.import_module(name) for name in names}
        return SimpleNamespace(**{**_shared(), **own})
    finally:
        sys.path.remove(str(folder))
        for name in names:
            if name in sys.modules:
                sys.modules[f"{prefix}_{name}"] = sys.modules.pop(name)
        sys.modules.update(before)


def _shared() -> dict[str, ModuleType]:
    names = [path.stem for path in sorted((LAMBDAS / "shared").glob("*.py")) if path.stem != "__init__"]
    return {name: importlib.import_module(f"shared.{name}") for name in names}


@pytest.fixture(scope="session")
def release_controller() -> SimpleNamespace:
    """The modules of lambdas/release_controller by name."""
    return load_folder(LAMBDAS / "release_controller", "release_controller")


@pytest.fixture(scope="session")
def custom_resources() -> SimpleNamespace:
    """The modules of lambdas/custom_resources by name."""
    return load_folder(LAMBDAS / "custom_resources", "custom_resources")


@pytest.fixture(scope="session")
def release_tests() -> SimpleNamespace:
    """The modules of lambdas/release_tests by name."""
    return load_folder(LAMBDAS / "release_tests", "release_tests")


@pytest.fixture(scope="session")
def batch_scoring() -> SimpleNamespace:
    """The modules of lambdas/batch_scoring by name."""
    return load_folder(LAMBDAS / "batch_scoring", "batch_scoring")


@pytest.fixture(scope="session")
def retraining_controller() -> SimpleNamespace:
    """The modules of lambdas/retraining_controller by name."""
    return load_folder(LAMBDAS / "retraining_controller", "retraining_controller")
