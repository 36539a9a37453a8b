"""The application: its environment, services of our own in it, and events of AWS services on its bus."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_aws.core.api import Context

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Response]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def configure(*, account: str, region: str, port: int, home: Path) -> None:
    """Set the process environment that ministack reads; Lambda handlers inherit it, so it is kept small.

    What is left out is right by default: Lambda as local processes, and no persistence of its own,
    since checkpoints save more than that, and consistently.
    """
    os.environ.update(
        MINISTACK_HOST="127.0.0.1",  # in queue URLs and ResponseURLs; the name localhost may mean ::1
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=account,
        MINISTACK_REGION=region,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        STATE_DIR=str(home / "ministack"),
        S3_DATA_DIR=str(home / "ministack" / "s3"),
        DOCKER_HOST=f"unix://{home}/no-docker.sock",
    )


def application() -> Application:
    """ministack's ASGI application."""
    from ministack import app

    return app.app  # type: ignore[no-any-return]


def add_service(name: str, handler: Handler, *, target_prefix: str, credential_scope: str) -> None:
    """Route a service's requests to `handler`, which runs on the event loop."""
    from ministack import app
    from ministack.core import router

    app.SERVICE_HANDLERS[name] = handler
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix],
        "credential_scope": credential_scope,
        "host_patterns": [rf"{name}\."],
    }


def service_handler(name: str) -> Handler:
    """What answers a service's requests now."""
    from ministack import app

    return app.SERVICE_HANDLERS[name]  # type: ignore[no-any-return]


def replace_service_handler(name: str, handler: Handler) -> None:
    """Have `handler` answer the requests of a service that ministack has; they find their way as before."""
    from ministack import app

    app.SERVICE_HANDLERS[name] = handler


def current() -> Context:
    """The account and region of the request, or of the stack operation, that is running."""
    from ministack.core.responses import get_account_id, get_region

    return Context(get_account_id(), get_region())


@contextmanager
def acting_in(ctx: Context) -> Iterator[None]:
    """Make ministack's stores those of `ctx`, where no request has chosen them."""
    from ministack.core.responses import request_scope

    with request_scope(ctx.account, ctx.region):
        yield


def put_event(
    loop: asyncio.AbstractEventLoop,
    ctx: Context,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Iterable[str],
) -> None:
    """Put an event of an AWS service on the default bus, soon, on the event loop."""
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": list(resources),
    }

    def put() -> None:
        with acting_in(ctx):
            # Customers may not send events of aws.* sources; services may.
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    # A context of its own: the caller's must not leak into rule targets.
    loop.call_soon_threadsafe(contextvars.Context().run, put)
