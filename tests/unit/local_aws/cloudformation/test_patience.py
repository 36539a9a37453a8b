"""Answers that wait for the end of a stack operation, and those that do not."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from local_aws import seam
from local_aws.cloudformation import patience

OPERATION = 5


class Stack:
    """Its operation begins after the answer, and takes so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks, self.asked = looks, 0

    def in_progress(self, name: str) -> bool:
        assert name == "loans"
        self.asked += 1
        return self.asked <= self.looks


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Any:
    """CloudFormation's handler as it is installed; what it answers is its status."""
    status = [200]
    installed: dict[str, Any] = {}

    async def answer(*_: object) -> tuple[int, dict[str, str], bytes]:
        return status[0], {}, b""

    monkeypatch.setattr(seam, "service_handler", lambda name: answer)
    monkeypatch.setattr(seam, "replace_service_handler", installed.__setitem__)
    monkeypatch.setattr(patience, "_POLL_SECONDS", 0.0)
    patience.install()

    def call(stack: Stack, body: bytes, headers: dict[str, str] | None = None, answers: int = 200) -> None:
        status[0] = answers
        monkeypatch.setattr(seam, "stack_in_progress", stack.in_progress)
        response = asyncio.run(installed["cloudformation"]("POST", "/", headers or {}, body, {}))
        assert response[0] == answers

    return call


@pytest.mark.parametrize("action", ["ExecuteChangeSet", "DeleteStack"])
def test_the_answer_comes_when_the_operation_has_ended(handle: Any, action: str) -> None:
    handle(stack := Stack(OPERATION), urlencode({"Action": action, "StackName": "loans"}).encode())
    assert stack.asked == OPERATION + 1


def test_json_requests_wait_as_well(handle: Any) -> None:
    target = {"x-amz-target": "CloudFormation_20100515.DeleteStack"}
    handle(stack := Stack(OPERATION), json.dumps({"StackName": "loans"}).encode(), target)
    assert stack.asked == OPERATION + 1


@pytest.mark.parametrize("action", ["UpdateStack", "CreateStack", "DescribeStacks"])
def test_others_are_answered_at_once(handle: Any, action: str) -> None:
    handle(stack := Stack(OPERATION), urlencode({"Action": action, "StackName": "loans"}).encode())
    assert stack.asked == 0


def test_a_refused_request_and_one_that_is_none_are_answered_at_once(handle: Any) -> None:
    handle(stack := Stack(OPERATION), b"Action=DeleteStack&StackName=loans", answers=400)
    handle(stack, b"{", {"x-amz-target": "CloudFormation_20100515.DeleteStack"})
    assert stack.asked == 0


def test_a_long_operation_is_not_waited_for(handle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.0)
    handle(stack := Stack(10**9), b"Action=DeleteStack&StackName=loans")
    assert stack.asked == 1
