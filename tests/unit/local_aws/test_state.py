from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from local_aws import commands
from local_aws.env import client_environment, exports
from local_aws.errors import LocalAwsError
from local_aws.state import Home, Server

SERVER = Server(
    pid=os.getpid(),
    port=1,
    url="http://127.0.0.1:1",
    account="111122223333",
    region="eu-west-1",
    started="2026-01-01T00:00:00+00:00",
    token="t",
    code="c",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("LOCAL_AWS_PORT", raising=False)
    home = Home(tmp_path / "state")
    home.path.mkdir()
    return home


def port(listener: socket.socket) -> int:
    with listener:
        return int(listener.getsockname()[1])


def test_the_directory_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_AWS_HOME", str(tmp_path))
    assert Home.chosen().path == tmp_path
    monkeypatch.delenv("LOCAL_AWS_HOME")
    monkeypatch.chdir(tmp_path)
    assert Home.chosen().path == tmp_path / "build" / "local_aws"


def test_a_state_keeps_its_port(home: Home) -> None:
    assert port(home.listen()) == port(home.listen())


def test_a_port_can_be_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    free = port(Home(home.path.parent).listen())
    monkeypatch.setenv("LOCAL_AWS_PORT", str(free))
    assert port(home.listen()) == free


@pytest.mark.parametrize("wanted", ["http", "-1", "65536", "²"])
def test_what_is_no_port_is_refused_with_the_range(home: Home, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("LOCAL_AWS_PORT", wanted)
    with pytest.raises(LocalAwsError, match=rf"LOCAL_AWS_PORT={wanted}: not a port; give a number from 1 to 65535"):
        home.listen()


def test_a_port_in_use_is_refused_with_what_to_do(home: Home) -> None:
    with home.listen() as listener:
        used = listener.getsockname()[1]
        with pytest.raises(LocalAwsError, match=f"port {used} on 127.0.0.1 cannot be used"):
            home.listen()


def test_one_server_at_a_time_has_a_state(home: Home) -> None:
    home.write(SERVER)
    with home.lock():
        assert not home.wait_until_free(0)
        with pytest.raises(LocalAwsError, match=r"already runs on this state at http://127\.0\.0\.1:1 \(process "):
            home.lock()
    assert home.wait_until_free(0)
    home.lock().close()


@pytest.mark.parametrize("left", ["", "{", "[]", "{}", json.dumps({"pid": 1})])
def test_a_server_file_that_cannot_be_read_means_that_no_server_runs(home: Home, left: str) -> None:
    (home.path / "server.json").write_text(left)
    assert home.running() is None


def test_a_server_that_does_not_answer_is_not_running(home: Home) -> None:
    home.write(SERVER)
    assert home.running() is None


def test_clients_reach_only_the_local_aws(home: Home) -> None:
    environment = client_environment(SERVER, home)
    assert environment["AWS_ENDPOINT_URL"] == SERVER.url
    assert environment["AWS_ACCESS_KEY_ID"] == "111122223333"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["CDK_HOME"].startswith(str(home.path))


def test_exports_are_quoted_for_a_shell() -> None:
    assert exports({"A": "x y"}) == "unset AWS_PROFILE AWS_DEFAULT_PROFILE\nexport A='x y'"


def test_without_a_server_there_is_no_environment(home: Home) -> None:
    with pytest.raises(LocalAwsError, match="no local AWS runs on this state"):
        client_environment(home=home)


@pytest.mark.parametrize("take", [Home.lock, commands.start_detached])
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, take: Callable[[Home], object]) -> None:
    (tmp_path / "file").write_text("")
    expected = r"file/state: cannot be written \(Not a directory\); set LOCAL_AWS_HOME"
    with pytest.raises(LocalAwsError, match=expected):
        take(Home(tmp_path / "file" / "state"))
