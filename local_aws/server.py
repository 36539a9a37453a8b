"""The server process: ministack with our services in it, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import logging
import os
import pkgutil
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from local_aws import checkpoints, clients, permissions, seam
from local_aws.cloudformation import types as resource_types
from local_aws.core import api, events, metrics, protocol
from local_aws.errors import LocalAwsError
from local_aws.state import ACCOUNT, REGION, Home, Server, code_digest
from local_aws.warm import starter

log = logging.getLogger("local_aws")

# What a Lambda handler or a job may see of the shell that started the server: no credentials, no
# tokens, nothing that would make a run on this machine differ from one elsewhere.
_KEPT_VARIABLES = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SSL_CERT_FILE", "LD_LIBRARY_PATH", "SYSTEMROOT"}
    | {starter.VARIABLE}
)
# Modules of local_aws.sagemaker that are run by their path in child processes.
_SCRIPTS = frozenset({"launcher", "toolkit_server"})
_STOP_SECONDS = 20.0
_RUN_SECONDS = 10.0
_SAVE_SECONDS = 5.0
_EXIT_SECONDS = 3.0
_CONTROL = "/_local_aws/"
_MODE = "LOCAL_AWS_PERMISSIONS"


def serve(home: Home, ready: Callable[[Server], None]) -> None:
    """Run a server on `home` until SIGTERM, SIGINT or `stop`; `ready` is called once it answers.

    Raises LocalAwsError if the state directory or the port is taken, or a checkpoint cannot be read.
    """
    with home.lock():
        home.forget()  # of a server that was killed
        listener = home.listen()
        port = int(listener.getsockname()[1])
        server = Server(
            pid=os.getpid(),
            port=port,
            url=f"http://127.0.0.1:{port}",
            account=ACCOUNT,
            region=REGION,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            token=secrets.token_hex(16),
            code=code_digest(),
        )
        mode = _mode()
        _isolate(server, home)
        seam.defer_seldom_used()
        _extend()
        permissions.install(mode, home.path)
        saver = checkpoints.Saver(home.path)
        saver.restore()
        try:
            asyncio.run(_Process(server, home, listener, saver, ready).run())
        finally:
            home.forget()


def _mode() -> permissions.Mode:
    """What becomes of requests that no policy allows; LocalAwsError for a mode that there is not."""
    given = os.environ.get(_MODE) or permissions.DEFAULT.value
    try:
        return permissions.Mode(given)
    except ValueError as error:
        known = ", ".join(each.value for each in permissions.Mode)
        raise LocalAwsError(f"{_MODE}={given}: unknown mode; one of {known}") from error


def _isolate(server: Server, home: Home) -> None:
    """Leave in this process' environment what handlers and jobs are to inherit, and ministack's settings."""
    for name in set(os.environ) - _KEPT_VARIABLES:
        del os.environ[name]
    # What jobs and handlers unpack is gone with the server, even if it is killed: the next start removes it.
    scratch = home.path / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    seam.configure(account=server.account, region=server.region, port=server.port, home=home.path)
    os.environ.update(
        AWS_ENDPOINT_URL=server.url,
        AWS_REGION=server.region,
        AWS_DEFAULT_REGION=server.region,
        AWS_ACCESS_KEY_ID=server.account,
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - nothing checks it
        AWS_SESSION_TOKEN="local",  # noqa: S106
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        PYTHONDONTWRITEBYTECODE="1",
        NO_PROXY="127.0.0.1,localhost",
    )


def _extend() -> None:
    """Put our services into ministack; their modules declare operations and hooks when imported."""
    from local_aws import (
        accounts,
        athena,
        autoscaling,
        cloudformation,
        cloudwatch,
        featurestore,
        lambda_events,
        lineage,
        parameter_events,
        sagemaker,
        scheduler,
    )
    from local_aws.core import tags  # noqa: F401

    for module in pkgutil.iter_modules(sagemaker.__path__):
        if module.name not in _SCRIPTS:
            importlib.import_module(f"{sagemaker.__name__}.{module.name}")

    async def answer(
        method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
    ) -> seam.Response:
        return await protocol.answer(seam.current(), method, path, headers, body)

    async def scale(
        _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
    ) -> seam.Response:
        return await protocol.answer_json(seam.current(), api.APPLICATION_AUTOSCALING, headers, body)

    seam.add_service("sagemaker", answer, target_prefix="SageMaker.", credential_scope="sagemaker")
    seam.add_service(
        api.APPLICATION_AUTOSCALING,
        scale,
        target_prefix="AnyScaleFrontendService.",
        credential_scope=api.APPLICATION_AUTOSCALING,
    )
    seam.read_model_heads()
    cloudformation.install()
    cloudwatch.install()
    autoscaling.install()
    scheduler.install()
    lambda_events.install()
    athena.install()
    featurestore.install()
    lineage.install()
    parameter_events.install()
    accounts.install()


def _web_server(application: Any) -> Any:
    """uvicorn on httptools: what hypercorn, which ministack brings, does in Python for each request, it does in C."""
    import uvicorn

    class OnItsOwnSignals(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # a signal ends what runs and saves first, and the server still answers meanwhile

    return OnItsOwnSignals(
        uvicorn.Config(
            application,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,  # ministack's application sends one
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
    )


class _Process:
    """One run of the server."""

    def __init__(
        self,
        server: Server,
        home: Home,
        listener: socket.socket,
        saver: checkpoints.Saver,
        ready: Callable[[Server], None],
    ) -> None:
        self._server = server
        self._home = home
        self._listener = listener
        self._saver = saver
        self._ready = ready
        self._stop = asyncio.Event()
        self._stopping = threading.Event()
        self._app = seam.application()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._connect(loop)
        web = _web_server(self._application)
        served = asyncio.create_task(web.serve([self._listener]))
        try:
            await self._begin()
            await self._stop.wait()
            await self._end()
        finally:
            web.should_exit = True
            await served

    def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        clients.connect(self._server.url)
        events.connect(
            lambda ctx, source, detail_type, detail, resources: seam.put_event(
                loop, ctx, source, detail_type, detail, resources
            )
        )
        metrics.connect(seam.write_measures)
        self._saver.connect(loop)

    async def _begin(self) -> None:
        for hook in api.start_hooks:
            await asyncio.to_thread(_guarded, hook)
        for tick in [*api.ticks, api.Tick(0.5, self._saver.tick)]:
            threading.Thread(target=self._repeat, args=(tick,), name="tick", daemon=True).start()
        # Modules and the restored state stay: no collection is to look at them again.
        gc.freeze()
        gc.enable()
        self._home.write(self._server)
        self._ready(self._server)

    async def _end(self) -> None:
        """Flush and end what runs, then save; the server still answers meanwhile.

        Stack operations end first, since half an operation cannot be saved, and one that waits for an
        endpoint would wait for ever after the hooks. Then the functions, whose locks would be saved with the rest.
        """
        self._home.forget()
        await asyncio.to_thread(_wait_while, seam.operation_in_progress, _STOP_SECONDS)
        self._stopping.set()
        await asyncio.to_thread(_wait_while, seam.functions_run, _RUN_SECONDS)
        for hook in api.stop_hooks:
            await asyncio.to_thread(_guarded, hook)
        await asyncio.to_thread(self._saver.save_at_end, _SAVE_SECONDS)
        await asyncio.to_thread(seam.end_function_processes)
        _exit_within(_EXIT_SECONDS)

    def _repeat(self, tick: api.Tick) -> None:
        while not self._stopping.wait(tick.seconds):
            _guarded(tick.run)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_CONTROL):
            await self._control(scope, send)
        else:
            await self._app(scope, receive, send)

    async def _control(self, scope: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        action = (scope["method"], scope["path"].removeprefix(_CONTROL))
        status, answer = 200, {}  # type: tuple[int, dict[str, object]]
        if not secrets.compare_digest(headers.get(b"x-local-aws-token", b""), self._server.token.encode()):
            status, answer = 403, {"message": "the token of server.json is needed"}
        elif action == ("GET", "status"):
            answer = {"pid": os.getpid(), "started": self._server.started, **self._saver.status()}
        elif action == ("GET", "resources"):
            answer = {**resource_types.used()}
        elif action == ("POST", "checkpoint"):
            answer = await asyncio.to_thread(self._saver.save_now, 60.0)
        elif action == ("POST", "stop"):
            self._stop.set()
        else:
            status, answer = 404, {"message": f"unknown control action: {action[0]} {action[1]}"}
        body = json.dumps(answer).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _wait_while(goes_on: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while goes_on() and time.monotonic() < deadline:
        time.sleep(0.05)


def _exit_within(seconds: float) -> None:
    """End the process even if a thread waits for something that has ended: everything is saved."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()


def _guarded(hook: api.Hook) -> None:
    started = time.monotonic()
    try:
        hook()
    except Exception:
        log.exception("%s.%s failed", hook.__module__, getattr(hook, "__qualname__", hook))
    if (seconds := time.monotonic() - started) > 5:
        log.warning("%s.%s took %.1f s", hook.__module__, getattr(hook, "__qualname__", hook), seconds)


def configure_logging() -> None:
    """Warnings of everything and progress of our own, to stderr, a line each."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("local_aws").setLevel(logging.INFO)
