"""What the server writes to a connection."""

import asyncio
from collections.abc import Callable
from typing import Any

import hypercorn.protocol
import pytest
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, RawData
from hypercorn.typing import ConnectionState

from local_aws import seam

HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]}
GET, HEAD_ONLY = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn.protocol, "H11Protocol", hypercorn.protocol.H11Protocol)  # type: ignore[attr-defined]
    seam.send_answers_whole()


def written(app: Any, request: bytes = GET) -> list[bytes | str]:
    """What hypercorn writes, in its pieces, when `app` answers a request; "closed" where it ends the connection."""
    found: list[bytes | str] = []

    async def send(event: Any) -> None:
        if isinstance(event, RawData):
            found.append(event.data)
        elif isinstance(event, Closed):
            found.append("closed")

    async def answer() -> None:
        async with TaskGroup(asyncio.get_running_loop()) as group:
            protocol: Callable[..., Any] = hypercorn.protocol.H11Protocol  # type: ignore[attr-defined]
            one = protocol(
                ASGIWrapper(app), Config(), WorkerContext(None), group, ConnectionState({}), False, None, None, send
            )
            await one.handle(RawData(request))

    asyncio.run(answer())
    return found


def answers(*messages: dict[str, Any]) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_head_and_body_are_one_piece() -> None:
    (whole,) = written(answers(HEAD, body(b"answer")))
    assert isinstance(whole, bytes)
    head, _, content = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert content == b"answer"


def test_pieces_of_a_body_are_written_as_they_come() -> None:
    first, second = written(answers(HEAD, body(b"ans", more=True), body(b"wer")))
    assert isinstance(first, bytes)
    assert first.endswith(b"\r\n\r\nans")
    assert second == b"wer"


@pytest.mark.parametrize(("length", "request_"), [(b"0", GET), (b"6", HEAD_ONLY)])
def test_a_head_without_a_body_is_written(length: bytes, request_: bytes) -> None:
    (head,) = written(answers({**HEAD, "headers": [(b"content-length", length)]}, body(b"")), request_)
    assert isinstance(head, bytes)
    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")


def test_a_head_whose_body_never_came_is_written_before_the_connection_ends() -> None:
    head, end = written(answers(HEAD))
    assert isinstance(head, bytes)
    assert head.startswith(b"HTTP/1.1 200")
    assert end == "closed"
