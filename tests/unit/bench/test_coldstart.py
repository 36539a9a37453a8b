"""The cold start benchmark: what is compared is the same, and the limit is held against the worst."""

import pytest

from bench import coldstart
from bench.coldstart_calls import calls
from tests.unit.lambdas.conftest import LAMBDAS

RUNS = [
    {"bare": {"cpu_ms": bare, "wall_ms": 2 * bare}, "handler": {"cpu_ms": handler, "wall_ms": 3 * bare}}
    for bare, handler in ((100, 110), (400, 420), (100, 130))
]


def test_every_handler_is_measured():
    assert set(calls("")) == {path.parent.name for path in LAMBDAS.glob("*/handler.py")}


def test_both_sides_make_the_same_calls_and_the_handler_makes_no_client_for_the_others(tmp_path):
    prepared = coldstart._prepared(tmp_path, "record_keeper", calls("")["record_keeper"])
    assert prepared["services"] == ["dynamodb", "sagemaker", "ssm"]
    found = {side: coldstart._run(prepared, side) for side in coldstart.SIDES}
    assert found["handler"]["answer"] == {"action": "Nothing", "reason": "nothing changed"}
    assert all(each["cpu_ms"] > 0 for each in found.values())
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_call_that_does_not_come_to_its_end_says_whose(tmp_path):
    given = calls("")["batch_scoring"]
    broken = type(given)({**given.environ, "RESOURCES": "{}"}, given.event, given.answers)
    with pytest.raises(coldstart.ColdStartError, match=r"handler of batch_scoring ended with 1:\n(.|\n)*TypeError"):
        coldstart._prepared(tmp_path, "batch_scoring", broken)


def test_ratios_are_of_the_rounds_own_so_that_a_slow_minute_slows_both_sides():
    found = coldstart._figures(RUNS, ["s3"], 2)
    assert found["ratio"] == 1.1
    assert found["wall_ratio"] == 1.5
    assert (found["cpu_ms"], found["bare_cpu_ms"]) == (130, 100)
    assert (found["services"], found["calls"]) == (["s3"], 2)


@pytest.mark.parametrize(("slow", "holds"), [(1.2, True), (1.21, False)])
def test_the_slowest_handler_decides_whether_the_limit_holds(monkeypatch, slow, holds):
    ratios = {"release_tests": 1.0, "record_keeper": slow}
    monkeypatch.setattr(coldstart, "_prepared", lambda folder, name, call: {"name": name, "services": [], "calls": []})
    monkeypatch.setattr(
        coldstart,
        "_run",
        lambda each, side: dict.fromkeys(
            ("cpu_ms", "wall_ms"), 100 * (ratios.get(each["name"], 1.1) if side == "handler" else 1)
        ),
    )
    found = coldstart.measure(repeats=3)
    assert found["worst"] == {"handler": "record_keeper", "ratio": slow}
    assert found["holds"] is holds
