"""Turns this fork of the zygote into the Python that was called, and ends it as an interpreter ends."""

from __future__ import annotations

import atexit
import gc
import io
import os
import runpy
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

from local_aws.warm.call import Call


def settle(environment: Mapping[str, str], cwd: str) -> None:
    """Environment, folder and signals of a process that has just begun; for a command that is executed too.

    What the server ignores, as one does that a shell started with `&` or nohup, its jobs ignore warm or not.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)


def run(call: Call) -> NoReturn:
    """Run the call's main module as `__main__`, and end the process with its exit code."""
    time.tzset()
    tempfile.tempdir = None
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # else each job would draw the same numbers; `random` does it by itself
    _forget_ourselves()
    _open_streams()
    packages = frozenset(sys.modules)
    sys.path[:0] = call.path
    sys.argv, sys.orig_argv = list(call.argv), list(call.original)
    sys.executable = os.path.join(os.path.dirname(sys.executable), os.path.basename(call.original[0]))  # noqa: PTH118, PTH119, PTH120
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    _end(_code(call, main), packages)


def _code(call: Call, main: types.ModuleType) -> int:
    try:
        if call.module is not None:
            runpy._run_module_as_main(call.module)  # type: ignore[attr-defined]
        else:
            _run_script(call.argv[0], main)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _end(code: int, packages: frozenset[str]) -> NoReturn:
    """What an interpreter does at its end, but for the packages that were there before: to take them apart would copy
    their pages. Objects of the job's own modules are destroyed, so that files left open are written."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.modules.pop("__main__").__dict__.clear()
        for name in [each for each in sys.modules if each not in packages]:
            del sys.modules[name]
        gc.collect()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def _run_script(given: str, main: types.ModuleType) -> None:
    path = os.path.abspath(given)  # noqa: PTH100 - keeps symbolic links, as Python does
    loader = SourceFileLoader("__main__", path)
    main.__dict__.update(__file__=path, __cached__=None, __loader__=loader)
    with io.open_code(path) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, main.__dict__)  # noqa: S102 - running it is the purpose


def _forget_ourselves() -> None:
    """Leave no module of this project behind: code may have one of the same name."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "local_aws"]:
        del sys.modules[name]


def _open_streams() -> None:
    """New objects for the three streams, as an interpreter makes them when it starts."""
    stdin, stdout, stderr = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = sys.__stdin__ = _stream(0, stdin, "r")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, stdout, "w")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, stderr, "w")  # type: ignore[misc]


def _stream(number: int, like: Any, mode: str) -> Any:
    raw: Any = io.FileIO(number, f"{mode}b", closefd=False)
    raw.name = like.name
    direct = like.write_through  # where Python runs unbuffered, for output
    kind: Any = io.BufferedReader if mode == "r" else io.BufferedWriter
    stream: Any = io.TextIOWrapper(
        raw if direct else kind(raw),
        like.encoding,
        like.errors,
        newline="\n",
        write_through=direct,
        line_buffering=not direct and (number == 2 or raw.isatty()),
    )
    stream.mode = mode
    return stream
