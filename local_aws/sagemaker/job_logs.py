"""A job's log lines in CloudWatch Logs, while it runs."""

import contextlib
import logging
import threading
import time
from collections import deque
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.core.api import Context

_log = logging.getLogger(__name__)

_INTERVAL = 0.1  # seconds: what a follower waits at most for a line, and what keeps the number of requests low
_LONGEST = 256 * 1024 - 26  # bytes of one event: a limit of CloudWatch Logs
_MOST = 1000  # events of one request


class JobLog:
    """One log stream. Lines may come from any thread; `close` returns when all are written.

    The stream is made with the first line, as on AWS. `tail` keeps the last lines, for a failure's reason.
    """

    def __init__(self, ctx: Context, group: str, stream: str, role: str | None = None) -> None:
        self._client = clients.client("logs", ctx, role)
        self._group, self._stream = group, stream
        self.tail: deque[str] = deque(maxlen=50)
        self._waiting: list[dict[str, Any]] = []
        self._wake = threading.Condition()
        self._closed = self._made = False
        self._thread = threading.Thread(target=self._write, name=f"log {stream}", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        self.tail.append(text)
        if not text:
            return  # CloudWatch Logs refuses an empty message
        message = text.encode()[:_LONGEST].decode(errors="ignore")
        with self._wake:
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": message})
            self._wake.notify()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._closed)
                if not self._closed:
                    self._wake.wait_for(lambda: self._closed, _INTERVAL)
                lines, self._waiting = self._waiting, []
                last = self._closed
            try:
                self._put(lines)
            except (BotoCoreError, ClientError) as error:
                # A job's result does not depend on its log; the server may be ending, too.
                _log.warning("%s %s: %d lines lost: %s", self._group, self._stream, len(lines), error)
            if last:
                return

    def _put(self, lines: list[dict[str, Any]]) -> None:
        if lines and not self._made:
            self._make()
            self._made = True
        for first in range(0, len(lines), _MOST):
            self._client.put_log_events(
                logGroupName=self._group, logStreamName=self._stream, logEvents=lines[first : first + _MOST]
            )

    def _make(self) -> None:
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self._group)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
