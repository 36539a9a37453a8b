"""The page's server, asked as a browser asks it, and as nobody should."""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops.errors import CommandError
from mlops.page.server import HOST, LONGEST_BODY, Page, bind, serving
from tests.console_stage import MODEL, Stage


class Asker:
    """A browser's requests; `token` as the page carries it."""

    def __init__(self, address: str, page: Page) -> None:
        self.host = address.removeprefix("http://").rstrip("/")
        self.page = page

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, sent, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.headers.get("Content-Type", "")
            return answer.status, json.loads(text) if text and "json" in kind else text, dict(answer.headers)
        finally:
            connection.close()

    def decide(self, path: str, body: Any, **headers: str) -> tuple[int, Any, dict[str, str]]:
        own = {"Origin": f"http://{self.host}", "Content_Type": "application/json", "X_Mlops_Token": self.page.token}
        return self("POST", path, body, **(own | headers))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ask(stage: Stage) -> Iterator[Asker]:
    page = Page(stage, "svg{color:red}")
    with serving(page) as address:
        yield Asker(address, page)


APPROVE = f"/api/models/{MODEL}/versions/2/approve"


def test_it_listens_on_loopback_only(ask: Asker) -> None:
    assert ask.host.startswith("127.0.0.1:")
    assert HOST == "127.0.0.1"


def test_the_page_carries_its_token_and_is_kept_by_nobody(ask: Asker) -> None:
    status, text, headers = ask("GET", "/")

    assert status == 200
    assert ask.page.token in text.decode()
    assert headers["Cache-Control"] == "no-cache"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
        ("/icon.svg", "image/svg"),
        ("/pictures.css", "text/css"),
    ],
)
def test_its_files_are_served(ask: Asker, path: str, kind: str) -> None:
    status, _, headers = ask("GET", path)

    assert (status, headers["Content-Type"].startswith(kind)) == (200, True)


@pytest.mark.parametrize(
    "path", ["/server.py", "/../server.py", "/%2e%2e/server.py", "/static/page.js", "/nothing", "/."]
)
def test_nothing_but_its_files_is_served(ask: Asker, path: str) -> None:
    assert ask("GET", path)[0] == 404


def test_a_document_is_not_sent_again_to_who_has_it(ask: Asker) -> None:
    _, seen, headers = ask("GET", f"/api/models/{MODEL}/situation")
    status, text, _ = ask("GET", f"/api/models/{MODEL}/situation", If_None_Match=headers["ETag"])

    assert seen["headline"]["title"] == "Version 1 serves"
    assert (status, text) == (304, b"")


def test_an_approval_reaches_the_source_and_the_next_read_shows_it(ask: Asker, stage: Stage) -> None:
    ask("GET", f"/api/models/{MODEL}/situation")
    status, said, _ = ask.decide(APPROVE, {"reason": " better "})

    assert (status, stage.decided) == (200, [(2, "approve", "better")])
    assert said["said"].startswith("version 2 is approved")
    assert ask("GET", f"/api/models/{MODEL}/situation")[1]["candidate"]["stage"] == "shadow"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"X_Mlops_Token": "guessed"},
        {"Content_Type": "text/plain"},
        {"Host": "evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_nothing_but_the_page_decides(ask: Asker, stage: Stage, headers: dict[str, str]) -> None:
    status, said, _ = ask.decide(APPROVE, {"reason": "better"}, **headers)

    assert (status, stage.decided) == (403, [])
    assert said["error"]


def test_a_foreign_host_reads_nothing(ask: Asker) -> None:
    for path in ("/", "/api/environment", f"/api/models/{MODEL}/situation"):
        status, said, _ = ask("GET", path, Host="rebound.example")
        assert (status, ask.page.token in json.dumps(said)) == (403, False)


@pytest.mark.parametrize("body", [b"", b"no JSON", [], {}, {"reason": 3}, {"reason": None}])
def test_a_decision_without_a_reason_that_is_a_text_is_refused(ask: Asker, stage: Stage, body: Any) -> None:
    assert (ask.decide(APPROVE, body)[0], stage.decided) == (400, [])


def test_what_is_too_long_is_not_read(ask: Asker, stage: Stage) -> None:
    status, said, _ = ask.decide(APPROVE, b"x" * (LONGEST_BODY + 1))

    assert (status, stage.decided) == (413, [])
    assert str(LONGEST_BODY) in said["error"]


def test_a_refusal_is_one_line(ask: Asker) -> None:
    status, said, _ = ask.decide(APPROVE, {"reason": "refuse"})

    assert (status, said) == (409, {"error": "version 2: its registration is Failed; train another"})


@pytest.mark.parametrize(
    "path", ["/api/models/unknown/situation", f"/api/models/{MODEL}/unknown", f"/api/models/{MODEL}/versions/0/approve"]
)
def test_what_is_not_there_is_said(ask: Asker, path: str) -> None:
    status, said, _ = ask("GET", path) if "versions" not in path else ask.decide(path, {"reason": "x"})

    assert status == 404
    assert said["error"]


def test_a_failure_of_aws_is_told_and_the_server_goes_on(ask: Asker, stage: Stage, monkeypatch: Any) -> None:
    def fails(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "ListThings")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "environment", fails)
        status, said, _ = ask("GET", "/api/environment")
    assert (status, said) == (502, {"error": "ListThings: Throttling: slow down"})
    assert ask("GET", "/api/environment")[0] == 200


def test_other_methods_are_refused(ask: Asker) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        assert ask(method, "/")[0] == 501


def test_a_taken_port_is_one_line_with_the_fix(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"--port {port}: .*in use; leave it out"):
            bind(Page(stage), port)
