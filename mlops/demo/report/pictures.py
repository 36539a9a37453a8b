"""The report's own pictures, as SVG: a hundred applications, two courses with what lies between, a running verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mlops.demo.report.words import points
from monitoring.charts import NARROW, WIDE
from monitoring.figures import percent
from monitoring.plot import CHARACTER, Plot, picture, px, scale, words_at

_CELL, _COLUMNS = 22, 10
_ROOM = 2.5  # how many times the last range a picture of a comparison shows


@dataclass(frozen=True)
class Flag:
    """A place on a time line that a chapter tells about. chapter: its number."""

    place: int
    chapter: int
    word: str


@dataclass(frozen=True)
class Look:
    """One look at a comparison: after so many outcomes, the lead in the share of good decisions, and its range."""

    samples: int
    estimate: float
    low: float
    high: float


def hundred(title: str, failed: float, approved: float) -> str:
    """A hundred applications as squares. failed, approved: shares of all applications, 0 to 1; failed <= approved."""
    bad, granted = round(100 * failed), round(100 * approved)
    said = f"{title}: of 100 applications {granted - bad} approved and repaid, {bad} approved and failed, "
    said += f"{100 - granted} turned down"
    cells = []
    for place in range(100):
        x, y = place % _COLUMNS * _CELL + 1, place // _COLUMNS * _CELL + 1
        kind = "repaid" if place < granted - bad else "failed" if place < granted else "declined"
        cells.append(_cell(kind, x, y))
    side = _COLUMNS * _CELL
    return picture(said, "hundred", (0, 0, side, side), cells)


def hundred_legend() -> str:
    """HTML: what the squares stand for."""
    words = (("repaid", "approved, repaid"), ("failed", "approved, failed"), ("declined", "turned down"))
    items = "".join(
        f'<li><svg class="key" viewBox="0 0 20 20" aria-hidden="true">{_cell(kind, 0, 0)}</svg>{word}</li>'
        for kind, word in words
    )
    return f'<ul class="legend squares">{items}</ul>'


def _cell(kind: str, x: int, y: int) -> str:
    """Told apart by colour and by shape: a filled square, one with a cross, an empty one."""
    size = _CELL - 3
    box = f'<rect x="{x}" y="{y}" width="{size}" height="{size}" rx="2"/>'
    near, far = 5, size - 5
    cross = f'<path d="M{x + near} {y + near}L{x + far} {y + far}M{x + far} {y + near}L{x + near} {y + far}"/>'
    return f'<g class="{kind}">{box}{cross if kind == "failed" else ""}</g>'


def courses(
    title: str,
    labels: Sequence[str],
    without: Sequence[float | None],
    kept: Sequence[float | None],
    flags: Sequence[Flag],
) -> str:
    """Shares by month, without and with the platform, and between them what was spared. Flags link by their number."""
    ticks = scale([each for each in (*without, *kept) if each is not None], zero=True)
    top = 26 + 18 * min(3, len(flags))
    plot = Plot(WIDE, 300 + top, len(labels), ticks, [f"{100 * tick:.0f} %" for tick in ticks], top=top)
    parts = [plot.grid(), plot.places(labels), _between(plot, without, kept)]
    for turn, flag in enumerate(flags):
        parts.append(_flag(plot, flag, 14 + 18 * (turn % 3)))
    parts += [
        _course(plot, labels, without, "b", "the first model alone"),
        _course(plot, labels, kept, "a", "with the platform"),
    ]
    return picture(title, "wide", (0, 0, WIDE, 300 + top), parts)


def running(title: str, looks: Sequence[Look], decided: str) -> str:
    """A comparison as it went on: the lead of the new version, and the range that it lies in with what was known then.

    decided: what was said at the last look ("better"), "" if nothing was.
    """
    # The first ranges are as wide as can be: drawn whole, they would leave no room for the end, which decides.
    bound = _ROOM * max(abs(looks[-1].low), abs(looks[-1].high), 0.01)
    ends = [each for look in looks for each in (look.low, look.high, look.estimate)]
    ticks = scale([min(max(each, -bound), bound) for each in ends], zero=True)
    most = looks[-1].samples or 1
    plot = Plot(NARROW, 230, 1, ticks, [_tick(tick) for tick in ticks], top=16)

    def x(samples: int) -> float:
        return plot.left + 4 + (plot.right - 26 - plot.left) * samples / most

    zero = px(plot.y(0.0))
    parts = [
        plot.grid(),
        f'<line class="zero" x1="{px(plot.left)}" x2="{px(plot.right)}" y1="{zero}" y2="{zero}"/>',
    ]
    edges = [(x(each.samples), plot.y(each.high)) for each in looks]
    edges += [(x(each.samples), plot.y(each.low)) for each in reversed(looks)]
    corners = " ".join(f"{px(a)},{px(b)}" for a, b in edges)
    middle = " ".join(f"{px(x(each.samples))},{px(plot.y(each.estimate))}" for each in looks)
    marks = "".join(
        f'<g class="look"><line class="whisker" x1="{px(x(each.samples))}" x2="{px(x(each.samples))}" '
        f'y1="{px(plot.y(each.low))}" y2="{px(plot.y(each.high))}"/>'
        f'<circle cx="{px(x(each.samples))}" cy="{px(plot.y(each.estimate))}" r="3"/>'
        f"<title>{escape(_said(each))}</title></g>"
        for each in looks
    )
    parts.append(f'<g class="a"><polygon class="area" points="{corners}"/>')
    parts.append(f'<polyline class="course" points="{middle}"/>{marks}</g>')
    if decided:
        last = looks[-1]
        above = last.estimate > 0
        y = plot.y(last.high) - 6 if above else plot.y(last.low) + 14
        parts.append(words_at(plot.right, max(12.0, y), decided, "end", "strong"))
    for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "middle")):
        number_of = round(most * part)
        parts.append(words_at(x(number_of), plot.bottom + 18, f"{number_of:,}", anchor, "small"))
    return picture(title, "narrow", (0, 0, NARROW, 230), parts)


def answers(title: str, counts: Sequence[tuple[str, int]], missing: int) -> str:
    """One lying bar: who answered (what, how many), oldest first, and how many applications got no answer."""
    whole = sum(count for _, count in counts) + missing or 1
    looks = ["older"] * (len(counts) - 1) + ["newer"]
    shown = [(what, count, look) for (what, count), look in zip(counts, looks[-len(counts) :], strict=True)]
    parts, left = [], 0.0
    for what, count, look in [*shown, ("no answer", missing, "failed")]:
        if not count:
            continue
        long = max(3.0, WIDE * count / whole)
        at = min(left, WIDE - long)
        parts.append(
            f'<g class="{look}"><rect x="{px(at + 0.5)}" y="2" width="{px(long - 1)}" height="28" rx="2">'
            f"<title>{escape(f'{what}: {count:,}')}</title></rect>"
            + (words_at(at + long / 2, 20, what, "middle") if len(what) * CHARACTER < long else "")
            + "</g>"
        )
        left += long
    return picture(title, "wide strip", (0, 0, WIDE, 32), parts)


def _tick(value: float) -> str:
    word = points(value).removesuffix(".0")
    return "0" if word in ("+0", "−0") else word


def _said(look: Look) -> str:
    return (
        f"after {look.samples:,} outcomes: {points(look.estimate)} points ({points(look.low)} to {points(look.high)})"
    )


def _between(plot: Plot, upper: Sequence[float | None], lower: Sequence[float | None]) -> str:
    found: list[str] = []
    run: list[tuple[int, float, float]] = []
    for place, (one, other) in enumerate(zip([*upper, None], [*lower, None], strict=True)):
        if one is not None and other is not None and one > other:
            run.append((place, one, other))
            continue
        if len(run) > 1:
            edge = [(plot.x(at), plot.y(high)) for at, high, _ in run]
            edge += [(plot.x(at), plot.y(low)) for at, _, low in reversed(run)]
            found.append(f'<polygon class="spared" points="{" ".join(f"{px(x)},{px(y)}" for x, y in edge)}"/>')
        run = []
    return "".join(found)


def _course(plot: Plot, labels: Sequence[str], values: Sequence[float | None], look: str, name: str) -> str:
    runs: list[list[str]] = [[]]
    marks = []
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x, y = px(plot.x(place)), px(plot.y(value))
        runs[-1].append(f"{x},{y}")
        said = escape(f"{labels[place]}, {name}: {percent(value)}")
        marks.append(f'<circle class="touch" cx="{x}" cy="{y}" r="5"><title>{said}</title></circle>')
    lines = "".join(f'<polyline class="course" points="{" ".join(run)}"/>' for run in runs if run)
    return f'<g class="{look}">{lines}{"".join(marks)}</g>'


def _flag(plot: Plot, flag: Flag, y: float) -> str:
    x = plot.x(flag.place)
    ends = x + 14 + len(flag.word) * 6.6 > plot.right
    side, shift = ("end", -14) if ends else ("start", 14)
    return (
        f'<line class="event" x1="{px(x)}" x2="{px(x)}" y1="{px(y)}" y2="{px(plot.bottom)}"/>'
        f'<a href="#c{flag.chapter}" aria-label="{escape(f"Chapter {flag.chapter}: {flag.word}")}"><g class="flag">'
        f'<circle cx="{px(x)}" cy="{px(y)}" r="9"/>{words_at(x, y + 4, str(flag.chapter), "middle", "on")}</g></a>'
        + words_at(x + shift, y + 4, flag.word, side, "small strong")
    )
