"""The bank's months: windows that do not touch, outcomes told when they became known, runs in order."""

import io
import json
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from mlops.demo import months
from mlops.demo.loans import Loan
from mlops.demo.months import History, Month, Months, charge_offs, later
from monitoring.findings import Window


class Clock:
    """Time that passes only while somebody sleeps or asks."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.4

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Runtime:
    """Approves what has an even number; notes when each application came."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.seen = clock, {}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        rows = json.loads(request["Body"])["instances"]
        self.clock.now += 0.3
        for row, each in enumerate(rows, 1):
            self.seen[each["number"]] = (f"{request['InferenceId']}#{row}".removesuffix("#1"), self.clock.now)
        answers = [{"decision": "decline" if row["number"] % 2 else "approve", "model_version": "1"} for row in rows]
        return {"Body": io.BytesIO(json.dumps({"predictions": answers}).encode())}


def loan(number: int, month: str, charged_off: str = "", age_days: int = 0) -> Loan:
    return Loan(f"loan-{number}", month, {"number": number}, "1" if charged_off else "0", charged_off, age_days)


def history() -> History:
    loans = [loan(number, f"2003-{1 + number // 100:02d}") for number in range(600)]
    loans[2] = loan(2, "2003-01", "2003-05")
    loans[3] = loan(3, "2003-01", "2003-05")  # declined
    loans[210] = loan(210, "2003-03", "2003-03")
    loans[4] = loan(4, "2003-01", "2003-06", months.MATURITY_DAYS + 1)
    loans += [loan(600, "2003-07")]
    names = [f"2003-{month:02d}" for month in range(1, 8)]
    return History({name: Month(name, [each for each in loans if each.month == name]) for name in names})


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replays from January; tells the last month, the history, the requests and what was done with them."""
    clock = Clock()
    monkeypatch.setattr(months, "time", clock)
    monkeypatch.setattr(months, "MATURITY_MONTHS", 3)
    return lambda last, **options: _replay(Runtime(clock), last, **options)


@pytest.fixture
def replayed(replay: Any) -> tuple[History, Runtime, list[Any]]:
    return replay("2003-06")[1:]


def _replay(runtime: Runtime, last: str, **options: Any) -> Any:
    told, past = [], history()

    def watch(windows: Sequence[Window], matured: Sequence[Window]) -> dict[str, Any]:
        told.append(("watch", list(windows), list(matured)))
        return {"run": len(told)}

    end = Months(
        past, runtime, "endpoint", "v1-",
        known=lambda month: told.append(("known", month, len(runtime.seen))),
        tell=lambda outcomes: told.append(("tell", list(outcomes))),
        export=lambda day: told.append(("export", day)),
        watch=watch,
        said=lambda quarter, answer: told.append(("said", [month.name for month in quarter], answer["run"])),
    ).replay("2003-01", last, **options)  # fmt: skip
    return end, past, runtime, told


def test_each_month_has_a_window_that_holds_its_applications_and_no_others(replayed: Any) -> None:
    past, runtime, _ = replayed
    assert all(before.end <= after.start for before, after in pairwise(past.by_window()))
    for month in past.by_window().values():
        times = [runtime.seen[each.application["number"]][1] for each in month.loans]
        assert month.window.start.timestamp() <= min(times) <= max(times) < month.window.end.timestamp()


def test_what_banks_did_is_known_when_a_month_begins(replayed: Any) -> None:
    """With none of its applications sent, and all of the month before."""
    _, _, told = replayed
    assert [each[1:] for each in told if each[0] == "known"] == [
        (f"2003-0{month}", 100 * (month - 1)) for month in range(1, 7)
    ]


def test_a_charge_off_is_told_of_an_approved_loan_at_the_end_of_its_quarter_and_not_before(replayed: Any) -> None:
    past, runtime, told = replayed
    kinds = [each[0] for each in told]
    assert kinds.index("tell") < kinds.index("watch")
    assert [each[1] for each in told if each[0] == "tell"] == [
        [(runtime.seen[210][0], "1")],
        [(runtime.seen[2][0], "1")],
    ]
    assert [each[1] for each in told if each[0] == "export"] == [date(2003, 3, 31), date(2003, 6, 30)]
    assert past.decisions["loan-2"].record == runtime.seen[2][0]


def test_a_charge_off_after_the_maturity_is_told_once_its_month_has_been_judged(replay: Any) -> None:
    _, _, runtime, told = replay("2003-09")
    tells = [each for each in told if each[0] in ("tell", "watch")]
    late = ("tell", [(runtime.seen[4][0], "1")])
    assert tells.index(late) > [each[0] for each in tells].index("watch", 2)  # the second one judges January


def test_a_quarter_is_watched_with_the_months_that_have_matured(replayed: Any) -> None:
    past, _, told = replayed
    windows = list(past.by_window())
    watched = [each[1:] for each in told if each[0] == "watch"]
    assert watched == [(windows[:3], []), (windows[3:], windows[:3])]
    assert [each[1] for each in told if each[0] == "said"] == [
        ["2003-01", "2003-02", "2003-03"], ["2003-04", "2003-05", "2003-06"],
    ]  # fmt: skip


def test_the_quarter_in_which_it_is_over_is_the_last(replay: Any) -> None:
    end, past, runtime, told = replay("2003-06", until=lambda: True)
    assert end == "2003-03"
    assert len(runtime.seen) == 300
    assert told[-1] == ("said", ["2003-01", "2003-02", "2003-03"], told.index(told[-1]))
    assert past.months["2003-04"].window is None


def test_charge_offs_are_counted_among_those_that_are_approved() -> None:
    past = history()
    assert charge_offs(past.months["2003-01"].loans, lambda each: each.application["number"] < 10) == (10, 3)


@pytest.mark.parametrize(
    ("month", "count", "expected"), [("2003-11", 3, "2004-02"), ("2005-01", -24, "2003-01"), ("2004-12", 0, "2004-12")]
)
def test_months_later(month: str, count: int, expected: str) -> None:
    assert later(month, count) == expected


def test_data_capture_is_waited_for_from_the_last_answer_on(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the quarter's last window counts: it is no wait on top of that."""
    slept: list[float] = []
    sleep = Clock.sleep
    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: (slept.append(seconds), sleep(self, seconds))[1])
    replay("2003-06")
    of_quarters = [two for two in pairwise(slept) if sum(two) == pytest.approx(months.CAPTURE_SECONDS)]
    assert len(of_quarters) == 2
