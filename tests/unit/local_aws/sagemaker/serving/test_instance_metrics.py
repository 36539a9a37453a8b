from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from local_aws.core.api import Context
from local_aws.core.metrics import Measure
from local_aws.sagemaker import instance_metrics, routing
from local_aws.sagemaker.instance_metrics import Usage

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")  # noqa: PTH112


@dataclass
class Part:
    number: int | None

    def pid(self) -> int | None:
        return self.number


@dataclass
class Target:
    """What routing tells of a variant, as far as it matters here."""

    variant: str
    instances: int
    parts: list[Part]
    instance: Any = field(init=False)

    def __post_init__(self) -> None:
        self.instance = self

    @property
    def containers(self) -> list[Part]:
        return self.parts


@pytest.fixture
def used(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> dict[int, Usage]:
    """Usage by process: 1 serves the champion on two instances."""
    found = {1: Usage(10.0, 0)}
    key = (ctx.account, ctx.region, "loans")
    monkeypatch.setattr(routing, "serving", lambda: {key: [Target("champion", 2, [Part(1)])]})
    monkeypatch.setattr(instance_metrics, "usage", lambda pids: found[next(iter(pids))])
    monkeypatch.setattr(instance_metrics, "_seen", {})
    return found


def test_cpu_is_the_share_of_the_time_that_passed(used: dict[int, Usage], measured: list[Measure]) -> None:
    instance_metrics.look(0)
    used[1] = Usage(20.0, 0)
    instance_metrics.look(5)
    assert [(m.name, m.value) for m in measured[:2]] == [("CPUUtilization", 200.0), ("MemoryUtilization", 0.0)]
    assert measured[0].dimensions == {"EndpointName": "loans", "VariantName": "champion"}
    assert {measure.namespace for measure in measured} == {"/aws/sagemaker/Endpoints"}


def test_each_instance_has_a_value_a_minute(used: dict[int, Usage], measured: list[Measure]) -> None:
    for now in range(0, 306, 5):
        instance_metrics.look(now)
    assert sum(measure.name == "CPUUtilization" for measure in measured) == 2 * 6


@needs_proc
def test_a_process_is_seen_with_its_children() -> None:
    child = "print('up', flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        parent, *children = instance_metrics._with_children([process.pid])
        assert parent == process.pid
        assert len(children) == 1
        alone, both = instance_metrics.usage(children).memory, instance_metrics.usage([parent]).memory
        assert alone > 1_000_000
        assert both > alone + 1_000_000
        process.communicate(b"\n")
    assert instance_metrics.usage([process.pid]) == Usage(0.0, 0)
