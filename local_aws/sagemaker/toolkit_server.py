"""The model server inside the local serving "image": /ping and /invocations over a user's inference module.

It answers as the SageMaker inference toolkit in the prebuilt XGBoost image does: the module named by
SAGEMAKER_PROGRAM is imported from SAGEMAKER_SUBMIT_DIRECTORY, `model_fn` loads the model, and each request
goes through `transform_fn`, or `input_fn`, `predict_fn` and `output_fn`. A handler may take the request
context as one more argument. An exception that carries `status_code` and `message` (the toolkit's error base
class) gives that status; any other gives 500; the body is the message, a newline and the traceback. Source:
github.com/aws/sagemaker-inference-toolkit (transformer), github.com/aws/sagemaker-xgboost-container
(handler_service), and the developer guide's page "your-algorithms-inference-code" for the HTTP contract.

The file is run by its path in a process of its own and imports nothing of this project: it stands for the
image. Only the standard library's light modules are imported, because the start of this process is part of
every release. Run: python -P toolkit_server.py <file to write the port to>; the listener binds a free port of
127.0.0.1.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

JSON = "application/json"
CSV = "text/csv"
LIBSVM = ("text/libsvm", "text/x-libsvm")
MAX_HEADER_BYTES = 65536

Handler = Callable[..., Any]


class ServingError(Exception):
    """An error with an HTTP status of its own, in the shape of the toolkit's BaseInferenceToolkitError."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


