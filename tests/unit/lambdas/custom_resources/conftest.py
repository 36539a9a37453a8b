"""The handler as CloudFormation calls it, answering to a server of these tests."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

PLENTY = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


class Answers(BaseHTTPRequestHandler):
    """Takes the PUTs that CloudFormation would get; the first `refusals` of them get a 503."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(503 if len(self.server.requests) <= self.server.refusals else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def cloudformation():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.requests, server.refusals = [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/answer?Signature=s%2Fx"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask(custom_resources, cloudformation):
    """Send a request with these properties to the handler; returns the one answer to it."""

    def send(properties, request_type="Delete", context=PLENTY, **extra):
        event = {
            "RequestType": request_type,
            "ResponseURL": cloudformation.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/foundation/1",
            "RequestId": "r-1",
            "LogicalResourceId": "EmptyData",
            "ResourceType": "Custom::EmptyOnDelete",
            "ResourceProperties": {"ServiceToken": "arn", **properties},
            **extra,
        }
        custom_resources.handler.handler(event, context)
        return cloudformation.requests[-1][2]

    return send
