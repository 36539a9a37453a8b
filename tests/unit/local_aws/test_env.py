"""What a client is given to reach one account of the local AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import commands
from local_aws.__main__ import main
from local_aws.env import client_environment
from local_aws.errors import LocalAwsError
from local_aws.state import Home, Server

SERVER = Server(1, 4566, "http://127.0.0.1:4566", "111122223333", "eu-west-1", "", "", "")
HOME = Home(Path("/state"))


def test_a_client_works_in_the_servers_own_account_unless_it_names_another() -> None:
    own, other = (client_environment(SERVER, HOME, account=account) for account in (None, "444455556666"))
    for name in ("AWS_ACCESS_KEY_ID", "CDK_DEFAULT_ACCOUNT"):
        assert (own[name], other[name]) == ("111122223333", "444455556666")


def test_each_account_has_its_own_cache_of_the_cdk() -> None:
    homes = {client_environment(SERVER, HOME, account=each)["CDK_HOME"] for each in (None, "444455556666")}
    assert homes == {"/state/cdk", "/state/cdk-444455556666"}


@pytest.mark.parametrize("account", ["", "prod", "44445555666", "444455556666 "])
def test_what_is_no_account_is_refused(account: str) -> None:
    with pytest.raises(LocalAwsError, match="not an account; give twelve digits"):
        client_environment(SERVER, HOME, account=account)


def test_a_shell_can_be_put_into_an_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def environment(server: Server, *, account: str | None) -> dict[str, str]:
        return client_environment(server, HOME, account=account)

    monkeypatch.setattr(commands, "_needed", lambda: SERVER)
    monkeypatch.setattr(commands, "client_environment", environment)
    assert main(["env", "--account", "444455556666"]) == 0
    assert "export AWS_ACCESS_KEY_ID=444455556666" in capsys.readouterr().out
