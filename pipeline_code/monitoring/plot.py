"""Where things are in a picture, and the shapes that stand there."""

from __future__ import annotations

import math
from html import escape
from typing import List, Optional, Sequence, Tuple

from monitoring.figures import number

CHARACTER = 6.4
"""Mean width of a character of 12 px."""
_LONGEST = 24  # characters of a name beside a row

Maybe = Optional[float]


class Plot:
    """Where things are in a chart with a scale to the left and places below."""

    def __init__(
        self, width: int, height: int, places: int, ticks: Sequence[float], words: Sequence[str], top: int = 10
    ):
        self.left = max(len(word) for word in words) * CHARACTER + 10
        self.right, self.top, self.bottom = float(width - 8), float(top), float(height - 26)
        self._places, self._ticks, self._words = max(1, places), ticks, words

    @property
    def wide(self) -> float:
        """Width of one place."""
        return (self.right - self.left) / self._places

    def x(self, place: int) -> float:
        return self.left + (place + 0.5) * self.wide

    def edge(self, place: int) -> float:
        return self.left + place * self.wide

    def y(self, value: float) -> float:
        low, high = self._ticks[0], self._ticks[-1]
        return self.bottom - (min(max(value, low), high) - low) / (high - low) * (self.bottom - self.top)

    def grid(self) -> str:
        return "".join(
            f'<line class="grid" x1="{px(self.left)}" x2="{px(self.right)}" y1="{px(y)}" y2="{px(y)}"/>'
            + words_at(self.left - 6, y + 4, word, "end", "small")
            for y, word in ((self.y(tick), word) for tick, word in zip(self._ticks, self._words))
        )

    def places(self, labels: Sequence[str]) -> str:
        return below(labels, self.left, self.wide, self.bottom + 18, self.right + 8)

    def edges(self, edges: Sequence[float]) -> str:
        """Edges of a histogram, as many as have room."""
        words = [rounded(edge) for edge in edges]
        every = step_of(words, self.wide)
        return "".join(
            words_at(self.edge(place), self.bottom + 18, word, "middle", "small")
            for place, word in enumerate(words)
            if place % every == 0 and self.edge(place) + len(word) * 3.1 <= self.right + 8
        )


def scale(values: Sequence[Maybe], zero: bool) -> List[float]:
    """A few round numbers that hold all values; at least two, apart."""
    known = [each for each in values if each is not None] + ([0.0] if zero else [])
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-12 * max(1.0, abs(high)):
        pad = abs(high) * 0.1 or 1.0
        low, high = (low if zero and low == 0 else low - pad), high + pad
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    size *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (size * factor) <= 5)
    first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
    return [round(place * size, 12) for place in range(first, max(last, first + 1) + 1)]


def below(labels: Sequence[str], left: float, wide: float, y: float, end: float) -> str:
    """Names of places below a chart, as many as have room."""
    every = step_of(labels, wide)
    places = ((left + (place + 0.5) * wide, label) for place, label in enumerate(labels) if place % every == 0)
    return "".join(words_at(x, y, label, "middle", "small") for x, label in places if x + len(label) * 3.1 <= end)


def room_beside(names: Sequence[str]) -> float:
    """Room for names to the left of rows."""
    return max([len(clipped(name)) for name in names] or [0]) * CHARACTER * 1.06 + 14


def clipped(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def step_of(labels: Sequence[str], wide: float) -> int:
    """Each how many-th label has room."""
    longest = max([len(label) for label in labels] or [1]) * 6.2 + 8
    needed = longest / max(wide, 1e-9)
    # Steps that fall on the same months of each year.
    return next((every for every in (1, 2, 3, 4, 6, 12) if every >= needed), 12 * math.ceil(needed / 12))


def dot(x: float, y: float, said: str) -> str:
    return f'<circle cx="{px(x)}" cy="{px(y)}" r="3.5"><title>{escape(said)}</title></circle>'


def square(x: float, y: float, said: str) -> str:
    return f'<rect x="{px(x - 3)}" y="{px(y - 3)}" width="6" height="6"><title>{escape(said)}</title></rect>'


def diamond(x: float, y: float, size: float, said: str, kind: str = "mark") -> str:
    points = f"{px(x)},{px(y - size)} {px(x + size)},{px(y)} {px(x)},{px(y + size)} {px(x - size)},{px(y)}"
    return f'<polygon class="{kind}" points="{points}"><title>{escape(said)}</title></polygon>'


def words_at(x: float, y: float, words: str, anchor: str, look: str = "", tip: str = "") -> str:
    kind = f' class="{look}"' if look else ""
    more = f"<title>{escape(tip)}</title>" if tip and tip != words else ""
    return f'<text{kind} x="{px(x)}" y="{px(y)}" text-anchor="{anchor}">{escape(words)}{more}</text>'


def is_known(value: Maybe) -> bool:
    return value is not None and math.isfinite(value)


def px(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def picture(title: str, kind: str, box: Tuple[float, float, float, float], parts: Sequence[str]) -> str:
    """Parts as one SVG. title: what a screen reader says of it; kind: its class; box: left, top, width, height."""
    # A picture with links inside is a group for screen readers: an image would hide them.
    role = "group" if any("<a " in part for part in parts) else "img"
    return (
        f'<svg class="chart {kind}" viewBox="{" ".join(map(px, box))}" role="{role}" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def rounded(value: float) -> str:
    """An edge of a bin, which nobody needs to know more exactly."""
    return number(float(f"{value:.2g}"))
