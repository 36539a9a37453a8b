"""The environment with which AWS clients, the CDK CLI and boto3 reach the local AWS."""

from __future__ import annotations

import os
import re
import shlex

from local_aws.errors import LocalAwsError
from local_aws.state import Home, Server

START = ".venv/bin/python -m local_aws start --detach"
"""What starts a server, to be copied in a checkout."""
_ACCOUNT = re.compile(r"[0-9]{12}")


def client_environment(
    server: Server | None = None, home: Home | None = None, *, account: str | None = None
) -> dict[str, str]:
    """Variables for a client of `server`, by default of the one that runs on the chosen state directory.

    account: any twelve digits; each account is there as soon as it is named. By default, the server's own one.

    Nothing in them leads to a real account, even when the server is down. Raises LocalAwsError if
    no server is given and none runs, or `account` is no account.
    """
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise LocalAwsError(f"account {account}: not an account; give twelve digits")
    home = home or Home.chosen()
    server = server or home.running()
    if server is None:
        raise LocalAwsError(f"{home.path}: no local AWS runs on this state; start it: {START}")
    chosen = account or server.account
    return {
        "AWS_ENDPOINT_URL": server.url,
        # A key of twelve digits is the account; the session token keeps the CLI from asking for MFA.
        "AWS_ACCESS_KEY_ID": chosen,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_REGION": server.region,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # The CLI caches which key belongs to which account: not in the user's own cache, and in a file for each
        # account, since two of its processes that write one at the same time spoil it.
        "CDK_HOME": str(home.path / ("cdk" if chosen == server.account else f"cdk-{chosen}")),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DEFAULT_ACCOUNT": chosen,
        "CDK_DEFAULT_REGION": server.region,
        "NODE_NO_WARNINGS": "1",  # of the AWS SDK in the CLI, about the age of Node
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def exports(environment: dict[str, str]) -> str:
    """`environment` as lines that a shell evaluates, with what would win over it unset."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(["unset AWS_PROFILE AWS_DEFAULT_PROFILE", *lines])
