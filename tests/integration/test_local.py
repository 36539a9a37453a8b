"""The command line and a local AWS that runs already."""

from typing import Any

import pytest

from local_aws.state import Home
from mlops import local


def test_a_running_server_is_taken_as_it_is(own_local_aws: Any) -> None:
    said: list[str] = []
    server = local.start(Home(own_local_aws.home), said.append)
    assert said == [f"already running at {own_local_aws.url}"]
    assert server.environment["AWS_ENDPOINT_URL"] == own_local_aws.url


def test_a_server_that_runs_older_code_is_replaced_and_keeps_its_state(
    own_local_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_local_aws.client("ssm").put_parameter(Name="/test/kept", Value="yes", Type="String")
    monkeypatch.setattr(local, "code_digest", lambda: "changed since the server started")
    said: list[str] = []
    server = local.start(Home(own_local_aws.home), said.append)
    assert "runs older code" in said[0]
    running = server.home.running()
    assert running is not None
    assert running.pid != own_local_aws.server.pid
    assert own_local_aws.client("ssm").get_parameter(Name="/test/kept")["Parameter"]["Value"] == "yes"
