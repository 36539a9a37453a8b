"""MLflow's REST API 2.0 as far as the keeper asks it, with its limits and its words for what it refuses.

tests/oracles/test_mlflow.py holds the same conversations with the real one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Answer = tuple[int, Row]

_NAME = re.compile(r"[\w\-. /]{1,250}", re.ASCII)
_FILTER = re.compile(r"tags\.`(?P<key>[^`]+)` = '(?P<value>[^']*)'")


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"error_code": code, "message": message})


@dataclass
class Mlflow:
    """experiments: by name, id and stage; runs: by id. trouble: what every request is answered with instead."""

    experiments: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    trouble: Answer | None = None
    written: int = 0

    def told(self) -> list[Row]:
        """Each run with all that is kept of it, in the order of their names."""
        return sorted(
            ({name: value for name, value in run.items() if name != "id"} for run in self.runs.values()),
            key=lambda run: str(run["name"]),
        )

    def run(self, name: str) -> Row:
        """The only run of this name."""
        [found] = [run for run in self.runs.values() if run["name"] == name]
        return found

    def answer(self, method: str, path: str, fields: Row) -> Answer:
        """Status and body."""
        if self.trouble:
            return self.trouble
        does = {
            ("GET", "experiments/get-by-name"): self._experiment,
            ("POST", "experiments/create"): self._create_experiment,
            ("POST", "runs/search"): self._search,
            ("POST", "runs/create"): self._create,
            ("POST", "runs/log-batch"): self._log,
            ("POST", "runs/update"): self._update,
        }
        try:
            return 200, does[method, path](**fields)
        except _RefusedError as error:
            return error.answer

    def _experiment(self, experiment_name: str) -> Row:
        if experiment_name not in self.experiments:
            raise _RefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment {experiment_name}")
        return {"experiment": self.experiments[experiment_name]}

    def _create_experiment(self, name: str) -> Row:
        if name in self.experiments:
            raise _RefusedError(400, "RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
        number = str(len(self.experiments) + 1)
        self.experiments[name] = {"experiment_id": number, "name": name, "lifecycle_stage": "active"}
        return {"experiment_id": number}

    def _search(self, experiment_ids: list[str], filter: str, run_view_type: str, max_results: int) -> Row:
        assert run_view_type == "ALL" and max_results <= 50_000
        match = _FILTER.fullmatch(filter)
        assert match, filter
        found = [
            _document(run) for run in self.runs.values()
            if run["experiment"] in experiment_ids and run["tags"].get(match["key"]) == match["value"]
        ]  # fmt: skip
        return {"runs": found[:max_results]} if found else {}

    def _create(self, experiment_id: str, run_name: str, start_time: int, tags: list[Row]) -> Row:
        if experiment_id not in [each["experiment_id"] for each in self.experiments.values()]:
            raise _RefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={experiment_id} exists")
        id_ = f"{len(self.runs) + 1:032x}"
        self.runs[id_] = {
            "id": id_, "experiment": experiment_id, "name": run_name, "status": "RUNNING", "started": start_time,
            "ended": None, "stage": "active", "metrics": [], "params": {},
            "tags": {**_pairs(tags), "mlflow.runName": run_name},
        }  # fmt: skip
        return {"run": _document(self.runs[id_])}

    def _log(self, run_id: str, metrics: list[Row], params: list[Row], tags: list[Row]) -> Row:
        run = self._active(run_id)
        for kind, rows, most in (("metrics", metrics, 1000), ("params", params, 100), ("tags", tags, 100)):
            if len(rows) > most:
                raise _invalid(f"A batch logging request can contain at most {most} {kind}. Got {len(rows)} {kind}.")
        if len(metrics) + len(params) + len(tags) > 1000:
            raise _invalid("A batch logging request can contain at most 1000 metrics, params and tags in total.")
        for row in [*metrics, *params]:
            if not _NAME.fullmatch(row["key"]) or "//" in row["key"]:
                raise _invalid(f"Invalid value {row['key']!r} for parameter 'name' supplied")
        for name, value in _pairs(params).items():
            if run["params"].get(name, value) != value:
                raise _invalid(f"Changing param values is not allowed: {name}")
        # Points are added to those of before, as MLflow's stores of files do.
        run["metrics"] += [(row["key"], float(row["value"]), int(row["timestamp"])) for row in metrics]
        run["params"] |= _pairs(params)
        run["tags"] |= _pairs(tags)
        self.written += 1
        return {}

    def _update(self, run_id: str, status: str, end_time: int) -> Row:
        run = self._active(run_id)
        assert status in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
        run |= {"status": status, "ended": end_time}
        return {"run_info": _document(run)["info"]}

    def _active(self, run_id: str) -> Row:
        if run_id not in self.runs:
            raise _RefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id} not found")
        if self.runs[run_id]["stage"] != "active":
            raise _invalid(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
        return self.runs[run_id]


def _document(run: Row) -> Row:
    """As REST answers have it."""
    info = {"run_id": run["id"], "run_name": run["name"], "experiment_id": run["experiment"], "status": run["status"]}
    info |= {"start_time": run["started"], "lifecycle_stage": run["stage"]}
    latest = {name: {"key": name, "value": value, "timestamp": at, "step": 0} for name, value, at in run["metrics"]}
    data = {
        "metrics": list(latest.values()),
        **{kind: [{"key": name, "value": value} for name, value in run[kind].items()] for kind in ("params", "tags")},
    }
    return {"info": info, "data": {name: rows for name, rows in data.items() if rows}}


def _pairs(rows: list[Row]) -> dict[str, str]:
    return {row["key"]: row["value"] for row in rows}


def _invalid(message: str) -> _RefusedError:
    return _RefusedError(400, "INVALID_PARAMETER_VALUE", message)
