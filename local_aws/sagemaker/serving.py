"""A variant's instance: the model's containers as local processes, spoken to over HTTP as SageMaker does.

One process a container serves a variant, whatever its instance count: the count is reported as asked for and
used for shares and InvocationsPerInstance, but a laptop holds no fleet of processes. A process that dies is
started again once; after that the instance answers every request with a server error. Source: developer
guide, your-algorithms-inference-code (/ping, /invocations, 60 seconds to answer).
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import secrets
import sys
import tarfile
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.core import children
from local_aws.core.api import AwsError, Context
from local_aws.sagemaker import container, job_needs, staging
from local_aws.sagemaker.job_logs import JobLog

log = logging.getLogger(__name__)
TOOLKIT_SERVER = Path(__file__).with_name("toolkit_server.py")
PORT_FILE = f"{container.OPT_ML}/port"
CODE = f"{container.OPT_ML}/code"
# "If your container does not pass health checks … during the first 8 minutes after startup" it has failed.
START_SECONDS = 480.0
MODEL_SECONDS = 60.0
RESTARTS = 1
DRAIN_SECONDS = MODEL_SECONDS + 5
_LOOK_SECONDS = 0.01
"""Between two looks whether a process that starts listens by now, which takes it a few tenths of a second."""


class StartFailed(Exception):
    """A container did not come up; the message is the endpoint's FailureReason."""


class ModelTimeout(Exception):
    """The container did not answer within 60 seconds."""


class ServerDown(Exception):
    """There is no process to ask, or it ended while it was asked."""


@dataclass(frozen=True)
class Answer:
    """A container's response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def log_group(endpoint: str) -> str:
    """Where an endpoint's containers write; the stream is <variant>/<instance> (logging-cloudwatch)."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


@dataclass(frozen=True)
class Home:
    """Whose container it is, where it logs, and how many seconds it may take to answer (None: MODEL_SECONDS)."""

    ctx: Context
    variant: str
    log: JobLog
    timeout: float | None = None


