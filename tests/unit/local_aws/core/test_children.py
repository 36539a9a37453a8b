from __future__ import annotations

import pytest

from local_aws import clients
from local_aws.core import children
from local_aws.core.api import Context


def test_a_child_gets_an_ordinary_sdk_environment_and_nothing_of_the_shell(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(clients, "_url", "http://127.0.0.1:1")
    environment = children.environment(ctx)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert "AWS_DEFAULT_REGION" not in environment, "a container of SageMaker's has none"
    assert environment["AWS_ACCESS_KEY_ID"] == ctx.account
    assert "SECRET_TOKEN" not in environment


def test_without_a_server_there_is_no_environment_to_give(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_url", None)
    with pytest.raises(RuntimeError, match="there is no server to talk to"):
        children.environment(ctx)
