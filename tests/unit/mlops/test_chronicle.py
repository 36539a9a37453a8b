"""What the years came to: rows by month, rates with and without the platform, the month that was confirmed first."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlops.console import Clock
from mlops.demo import chronicle
from mlops.demo.loans import Loan
from mlops.demo.months import Decision, History, Month, later
from mlops.demo.years import Years
from monitoring.findings import CALIBRATION, DATA_DRIFT, JUDGED, Finding, Judgement, Window

START = datetime(2026, 11, 1, tzinfo=UTC)


def judgement(monitor: str, *, breached: bool, month: int = 1) -> Judgement:
    found = Finding(monitor, "NoEmp", "baseline_drift_check", 0.3, 0.1, 0.001, breached, breached, "moved")
    window = Window(START + timedelta(seconds=month), START + timedelta(seconds=month + 1))
    return Judgement(monitor, window, JUDGED, 100, (found,), breached, {"observed": 7.0})


@pytest.fixture
def years() -> Years:
    """Two loans in each month; the first version approved both, the second only the good one."""
    months = {}
    decisions = {}
    for name in ("2003-01", "2003-02", "2005-02"):
        pair = [Loan(f"{name}-good", name, {}, "0"), Loan(f"{name}-bad", name, {"GrAppv": 5e4}, "1", "2006-01")]
        months[name] = Month(name, pair)
        version = "2" if name == "2005-02" else "1"
        for loan in pair:
            decisions[loan.name] = Decision(version == "1" or loan.outcome == "0", version, loan.name)
    unused: Any = None
    rule = SimpleNamespace(settings=SimpleNamespace(monitoring=SimpleNamespace(breaches=2, of=3)))
    made = Years(unused, cast(Any, rule), "", unused, "", "", 2, unused, History(months, decisions))
    made.judged = {
        (DATA_DRIFT, "2003-01"): judgement(DATA_DRIFT, breached=False),
        (DATA_DRIFT, "2003-02"): judgement(DATA_DRIFT, breached=True),
        (CALIBRATION, "2003-01"): judgement(CALIBRATION, breached=True, month=1),
        (CALIBRATION, "2003-02"): judgement(CALIBRATION, breached=False, month=2),
        (CALIBRATION, "2003-03"): judgement(CALIBRATION, breached=True, month=3),
        (CALIBRATION, "2003-04"): judgement(CALIBRATION, breached=True, month=4),
    }
    made.confirmed = {CALIBRATION: "2005-02"}
    return made


def test_a_row_tells_what_was_decided_and_what_version_1_alone_would_have(years: Years) -> None:
    everybody = {loan.name for month in years.history.months.values() for loan in month.loans}
    *_, last = chronicle.rows(years, everybody)
    assert (last["applications"], last["approved"], last["charged_off"]) == (2, 1, 0)
    assert (last["approved_without"], last["charged_off_without"], last["versions"]) == (2, 1, ["2"])
    assert (last["lost"], last["lost_without"]) == (0, 50_000)
    assert last["drift"] is None


def test_months_that_were_never_decided_are_no_rows(years: Years) -> None:
    years.history.decisions = {name: each for name, each in years.history.decisions.items() if "2003-02" not in name}
    assert [row["month"] for row in chronicle.rows(years, set())] == ["2003-01", "2005-02"]


def test_rates_since_the_release_begin_with_the_first_month_of_the_new_version_alone(years: Years) -> None:
    everybody = {loan.name for month in years.history.months.values() for loan in month.loans}
    found = chronicle.summary(years, chronicle.rows(years, everybody))
    assert found["windows"] == 2
    assert found["charge_off_rates"]["without"] == 0.5
    assert found["charge_off_rates"]["with"] == 0.4
    since = found["charge_off_rates"]["since_release"]
    assert (since["from"], since["with"], since["without"], since["approved_with"]) == ("2005-02", 0.0, 0.5, 0.5)
    assert since["turned_down"] == 1.0


def test_inputs_are_told_in_a_line_a_year_and_what_is_left_at_the_end(
    years: Years, capsys: pytest.CaptureFixture[str]
) -> None:
    years.run = cast(Any, SimpleNamespace(clock=Clock()))
    for name in ("2003-01", "2003-02", "2004-01"):
        years.judged[DATA_DRIFT, name] = judgement(DATA_DRIFT, breached=True)
    answer: Any = SimpleNamespace(judgements=(), confirmed=(DATA_DRIFT,))
    names = [later("2003-01", number) for number in range(15)]
    for start in range(0, 15, 3):
        years._note([Month(name, [cast(Any, None)] * 600) for name in names[start : start + 3]], answer)
    years._tell_inputs()
    years._tell_inputs()
    said = [re.sub(r"^ *[\d.]+s +", "", text) for text in capsys.readouterr().out.splitlines()]
    assert [text for text in said if "applications" in text] == [
        "monitoring           2003: 7,200 applications; inputs drift in 2 of 12 months (NoEmp): information",
        "monitoring           2004-01 to 2004-03: 1,800 applications; inputs drift in 1 of 3 months (NoEmp): "
        "information",
    ]
    assert [text for text in said if "confirmed" in text] == [
        "monitoring           data_drift confirmed at the end of 2003-03"
    ]


def test_the_first_confirmed_month_is_the_one_with_which_there_were_enough(years: Years) -> None:
    assert chronicle.first_confirmed(years) == "2003-03"
    assert chronicle.summary(years, [])["findings"][DATA_DRIFT]["most_often"] == {"NoEmp": 1}
    years.judged = {place: each for place, each in years.judged.items() if place[1] < "2003-03"}
    assert chronicle.first_confirmed(years) is None