class ModelServer:
    """One container of a variant's model: its files below a private /opt/ml, its process, and connections
    to it."""

    def __init__(self, home: Home, definition: dict[str, Any], name: str, start_seconds: float) -> None:
        self.name = name
        self._start_seconds = start_seconds
        self._home = home
        self._definition = definition
        self._role: str | None = definition.get("RoleArn")
        self._box = container.Container(Path(tempfile.mkdtemp(prefix="local-aws-endpoint-")))
        self._port_file = self._box.path(PORT_FILE)
        self._thread: threading.Thread | None = None
        self._port = 0
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._starts = 0
        self._ended = False
        self._state = threading.Lock()

    def start(self) -> None:
        """Download the model, start the server and wait for its /ping.

        Errors: StartFailed with SageMaker's wording."""
        try:
            job_needs.check(self._home.ctx, self._role, {"Image": self._definition.get("Image")})
        except AwsError as error:
            raise StartFailed(error.message) from error
        try:
            self._download()
        except (ClientError, BotoCoreError, tarfile.TarError, OSError) as error:
            self._home.log.line(f"model data: {error}")
            raise StartFailed(
                f'Failed to download model data for container "{self.name}" from URL: "{self._model_uri()}". '
                "Please ensure that there is an object located at the URL and that the role passed to "
                "CreateModel has permissions to download the model."
            ) from error
        self._launch()

    def request(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST /invocations.

        Errors: ModelTimeout, ServerDown."""
        port = self._port
        if not port:
            raise ServerDown(f"{self.name}: there is no serving process")
        seconds = self._home.timeout or MODEL_SECONDS
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("POST", "/invocations", body=body, headers=dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except TimeoutError as error:
            connection.close()
            raise ModelTimeout(f"{self.name}: no answer in {seconds:.0f} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ServerDown(f"{self.name}: {error}") from error
        with self._state:
            if port == self._port:
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    def healthy(self) -> bool:
        return self._port != 0

    def pid(self) -> int | None:
        """The process that serves; None while there is none."""
        return self._box.pid() if self._port else None

    def stop(self) -> None:
        with self._state:
            self._port = 0
            self._close_connections()
        self._box.stop(grace=2.0)
        if self._thread is not None:
            self._thread.join(timeout=5)
        container.remove(self._box.root)

    def _model_uri(self) -> str:
        source = self._definition.get("ModelDataSource", {}).get("S3DataSource", {})
        return str(self._definition.get("ModelDataUrl") or source.get("S3Uri", ""))

    def _download(self) -> None:
        model = self._box.path("/opt/ml/model")
        model.mkdir(parents=True)
        uri = self._model_uri()
        source = self._definition.get("ModelDataSource", {}).get("S3DataSource", {})
        if source.get("S3DataType") == "S3Prefix":
            self._download_prefix(uri, model)
        elif uri:
            self._extract(uri, model)
        submitted = self._definition["Environment"].get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            self._extract(submitted, self._box.path(CODE))
        elif submitted.startswith(container.OPT_ML):
            requirements = self._box.path(submitted) / "requirements.txt"
            if requirements.exists():
                # The image installs them when it starts.
                self._home.log.line("requirements.txt: not installed, the local image is the server's environment")

    def _extract(self, uri: str, folder: Path) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        data = self._s3().get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=BytesIO(data)) as archive:
            staging.extract(archive, folder)

    def _download_prefix(self, uri: str, folder: Path) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        s3 = self._s3()
        for listed in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in listed.get("Contents", []):
                target = folder / entry["Key"].removeprefix(prefix).lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, entry["Key"], str(target))

    def _s3(self) -> Any:
        return clients.client("s3", self._home.ctx, self._role)

    def _environment(self) -> dict[str, str]:
        ours = children.environment(self._home.ctx, self._role)
        del ours["PATH"]  # the container's own, with this interpreter's folder first
        given = dict(self._definition["Environment"])
        if given.get("SAGEMAKER_SUBMIT_DIRECTORY", "").startswith("s3://"):
            given["SAGEMAKER_SUBMIT_DIRECTORY"] = CODE
        return {**ours, "SAGEMAKER_BASE_DIR": container.OPT_ML, **given}

    def _launch(self) -> None:
        """Start the process and wait until it answers /ping, which it does when the model is loaded."""
        self._starts += 1
        self._ended = False
        deadline = time.monotonic() + self._start_seconds
        self._port_file.unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._run, name=f"serve {self._home.variant}", daemon=True)
        self._thread.start()
        while not self._port_file.exists():
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise self._unhealthy()
            time.sleep(_LOOK_SECONDS)
        port = int(self._port_file.read_text())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=deadline - time.monotonic())
        try:
            connection.request("GET", "/ping")
            with connection.getresponse() as response:
                response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unhealthy() from error
        finally:
            connection.close()
        with self._state:
            if self._ended or response.status != 200:
                raise self._unhealthy()
            self._port = port

    def _unhealthy(self) -> StartFailed:
        return StartFailed(
            f"The {self.name} container for production variant {self._home.variant} did not pass the ping "
            "health check. Please check CloudWatch logs for this endpoint."
        )

    def _run(self) -> None:
        """Follow the process to its end; when it dies in service, start it again once."""
        command = [sys.executable, "-P", str(TOOLKIT_SERVER), PORT_FILE]
        code = self._box.run(command, self._environment(), self._home.log.line)
        with self._state:
            self._ended = True
            served, self._port = self._port, 0
            self._close_connections()
        if self._box.stopped:
            return
        self._home.log.line(f"the serving process ended with exit code {code}")
        if served and self._starts <= RESTARTS:
            threading.Thread(target=self._restart, daemon=True).start()

    def _restart(self) -> None:
        try:
            self._launch()
        except StartFailed as failure:
            self._home.log.line(str(failure))

    def _close_connections(self) -> None:
        while self._idle:
            self._idle.pop().close()


class Instance:
    """What serves one variant: its model's containers one after the other, the answer of one the request
    of the next."""

    def __init__(self, home: Home, definitions: list[dict[str, Any]], start_seconds: float | None = None) -> None:
        self.variant = home.variant
        seconds = START_SECONDS if start_seconds is None else start_seconds
        self.containers = [
            ModelServer(home, definition, _container_name(definition, index, len(definitions)), seconds)
            for index, definition in enumerate(definitions)
        ]
        self._requests = 0
        self._closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        for part in self.containers:
            part.start()

    @contextlib.contextmanager
    def lease(self) -> Iterator[bool]:
        """Hold the instance for one request; False when it is being stopped and another must be asked."""
        with self._changed:
            held = not self._closed
            self._requests += held
        try:
            yield held
        finally:
            if held:
                with self._changed:
                    self._requests -= 1
                    self._changed.notify_all()

    def invoke(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Answer]:
        """The answer, with the name of the container that gave it: the last, or the first that failed.

        Errors: ModelTimeout, ServerDown."""
        answer = Answer(200, {}, body)
        for part in self.containers:
            answer = part.request(headers, answer.body)
            if not 200 <= answer.status < 300:
                break
            headers = {**headers, "Content-Type": answer.headers.get("content-type", "")}
        return part.name, answer

    def stop(self, drain: bool = True) -> None:
        """Take no more requests, let those under way finish, end the processes."""
        with self._changed:
            self._closed = True
            if drain:
                self._changed.wait_for(lambda: not self._requests, timeout=DRAIN_SECONDS)
        for part in self.containers:
            part.stop()


def role_of(variant: Mapping[str, Any]) -> str | None:
    """The role that a variant's containers run as; None where its model has none."""
    role: str | None = next((each.get("RoleArn") for each in variant["Containers"]), None)
    return role


def _container_name(definition: dict[str, Any], index: int, count: int) -> str:
    """`primary` for a model of one container, else its host name."""
    return "primary" if count == 1 else definition.get("ContainerHostname", f"container-{index + 1}")


class Fleet:
    """The instances of one endpoint configuration, by variant."""

    def __init__(self, ctx: Context, endpoint: str, variants: list[dict[str, Any]]) -> None:
        self._logs: list[JobLog] = []
        self.instances = {v["VariantName"]: self._instance(ctx, endpoint, v) for v in variants}

    def _instance(self, ctx: Context, endpoint: str, variant: dict[str, Any]) -> Instance:
        name = variant["VariantName"]
        log = JobLog(ctx, log_group(endpoint), f"{name}/i-{secrets.token_hex(9)[:17]}", role_of(variant))
        self._logs.append(log)
        return Instance(Home(ctx, name, log), variant["Containers"], variant.get("StartSeconds"))

    def start(self) -> None:
        """Start every instance at the same time.

        Errors: the first instance's StartFailed, after all of them were stopped."""
        failures: list[StartFailed] = []

        def run(instance: Instance) -> None:
            try:
                instance.start()
            except StartFailed as failure:
                failures.append(failure)
            except Exception as error:
                log.exception("variant %s could not be started", instance.variant)
                failures.append(StartFailed(f"Variant {instance.variant} could not be started: {error}"))

        threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in self.instances.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            self.stop(drain=False)
            raise failures[0]

    def stop(self, drain: bool = True) -> None:
        for instance in self.instances.values():
            instance.stop(drain)
        for log in self._logs:
            log.close()

    def healthy(self) -> bool:
        """Whether every container of every variant has a serving process."""
        return all(part.healthy() for instance in self.instances.values() for part in instance.containers)
