"""Pictures: every value is where it belongs and says itself, whatever the names and numbers are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

from monitoring import charts, plot
from monitoring.charts import Cell, Lane, Series
from monitoring.figures import percent
from tests.unit.monitoring.markup import Page

EVIL = "<script>alert('1')</script>&\"x\""


def ys(markup: str, kind: str = "circle") -> list[float]:
    return [float(each) for each in re.findall(rf'<{kind}[^>]* cy="([\d.]+)"', markup)]


def test_higher_values_are_higher_and_each_says_itself() -> None:
    drawn = charts.line("AUC", ["1 Nov", "2 Nov", "3 Nov"], [Series("auc", [0.6, 0.7, 0.5])])
    first, second, third = ys(drawn)
    assert second < first < third
    assert first - second == pytest.approx(third - first, abs=0.2)
    assert Page(drawn).titles == ["1 Nov, auc: 0.6", "2 Nov, auc: 0.7", "3 Nov, auc: 0.5"]


def test_a_missing_value_breaks_the_line_and_is_not_drawn() -> None:
    drawn = charts.line("x", list("abcde"), [Series("s", [1, 2, None, 4, 5])])
    assert len(ys(drawn)) == 4
    assert drawn.count("<polyline") == 2


def test_what_is_no_number_is_as_good_as_missing() -> None:
    drawn = charts.line("x", list("abc"), [Series("s", [1.0, math.nan, math.inf])])
    assert len(ys(drawn)) == 1 and "nan" not in drawn and "inf" not in drawn


def test_an_interval_is_drawn_and_said() -> None:
    drawn = charts.line("x", ["a"], [Series("s", [0.5], low=[0.4], high=[0.6])])
    low, high = re.findall(r'class="whisker"[^>]* y1="([\d.]+)" y2="([\d.]+)"', drawn)[0]
    assert float(low) > ys(drawn)[0] > float(high)
    assert Page(drawn).titles == ["a, s: 0.5 (0.4 to 0.6)"]


def test_a_marked_value_is_another_shape_not_only_another_colour() -> None:
    page = Page(charts.line("x", ["a", "b"], [Series("s", [1, 2], marked=[1])]))
    assert (page.count("circle"), page.count("polygon", kind="mark")) == (1, 1)
    assert page.titles[-1] == "b, s: 2, breached"


def test_a_limit_is_a_dashed_level_that_may_change() -> None:
    drawn = charts.line("x", ["a", "b", "c"], [Series("limit", [1.0, 2.0, None], "limit"), Series("s", [1, 2, 3])])
    (path,) = re.findall(r'<g class="limit"><path d="([^"]+)"', drawn)
    assert (path.count("M"), path.count("L")) == (1, 1)


@pytest.mark.parametrize("values", [[], [None], [5.0], [0.0, 0.0], [1e-9, 2e-9], [-3.0, -1.0], [1e9, 3e9], [math.nan]])
@pytest.mark.parametrize("zero", [True, False])
def test_any_values_give_a_scale_that_holds_them(values: list[float | None], zero: bool) -> None:
    known = [each for each in values if each is not None and math.isfinite(each)]
    ticks = plot.scale(known, zero)
    assert 2 <= len(ticks) <= 8 and ticks == sorted(set(ticks))
    assert all(ticks[0] <= each <= ticks[-1] for each in known)
    assert not zero or ticks[0] <= 0 <= ticks[-1]
    Page(charts.line("x", ["a"] * len(values), [Series("s", values)], zero=zero))


def test_labels_that_have_no_room_are_left_out_in_even_steps() -> None:
    months = [f"{year}-{month:02d}" for year in range(2003, 2009) for month in range(1, 13)]
    drawn = charts.line("x", months, [Series("s", [1.0] * 72)], width=charts.WIDE)
    shown = [month for month in months if f">{month}<" in drawn]
    assert shown[:3] == ["2003-01", "2003-07", "2004-01"]


def test_a_bar_is_as_long_as_its_value() -> None:
    drawn = charts.bars("x", ["a", "b"], [Series("then", [0.2, 0.4]), Series("now", [0.4, 0.0], "b")])
    long = [float(each) for each in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    assert long[0] == pytest.approx(long[1] / 2, abs=0.1) and long[1] == long[2]
    assert Page(drawn).titles[:2] == ["a, then: 0.2", "a, now: 0.4"]


def test_long_names_are_cut_and_said_in_full() -> None:
    name = "a feature with a name that is far too long"
    page = Page(charts.bars("x", [name], [Series("s", [1.0])]))
    assert "a feature with a name t…" in page.text
    assert name in page.titles


def test_bins_of_whole_numbers_are_named_by_them() -> None:
    page = Page(charts.step("x", [-0.5, 0.5, 1.5], [Series("then", [0.25, 0.75]), Series("now", [0.5, 0.5], "b")]))
    assert page.titles == ["0: then: 25 %; now: 50 %", "1: then: 75 %; now: 50 %"]
    assert page.count("polygon", kind="area") == page.count("polygon", kind="outline") == 1


def test_bins_of_other_numbers_are_named_by_their_edges() -> None:
    assert Page(charts.step("x", [0, 1000, 2500], [Series("s", [1, 0])])).titles[1] == "1,000 to 2,500: s: 0 %"


@pytest.mark.parametrize(
    ("share", "level"),
    [(None, 0), (math.nan, 0), (0.49, 0), (0.5, 1), (0.8, 2), (0.99, 2), (1.0, 3), (1.6, 4), (2.0, 5), (9, 5)],
)
def test_a_cell_is_coloured_by_its_share_of_the_limit(share: float | None, level: int) -> None:
    assert Page(charts.heatmap("x", ["r"], ["c"], [[Cell(1.0, share)]])).count("g", kind=f"h{level}") == 1


def test_a_marked_cell_is_framed_and_an_empty_one_says_so() -> None:
    page = Page(charts.heatmap("x", ["r"], ["a", "b"], [[Cell(1.0, 2.0, True, "breached"), None]]))
    assert (page.count("g", kind="framed"), page.count("g", kind="none")) == (1, 1)
    assert page.titles == ["breached", "not judged"]


def test_a_marked_cell_too_narrow_for_a_frame_has_a_dot() -> None:
    cells = [[Cell(1.0, 2.0, place == 3) for place in range(72)]]
    page = Page(charts.heatmap("x", ["r"], ["c"] * 72, cells))
    assert (page.count("circle"), page.count("g", kind="framed")) == (1, 0)


def test_numbers_of_a_row_have_as_many_places_as_tell_them_apart() -> None:
    text = Page(charts.heatmap("x", ["r", "s"], ["a", "b"], [[Cell(0.1, 1), Cell(0.256, 1)], [Cell(12, 1), None]])).text
    assert "0.10" in text and "0.26" in text and "12.0" in text


def test_a_time_line_shows_spans_and_marks() -> None:
    rows = [Lane("version 1", [(0, 2, "decides")]), Lane("drift", marks=[(1, "b: drift")], look="b")]
    page = Page(charts.lanes("x", ["a", "b", "c"], rows))
    assert page.titles == ["version 1 decides: a to c", "b: drift"]
    assert page.count("polygon", kind="point") == 1


def test_a_legend_names_marks_only_where_there_are_some() -> None:
    assert "breached" not in charts.legend([Series("s", [1.0])], marked="breached")
    assert "breached" in charts.legend([Series("s", [1.0], marked=[0])], marked="breached")


EVERY: list[Callable[[str], str]] = [
    lambda name: charts.line(
        name, [name], [Series(name, [1.0], low=[0.5], high=[2.0], marked=[0])], events=[(0, name)]
    ),
    lambda name: charts.line(name, [name], [Series(name, [1.0], "limit"), Series(name, [1.0], "b")]),
    lambda name: charts.bars(name, [name], [Series(name, [1.0])]),
    lambda name: charts.step(name, [0.0, 1.0], [Series(name, [1.0])]),
    lambda name: charts.heatmap(name, [name], [name], [[Cell(1.0, 1.0, True, name)]]),
    lambda name: charts.lanes(name, [name], [Lane(name, [(0, 0, name)], [(0, name)])]),
    lambda name: charts.legend([Series(name, [1.0], marked=[0])], marked=name),
]


@pytest.mark.parametrize("draw", EVERY)
def test_names_are_never_markup(draw: Callable[[str], str]) -> None:
    drawn = draw(EVIL)
    Page(drawn)
    assert "<script" not in drawn and "alert('1')" not in drawn


@pytest.mark.parametrize("draw", EVERY[:-1])
def test_each_picture_has_a_name_and_is_the_same_each_time(draw: Callable[[str], str]) -> None:
    assert Page(draw("Distance")).count("svg", role="img", **{"aria-label": "Distance"}) == 1
    assert draw("Distance") == draw("Distance")


def test_nothing_to_draw_is_no_error() -> None:
    for drawn in (
        charts.line("x", [], []),
        charts.bars("x", [], []),
        charts.heatmap("x", [], [], []),
        charts.lanes("x", [], []),
    ):
        Page(drawn)


def test_percent_on_a_scale_have_tenths_only_where_they_differ() -> None:
    wide = charts.line("x", ["a", "b"], [Series("s", [0.1, 0.4])], form=percent, zero=True)
    narrow = charts.line("x", ["a", "b"], [Series("s", [0.101, 0.102])], form=percent)
    assert ">40 %<" in wide and ">40.0 %<" not in wide
    assert ">10.1 %<" in narrow
