"""boto3 clients of the server's own endpoint, for the emulated services to reach the others."""

from __future__ import annotations

import functools
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local_aws import permissions
from local_aws.core import shapes
from local_aws.core.api import Context

_lock = threading.Lock()
_url: str | None = None


def connect(url: str) -> None:
    """Use the server at `url` from now on."""
    global _url
    with _lock:
        _url = url
        _client.cache_clear()


def url() -> str:
    """The server's own URL; RuntimeError before `connect`."""
    if _url is None:
        raise RuntimeError("clients.connect(url) was not called: there is no server to talk to")
    return _url


def client(service: str, ctx: Context, role: str | None = None, session: str = "SageMaker") -> Any:
    """The boto3 client of `service` in the account and region of `ctx`; made once, safe between threads.

    role: ARN of whose session `session` it uses; without one, or one that IAM has not, the account's own key.
    """
    keys = tuple(permissions.credentials(role, session).values()) or (ctx.account, "local", "local")
    endpoint = url()
    with _lock:
        return _client(service, ctx, keys, endpoint)


@functools.lru_cache(maxsize=256)
def _client(service: str, ctx: Context, keys: tuple[str, ...], endpoint: str) -> Any:
    # Each session would read the models of its services again.
    reads_once = botocore.session.Session()
    reads_once.register_component("data_loader", shapes.loader)
    session = boto3.session.Session(
        botocore_session=reads_once,
        # ministack takes a key of twelve digits as the account; nothing checks the secret.
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        region_name=ctx.region,
    )
    config = Config(
        retries={"max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=70,
        max_pool_connections=32,
        s3={"addressing_style": "path"},
    )
    return session.client(service, endpoint_url=endpoint, config=config)
