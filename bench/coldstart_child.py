"""One cold start in a process of its own: `python coldstart_child.py FOLDER FILE`, FOLDER "" for the bare clients.

FILE is a pickle with `answers`, what AWS says by service and operation (or by these and the last part of the path,
"s3.GetObject name.txt"), `calls`, what the bare clients are to ask, and `event`, what the handler gets. Prints one line
of JSON: milliseconds of CPU and of wall-clock time from the first import on. Where `calls` is None, the calls of the
handler are written back into the file.

What an import of botocore's own package costs, and of what this file needs, is before the clock on both sides:
Lambda's runtime has logging and json loaded before it imports a handler.
"""

import io
import json
import logging  # noqa: F401 - see above
import pickle
import sys
import time
from datetime import datetime  # noqa: F401 - see above
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore

CONTEXT = SimpleNamespace(
    aws_request_id="0f8fad5b-d9cb-469f-a165-70867728950e", get_remaining_time_in_millis=lambda: 900_000
)


def answered_by(answers: dict[str, Any], asked: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Every client of every session answers from `answers`, after botocore has checked and serialized a request.

    So signing, TLS, the network and parsing are left out, on both sides alike: the handler's own share is larger
    here than it is on AWS.
    """

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        asked.append((model.service_model.service_name, model.name, dict(params)))

    def answer(model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        operation = f"{model.service_model.service_name}.{model.name}"
        found = dict(answers.get(f"{operation} {params['url_path'].rpartition('/')[2]}") or answers[operation])
        if isinstance(found.get("Body"), bytes):
            found["Body"] = io.BytesIO(found["Body"])
        status = 400 if "Error" in found else 200
        found["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": {}}
        return SimpleNamespace(status_code=status, headers={}, content=b""), found

    def begin(session: Any) -> None:
        session.register("provide-client-params.*.*", note)
        session.register("before-call.*.*", answer)

    botocore.register_initializer(begin)


def bare(calls: list[tuple[str, str, dict[str, Any]]]) -> Any:
    """The same calls by boto3 alone: one client for each service, made when it is first asked."""
    import boto3
    from botocore import xform_name

    session = boto3.session.Session()
    clients: dict[str, Any] = {}
    for service, operation, parameters in calls:
        if service not in clients:
            clients[service] = session.client(service)
        answer = getattr(clients[service], xform_name(operation))(**parameters)
    return str(answer["ResponseMetadata"]["HTTPStatusCode"])


def handled(folder: str, event: Any) -> Any:
    """What the handler answers; its folder is first on the path, as in Lambda's."""
    sys.path.insert(0, folder)
    import handler  # type: ignore[import-not-found]

    return handler.handler(event, CONTEXT)


def main(folder: str, file: str) -> None:
    given = pickle.loads(Path(file).read_bytes())
    asked: list[tuple[str, str, dict[str, Any]]] = []
    answered_by(given["answers"], asked)
    said, sys.stdout = sys.stdout, io.StringIO()
    wall, cpu = time.perf_counter(), time.process_time()
    answer = handled(folder, given["event"]) if folder else bare(given["calls"])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    sys.stdout = said
    if given["calls"] is None:
        Path(file).write_bytes(pickle.dumps({**given, "calls": asked}))
    elif len(asked) != len(given["calls"]):
        raise SystemExit(f"{folder}: {len(asked)} calls instead of {len(given['calls'])}")
    print(json.dumps({"cpu_ms": 1000 * cpu, "wall_ms": 1000 * wall, "answer": answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
