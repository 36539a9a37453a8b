"""The bank's months, replayed: who applied, what was decided, and what became of it when it was known.

Applications are sent in the order in which they were made, one month in a window of a second or two. A charge-off is
told at the end of the quarter in which it happened, so nobody learns anything too early. A quarter ends with what a
bank does at its end: it exports its book, and the monitors look at the quarter's months and at those whose outcomes
have matured.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from mlops import traffic
from mlops.demo import loans
from mlops.demo.loans import Loan
from mlops.monitoring import Watched
from monitoring.findings import Window

QUARTER = 3
REQUEST_LOANS = 50
"""Applications in one request: a branch sends its day's."""
CAPTURE_SECONDS = 1.2
"""Data capture has delivered a prediction so long after it was made, here."""
MATURITY_MONTHS, MATURITY_DAYS = 24, 730
"""Until a month's outcomes are judged: what no charge-off is known of by then counts as good so far."""


@dataclass
class Month:
    """A month of applications. window: when they were sent, on the clock of this machine; None if they were not."""

    name: str
    loans: Sequence[Loan]
    window: Window | None = None


@dataclass(frozen=True)
class Decision:
    """What became of an application: approved or not, by which version, under which record."""

    approved: bool
    version: str
    record: str


@dataclass
class History:
    """All months by name, and the decision on each loan, by the loan's name."""

    months: dict[str, Month]
    decisions: dict[str, Decision] = field(default_factory=dict)

    @classmethod
    def of(cls, first: str, last: str) -> "History":
        """Nothing decided yet."""
        by_month = groupby(loans.approved_in(first, last), key=lambda loan: loan.month)
        return cls({name: Month(name, tuple(each)) for name, each in by_month})

    def charged_off(self, until: str, judged: str) -> list[Loan]:
        """Approved loans that were charged off up to this month, and may be told of, oldest first.

        judged: the newest month whose outcomes have been judged. A quarter is closed at once, so a charge-off after
        the loan's maturity waits until its month has been judged by what was known at maturity.
        """
        return [
            loan
            for each in self.months.values()
            for loan in each.loans
            if loan.charged_off and loan.charged_off <= until and self._approved(loan)
            if loan.age_days <= MATURITY_DAYS or each.name <= judged
        ]

    def _approved(self, loan: Loan) -> bool:
        return loan.name in self.decisions and self.decisions[loan.name].approved

    def by_window(self) -> dict[Window, Month]:
        return {month.window: month for month in self.months.values() if month.window}


Watch = Callable[[Sequence[Window], Sequence[Window]], Watched]
"""Runs the monitors on these windows' inputs and on those windows' outcomes, and returns what they said."""


class Months:
    """Replays months of `history` to an endpoint.

    runtime: a client that does not retry. known: gets a month before its applications, when what banks did before
    is known. tell: gets (record, outcome) of what became known. export: gets the day until which the bank's book is
    exported. watch: runs the monitors; said: gets the quarter's months and the answer.
    """

    def __init__(
        self,
        history: History,
        runtime: Any,
        endpoint: str,
        prefix: str,
        *,
        known: Callable[[str], object],
        tell: Callable[[Sequence[tuple[str, str]]], object],
        export: Callable[[date], object],
        watch: Watch,
        said: Callable[[Sequence[Month], Watched], object],
    ) -> None:
        self._history, self._runtime, self._endpoint, self._prefix = history, runtime, endpoint, prefix
        self._known, self._tell, self._export, self._watch, self._said = known, tell, export, watch, said
        self._told: set[str] = set()
        self._judged = ""
        self._end = 0
        self._answered = 0.0

    def replay(self, first: str, last: str, until: Callable[[], bool] = lambda: False) -> str:
        """Months from `first` to at most `last`, until at a quarter's end `until` says so; returns the last one.

        The monitors watch a quarter while the next one applies, so one more quarter has applied when they have spoken.
        """
        names = [name for name in self._history.months if first <= name <= last]
        pool = ThreadPoolExecutor(1, thread_name_prefix="watch")
        try:
            return self._replay(names, until, pool)
        finally:
            # Whoever interrupts does not wait for a run of the monitors; otherwise it has ended.
            pool.shutdown(wait=False, cancel_futures=True)

    def _replay(self, names: Sequence[str], until: Callable[[], bool], pool: ThreadPoolExecutor) -> str:
        newest = ""
        watching: Future[None] | None = None
        for quarter in _groups(names, QUARTER):
            months = [self._history.months[name] for name in quarter]
            for month in months:
                self.apply(month)
            if watching:
                watching.result()
            self._close(months)
            watching, newest = pool.submit(self._look, months), quarter[-1]
            if until():
                break
        if watching:
            watching.result()
        return newest

    def apply(self, month: Month) -> None:
        """Send a month's applications within a window of its own."""
        self._known(month.name)
        start = math.floor(time.time())
        if start != self._end:  # others may have sent something within this second
            start += 1
            time.sleep(max(0.0, start - time.time()))
        for number, some in enumerate(_groups(month.loans, REQUEST_LOANS), 1):
            request = f"{self._prefix}{month.name}-{number:02d}"
            answers = traffic.ask_many(self._runtime, self._endpoint, request, [loan.application for loan in some])
            for row, (loan, answer) in enumerate(zip(some, answers, strict=True), 1):
                record = f"{request}#{row}" if row > 1 else request
                approved = answer["decision"] == "approve"
                self._history.decisions[loan.name] = Decision(approved, str(answer["model_version"]), record)
        self._answered = time.time()
        self._end = math.floor(self._answered) + 1
        month.window = Window(_moment(start), _moment(self._end))
        time.sleep(max(0.0, self._end - time.time()))  # the next window begins where this one ends

    def _close(self, months: Sequence[Month]) -> None:
        failed = [
            loan for loan in self._history.charged_off(months[-1].name, self._judged) if loan.name not in self._told
        ]
        if failed:
            self._tell([(self._history.decisions[loan.name].record, "1") for loan in failed])
            self._told.update(loan.name for loan in failed)
        self._judged = later(months[-1].name, -MATURITY_MONTHS)
        self._export(_last_day(months[-1].name))
        time.sleep(max(0.0, self._answered + CAPTURE_SECONDS - time.time()))

    def _look(self, months: Sequence[Month]) -> None:
        matured = [self._history.months.get(later(month.name, -MATURITY_MONTHS)) for month in months]
        answer = self._watch(
            [month.window for month in months if month.window],
            [month.window for month in matured if month and month.window],
        )
        self._said(months, answer)


def charge_offs(applied: Sequence[Loan], approved: Callable[[Loan], bool]) -> tuple[int, int]:
    """How many of the loans `approved` says yes to, and how many of those were charged off in the end."""
    granted = [loan.outcome for loan in applied if approved(loan)]
    return len(granted), granted.count("1")


def later(month: str, months: int) -> str:
    """The month so many months later: later("2003-11", 3) is "2004-02"."""
    year, number = map(int, month.split("-"))
    count = year * 12 + number - 1 + months
    return f"{count // 12}-{count % 12 + 1:02d}"


def _last_day(month: str) -> date:
    return date.fromisoformat(f"{later(month, 1)}-01") - timedelta(days=1)


def _groups(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
