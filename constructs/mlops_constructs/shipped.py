"""What the constructs bring beside themselves: code of Lambda functions, and the packages that all models share.

In a checkout both are beside `constructs/`; the wheel carries a copy inside of the package.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from mlops_constructs.errors import ConstructError

SHARED_PACKAGES = ("features", "monitoring", "tabular")
"""Beside the folder of each model; `monitoring` is also what its pipeline of monitors is made of."""


def folder(name: str) -> Path:
    """`lambdas` or `pipeline_code`; raises ConstructError where neither a wheel nor a checkout has it."""
    package = Path(__file__).resolve().parent
    for place in (package / name, package.parents[1] / name):
        if place.is_dir():
            return place
    raise ConstructError(f"{name}: is neither in {package} nor beside its checkout; install the wheel of constructs/")


def shared_root(code_root: Path) -> Path:
    """Where the shared packages are: in `code_root` if it has any of them, otherwise as this library brings them."""
    own = any((code_root / each).is_dir() for each in SHARED_PACKAGES)
    return code_root if own else folder("pipeline_code")


def load(code_root: Path, module: str) -> ModuleType:
    """`module` of `code_root` or of the shared packages, both of which can be imported from now on.

    At the end of the path: nothing of the app's own is hidden.
    """
    for place in (code_root, shared_root(code_root)):
        if str(place.resolve()) not in sys.path:
            sys.path.append(str(place.resolve()))
    importlib.invalidate_caches()
    return importlib.import_module(module)
