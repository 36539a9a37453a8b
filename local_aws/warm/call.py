"""A call of Python, and whether a fork of the warm interpreter may stand for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NAMES = ("python3", "python")
# Read when an interpreter or a library starts; a fork has long started, so their values must be the zygote's.
_READ_AT_START = (
    "PYTHON", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "NUMEXPR_", "NPY_", "NUMPY_", "SCIPY_",
    "PANDAS_", "PANDERA_", "XGBOOST_", "ARROW_", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_",
)  # fmt: skip
_APPLIED = frozenset({"PYTHONPATH"})  # by `become`, as a new interpreter would
_LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")
_NO_LOCALE = ("C", "POSIX")
_NO_VALUE_OPTIONS = frozenset({"-u", "-B", "-P"})  # -u and -B are how the zygote runs
_CUSTOM = frozenset({"sitecustomize", "usercustomize"})
# Where SageMaker's toolkits add folders to sys.path later.
_CODE_FOLDERS = ("/opt/ml/code", "/opt/ml/model/code")
_SUBMITTED = "SAGEMAKER_SUBMIT_DIRECTORY"


@dataclass(frozen=True)
class Call:
    """`python3 -m module argv…` or `python3 script argv…`; argv[0] is a script's path as given, or "-m"."""

    module: str | None
    argv: tuple[str, ...]
    original: tuple[str, ...]
    path: tuple[str, ...]
    """What comes before the installed packages in sys.path."""


def parse(
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: str,
    loaded: Iterable[str],
    folders: Sequence[str] = _CODE_FOLDERS,
) -> Call | None:
    """None where only a new interpreter will do: other options, variables that are read at its start, and modules of
    the code's own that are named as one of those `loaded` (names of modules that a new interpreter would not have).

    folders: what is added to sys.path later.
    """
    rest = list(argv[1:])
    safe = False
    while rest and rest[0] in _NO_VALUE_OPTIONS:
        safe |= rest.pop(0) == "-P"
    if not rest or (rest[0].startswith("-") and rest[0] != "-m") or not _same_start(environment):
        return None
    if rest[0] == "-m":
        if len(rest) < 2:
            return None
        module, arguments, first = rest[1], ["-m", *rest[2:]], cwd
    else:
        script = os.path.join(cwd, rest[0])  # noqa: PTH118
        if not os.path.isfile(script) or not script.endswith(".py"):  # noqa: PTH113
            return None
        module, arguments, first = None, rest, os.path.dirname(os.path.realpath(script))  # noqa: PTH120
    given = [os.path.join(cwd, each) for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]  # noqa: PTH118
    path = [*([] if safe else [first]), *given]
    also = [*folders, os.path.join(cwd, environment.get(_SUBMITTED, ""))]  # noqa: PTH118
    taken = {name.partition(".")[0] for name in loaded} - set(sys.builtin_module_names) | _CUSTOM
    if any(_defines(folder, taken) for folder in dict.fromkeys([*path, *also])):
        return None
    return Call(module, tuple(arguments), tuple(argv), tuple(dict.fromkeys(path)))


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide how an interpreter starts."""
    return {k: v for k, v in environment.items() if k.startswith(_READ_AT_START) and k not in _APPLIED}


def started(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as an interpreter that starts with it makes it: one without a locale gets that of PEP 538."""
    chosen = next((environment[name] for name in _LOCALES if environment.get(name)), _NO_LOCALE[0])
    if chosen in _NO_LOCALE and not environment.get("LC_ALL") and "LC_CTYPE" in os.environ:
        return {**environment, "LC_CTYPE": os.environ["LC_CTYPE"]}
    return dict(environment)


def _same_start(environment: Mapping[str, str]) -> bool:
    return read_at_start(environment) == read_at_start(os.environ)


def _defines(folder: str, names: set[str]) -> bool:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return False
    return any(
        entry.name.partition(".")[0] in names
        and ("." in entry.name or os.path.exists(os.path.join(entry.path, "__init__.py")))  # noqa: PTH110, PTH118
        for entry in entries
    )
