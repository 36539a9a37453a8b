"""A real local AWS in a process of its own, for tests that need one."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_aws import commands
from local_aws.env import client_environment
from local_aws.state import Home, Server
from tests.permissions.recording import keep


@dataclass
class LocalAws:
    """A running local AWS; `environment` is all that a client process needs.

    account: the one that clients work in; the server's own where it is empty.
    """

    home: Path
    server: Server
    account: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.account = self.account or self.server.account
        self.environment = kept | client_environment(self.server, Home(self.home), account=self.account)
        self._session = boto3.Session(
            aws_access_key_id=self.account,
            aws_secret_access_key="local",
            aws_session_token="local",
            region_name=self.server.region,
        )
        self.client = functools.cache(self._client)

    @property
    def url(self) -> str:
        return self.server.url

    def of(self, account: str) -> LocalAws:
        """The same server, for clients of another account."""
        return replace(self, account=account)

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.url)

    def kill(self) -> None:
        """End the server as a crash does: nothing is saved or told."""
        os.kill(self.server.pid, 9)
        assert Home(self.home).wait_until_free(10)

    def start(self) -> None:
        """Start the server again on the same state."""
        self.server = commands.start_detached(Home(self.home))


def run_local_aws(home: Path) -> Iterator[LocalAws]:
    """Start a server on an empty state and a free port, and stop it at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LOCAL_AWS_PORT", raising=False)
        running = LocalAws(home, commands.start_detached(Home(home)))
    try:
        yield running
    finally:
        if server := Home(home).running():
            commands.stop_server(Home(home), server)
        keep(home)
        log = Home(home).log.read_text()
        if "Traceback" in log or " ERROR " in log:
            print(f"--- {Home(home).log}\n{log}")


def said_by_functions(local_aws: LocalAws, newest: int = 40) -> str:
    """The newest lines of all functions' logs in the client's account, oldest first."""
    try:
        logs = local_aws.client("logs")
        groups = [
            each["logGroupName"]
            for page in logs.get_paginator("describe_log_groups").paginate()
            for each in page["logGroups"]
            if "/sagemaker/" not in each["logGroupName"]
        ]
        events = [
            (event["timestamp"], group, event["message"].rstrip())
            for group in groups
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            for event in page["events"]
            if "{" in event["message"]
        ]
    except Exception as error:  # it explains a failure, and must not be one
        return f"cannot be read: {error}"
    return "\n".join(f"{group}: {message[:800]}" for _, group, message in sorted(events)[-newest:])
