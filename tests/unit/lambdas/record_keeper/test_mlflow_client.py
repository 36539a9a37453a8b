"""Requests to a managed MLflow on the wire: where to, how signed, in which portions, and what fails how."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.lambdas.record_keeper.fakes.mlflow import Mlflow
from tests.unit.lambdas.record_keeper.names import TRACKING

APP = "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABCDEFGHIJKL"
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "token")
TAG = "mlops.execution"


class Server:
    """The fake MLflow behind HTTP. heard: requests with their headers; answers: what it answers with instead."""

    def __init__(self) -> None:
        self.mlflow, self.heard, self.answers = Mlflow(), list[Any](), list[tuple[int, dict[str, str], bytes]]()

    def hear(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(SimpleNamespace(method=request.command, path=request.path, headers=headers, body=body))
        if self.answers:
            return self.answers.pop(0)
        fields = json.loads(body) if body else dict(parse_qsl(parts.query))
        status, answer = self.mlflow.answer(request.command, parts.path.removeprefix("/api/2.0/mlflow/"), fields)
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()


@contextmanager
def listening(server: Server) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = server.hear(self)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may have given up
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - spelled as http.server wants it

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture(scope="module")
def client(record_keeper: SimpleNamespace) -> Any:
    return record_keeper.mlflow_client


@pytest.fixture
def served(client: Any) -> Iterator[tuple[Server, Any]]:
    """A server, and a client of it."""
    server = Server()
    with listening(server) as url:
        yield server, client.Mlflow(client.Wire(TRACKING, lambda: CREDENTIALS, url))


def is_signed(heard: Any, service: str, region: str) -> bool:
    """Whether botocore comes to the same signature from what arrived."""
    sent = heard.headers["authorization"]
    scope, names = sent.split("Credential=")[1].split(",")[0], sent.split("SignedHeaders=")[1].split(",")[0]
    assert scope == f"AKIDEXAMPLE/{heard.headers['x-amz-date'][:8]}/{region}/{service}/aws4_request"
    signed = {name: heard.headers[name] for name in names.split(";")}
    request = AWSRequest(heard.method, f"http://{heard.headers['host']}{heard.path}", data=heard.body, headers=signed)
    request.context["timestamp"] = heard.headers["x-amz-date"]
    auth = SigV4Auth(CREDENTIALS, service, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return bool(sent.endswith(auth.signature(text, request)))


@pytest.mark.parametrize(
    ("arn", "wanted"),
    [
        (TRACKING, ("https://eu-west-1.experiments.sagemaker.aws", "eu-west-1", "sagemaker-mlflow",
                    "x-mlflow-sm-tracking-server-arn")),
        (APP, ("https://mlflow.sagemaker.us-east-1.app.aws", "us-east-1", "sagemaker", "x-sm-mlflow-app-arn")),
    ],
)  # fmt: skip
def test_each_kind_has_its_own_place(client, arn, wanted):
    place = client.place(arn)
    assert (place.url, place.region, place.service, place.header) == wanted


@pytest.mark.parametrize(
    ("arn", "service", "region", "header"),
    [
        (TRACKING, "sagemaker-mlflow", "eu-west-1", "x-mlflow-sm-tracking-server-arn"),
        (APP, "sagemaker", "us-east-1", "x-sm-mlflow-app-arn"),
    ],
)
def test_requests_are_signed_with_the_name_of_the_mlflow_in_a_header(client, arn, service, region, header):
    server = Server()
    with listening(server) as url:
        mlflow = client.Mlflow(client.Wire(arn, lambda: CREDENTIALS, url))
        mlflow.find(mlflow.experiment("a b+c"), TAG, "x")
    assert [(each.method, each.path.partition("?")[0]) for each in server.heard] == [
        ("GET", "/api/2.0/mlflow/experiments/get-by-name"),
        ("POST", "/api/2.0/mlflow/experiments/create"),
        ("POST", "/api/2.0/mlflow/runs/search"),
    ]
    assert server.heard[0].path.endswith("?experiment_name=a%20b%2Bc")
    for each in server.heard:
        assert each.headers[header] == arn and each.headers["x-amz-security-token"] == "token"
        assert header in each.headers["authorization"] and "x-amz-content-sha256" in each.headers["authorization"]
        assert is_signed(each, service, region)
    server.heard[2].body += b" "
    server.heard[2].headers["x-amz-content-sha256"] = "0" * 64
    assert not is_signed(server.heard[2], service, region), "a changed request would pass"


def test_run_is_made_once_and_found_by_its_tag(served):
    _, mlflow = served
    experiment = mlflow.experiment("loans")
    assert mlflow.experiment("loans") == experiment
    assert mlflow.find(experiment, TAG, "one") is None
    run = mlflow.create(experiment, "a", 1_700_000_000_000, {TAG: "one"})
    mlflow.log(run, {"auc": 0.5}, {"eta": "1"}, {"more": "x"}, 1_700_000_060_000)
    mlflow.end(run, "FINISHED", 1_700_000_060_000)
    found = mlflow.find(experiment, TAG, "one")
    assert (found.id, found.status, found.deleted) == (run, "FINISHED", False)
    assert (found.metrics, found.params) == ({"auc"}, {"eta"})
    assert found.tags == {TAG: "one", "more": "x", "mlflow.runName": "a"}


def test_experiment_that_somebody_makes_at_the_same_time_is_used(served):
    server, mlflow = served
    server.answers.append((404, {}, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}'))
    server.mlflow.answer("POST", "experiments/create", {"name": "loans"})
    assert mlflow.experiment("loans") == "1"


def test_many_values_go_in_portions_that_mlflow_takes(served):
    server, mlflow = served
    run = mlflow.create(mlflow.experiment("loans"), "a", 1, {TAG: "one"})
    server.heard.clear()
    texts = {f"name{number}": "v" for number in range(250)}
    mlflow.log(run, {f"metric{number}": 1.0 for number in range(1700)}, texts, texts, 2)
    assert len(server.heard) == 3
    kept = server.mlflow.run("a")
    assert (len(kept["metrics"]), len(kept["params"]), len(kept["tags"])) == (1700, 250, 252)


def test_nothing_to_log_is_no_request(served):
    server, mlflow = served
    mlflow.log("run", {}, {}, {}, 1)
    assert not server.heard


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "a\\nb"}', "Refused",
         "MLflow, POST runs/update: 400 INVALID_PARAMETER_VALUE a b"),
        (403, b'{"Message": "not authorized"}', "Unreachable", "MLflow, POST runs/update: 403 not authorized"),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}', "Unreachable", "403 PERMISSION_DENIED no"),
        (404, b"<html>nobody here</html>", "Unreachable", "404"),
        (429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED"}', "Unreachable", "429 REQUEST_LIMIT_EXCEEDED"),
        (500, b'{"error_code": "INTERNAL_ERROR", "message": "x"}', "Unreachable", "500 INTERNAL_ERROR x"),
        (503, b"", "Unreachable", "503"),
        (200, b"<html>", "Unreachable", "the answer is no JSON"),
        (200, b"[1]", "Unreachable", "the answer is no JSON object"),
    ],
)  # fmt: skip
def test_answer_that_is_none_is_one_clear_line(client, served, status, body, kind, text):
    server, mlflow = served
    server.answers.append((status, {}, body))
    with pytest.raises(client.MlflowError) as caught:
        mlflow.end("run", "FINISHED", 1)
    assert type(caught.value).__name__ == kind
    assert text in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) <= 300


@pytest.mark.parametrize("body", [b"{}", b'{"experiment": null, "experiment_id": 1}', b'{"runs": [{}], "run": "x"}'])
def test_answer_of_another_shape_is_told_as_such(client, served, body):
    server, mlflow = served
    asks = [lambda: mlflow.experiment("loans"), lambda: mlflow.create("1", "a", 1, {})]
    if b"runs" in body:
        asks.append(lambda: mlflow.find("1", TAG, "x"))
    for ask in asks:
        server.answers.append((200, {}, body))
        with pytest.raises(client.Unreachable, match="the answer has another shape"):
            ask()


def test_signed_request_goes_nowhere_else(client, served):
    server, mlflow = served
    elsewhere = Server()
    with listening(elsewhere) as url:
        server.answers.append((302, {"Location": f"{url}/api/2.0/mlflow/experiments/get-by-name"}, b""))
        with pytest.raises(client.Unreachable, match="302"):
            mlflow.experiment("loans")
    assert not elsewhere.heard


def test_server_that_is_not_there_or_does_not_answer_is_given_up_on(client, monkeypatch):
    monkeypatch.setattr(client, "SECONDS", 0.2)
    nobody = client.Mlflow(client.Wire(TRACKING, lambda: CREDENTIALS, "http://127.0.0.1:9"))
    with pytest.raises(client.Unreachable, match=r"^MLflow, GET experiments/get-by-name: .*refused"):
        nobody.experiment("loans")
    server, slow = Server(), threading.Event()
    hear = server.hear
    server.hear = lambda request: (slow.wait(2), hear(request))[1]
    with listening(server) as url:
        with pytest.raises(client.Unreachable, match="timed out"):
            client.Mlflow(client.Wire(TRACKING, lambda: CREDENTIALS, url)).experiment("loans")
        slow.set()


def test_nothing_is_asked_when_the_time_is_over(client):
    spent = client.Mlflow(lambda *_: pytest.fail("it asked"), spent=lambda: True)
    with pytest.raises(client.Unreachable, match="no time is left"):
        spent.experiment("loans")


def test_no_variable_of_the_environment_sends_requests_elsewhere(client, record_keeper, monkeypatch):
    """AWS's plugin has one (SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT); a function's requests carry its signature."""
    monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", "http://127.0.0.1:9")
    wire = record_keeper.settings.sender(TRACKING)
    assert wire._url == "https://eu-west-1.experiments.sagemaker.aws"
