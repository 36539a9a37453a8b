"""A model of 20 inputs that the benchmark of monitoring watches: what `monitor.py` is for a real one."""

import json
from typing import Any

from bench.monitoring_files import FEATURES, KINDS
from monitoring.feature import FRACTIONAL, STRING, Feature
from monitoring.model import BINARY, Answer, Facet, MonitoredModel, Row


def read_request(text: str, _kind: str) -> list[Row]:
    given: list[Row] = json.loads(text)["instances"]
    return given


def read_response(text: str, _kind: str) -> list[Answer]:
    answers: list[dict[str, Any]] = json.loads(text)["predictions"]
    return [Answer(each["probability"], each["decision"], each["model_version"]) for each in answers]


MODEL = MonitoredModel(
    problem=BINARY,
    features=(*(Feature(name, FRACTIONAL) for name in FEATURES), *(Feature(name, STRING) for name in KINDS)),
    read_request=read_request,
    read_response=read_response,
    facets=(Facet(KINDS[0], ("k1",)), Facet(FEATURES[0], threshold=0.5)),
)
