"""A model of declared fields as the monitors see it."""

from __future__ import annotations

from monitoring.model import BINARY, MonitoredModel
from tabular import traffic
from tabular.scoring import Handlers
from tabular.serving import APPROVE
from tabular.task import Task

POSITIVE = "1"
"""How an outcome that was the positive one is told, `0` being the other: texts of any two names become these."""


def monitored(task: Task) -> MonitoredModel:
    return MonitoredModel(
        problem=BINARY,
        features=tuple(traffic.feature(field) for field in task.inputs),
        read_request=traffic.Requests(task.inputs).read,
        read_response=traffic.read_response,
        positive=POSITIVE,
        favourable=APPROVE,
        explain=Handlers(task).explain,
    )
