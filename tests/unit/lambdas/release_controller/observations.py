"""Observations for the plan, built from what differs: by default version 1 serves and all is quiet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=2)
EXPERIMENT: dict[str, Any] = {
    "rule": "planned", "allocation": "fixed", "error_rate": 0.05, "power": 0.8, "baseline": 0.7, "effect": 0.1,
    "discordance": 0.2, "share_percent": 50, "step_percent": 20, "step_seconds": 600, "look_seconds": 3600,
    "settle_seconds": 0, "max_hours": 100, "block_size": 50, "inconclusive": "keep", "max_positive_change": 0.3,
}  # fmt: skip


def arn(version: int) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/mlops-test-loan-approval/{version}"


class Observations:
    """Makes observations with the classes of the controller's own modules."""

    def __init__(self, modules: SimpleNamespace) -> None:
        self.m, self.s, self.v = modules, modules.state, modules.verdict
        self.plan = modules.plan.plan

    def parameter(self, value: str, version: int = 1, modified: datetime = BEGAN) -> Any:
        return self.s.Parameter(value, version, modified)

    def policy(self, *stages: str, **changes: Any) -> Any:
        experiment = self.m.policy.Experiment(**EXPERIMENT | changes.pop("experiment", {}))
        values: dict[str, Any] = {
            "enabled": True, "stages": stages, "experiment": experiment,
            "metric": self.m.policy.Metric(("decision",), "decision = outcome", "decision = '1'"),
            "evidence": (), "second_person": False, "tests": False, "evidence_key": "test-tests", "keep_versions": 0,
        }  # fmt: skip
        return self.m.policy.Policy(**values | changes)

    def packages(self, approvals: Mapping[int, str]) -> tuple[Any, ...]:
        newest_first = sorted(approvals.items(), reverse=True)
        return tuple(self.s.Package(arn(version), approval) for version, approval in newest_first)

    def in_service(self, version: int, *, challenger: int | None = None) -> Any:
        """The endpoint serves config-<version>; challenger: percent that such a variant has."""
        weights = {"champion": 1.0}
        if challenger is not None:
            weights = {"champion": 1 - challenger / 100, "challenger": challenger / 100}
        return self.s.Endpoint("InService", f"config-{version}", weights=weights)

    def serving(self, version: int, **changes: Any) -> Any:
        """The version serves. Changes: parameters by name (underscores for hyphens), `stack_…` outputs, the rest
        as Observed has it; `packages` as approvals by version."""
        stack = self.s.Stack(
            changes.pop("status", "UPDATE_COMPLETE"),
            champion=changes.pop("stack_champion", arn(version)),
            challenger=changes.pop("stack_challenger", "none"),
            shadow=changes.pop("stack_shadow", "none"),
            challenger_scaled=changes.pop("scaled", None),
            endpoint_config=changes.pop("config", f"config-{version}"),
        )
        named = {name: changes.pop(name, "none") for name in
                 ("challenger", "shadow", "failed", "previous", "candidate", "command", "allowed")}  # fmt: skip
        parameters = self.s.Parameters(
            champion=self.parameter(changes.pop("champion", arn(version))),
            challenger_weight=self.parameter(changes.pop("weight", "0"), modified=changes.pop("weighted", BEGAN)),
            released=changes.pop("released", arn(version)),
            **{name: self.parameter(value) for name, value in named.items()},
        )
        if "packages" in changes:
            changes["packages"] = self.packages(changes["packages"])
            changes.setdefault("endpoint", self.in_service(version))
        changes.setdefault("policy", self.policy())
        return self.s.Observed(**{"now": NOW, "stack": stack, "parameters": parameters} | changes)
