"""The model server: a user's module answers as it does in the prebuilt image."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.sagemaker import toolkit_server
from local_aws.sagemaker.toolkit_server import Service


def service(**functions: Any) -> Service:
    module = SimpleNamespace(__name__="inference", **{"model_fn": lambda _: "model", **functions})
    return Service(module, "/opt/ml/model", "application/json")


def answer(served: Service, body: str = "1", **headers: str) -> tuple[int, str, str]:
    given = {"content-type": "application/json", **headers}
    status, answered, payload = served.transform(body.encode(), given)
    return status, answered["Content-Type"], payload.decode()


def test_a_request_passes_input_predict_and_output() -> None:
    served = service(
        input_fn=lambda data, content_type: [data, content_type],
        predict_fn=lambda data, model: [*data, model],
        output_fn=lambda prediction, accept: json.dumps([*prediction, accept]),
    )
    assert answer(served, accept="text/csv") == (
        200,
        "text/csv",
        '["1", "application/json", "model", "text/csv"]',
    )


def test_transform_fn_replaces_the_three() -> None:
    served = service(transform_fn=lambda model, data, content_type, accept: f"{model} {data} {accept}")
    assert answer(served) == (200, "application/json", "model 1 application/json")


def test_a_handler_with_one_more_argument_gets_the_context() -> None:
    def model_fn(model_dir: str, context: Any) -> str:
        return f"{model_dir}={context.system_properties['model_dir']}"

    def output_fn(prediction: Any, accept: str, context: Any) -> str:
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "trace-1")
        return f"{prediction} {context.get_request_header(0, 'X-Kind')}"

    served = service(
        model_fn=model_fn,
        input_fn=lambda data, content_type: data,
        predict_fn=lambda data, model, context: model,
        output_fn=output_fn,
    )
    status, headers, payload = served.transform(b"", {"x-kind": "seen"})
    assert (status, payload) == (200, b"/opt/ml/model=/opt/ml/model seen")
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace-1"


def test_the_output_may_name_its_content_type() -> None:
    served = service(transform_fn=lambda *_: ("a,b", "text/csv"))
    # *args counts as one parameter, which the toolkit refuses as too few
    assert answer(served)[0] == 500
    served = service(transform_fn=lambda model, data, content_type, accept: (b"a,b", "text/csv"))
    assert answer(served) == (200, "text/csv", "a,b")


@pytest.mark.parametrize("accept", ["", "*/*"])
def test_any_accept_means_the_default(accept: str) -> None:
    served = service(transform_fn=lambda model, data, content_type, accept: accept)
    assert answer(served, accept=accept)[2] == "application/json"


def test_text_is_decoded_for_json_and_csv_only() -> None:
    served = service(transform_fn=lambda model, data, content_type, accept: type(data).__name__)
    assert answer(served)[2] == "str"
    assert answer(served, **{"content-type": "application/x-npy"})[2] == "bytes"


def test_an_error_with_a_status_gives_that_status_and_its_message() -> None:
    class BadRequestError(Exception):
        status_code, message = 400, "instances[0].GrAppv: 'abc' is not a number"

    def input_fn(data: str, content_type: str) -> None:
        raise BadRequestError

    status, _, body = answer(service(input_fn=input_fn))
    assert status == 400
    message, _, trace = body.partition("\n")
    assert message == "instances[0].GrAppv: 'abc' is not a number"
    assert trace.startswith("Traceback")


def test_any_other_error_gives_500(capfd: pytest.CaptureFixture[str]) -> None:
    def predict_fn(data: str, model: str) -> None:
        raise KeyError("income")

    status, _, body = answer(service(input_fn=lambda d, c: d, predict_fn=predict_fn))
    assert (status, body.partition("\n")[0]) == (500, "'income'")
    assert "KeyError: 'income'" in capfd.readouterr().err


def test_a_content_type_that_the_default_handlers_do_not_know_gives_415() -> None:
    assert answer(service())[0] == 415
    served = service(input_fn=lambda data, content_type: data, predict_fn=lambda data, model: [1.0, 2.0])
    assert answer(served, accept="application/x-recordio-protobuf")[0] == 415
    assert answer(served, accept="text/csv") == (200, "text/csv", "1.0\n2.0\n")


def test_transform_fn_beside_input_fn_is_refused() -> None:
    with pytest.raises(ValueError, match="transform_fn"):
        service(transform_fn=lambda m, d, c, a: d, input_fn=lambda d, c: d)


def test_a_model_fn_is_needed() -> None:
    with pytest.raises(NotImplementedError, match="model_fn"):
        Service(SimpleNamespace(__name__="inference"), "/opt/ml/model", "application/json")


def test_the_server_imports_nothing_of_this_project() -> None:
    program = f"import sys; sys.argv = ['x']; exec(open({str(toolkit_server.__file__)!r}).read(), {{'__name__': 'm'}})"
    check = "; print([m for m in sys.modules if m.startswith(('local_aws', 'boto', 'http'))])"
    done = subprocess.run([sys.executable, "-P", "-c", program + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    code = tmp_path / "model" / "code" / "deep"
    code.mkdir(parents=True)
    # `metrics` is also a module beside the server's own file: the user's must win
    (code / "metrics.py").write_text("NAME = 'mine'")
    (code / "serve.py").write_text(
        "import metrics\ndef model_fn(d): return metrics.NAME\n"
        "def transform_fn(model, data, content_type, accept): return model + data.decode()\n"
    )
    environment = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "SAGEMAKER_PROGRAM": "deep/serve.py",
    }
    file = tmp_path / "port"
    arguments = [sys.executable, "-P", str(toolkit_server.__file__), str(file)]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.005)
    yield int(file.read_text())
    process.kill()
    process.wait()


def test_ping_and_invocations_on_one_kept_connection(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for method, path, body, expected in [
        ("GET", "/ping", None, (200, b"\n")),
        ("POST", "/invocations", b"!", (200, b"mine!")),
        ("POST", "/invocations", b"x" * 300_000, (200, b"mine" + b"x" * 300_000)),
        ("GET", "/else", None, (404, b"")),
    ]:
        connection.request(method, path, body, {"Content-Type": "application/octet-stream"})
        socket = connection.sock
        response = connection.getresponse()
        assert (response.status, response.read()) == expected
        assert connection.sock is socket
    connection.close()
