"""The project controller: a request starts a build, the build's end answers the request, once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.lambdas.checked_client import CheckedClient, refusal
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

BUILD = "arn:aws:codebuild:eu-west-1:111122223333:build/new-models:0f8fad5b-d9cb"
GIVEN = {
    "ModelName": "churn-risk",
    "Owner": "a@example.com",
    "SageMakerProjectId": "p-abc123",
    "SageMakerProjectName": "churn",
}
TEMPLATE = {"FromBucket": "assets", "FromKey": "1.yaml", "ToBucket": "projects", "ToKey": "templates/new-model.yaml"}


def asked(kind: str = "Create", resource: str = "Custom::NewModel", **changed: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResourceType": resource,
        "ResponseURL": "https://cloudformation.example/answer",
        "StackId": "stack",
        "RequestId": "request-1",
        "LogicalResourceId": "Model",
        "ResourceProperties": {"ServiceToken": "arn", **GIVEN, **changed},
        **({"OldResourceProperties": dict(GIVEN), "PhysicalResourceId": "it"} if kind != "Create" else {}),
    }


def ended(status: str = "SUCCEEDED") -> dict[str, Any]:
    logs = {"logs": {"deep-link": "https://logs.example/1"}}
    detail = {"build-id": BUILD, "build-status": status, "additional-information": logs}
    return {"source": "aws.codebuild", "detail-type": "CodeBuild Build State Change", "detail": detail}


class World:
    """S3 and CodeBuild, as far as the controller asks; what CloudFormation was answered."""

    def __init__(self) -> None:
        self.modules = load_folder(LAMBDAS / "project_controller", "project_controller")
        self.objects: dict[str, bytes] = {"1.yaml": b"template"}
        self.tags: dict[str, str] = {}
        self.started: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        gateway = self.modules.gateway
        s3 = {name: self._played(name) for name in ("get_object", "put_object", "delete_object")}
        codebuild = {"start_build": self._played("start_build")}
        clients = gateway.Clients(s3=CheckedClient("s3", s3), codebuild=CheckedClient("codebuild", codebuild))
        self.gateway = gateway.Gateway(gateway.Settings("new-models", "projects"), clients)
        self.gateway.answer = lambda waiting, failure, data: self.answers.append(
            json.loads(self.modules.custom_resource.answer(waiting, failure, data))
        )
        self.modules.handler.gateway = lambda: self.gateway

    def run(self, event: dict[str, Any]) -> dict[str, str]:
        done: dict[str, str] = self.modules.handler.handler(event, None)
        return done

    def _played(self, name: str) -> Callable[[dict[str, Any]], Any]:
        return lambda request: getattr(self, name)(**request)

    def start_build(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        return {"build": {"id": BUILD.partition("build/")[2]}}

    def get_object(self, **request: Any) -> dict[str, Any]:
        if request["Key"] not in self.objects:
            raise refusal("NoSuchKey", "it is not there")
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.objects[request["Key"]] = request["Body"]
        self.tags[request["Key"]] = request.get("Tagging", "")
        return {}

    def delete_object(self, **request: Any) -> dict[str, Any]:
        self.objects.pop(request["Key"], None)
        return {}


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_starts_a_build_and_waits(world: World) -> None:
    world.run(asked())
    [started] = world.started
    variables = {each["name"]: each["value"] for each in started["environmentVariablesOverride"]}
    assert variables == {
        "MODEL": "churn-risk",
        "OWNER": "a@example.com",
        "PROJECT_ID": "p-abc123",
        "PROJECT_NAME": "churn",
    }
    assert started["idempotencyToken"] == "request-1", "a second delivery starts no second build"
    assert world.answers == []


def test_the_end_of_the_build_is_the_answer_and_is_given_once(world: World) -> None:
    world.run(asked())
    result = {"Branch": "new-model/churn-risk", "Review": "new-model/churn-risk"}
    world.objects["builds/0f8fad5b-d9cb/result.json"] = json.dumps(result).encode()
    world.run(ended())
    assert world.run(ended())["ignored"] == "nobody waits for it"
    [answer] = world.answers
    assert (answer["Status"], answer["Data"], answer["RequestId"]) == ("SUCCESS", result, "request-1")
    assert answer["PhysicalResourceId"] == "new-model/churn-risk"


def test_a_build_that_failed_tells_the_project_why(world: World) -> None:
    world.run(asked())
    world.objects["builds/0f8fad5b-d9cb/reason.txt"] = b"mlops: churn: is reserved; use another name\n"
    world.run(ended("FAILED"))
    [answer] = world.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "mlops: churn: is reserved; use another name; its log: https://logs.example/1"


def test_a_build_that_says_nothing_is_told_by_its_state(world: World) -> None:
    world.run(asked())
    world.run(ended("TIMED_OUT"))
    assert world.answers[0]["Reason"].startswith("the build ended as TIMED_OUT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ModelName", "churn; rm -rf /"),
        ("Owner", "nobody"),
        ("Owner", "$(id)@example.com"),
        ("SageMakerProjectId", ""),
        ("SageMakerProjectName", "--help"),
    ],
)
def test_what_is_no_word_of_a_command_never_becomes_one(world: World, name: str, value: str) -> None:
    world.run(asked(**{name: value}))
    assert world.started == []
    assert world.answers[0]["Status"] == "FAILED"
    assert world.answers[0]["Reason"].startswith(f"{name}: ")


def test_ending_a_project_removes_no_model(world: World) -> None:
    world.run(asked("Delete"))
    assert world.started == []
    assert (world.answers[0]["Status"], world.answers[0]["PhysicalResourceId"]) == ("SUCCESS", "it")


def test_a_project_keeps_its_model(world: World) -> None:
    world.run(asked("Update"))
    world.run(asked("Update", ModelName="another"))
    assert [each["Status"] for each in world.answers] == ["SUCCESS", "FAILED"]
    assert "a project keeps its model" in world.answers[1]["Reason"]


def test_what_aws_refuses_is_answered_at_once(world: World) -> None:
    def refused(**_: Any) -> None:
        raise refusal("AccountLimitExceededException", "too many builds")

    world.start_build = refused  # type: ignore[method-assign,assignment]
    world.run(asked())
    assert "too many builds" in world.answers[0]["Reason"]


def test_a_template_is_put_where_studio_looks_with_the_tag_that_shows_it(world: World) -> None:
    world.run(asked(resource="Custom::ProjectTemplate", **TEMPLATE))
    assert world.objects["templates/new-model.yaml"] == b"template"
    assert world.tags["templates/new-model.yaml"] == "sagemaker%3Astudio-visibility=true"
    world.run(asked("Delete", "Custom::ProjectTemplate", **TEMPLATE))
    assert "templates/new-model.yaml" not in world.objects
    assert [each["Status"] for each in world.answers] == ["SUCCESS", "SUCCESS"]
