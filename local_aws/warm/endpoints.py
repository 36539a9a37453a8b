"""botocore's list of endpoints, which every client needs and which takes longest to read, before there are forks."""

from __future__ import annotations

import functools
import os
from typing import Any


def read() -> None:
    """Each fork gets what is read here, once, as its own; what it loads again, and any other file, it reads itself."""
    from botocore import loaders

    path = os.path.join(loaders.Loader.BUILTIN_DATA_PATH, "endpoints")  # noqa: PTH118 - as botocore names it
    load = loaders.JSONFileLoader.load_file
    kept = {path: load(loaders.JSONFileLoader(), path)}

    @functools.wraps(load)
    def load_file(self: Any, file_path: str) -> Any:
        found = kept.pop(file_path, None)
        return load(self, file_path) if found is None else found

    loaders.JSONFileLoader.load_file = load_file
