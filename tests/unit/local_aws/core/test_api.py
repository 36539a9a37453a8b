from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.core import api
from local_aws.core.api import AwsError, Context, call, operation


@pytest.fixture
def described() -> Iterator[list[dict[str, Any]]]:
    """Declares DescribeProject; the parameters of its calls."""
    seen: list[dict[str, Any]] = []

    @operation("DescribeProject")
    def describe_project(_ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        seen.append(params)
        return {"ProjectName": params["ProjectName"], "NotInTheShape": 1}

    yield seen
    del api.operations["DescribeProject"]


def test_a_call_is_validated_and_its_output_reduced(ctx: Context, described: list[dict[str, Any]]) -> None:
    assert call(ctx, "DescribeProject", {"ProjectName": "loans"}) == {"ProjectName": "loans"}
    with pytest.raises(AwsError, match="Unknown parameter"):
        call(ctx, "DescribeProject", {"Project": "loans"})
    assert described == [{"ProjectName": "loans"}]


def test_an_operation_that_is_not_emulated_says_so(ctx: Context) -> None:
    with pytest.raises(AwsError, match="CreateNotebookInstance is not emulated") as caught:
        call(ctx, "CreateNotebookInstance", {})
    assert caught.value.code == "UnknownOperationException"


def test_an_operation_is_declared_once(described: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="DescribeProject: declared twice"):
        operation("DescribeProject")(lambda _ctx, _params: {})


def test_a_context_makes_sagemaker_arns(ctx: Context) -> None:
    assert ctx.arn("model-package/loans/1") == "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/1"
