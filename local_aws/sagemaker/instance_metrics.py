"""CPU and memory of endpoint variants, in the namespace /aws/sagemaker/Endpoints, each minute as on AWS.

CPUUtilization sums up over cores, so that it can be above 100; memory is a share of this machine's. They are read from
/proc, and are not written where there is none. Source: developer guide, monitoring-cloudwatch, "endpoint metrics".
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local_aws.core import metrics
from local_aws.core.api import Context, on_tick
from local_aws.core.metrics import Measure
from local_aws.sagemaker import routing
from local_aws.sagemaker.endpoint_state import endpoints

NAMESPACE = "/aws/sagemaker/Endpoints"
_EVERY_SECONDS = 60.0
_FIRST_SECONDS = 5.0
_PROC = Path("/proc")
_AFTER_NAME = 2  # fields of /proc/<pid>/stat after the name: state is the third of all
_USER, _SYSTEM = 14 - 1 - _AFTER_NAME, 15 - 1 - _AFTER_NAME


@dataclass(frozen=True)
class Usage:
    """Seconds of CPU since the start, and bytes of memory now."""

    seconds: float
    memory: int


@dataclass
class _Seen:
    at: float
    seconds: float
    written: bool


_Key = tuple[Context, str, str, tuple[int, ...]]
_seen: dict[_Key, _Seen] = {}


def look(now: float) -> None:
    """Write what is due of every variant that serves; `now` in seconds of any clock."""
    present: set[_Key] = set()
    for (account, region, name), targets in routing.serving().items():
        row = endpoints.get((account, region, name))
        endpoint = str(row["EndpointName"]) if row else name
        for target in targets:
            pids = tuple(pid for part in target.instance.containers if (pid := part.pid()) is not None)
            key = (Context(account, region), endpoint, target.variant, pids)
            present.add(key)
            _look(key, target.instances, now)
    for gone in _seen.keys() - present:
        del _seen[gone]


def usage(pids: Iterable[int]) -> Usage:
    """What these processes and their children use; those that ended count nothing."""
    seconds, memory = 0.0, 0
    for pid in _with_children(pids):
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
        seconds += (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
        memory += pages * os.sysconf("SC_PAGE_SIZE")
    return Usage(seconds, memory)


def _look(key: _Key, instances: int, now: float) -> None:
    ctx, endpoint, variant, pids = key
    seen = _seen.get(key)
    if seen is None:
        _seen[key] = _Seen(now, usage(pids).seconds, written=False)
        return
    passed = now - seen.at
    if passed < (_EVERY_SECONDS if seen.written else _FIRST_SECONDS):
        return
    used = usage(pids)
    cpu = 100.0 * max(0.0, used.seconds - seen.seconds) / passed
    memory = 100.0 * used.memory / (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    _seen[key] = _Seen(now, used.seconds, written=True)
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    both = (
        Measure(NAMESPACE, "CPUUtilization", cpu, "Percent", dimensions),
        Measure(NAMESPACE, "MemoryUtilization", memory, "Percent", dimensions),
    )
    # Each instance writes its own values; one process stands for all of them.
    metrics.write(ctx, *both * instances)


def _with_children(pids: Iterable[int]) -> list[int]:
    found, waiting = [], list(pids)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            waiting += map(int, (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return found


if _PROC.is_dir():
    on_tick(_FIRST_SECONDS, lambda: look(time.monotonic()))
