"""Pictures of numbers as SVG text, to stand inside a page that has `STYLE`: pure, no script, nothing from elsewhere.

Colours tell nothing that shape, place or words do not tell too; they are Okabe and Ito's, which colour-blind people
tell apart ("Color Universal Design", 2008). Every mark names itself in a <title>, which browsers show on hover and
screen readers read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Callable, Collection, List, Optional, Sequence, Tuple

from monitoring.figures import number
from monitoring.plot import (
    CHARACTER,
    Maybe,
    Plot,
    below,
    clipped,
    diamond,
    dot,
    is_known,
    picture,
    px,
    room_beside,
    rounded,
    scale,
    square,
    words_at,
)

NARROW, WIDE = 400, 800
"""Widths in CSS px: two narrow ones beside each other, or one on a phone; a wide one scrolls there."""

_MOST_MARKS = 48
_NARROWEST_FRAME = 16.0  # px; narrower cells are marked by a dot

Form = Callable[[Optional[float]], str]


@dataclass(frozen=True)
class Series:
    """Values in the order of the labels, None where there is none. look: "a", "b" or "limit" (a dashed line).

    low, high: ends of each value's interval, or nothing. marked: places to point out, such as breaches.
    """

    name: str
    values: Sequence[Maybe]
    look: str = "a"
    low: Sequence[Maybe] = ()
    high: Sequence[Maybe] = ()
    marked: Collection[int] = ()


@dataclass(frozen=True)
class Cell:
    """A cell of a heat map. share: the value as a share of its limit, which gives the colour; tip: said on hover."""

    value: Maybe
    share: Maybe
    marked: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Lane:
    """A row of a time line. spans: (first place, last place, text); marks: (place, what it says on hover)."""

    name: str
    spans: Sequence[Tuple[int, int, str]] = ()
    marks: Sequence[Tuple[int, str]] = ()
    look: str = "a"


def line(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    form: Form = number,
    zero: bool = False,
    events: Sequence[Tuple[int, str]] = (),
    width: int = NARROW,
    height: int = 230,
) -> str:
    """Series over labels (windows, months). zero: the scale begins there. events: places with a word above each."""
    ends = [each for one in series for values in (one.values, one.low, one.high) for each in values]
    ticks = scale([each for each in ends if is_known(each)], zero)
    lanes = 14 * min(3, len(events))
    plot = Plot(width, height, len(labels), ticks, _whole([form(tick) for tick in ticks]), top=10 + lanes)
    parts = [plot.grid(), plot.places(labels)]
    for turn, (place, word) in enumerate(events):
        parts.append(_event(plot, place, word, 12 + 14 * (turn % 3)))
    for one in sorted(series, key=lambda each: each.look != "limit"):
        parts += _limit(plot, one) if one.look == "limit" else _course(plot, labels, one, form)
    return _svg(title, width, height, parts)


def bars(title: str, labels: Sequence[str], series: Sequence[Series], *, form: Form = number) -> str:
    """Lying bars, one a series below each label, so that names of any length can be read."""
    text = room_beside(labels)
    tall, gap = 13, 12
    step = tall * len(series) + gap
    most = max([each for one in series for each in one.values if each is not None and is_known(each)] or [0.0]) or 1.0
    room = NARROW - text - 62
    parts = []
    for row, label in enumerate(labels):
        top = row * step + gap / 2
        parts.append(words_at(text - 8, top + (step - gap) / 2 + 4, clipped(label), "end", tip=label))
        for turn, one in enumerate(series):
            value = one.values[row]
            if value is None or not is_known(value):
                continue
            long, at = max(1.0, room * max(0.0, value) / most), top + turn * tall
            tip = escape(f"{label}, {one.name}: {form(value)}")
            parts.append(
                f'<g class="{one.look}"><rect x="{px(text)}" y="{px(at)}" width="{px(long)}" '
                f'height="{tall - 2}" rx="1"><title>{tip}</title></rect></g>'
            )
            parts.append(words_at(text + long + 5, at + tall - 3, form(value), "start", "small"))
    return _svg(title, NARROW, max(1, len(labels)) * step, parts)


def step(title: str, edges: Sequence[float], series: Sequence[Series]) -> str:
    """Histograms over the same edges (one more than values): the first filled, the others as outlines.

    Bins from half to half, as 2.5 to 3.5, are those of whole numbers, and named so.
    """
    ticks = scale([each for one in series for each in one.values if is_known(each)], zero=True)
    plot = Plot(NARROW, 210, len(edges) - 1, ticks, [_percent(tick) for tick in ticks])
    bins = [(edges[place], edges[place + 1]) for place in range(len(edges) - 1)]
    whole = all(low % 1 == 0.5 and high - low == 1 for low, high in bins)
    names = [rounded(low + 0.5) if whole else f"{rounded(low)} to {rounded(high)}" for low, high in bins]
    parts = [plot.grid(), plot.places(names) if whole else plot.edges(edges)]
    for turn, one in enumerate(series):
        corners = [(plot.edge(0), plot.y(ticks[0]))]
        for place, value in enumerate(one.values):
            level = plot.y(value or 0.0)
            corners += [(plot.edge(place), level), (plot.edge(place + 1), level)]
        corners.append((plot.edge(len(one.values)), plot.y(ticks[0])))
        shape = "area" if turn == 0 else "outline"
        points = " ".join(f"{px(x)},{px(y)}" for x, y in corners)
        parts.append(f'<g class="{one.look}"><polygon class="{shape}" points="{points}"/></g>')
    for place in range(len(bins)):
        said = "; ".join(f"{one.name}: {_percent(one.values[place])}" for one in series)
        tip = escape(f"{names[place]}: {said}")
        left, right = plot.edge(place), plot.edge(place + 1)
        parts.append(
            f'<rect class="hover" x="{px(left)}" y="{px(plot.top)}" width="{px(right - left)}" '
            f'height="{px(plot.bottom - plot.top)}"><title>{tip}</title></rect>'
        )
    return _svg(title, NARROW, 210, parts)


def heatmap(title: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Optional[Cell]]]) -> str:
    """One row of cells a name, one column a label; None where nothing was judged. Framed cells, or
    dotted ones where cells are narrow, are marked."""
    text = room_beside(rows)
    wide = min(70.0, (WIDE - text) / max(1, len(columns)))
    tall, parts = 26, []
    width = math.ceil(max(NARROW, text + wide * len(columns) + 2))
    for down, (name, row) in enumerate(zip(rows, cells)):
        parts.append(words_at(text - 8, down * tall + 18, clipped(name), "end", tip=name))
        form = _alike([each.value for each in row if each])
        parts += [_cell(cell, text + across * wide, down * tall, wide, tall, form) for across, cell in enumerate(row)]
    bottom = len(rows) * tall
    return _svg(title, width, bottom + 24, [*parts, below(columns, text, wide, bottom + 16, width)])


def lanes(title: str, labels: Sequence[str], rows: Sequence[Lane]) -> str:
    """A time line: spans as bars with their words, marks as diamonds, one row a lane."""
    text = room_beside([row.name for row in rows])
    wide, tall, parts = (WIDE - text - 8) / max(1, len(labels)), 30, []
    for down, row in enumerate(rows):
        middle = down * tall + tall / 2
        parts.append(words_at(text - 8, middle + 4, clipped(row.name), "end", tip=row.name))
        parts.append(f'<line class="grid" x1="{px(text)}" x2="{WIDE}" y1="{px(middle)}" y2="{px(middle)}"/>')
        for first, last, words in row.spans:
            left, long = text + first * wide + 1, (last - first + 1) * wide - 2
            tip = escape(f"{row.name} {words}: {labels[first]} to {labels[last]}")
            parts.append(
                f'<g class="{row.look}"><rect x="{px(left)}" y="{px(middle - 10)}" width="{px(long)}" height="20" '
                f'rx="3"><title>{tip}</title></rect></g>'
            )
            if len(words) * CHARACTER < long:
                parts.append(words_at(left + long / 2, middle + 4, words, "middle", "on"))
        for place, words in row.marks:
            parts.append(f'<g class="{row.look}">{diamond(text + (place + 0.5) * wide, middle, 6, words, "point")}</g>')
    bottom = len(rows) * tall
    return _svg(title, WIDE, bottom + 24, [*parts, below(labels, text, wide, bottom + 16, WIDE)])


def legend(series: Sequence[Series], *, shape: str = "", marked: str = "") -> str:
    """HTML: what each look stands for. shape: "bar" or "step" where series are no lines; marked: what the pointed-out
    places are, shown where there are some."""
    items = [
        f"<li>{_key(one.look, shape and f'{shape}{turn}')}{escape(one.name)}</li>" for turn, one in enumerate(series)
    ]
    if marked and any(one.marked for one in series):
        items.append(f"<li>{_key('mark')}{escape(marked)}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def heat_legend() -> str:
    """HTML: what a heat map's colours and frames stand for."""
    words = ("far below its limit", "", "at its limit", "above it", "", "twice and more")
    boxes = "".join(f'<svg class="key" viewBox="0 0 18 12"><g class="h{level}"><rect width="18" height="12"/></g></svg>'
                    f"{word and f'<span>{word}</span>'}" for level, word in enumerate(words))  # fmt: skip
    framed = (
        '<svg class="key" viewBox="0 0 18 12"><g class="framed"><rect x="1" y="1" width="16" height="10"/></g></svg>'
    )
    marked = f"<li>{framed}framed, or dotted: breached (significant and large)</li>"
    return f'<ul class="legend heat"><li>{boxes}</li>{marked}</ul>'


