"""What the page draws of facts."""

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from mlops.page import pictures
from mlops.page.pictures import Change
from tests.console_stage import HOSTILE, NOW, experiment, judgements, look, training


def drawn(text: str) -> ElementTree.Element:
    """The picture as XML, which it has to be."""
    return ElementTree.fromstring(text)


def titles(text: str) -> list[str]:
    return [each.text or "" for each in drawn(text).iter("title")]


def test_a_graph_has_a_box_for_each_step_with_its_state() -> None:
    text = pictures.graph(training(executing=True))

    boxes = {box.findall("text")[0].text: (box.get("class"), box.findall("text")[1].text)
             for box in drawn(text).iter("g") if "node" in (box.get("class") or "")}  # fmt: skip
    assert boxes == {
        "ValidateData": ("node good", "done, 1 min"),
        "TrainModel": ("node busy", "runs"),
        "TuneModel": ("node quiet", "not needed"),
        "RegisterModel": ("node quiet", "waits"),
    }


def test_a_graph_says_everything_to_who_does_not_see_it() -> None:
    said = drawn(pictures.graph(training())).get("aria-label") or ""

    assert "ValidateData done, 1 min, TuneModel not needed" in said


def test_steps_go_from_left_to_right_as_they_need_each_other() -> None:
    left = {(box.findall("text")[0].text or ""): float(box.findall("rect")[0].get("x") or "")
            for box in drawn(pictures.graph(training())).iter("g") if "node" in (box.get("class") or "")}  # fmt: skip

    assert left["ValidateData"] < left["TrainModel"] == left["TuneModel"] < left["RegisterModel"]


def test_a_failed_step_is_told_with_its_reason() -> None:
    run = training()
    failed = replace(run.steps[0], status="Failed", reason=HOSTILE)
    text = pictures.graph(replace(run, steps=(failed, *run.steps[1:])))

    assert f"ValidateData: Failed. {HOSTILE}" in titles(text)
    assert "<img" not in text


def test_looks_are_drawn_with_what_each_says() -> None:
    text = pictures.looks(experiment(4))

    assert sum("undecided so far: +3.0 points" in each for each in titles(text)) == 4
    assert "Version 2 against the champion, 4 looks" in (drawn(text).get("aria-label") or "")


@pytest.mark.parametrize(("estimate", "beyond"), [(0.03, False), (0.2, True), (-0.2, True)])
def test_the_newest_look_lies_beyond_the_boundary_where_its_interval_has_left_zero(
    estimate: float, beyond: bool
) -> None:
    newest = look(5, estimate)
    text = pictures.looks(replace(experiment(1), looks=(newest,)))

    circle = next(drawn(text).iter("circle"))
    x, y = float(circle.get("cx") or ""), float(circle.get("cy") or "")
    curves = [[tuple(map(float, point.split(","))) for point in (each.get("points") or "").split()]
              for each in drawn(text).iter("polyline")]  # fmt: skip
    upper, lower = (min(curve, key=lambda point: abs(point[0] - x))[1] for curve in curves)
    assert ((y < upper) or (y > lower)) is beyond
    assert (newest.low > 0 or newest.high < 0) is beyond


def test_an_open_ended_experiment_has_no_planned_boundary() -> None:
    text = pictures.looks(replace(experiment(1), looks=(replace(look(3), rule="open_ended", horizon=0),)))

    assert "decided:" not in text


def test_a_first_look_without_any_information_is_drawn() -> None:
    drawn(pictures.looks(replace(experiment(1), looks=(replace(look(1), progress=0.0, low=-1.0, high=1.0),))))


def test_alarms_are_drawn_from_when_to_when_they_rang() -> None:
    changes = [
        Change("a", NOW, "OK"),
        Change("a", NOW + timedelta(minutes=5), "ALARM"),
        Change("a", NOW + timedelta(minutes=10), "OK"),
        Change("b", NOW + timedelta(minutes=15), "ALARM"),
        Change("c", NOW, "OK"),
        Change("other", NOW, "ALARM"),
    ]
    text = pictures.alarms(changes, {"a": "Drift", "b": "Latency", "c": "Quiet"}, NOW + timedelta(minutes=20))

    rang = [each for each in titles(text) if "in ALARM" in each]
    assert rang[0].startswith("Drift in ALARM from 2026-11-22 12:05:00 to 2026-11-22 12:10:00.")
    assert "and still is" in rang[1]
    assert len(rang) == 2
    widths = [float(each.get("width") or "") for each in drawn(text).iter("rect")]
    assert widths[0] == pytest.approx(widths[1], abs=0.2)


def test_no_picture_is_drawn_where_no_alarm_rang() -> None:
    assert pictures.alarms([Change("a", NOW, "OK")], {"a": "Drift"}, NOW) == ""


def test_what_breached_most_often_comes_first_in_a_heat_map() -> None:
    text = pictures.heat("Data drift", judgements())

    names = [each.text for each in drawn(text).iter("text") if re.fullmatch(r"[a-z]+", each.text or "")]
    assert names == ["income", "state"]
    assert len([each for each in drawn(text).iter("g") if "framed" in (each.get("class") or "")]) == 1
