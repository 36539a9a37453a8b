"""`mlops teardown`: what goes, what stays and why, and what has to stop first."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops import teardown
from mlops.__main__ import main
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import load
from tests.infra.environments import ROOT, STACKS, stack_names

NAMES = EnvironmentNames("mlops", "prod")
TEMPLATE = {
    "Resources": {
        "Data": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        "Rule": {"Type": "AWS::Events::Rule"},
        "Odd": {"Type": "AWS::Some::Thing", "DeletionPolicy": "RetainExceptOnCreate"},
    }
}


class Pages:
    def __init__(self, key: str, *entries: dict[str, Any]) -> None:
        self._key, self._entries = key, entries

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{self._key: [each]} for each in self._entries]


class CloudFormation:
    """One stack, of `TEMPLATE`."""

    def __init__(self, body: Any = TEMPLATE, *, protected: bool = True, data: str = "CREATE_COMPLETE") -> None:
        self.body, self.protected, self.data = body, protected, data
        self.listed: list[dict[str, Any]] = []
        self.unprotected: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName != NAMES.foundation_stack:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": f"{StackName} does not exist"}}, "x")
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "EnableTerminationProtection": self.protected}]}

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"TemplateBody": self.body}

    def get_paginator(self, what: str) -> Pages:
        if what == "list_stacks":
            return Pages("StackSummaries", *self.listed)
        return Pages(
            "StackResourceSummaries",
            {"LogicalResourceId": "Data", "PhysicalResourceId": "the-data", "ResourceStatus": self.data},
            {"LogicalResourceId": "Rule", "PhysicalResourceId": "the-rule"},
            {"LogicalResourceId": "Odd", "PhysicalResourceId": "the-thing"},
        )

    def update_termination_protection(self, *, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        assert not EnableTerminationProtection
        self.unprotected.append(StackName)


class SageMaker:
    """A pipeline with an execution in each of these states, which stop when they are asked to."""

    def __init__(self, *statuses: str) -> None:
        self.executions = {f"arn:…/execution/{number:012}": status for number, status in enumerate(statuses)}

    def get_paginator(self, _: str) -> Pages:
        return Pages(
            "PipelineExecutionSummaries",
            *(
                {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status}
                for arn, status in self.executions.items()
            ),
        )

    def stop_pipeline_execution(self, *, PipelineExecutionArn: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert 32 <= len(ClientRequestToken) <= 128
        self.executions[PipelineExecutionArn] = "Stopped"


@pytest.mark.parametrize("environment", sorted(STACKS))
def test_no_stack_is_forgotten(environment: str) -> None:
    settings = load(ROOT / "config", environment)
    names = EnvironmentNames(settings.project, environment)
    found = teardown.stack_names(names, [names.model(folder) for folder in settings.models])
    assert stack_names(environment) <= set(found)


@pytest.mark.parametrize("body", [TEMPLATE, json.dumps(TEMPLATE)])
def test_what_outlives_its_stack_is_read_from_the_template_that_was_deployed(body: Any) -> None:
    inventory = teardown.observe(CloudFormation(body), teardown.stack_names(NAMES, []))
    assert inventory.stacks == inventory.protected == (NAMES.foundation_stack,)
    assert [(each.kind, each.name) for each in inventory.kept] == [
        ("AWS::S3::Bucket", "the-data"),
        ("AWS::Some::Thing", "the-thing"),
    ]


def test_what_stays_has_its_reason_and_what_it_costs() -> None:
    inventory = teardown.observe(CloudFormation(), [NAMES.foundation_stack])
    told = "\n".join(teardown.lines(inventory, ["/aws/sagemaker/Endpoints/mlops-prod-x"], retain=True))
    assert "stays: AWS::S3::Bucket the-data: data, versions, answers and evidence" in told
    assert "costs by the GB" in told
    assert "stays: log group /aws/sagemaker/Endpoints/mlops-prod-x" in told
    assert "1 are protected from deletion" in told


def test_an_environment_that_is_not_there_is_no_failure() -> None:
    assert teardown.observe(CloudFormation(), ["mlops-dev-foundation"]) == teardown.Inventory((), (), ())


def test_executions_that_run_are_stopped_and_those_that_ended_are_left() -> None:
    sagemaker = SageMaker("Executing", "Succeeded", "Stopping")
    stopped = teardown.stop_executions(sagemaker, ["p"])
    assert len(stopped) == 2
    assert teardown.running(sagemaker, ["p"]) == []


def test_a_wrong_name_removes_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cloudformation = CloudFormation()
    clients = {"cloudformation": cloudformation, "logs": Logs(), "sagemaker": SageMaker()}
    settings = load(ROOT / "config", "prod")
    monkeypatch.setattr("mlops.target.reach", lambda environment: (settings, clients.__getitem__))
    assert main(["teardown", "--env", "prod", "--confirm", "dev"]) == 2
    assert "--confirm dev: must be prod" in capsys.readouterr().err
    assert main(["teardown", "--env", "prod", "--plan"]) == 0
    assert cloudformation.unprotected == []
    assert "nothing was done" in capsys.readouterr().out


class Logs:
    def __init__(self, *groups: str) -> None:
        self.groups = list(groups)

    def get_paginator(self, _: str) -> Pages:
        return Pages("logGroups", *({"logGroupName": each} for each in self.groups))

    def delete_log_group(self, logGroupName: str) -> None:  # noqa: N803
        self.groups.remove(logGroupName)


class Nothing(CloudFormation):
    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return super().describe_stacks("another")


def test_what_an_interrupted_run_left_is_removed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stacks were gone; the log groups, which go last, were not."""
    logs = Logs("/aws/sagemaker/Endpoints/mlops-dev-loan-approval")
    clients = {"cloudformation": Nothing(), "logs": logs, "sagemaker": SageMaker()}
    monkeypatch.setattr("mlops.target.reach", lambda _: (load(ROOT / "config", "dev"), clients.__getitem__))
    monkeypatch.setattr("mlops.cdk.cdk", lambda *_, **__: pytest.fail("there is no stack to destroy"))
    assert main(["teardown", "--env", "dev", "--confirm", "dev"]) == 0
    assert logs.groups == []