def _course(plot: Plot, labels: Sequence[str], one: Series, form: Form) -> List[str]:
    """A line that is broken where a value is missing, its intervals, and its marks."""
    found: List[str] = []
    for low, high, place in zip(one.low, one.high, range(len(one.low))):
        if low is not None and high is not None and is_known(low) and is_known(high):
            across = px(plot.x(place))
            found.append(
                f'<line class="whisker" x1="{across}" x2="{across}" y1="{px(plot.y(low))}" y2="{px(plot.y(high))}"/>'
            )
    run: List[str] = []
    marks: List[str] = []
    for place, value in enumerate([*one.values, None]):
        if value is None or not is_known(value):
            if len(run) > 1:
                found.append(f'<polyline class="course" points="{" ".join(run)}"/>')
            run = []
            continue
        x, y = plot.x(place), plot.y(value)
        run.append(f"{px(x)},{px(y)}")
        if place in one.marked or len(one.values) <= _MOST_MARKS:
            said = f"{labels[place]}, {one.name}: {form(value)}"
            if place < len(one.low) and one.low[place] is not None:
                said += f" ({form(one.low[place])} to {form(one.high[place])})"
            shape = square if one.look == "b" else dot
            marks.append(diamond(x, y, 7, said + ", breached") if place in one.marked else shape(x, y, said))
    return [f'<g class="{one.look}">{"".join(found)}{"".join(marks)}</g>']


