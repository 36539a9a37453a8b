"""What the console page draws of facts, as SVG text: a pipeline's graph, an experiment's looks, alarms over time. Pure.

The looks are those of the monitors' report (monitoring.page, monitoring.plot): nothing in a picture runs or fetches,
and every mark says in words what it stands for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise

from mlops import lineage_page, words
from mlops.lineage_layout import layout
from mlops.lineage_steps import shown
from mlops.situation.facts import NOT_RUN, PENDING, Experiment, Look, Run, Step
from monitoring import charts, figures, page
from monitoring.charts import Cell
from monitoring.findings import Finding, Judgement
from monitoring.plot import clipped, picture, px, room_beside, scale, words_at

STYLE = page.STYLE + lineage_page.STYLE
"""What the pictures need of CSS, before the page's own."""
HEAT_LEGEND = charts.heat_legend()
"""HTML: what the colours of `heat` stand for."""

_BOX, _TALL, _GUTTER = 128.0, 48.0, 26.0
_TONES = {"Succeeded": "good", "Failed": "bad", "Executing": "busy", "Stopping": "warn", "Stopped": "warn"}
_STATES = {PENDING: "waits", NOT_RUN: "not needed"}
_HUMPS = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]+(?![a-z])")
_CHARACTERS = 17

_WIDE = 800.0
_HIGHEST = 3.2
"""The scale of an experiment holds so many times the newest interval: the first ones say next to nothing."""


def graph(run: Run) -> str:
    """A run's steps from left to right, each with its state; arrows lead from what a step waits for."""
    needs = shown({step.name: frozenset(step.needs) for step in run.steps}, [step.name for step in run.steps])
    depth: dict[str, int] = {}
    for step in run.steps:
        depth[step.name] = _depth(step.name, needs, depth)
    columns = [[name for name in depth if depth[name] == place] for place in range(max(depth.values(), default=-1) + 1)]
    edges = [(other, name) for name in depth for other in sorted(needs.get(name, ()))]
    drawn = layout(columns, dict.fromkeys(depth, _TALL), edges, width=_BOX, gutter=_GUTTER)
    steps = {step.name: step for step in run.steps}
    parts = []
    for (_, name), arrow in zip(edges, drawn.arrows, strict=True):
        x, y = arrow.end
        quiet = " quiet" if steps[name].status in _STATES else ""
        parts.append(
            f'<g class="flow-of{quiet}"><path class="flow" d="{arrow.path}"/>'
            f'<polygon class="tip" points="{px(x)},{px(y)} {px(x - 6)},{px(y - 3.5)} {px(x - 6)},{px(y + 3.5)}"/></g>'
        )
    parts += [_step(steps[name], box.x, box.y) for name, box in drawn.boxes.items()]
    counted = ", ".join(f"{step.name} {state(step)}" for step in run.steps)
    return picture(f"Steps of {run.pipeline}: {counted}", "steps", (-2, -2, drawn.width + 4, drawn.height + 4), parts)


def state(step: Step) -> str:
    """A step's state in a word or two."""
    if step.outcome:
        return "yes" if step.outcome == "True" else "no"
    if step.status == "Succeeded":
        return "as before (cached)" if step.cached else f"done, {_seconds(step.seconds)}"
    return _STATES.get(step.status, "runs" if step.status == "Executing" else step.status.lower())


