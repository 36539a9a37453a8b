"""Customers who apply without a pause, and the bank that hears what became of their loans."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops import traffic
from mlops.demo.loans import Loan

THREADS = 3
BATCH = 60
BATCH_SECONDS = 0.5
"""A batch takes at least so long: about 120 applications a second, if it has BATCH."""
PATIENCE_SECONDS = 1.5
"""How long after its answer an outcome is told: data capture has delivered the prediction by then."""

Outcomes = Sequence[tuple[str, str]]


class Customers:
    """A context in which applications are sent, each once, under an inference id of its own; `loans` never ends.

    `runtime` must not retry: a request that failed is to be counted. failures (by what was answered), versions (that
    answered) and answers (by the loan's name: whether it was approved, by which version) grow while it runs. `tell`
    gets (inference id, outcome) of what was answered, a little later. batch: how many apply within BATCH_SECONDS.
    """

    def __init__(
        self,
        runtime: Any,
        endpoint: str,
        loans: Iterable[Loan],
        prefix: str,
        tell: Callable[[Outcomes], object],
        batch: int = BATCH,
    ) -> None:
        self._runtime, self._endpoint, self._prefix, self._tell = runtime, endpoint, prefix, tell
        self._loans, self._batch = iter(loans), batch
        self._late: deque[tuple[float, Outcomes]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="customers", daemon=True)
        self._counting = threading.Lock()
        self.failures: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.answers: dict[str, tuple[bool, str]] = {}
        self.error: Exception | None = None

    def __enter__(self) -> "Customers":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self.error and error is None:
            raise self.error

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                while not self._stop.is_set():
                    due = time.monotonic() + BATCH_SECONDS
                    batch = list(islice(self._loans, self._batch))
                    names = list(pool.map(self._apply, batch))
                    answered = [(name, loan.outcome) for name, loan in zip(names, batch, strict=True) if name]
                    self._late.append((time.monotonic(), answered))
                    self._tell_due()
                    self._stop.wait(max(0.0, due - time.monotonic()))
        except Exception as error:
            self.error = error

    def _apply(self, loan: Loan) -> str:
        """The inference id of an answered application, or ""."""
        name = f"{self._prefix}{loan.name}"
        try:
            prediction = traffic.ask(self._runtime, self._endpoint, name, loan.application)
        except (ClientError, BotoCoreError) as error:
            self._count(self.failures, _words(error))
            return ""
        version = str(prediction["model_version"])
        self.answers[loan.name] = (prediction["decision"] == "approve", version)
        self._count(self.versions, version)
        return name

    def _count(self, counter: Counter[str], what: str) -> None:
        with self._counting:
            counter[what] += 1

    @property
    def requests(self) -> int:
        return self.versions.total() + self.failures.total()

    def _tell_due(self) -> None:
        while self._late and time.monotonic() - self._late[0][0] >= PATIENCE_SECONDS:
            _, outcomes = self._late.popleft()
            if outcomes:
                self._tell(outcomes)


def _words(error: ClientError | BotoCoreError) -> str:
    """What kind of failure it is; of a model's own error the status, and the line before its traceback."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    code, status = error.response["Error"].get("Code"), error.response.get("OriginalStatusCode", "")
    line = str(error.response.get("OriginalMessage", "")).partition("\n")[0]
    return f"{code} {status}".strip() + (f": {line}" if line else "")
