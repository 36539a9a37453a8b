"""What every custom resource's answer has, and where it goes."""

from __future__ import annotations

import json

import pytest
from shared import response_url
from shared.custom_resource import CustomResourceRequest, answer, members

EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://cloudformation.example/answer",
    "StackId": "stack",
    "RequestId": "r-1",
    "LogicalResourceId": "Model",
}
WHOSE = {"PhysicalResourceId": "it", "StackId": "stack", "RequestId": "r-1", "LogicalResourceId": "Model"}


def test_an_answer_says_whose_it_is_and_nothing_else_of_what_was_kept() -> None:
    whose = CustomResourceRequest(**members(EVENT)).whose("it")
    assert json.loads(answer({**whose, "url": "https://x"}, "")) == {"Status": "SUCCESS", "Reason": "", **WHOSE}
    failed = json.loads(answer(whose, "no", {"Branch": "b"}))
    assert failed == {"Status": "FAILED", "Reason": "no", "Data": {"Branch": "b"}, **WHOSE}


def test_a_request_of_somebody_else_is_none() -> None:
    with pytest.raises(KeyError, match="StackId"):
        members({name: value for name, value in EVENT.items() if name != "StackId"})


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "file:///etc/passwd", "https"])
def test_an_answer_goes_by_https_where_nothing_else_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match=f"ResponseURL: '{url}', expected an https URL"):
        response_url.put(url, b"")