def looks(experiment: Experiment) -> str:
    """The difference between candidate and champion with its interval, look by look, and where it is decided.

    To the right goes the share of the planned information. The dashed curves are the boundary: an estimate beyond
    them has an interval without zero (a repeated confidence interval is as wide as the boundary is high).
    """
    newest = experiment.latest
    planned = newest.rule == "planned"
    most = max([_HIGHEST * _half(newest), *(1.3 * abs(look.estimate) for look in experiment.looks)])
    ticks = scale([-100 * most, 100 * most], zero=True)
    form = [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in ticks]
    plot = _Plot(_WIDE, 300.0, ticks, max(len(each) for each in form) * 6.4 + 16)
    parts = [
        plot.level("grid", tick) + words_at(plot.left - 6, plot.y(tick) + 4, word, "end", "small")
        for tick, word in zip(ticks, form, strict=True)
    ]
    parts += [
        words_at(plot.x(share), plot.bottom + 18, f"{100 * share:.0f} %", "end" if share == 1 else "middle", "small")
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    parts.append(plot.level("zero", 0))
    if planned and newest.progress > 0:
        parts += _boundary(plot, newest)
    parts += _estimates(plot, experiment.looks, newest)
    said = (
        f"Version {experiment.version} against the champion, {len(experiment.looks)} looks; the newest: "
        f"{words.verdict(_figures(newest))}"
    )
    return picture(said, "looks", (0, 0, _WIDE, plot.bottom + 26), parts)


@dataclass(frozen=True)
class _Plot:
    """A scale of percentage points upwards, of shares of the information to the right."""

    width: float
    height: float
    ticks: Sequence[float]
    left: float

    @property
    def right(self) -> float:
        return self.width - 10

    @property
    def bottom(self) -> float:
        return self.height - 30

    def level(self, look: str, points: float) -> str:
        y = px(self.y(points))
        return f'<line class="{look}" x1="{px(self.left)}" x2="{px(self.right)}" y1="{y}" y2="{y}"/>'

    def x(self, share: float) -> float:
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def y(self, points: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom - (min(max(points, low), high) - low) / (high - low) * (self.bottom - 10)


def _boundary(plot: _Plot, newest: Look) -> list[str]:
    """Where an estimate decides: as far from zero as an interval is wide, which narrows as information grows."""
    half = 100 * _half(newest) * newest.progress
    first = half / plot.ticks[-1]
    shares = [first + (1 - first) * place / 60 for place in range(61)]
    curves = []
    for side, word in ((1, "better"), (-1, "worse")):
        points = " ".join(f"{px(plot.x(share))},{px(plot.y(side * half / share))}" for share in shares)
        edge = plot.ticks[-1 if side > 0 else 0]
        field = f"{points} {px(plot.right)},{px(plot.y(edge))}"
        curves.append(
            f'<g class="beyond {word}"><polygon points="{field}"/><polyline points="{points}"/></g>'
            + words_at(
                plot.right - 8, plot.y(edge) + (18 if side > 0 else -8), f"decided: {word}", "end", f"{word} small"
            )
        )
    return curves


def _estimates(plot: _Plot, taken: Sequence[Look], newest: Look) -> list[str]:
    points = [(plot.x(look.progress), plot.y(100 * look.estimate)) for look in taken]
    course = " ".join(f"{px(x)},{px(y)}" for x, y in points)
    parts = [f'<polyline class="course" points="{course}"/>'] if len(points) > 1 else []
    for (x, y), look in zip(points, taken, strict=True):
        tip = escape(f"{words.moment(look.at)}: {words.verdict(_figures(look))}")
        last = " newest" if look is newest else ""
        top, bottom = plot.y(100 * look.high), plot.y(100 * look.low)
        parts.append(
            f'<g class="look{last}"><title>{tip}</title>'
            f'<line class="whisker" x1="{px(x)}" x2="{px(x)}" y1="{px(top)}" y2="{px(bottom)}"/>'
            f'<circle cx="{px(x)}" cy="{px(y)}" r="{5 if last else 3}"/></g>'
        )
    return [f'<g class="a">{"".join(parts)}</g>']


def _half(look: Look) -> float:
    """Half of an interval's width."""
    return max((look.high - look.low) / 2, 1e-6)


def _figures(look: Look) -> Mapping[str, object]:
    return {
        "decision": look.decision, "estimate": look.estimate, "low": look.low, "high": look.high,
        "samples": look.samples, "horizon": look.horizon, "progress": look.progress, "looks": look.number,
    }  # fmt: skip


@dataclass(frozen=True)
class Change:
    """An alarm that came to be in another state."""

    alarm: str
    at: datetime
    state: str
    reason: str = ""


def alarms(changes: Sequence[Change], names: Mapping[str, str], now: datetime) -> str:
    """When which alarm was in ALARM, a row each, from the first change on; "" where none ever was.

    names: what each alarm is called on the page, by its name; others are left out.
    """
    told = sorted((each for each in changes if each.alarm in names), key=lambda each: each.at)
    rang = list(dict.fromkeys(each.alarm for each in told if each.state == "ALARM"))
    if not rang:
        return ""
    start, end = told[0].at, max(now, told[-1].at + timedelta(seconds=1))
    left, tall = room_beside([names[each] for each in rang]), 28.0
    wide = (_WIDE - left - 10) / (end - start).total_seconds()

    def x(at: datetime) -> float:
        return left + (at - start).total_seconds() * wide

    parts = []
    for row, name in enumerate(rang):
        middle = row * tall + tall / 2
        own = [each for each in told if each.alarm == name]
        parts.append(words_at(left - 10, middle + 4, clipped(names[name]), "end", tip=name))
        parts.append(f'<line class="grid" x1="{px(left)}" x2="{px(x(end))}" y1="{px(middle)}" y2="{px(middle)}"/>')
        for change, after in [*pairwise(own), (own[-1], None)]:
            if change.state == "ALARM":
                until = after.at if after else end
                still = "" if after else " and still is"
                span = f"from {words.moment(change.at)} to {words.moment(until)}{still}"
                tip = f"{names[name]} in ALARM {span}. {change.reason}"
                parts.append(
                    f'<rect class="ringing" x="{px(x(change.at))}" width="{px(max(4, x(until) - x(change.at)))}" '
                    f'y="{px(middle - 8)}" height="16" rx="3"><title>{escape(" ".join(tip.split()))}</title></rect>'
                )
    bottom = len(rang) * tall
    for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end")):
        at = start + (end - start) * share
        parts.append(words_at(x(at), bottom + 16, _clock(at, end - start), anchor, "small"))
    return picture(f"{len(rang)} alarms that have been in ALARM", "wide", (0, 0, _WIDE, bottom + 24), parts)


def heat(title: str, judged: Sequence[Judgement]) -> str:
    """How far each subject of a monitor is from its limit, window by window; what breached most often comes first."""
    labels = figures.labels([each.window for each in judged])
    found: dict[str, dict[int, Finding]] = {}
    for place, each in enumerate(judged):
        for one in each.findings:
            if one.threshold <= 0 and not one.large:
                continue  # told without a limit
            row = found.setdefault(one.subject, {})
            if place not in row or _rank(one) > _rank(row[place]):
                row[place] = one
    order = sorted(found, key=lambda name: (-sum(one.breaches for one in found[name].values()), name))
    cells = [[_cell(found[name].get(place), labels[place]) for place in range(len(judged))] for name in order]
    return charts.heatmap(title, order, labels, cells) if order else ""


def _rank(one: Finding) -> tuple[bool, float]:
    return one.breaches, figures.times(one.value, one.threshold) or 0.0


def _cell(one: Finding | None, label: str) -> Cell | None:
    if one is None:
        return None
    return Cell(one.value, figures.times(one.value, one.threshold), one.breaches, f"{label}: {one.text}")


def _depth(name: str, needs: Mapping[str, frozenset[str]], known: dict[str, int]) -> int:
    if name not in known:
        known[name] = 1 + max((_depth(other, needs, known) for other in needs.get(name, ())), default=-1)
    return known[name]


def _step(step: Step, x: float, y: float) -> str:
    tone = _TONES.get(step.status, "quiet")
    tip = f"{step.name}: {step.status}" + (f". {step.reason}" if step.reason else "")
    text = [
        f'<rect class="box" x="{px(x)}" y="{px(y)}" width="{px(_BOX)}" height="{px(_TALL)}" rx="6"/>',
        words_at(x + 10, y + 20, _short(step.name), "start", "name"),
        words_at(x + 10, y + 37, state(step), "start", "small"),
    ]
    return f'<g class="node {tone}"><title>{escape(tip)}</title>{"".join(text)}</g>'


def _short(name: str) -> str:
    """A name that fits a box: what is longer loses its end, by whole words where it has some."""
    if len(name) <= _CHARACTERS:
        return name
    text = ""
    for part in _HUMPS.findall(name):
        if len(text) + len(part) > _CHARACTERS - 1:
            break
        text += part
    return (text or name[: _CHARACTERS - 1]) + "…"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "no time"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _clock(at: datetime, span: timedelta) -> str:
    return f"{at:%H:%M:%S}" if span < timedelta(hours=1) else f"{at:%d %b %H:%M}"
