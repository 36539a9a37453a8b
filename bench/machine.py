"""The machine that measures: what a figure depends on beside the code."""

import os
import platform
from pathlib import Path
from typing import Any

_CPU, _MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")


def describe() -> dict[str, Any]:
    """Cores, memory in GiB, the processor's name, Python, system, and the load of the minute before; None: unknown."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": _memory(),
        "cpu": _named(_CPU, "model name") or platform.processor() or None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _memory() -> float | None:
    found = _named(_MEMORY, "MemTotal")
    return round(int(found.split()[0]) / 2**20, 1) if found else None


def _named(file: Path, name: str) -> str:
    """The value of the first line `name: value`; "" where there is no such file or line."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