def test_where_nothing_is_there_nothing_is_said_to_be_gone() -> None:
    told = "\n".join(teardown.lines(teardown.Inventory((), (), ()), [], retain=True))
    assert "none is there" in told and "retain is false" not in told


def test_what_is_gone_already_is_not_said_to_stay() -> None:
    inventory = teardown.observe(CloudFormation(data="DELETE_COMPLETE"), [NAMES.foundation_stack])
    assert [each.name for each in inventory.kept] == ["the-thing"]


def test_a_stack_that_the_configuration_does_not_have_any_more_stops_it_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloudformation = CloudFormation()
    cloudformation.listed = [
        {"StackName": name, "StackStatus": status}
        for name, status in (
            ("mlops-prod-old-model-serving", "UPDATE_COMPLETE"),
            ("mlops-prod-older-model-serving", "DELETE_COMPLETE"),
            ("mlops-staging-foundation", "CREATE_COMPLETE"),
            (NAMES.foundation_stack, "CREATE_COMPLETE"),
        )
    ]
    clients = {"cloudformation": cloudformation, "logs": Logs(), "sagemaker": SageMaker()}
    monkeypatch.setattr("mlops.target.reach", lambda _: (load(ROOT / "config", "prod"), clients.__getitem__))
    assert main(["teardown", "--env", "prod", "--plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["in_the_way"] == ["mlops-prod-old-model-serving"]
    assert main(["teardown", "--env", "prod", "--confirm", "prod"]) == 1
    assert "stack mlops-prod-old-model-serving: is of this environment, and not in its" in capsys.readouterr().err
    assert cloudformation.unprotected == []


def test_the_pipeline_is_no_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teardown", "--env", "delivery", "--plan"]) == 2
    assert "docs/teardown.md says how it is removed" in capsys.readouterr().err