class UnsupportedContentType(ServingError):
    """Raised by the default handlers for a content type they cannot read or write: HTTP 415."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            415,
            f"Content type {content_type} is not supported by this framework; implement input_fn or output_fn.",
        )


class RequestContext:
    """What a handler with a context argument may ask of the request and set on the answer (index = batch
    item)."""

    def __init__(self, model_dir: str, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir}
        self.response_headers: dict[str, str] = {}
        self._headers = headers

    def get_request_header(self, _idx: int, key: str) -> str | None:
        return self._headers.get(key.lower())

    def get_all_request_header(self, _idx: int = 0) -> dict[str, str]:
        return dict(self._headers)

    def set_response_header(self, _idx: int, key: str, value: str) -> None:
        self.response_headers[key] = value

    def set_response_content_type(self, _idx: int, value: str) -> None:
        self.response_headers["Content-Type"] = value


class Service:
    """The loaded model with its handlers; `transform` is called by one thread at a time, as a worker of the
    image's model server would, so that user code needs no locks of its own."""

    def __init__(self, module: Any, model_dir: str, default_accept: str) -> None:
        self._transform_fn: Handler | None = getattr(module, "transform_fn", None)
        own = {name: getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
        if self._transform_fn and any(own.values()):
            raise ValueError("transform_fn cannot be used together with input_fn, predict_fn or output_fn")
        self._input_fn: Handler = own["input_fn"] or default_input_fn
        self._predict_fn: Handler = own["predict_fn"] or default_predict_fn
        self._output_fn: Handler = own["output_fn"] or default_output_fn
        self._model_dir = model_dir
        self._default_accept = default_accept
        self._lock = threading.Lock()
        model_fn: Handler | None = getattr(module, "model_fn", None)
        if model_fn is None:
            raise NotImplementedError(f"{module.__name__}: a model_fn(model_dir) is needed; the XGBoost image has none")
        self._model = _call(model_fn, RequestContext(model_dir, {}), model_dir)

    def transform(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """One request to one answer: status, headers, body. Never raises."""
        context = RequestContext(self._model_dir, headers)
        content_type = headers.get("content-type", JSON)
        accept = headers.get("accept", "")
        if accept in ("", "*/*"):
            accept = self._default_accept
        try:
            with self._lock:
                result = self._run(body, content_type, accept, context)
            response, response_type = result if isinstance(result, tuple) else (result, accept)
            answer = {"Content-Type": str(response_type), **context.response_headers}
            return 200, answer, _encode(response)
        except Exception as error:
            trace = traceback.format_exc()
            print(trace, end="", file=sys.stderr, flush=True)
            status = getattr(error, "status_code", None)
            message = getattr(error, "message", None)
            if not (isinstance(status, int) and message is not None):
                status, message = 500, str(error)
            return status, {"Content-Type": "text/plain"}, f"{message}\n{trace}".encode()

    def _run(self, body: bytes, content_type: str, accept: str, context: RequestContext) -> Any:
        data: str | bytes = body.decode() if content_type in (JSON, CSV) else body
        if self._transform_fn is not None:
            return _call(self._transform_fn, context, self._model, data, content_type, accept)
        decoded = _call(self._input_fn, context, data, content_type)
        prediction = _call(self._predict_fn, context, decoded, self._model)
        return _call(self._output_fn, context, prediction, accept)


def _call(handler: Handler, context: RequestContext, *arguments: Any) -> Any:
    """Call with the context as last argument where the handler takes one more than the others."""
    count = len(inspect.signature(handler).parameters)
    if count == len(arguments):
        return handler(*arguments)
    if count == len(arguments) + 1:
        return handler(*arguments, context)
    name = getattr(handler, "__name__", repr(handler))
    raise TypeError(f"{name} takes {count} arguments but {len(arguments)} were given")


def default_input_fn(data: str | bytes, content_type: str) -> Any:
    """CSV or libsvm rows to an xgboost DMatrix."""
    import xgboost

    text = data.decode() if isinstance(data, bytes) else data
    if content_type == CSV:
        rows = [[float(cell) if cell.strip() else float("nan") for cell in row.split(",")] for row in text.splitlines()]
        return xgboost.DMatrix(_array(rows))
    if content_type in LIBSVM:
        sparse = [dict(pair.split(":") for pair in row.split()[1:]) for row in text.strip().splitlines()]
        width = 1 + max((int(index) for row in sparse for index in row), default=-1)
        cells = [[float(row.get(str(index), "nan")) for index in range(width)] for row in sparse]
        return xgboost.DMatrix(_array(cells))
    raise UnsupportedContentType(content_type)


def _array(rows: list[list[float]]) -> Any:
    import numpy

    return numpy.array(rows, dtype=float)


def default_predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def default_output_fn(prediction: Any, accept: str) -> str:
    values = prediction.tolist() if hasattr(prediction, "tolist") else prediction
    if accept == JSON:
        return json.dumps(values)
    if accept == CSV:
        rows = [row if isinstance(row, list) else [row] for row in values]
        return "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    raise UnsupportedContentType(accept)


def _encode(response: Any) -> bytes:
    if isinstance(response, (bytes, bytearray)):
        return bytes(response)
    return response.encode() if isinstance(response, str) else json.dumps(response).encode()


def load_service() -> Service:
    """Import the user module as the image does and load its model.

    Errors: whatever the module or its model_fn raises; the process then ends and /ping is never answered."""
    model_dir = os.path.join(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "model")  # noqa: PTH118
    code_dir = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or os.path.join(model_dir, "code")  # noqa: PTH118
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    folder, file_name = os.path.split(program)
    sys.path.insert(0, os.path.join(code_dir, folder))  # noqa: PTH118
    module = importlib.import_module(file_name.removesuffix(".py"))
    return Service(module, model_dir, os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON))


def serve_connection(connection: socket.socket, service: Service) -> None:
    """Answer one keep-alive HTTP/1.1 connection until the client closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as stream:
        while (line := stream.readline(MAX_HEADER_BYTES)).strip():
            method, path, _version = line.decode("latin-1").split(maxsplit=2)
            headers: dict[str, str] = {}
            while (header := stream.readline(MAX_HEADER_BYTES)).strip():
                name, _, value = header.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            answer: dict[str, str] = {}
            body = stream.read(int(headers.get("content-length", 0)))
            if (method, path) == ("GET", "/ping"):
                status, payload = 200, b"\n"
            elif (method, path) == ("POST", "/invocations"):
                status, answer, payload = service.transform(body, headers)
            else:
                status, payload = 404, b""
            head = [f"HTTP/1.1 {status} -", *(f"{k}: {v}" for k, v in answer.items())]
            head.append(f"Content-Length: {len(payload)}\r\n\r\n")
            connection.sendall("\r\n".join(head).encode("latin-1", "replace") + payload)


def main(port_file: str) -> None:
    """Listen first, so that the platform can connect at once, and answer when the model is loaded."""
    started = time.monotonic()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    with open(f"{port_file}.new", "w") as stream:  # noqa: PTH123
        stream.write(str(listener.getsockname()[1]))
    os.replace(f"{port_file}.new", port_file)  # noqa: PTH105
    service = load_service()
    print(f"model loaded in {time.monotonic() - started:.2f} s, serving /ping and /invocations", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(connection, service), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