def _limit(plot: Plot, one: Series) -> List[str]:
    """A dashed level at each place, joined where it stays the same."""
    path, before = [], None
    for place, value in enumerate(one.values):
        if value is None or not is_known(value):
            before = None
            continue
        y = px(plot.y(value))
        path.append(f"{'L' if before is not None else 'M'}{px(plot.edge(place))} {y}H{px(plot.edge(place + 1))}")
        before = value
    return [f'<g class="limit"><path d="{"".join(path)}"><title>{escape(one.name)}</title></path></g>']


def _event(plot: Plot, place: int, word: str, y: float) -> str:
    x = plot.x(place)
    side, shift = ("end", -5) if x + len(word) * CHARACTER > plot.right else ("start", 5)
    return f'<line class="event" x1="{px(x)}" x2="{px(x)}" y1="{px(y - 8)}" y2="{px(plot.bottom)}"/>' + words_at(
        x + shift, y, word, side, "small strong"
    )


def _cell(cell: Optional[Cell], x: float, y: float, wide: float, tall: float, form: Form) -> str:
    box = f'x="{px(x + 1)}" y="{px(y + 1)}" width="{px(wide - 2)}" height="{px(tall - 2)}"'
    if cell is None or cell.value is None:
        return f'<g class="none"><rect {box}><title>not judged</title></rect></g>'
    word = form(cell.value)
    shown = words_at(x + wide / 2, y + 17, word, "middle", "small") if len(word) * CHARACTER < wide else ""
    if cell.marked and wide < _NARROWEST_FRAME:
        shown = f'<circle cx="{px(x + wide / 2)}" cy="{px(y + tall / 2)}" r="2.2"/>'
    framed = " framed" if cell.marked and wide >= _NARROWEST_FRAME else ""
    return f'<g class="h{_level(cell.share)}{framed}"><rect {box}><title>{escape(cell.tip)}</title></rect>{shown}</g>'


def _level(share: Maybe) -> int:
    if share is None or share != share:
        return 0
    return sum(share >= bound for bound in (0.5, 0.8, 1.0, 1.5, 2.0))


def _key(look: str, shape: str = "") -> str:
    box = '<rect width="18" height="12" rx="1"/>'
    shapes = {
        "bar0": box,
        "bar1": box,
        "step0": '<path class="area" d="M0 0H18V12H0Z"/>',
        "step1": '<path class="outline" d="M1 1H17V11H1Z"/>',
        "a": '<line class="course" x1="0" x2="18" y1="6" y2="6"/><circle cx="9" cy="6" r="3.5"/>',
        "b": '<line class="course" x1="0" x2="18" y1="6" y2="6"/><rect x="6" y="3" width="6" height="6"/>',
        "limit": '<path d="M0 6H18"/>',
        "mark": '<polygon class="mark" points="9,0 15,6 9,12 3,6"/>',
    }
    return (
        f'<svg class="key" viewBox="0 0 18 12" aria-hidden="true"><g class="{look}">{shapes[shape or look]}</g></svg>'
    )


def _svg(title: str, width: int, height: float, parts: Sequence[str]) -> str:
    return picture(title, "wide" if width > NARROW else "narrow", (0, 0, width, height), parts)


def _alike(values: Sequence[Maybe]) -> Form:
    """A form with as many places for all as tell them apart."""
    most = max([abs(each) for each in values if each is not None and is_known(each)] or [0.0])
    if most >= 100:
        return number
    places = 1 if most >= 10 else 2 if most >= 0.1 else 3
    return lambda value: number(value) if value is None or not is_known(value) else f"{value:.{places}f}"


def _whole(words: Sequence[str]) -> List[str]:
    """Percent without tenths where none of them has any."""
    even = all(word.endswith(".0 %") for word in words)
    return [word.replace(".0 %", " %") for word in words] if even else list(words)


def _percent(value: Maybe) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
