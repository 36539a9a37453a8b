"""Watching a release: served only when endpoint and stack agree, and a rollback is told at once."""

from typing import Any

import pytest

from mlops import releases
from mlops.errors import CommandError

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/g/2"
OLD = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/g/1"
STACK = "serving"


class FakeCloud:
    """A serving stack and its endpoint, changing with each look at the stack's events."""

    def __init__(self, looks: list[dict[str, Any]]) -> None:
        self._looks, self._at = looks, -1

    def __call__(self, service: str) -> "FakeCloud":
        assert service in ("cloudformation", "sagemaker")
        return self

    @property
    def _now(self) -> dict[str, Any]:
        return self._looks[min(max(self._at, 0), len(self._looks) - 1)]

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        self._at += 1
        events = [
            {"EventId": str(n), "LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status}
            for n, look in enumerate(self._looks[: self._at + 1])
            for name, kind, status in look.get("events", [])
        ]
        return {"StackEvents": list(reversed(events))}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        values = {"ChampionPackage": self._now["champion"], "EndpointName": "e", "EndpointConfigName": "new"}
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in values.items()]}]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        return {"EndpointStatus": self._now["status"], "EndpointConfigName": self._now["config"]}


def look(champion: str, config: str, status: str = "InService", **more: Any) -> dict[str, Any]:
    return {"champion": champion, "config": config, "status": status, **more}


def test_a_release_is_served_when_the_endpoint_is_in_service_with_the_asked_configuration() -> None:
    said: list[tuple[str, str]] = []
    event = ("Endpoint", "AWS::SageMaker::Endpoint", "UPDATE_COMPLETE")
    cloud = FakeCloud(
        [
            look(OLD, "old"),
            look(ARN, "old", "Updating"),
            look(ARN, "old"),  # in service, but with the old configuration: not yet
            look(ARN, "new", events=[event]),
        ]
    )
    serving = releases.wait_until_served(cloud, STACK, ARN, lambda *line: said.append(line), 10)
    assert serving == releases.Serving("e", "new", ARN)
    assert said == [("Endpoint", "Endpoint UPDATE_COMPLETE")]


def test_a_rollback_is_told_at_once_instead_of_waiting_for_the_timeout() -> None:
    event = (STACK, "AWS::CloudFormation::Stack", "UPDATE_ROLLBACK_COMPLETE")
    cloud = FakeCloud([look(OLD, "old"), look(OLD, "old", events=[event])])
    with pytest.raises(CommandError, match="rolled back"):
        releases.wait_until_served(cloud, STACK, ARN, lambda *_: None, 10)


def test_a_release_that_never_comes_says_where_to_look() -> None:
    with pytest.raises(CommandError, match="dead-letter queue"):
        releases.wait_until_served(FakeCloud([look(OLD, "old")]), STACK, ARN, lambda *_: None, 0.2)


def test_a_group_without_versions_says_what_to_do() -> None:
    registry = type("Registry", (), {"list_model_packages": lambda _, **__: {"ModelPackageSummaryList": []}})()
    with pytest.raises(CommandError, match="g: has no version; run the training pipeline first"):
        releases.newest_version(registry, "g")
