"""The page's server: static files, documents as JSON, and two things that change something. On loopback only."""

import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from mlops.aws import explain
from mlops.errors import CommandError
from mlops.page import guard
from mlops.page.cache import Answer, Cache
from mlops.page.guard import Guard

HOST = "127.0.0.1"
LONGEST_BODY = 16 * 1024
"""Bytes of a request; a reason is a sentence or two."""

_STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PART = re.compile(r"/api/models/(?P<model>[^/]+)/(?P<part>[a-z]+)(?:/(?P<version>[1-9][0-9]{0,8}))?")
_DECISION = re.compile(r"/api/models/(?P<model>[^/]+)/versions/(?P<version>[1-9][0-9]{0,8})/(?P<word>approve|reject)")


class NotThere(CommandError):
    """The page asked for something that the environment does not have."""


class Source(Protocol):
    """Where documents come from; each is what JSON has a form for. All may raise CommandError."""

    def environment(self) -> Mapping[str, Any]:
        """The environment and its models."""

    def part(self, model: str, part: str, version: int | None) -> Any:
        """One part of a model's page; raises NotThere for one that there is none of."""

    def decide(self, model: str, version: int, word: str, reason: str) -> str:
        """Approve or reject a version; returns what comes of it, in one line."""


@dataclass
class Page:
    """What requests share. style: CSS of the pictures that the server draws."""

    source: Source
    style: str = ""
    cache: Cache = field(default_factory=Cache)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A port that a browser's connections still linger on may be taken again at once.
    allow_reuse_address = True

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        super().__init__((HOST, port), _Handler)
        self.guard = Guard(self.server_port, page.token)


def bind(page: Page, port: int) -> _Server:
    """A server that listens already, on `port` or on any that is free (0); raises CommandError if it is taken."""
    try:
        return _Server(page, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"--port {port}: {reason.lower()}; leave it out for one that is free") from error


@contextmanager
def serving(page: Page, port: int = 0) -> Iterator[str]:
    """Answer requests in the background for as long as the block lasts; gives the page's address."""
    server = bind(page, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield address(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def address(server: _Server) -> str:
    return f"http://{HOST}:{server.server_port}/"


def _titled(headers: Message) -> Iterator[tuple[str, str]]:
    """Headers by names as they are written in RFC 9110, however they came; of several with a name the first."""
    return ((name.title(), str(headers[name])) for name in headers)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mlops", ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for every poll tells nobody anything."""

    def _answer(self, respond: Any) -> None:
        if refusal := self.server.guard.refusal(self.command, dict(_titled(self.headers))):
            # What came after the headers is not read: the connection ends with this answer.
            self.close_connection = True
            self._fail(HTTPStatus.FORBIDDEN, refusal)
            return
        try:
            respond(urlsplit(self.path).path)
        except NotThere as error:
            self._fail(HTTPStatus.NOT_FOUND, str(error))
        except CommandError as error:
            self._fail(HTTPStatus.CONFLICT, str(error))
        except (ClientError, BotoCoreError) as error:
            self._fail(HTTPStatus.BAD_GATEWAY, explain(error))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the tab was closed meanwhile

    def _get(self, path: str) -> None:
        page = self.server.page
        if path == "/api/environment":
            self._send_answer(page.cache.get(path, page.source.environment))
        elif found := _PART.fullmatch(path):
            model, version = unquote(found["model"]), found["version"]
            number = int(version) if version else None
            self._send_answer(page.cache.get(path, lambda: page.source.part(model, found["part"], number)))
        elif path == "/pictures.css":
            self._send(HTTPStatus.OK, page.style.encode(), _KINDS[".css"])
        else:
            self._send_file("index.html" if path == "/" else path[1:])

    def _post(self, path: str) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {LONGEST_BODY} bytes")
            return
        body = self.rfile.read(int(length))
        found = _DECISION.fullmatch(path)
        if not found:
            raise NotThere(f"{path}: nothing can be changed there")
        try:
            reason = json.loads(body)["reason"]
        except (ValueError, KeyError, TypeError):
            reason = None
        if not isinstance(reason, str):
            self._fail(HTTPStatus.BAD_REQUEST, 'body: expected {"reason": "…"}')
            return
        page = self.server.page
        said = page.source.decide(unquote(found["model"]), int(found["version"]), found["word"], reason.strip())
        page.cache.forget()
        self._send(HTTPStatus.OK, json.dumps({"said": said}).encode(), guard.JSON)

    def _send_file(self, name: str) -> None:
        # By name only, from one folder: there is no path that leads out of it.
        file = _STATIC / name
        if "/" in name or file.suffix not in _KINDS or not file.is_file():
            raise NotThere(f"/{name}: no such file")
        body = file.read_bytes()
        if name == "index.html":
            body = body.replace(b"{{token}}", self.server.page.token.encode())
        self._send(HTTPStatus.OK, body, _KINDS[file.suffix])

    def _send_answer(self, answer: Answer) -> None:
        if self.headers.get("If-None-Match", "") == answer.tag:
            self._send(HTTPStatus.NOT_MODIFIED, b"", guard.JSON, {"ETag": answer.tag})
        else:
            self._send(HTTPStatus.OK, answer.body, guard.JSON, {"ETag": answer.tag})

    def _fail(self, status: HTTPStatus, why: str) -> None:
        self._send(status, json.dumps({"error": why}).encode(), guard.JSON)

    def _send(self, status: HTTPStatus, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        # A document is asked for again each time, by its tag; the page carries a token that is gone with the server.
        headers = {"Content-Type": kind, "Cache-Control": "no-cache", **guard.HEADERS, **(more or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
