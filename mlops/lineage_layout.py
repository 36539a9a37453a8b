"""Where the boxes and arrows of a graph in columns go: no box on another, no arrow across a box. Pure.

As Sugiyama, Tagawa and Toda draw layered graphs (1981): an arrow over several columns gets a place of its own in each
column that it passes, and places are moved to where their neighbours are, as far as the order in the column lets them
(pool adjacent violators, which solves that exactly for one column at a time). Boxes that follow each other in a column
stand below each other as one block.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, GUTTER = 156.0, 46.0
BETWEEN, LINKED, PASSING = 16.0, 24.0, 10.0
"""Room between boxes, between boxes with an arrow from one to the next, and around an arrow that passes."""
_SWEEPS = 8
_BEND = 0.55

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """Left upper corner and height; all boxes of a drawing are as wide."""

    x: float
    y: float
    height: float


@dataclass(frozen=True)
class Arrow:
    """An SVG path, its end, and whether it arrives from above (else from the left)."""

    path: str
    end: Point
    down: bool = False


@dataclass(frozen=True)
class Drawing:
    """boxes: by node; arrows: in the order of the edges; columns: their left ends; spans: tops and bottoms of all in
    a column, passing arrows included."""

    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]
    columns: tuple[float, ...]
    spans: tuple[Point, ...]
    width: float
    height: float


@dataclass
class _Slot:
    """What stands in a column: a block of boxes, or an arrow that passes."""

    names: tuple[str, ...]
    offsets: tuple[float, ...]
    height: float
    passing: bool = False
    y: float = 0.0
    links: list[tuple["_Slot", float, float]] = field(default_factory=list)  # other, port here, port there

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def layout(
    columns: Sequence[Sequence[str]],
    heights: Mapping[str, float],
    edges: Iterable[tuple[str, str]],
    *,
    width: float = WIDTH,
    gutter: float = GUTTER,
) -> Drawing:
    """Place the nodes of each column (from above, as given where nothing asks for another order).

    Edges lead to a column further right, or from a node to one below it in its own column. width: of every box;
    gutter: between columns.
    """
    return _Layout(columns, heights, list(edges), width, gutter).drawing()


class _Layout:
    def __init__(
        self,
        columns: Sequence[Sequence[str]],
        heights: Mapping[str, float],
        edges: Sequence[tuple[str, str]],
        width: float,
        gutter: float,
    ) -> None:
        self._heights, self._edges, self._width, self._gutter = heights, edges, width, gutter
        self._column = {name: place for place, names in enumerate(columns) for name in names}
        self._slots = [self._blocks(names) for names in columns]
        self._of = {name: slot for column in self._slots for slot in column for name in slot.names}
        self._passes: dict[int, list[_Slot]] = {}

    def drawing(self) -> Drawing:
        self._link_neighbours()
        for column in self._slots:
            self._stack(column)
        for _ in range(2):
            self._sort()
        self._pass()
        for sweep in range(_SWEEPS):
            for column in self._slots if sweep % 2 == 0 else reversed(self._slots):
                _settle(column)
        top = min((slot.y for column in self._slots for slot in column), default=0.0)
        for column in self._slots:
            for slot in column:
                slot.y -= top
        boxes = {
            name: Box(self._x(place), slot.y + offset, self._heights[name])
            for place, column in enumerate(self._slots)
            for slot in column
            if not slot.passing
            for name, offset in zip(slot.names, slot.offsets, strict=True)
        }
        height = max((slot.y + slot.height for column in self._slots for slot in column), default=0.0)
        lefts = tuple(self._x(place) for place in range(len(self._slots)))
        spans = tuple(
            (min(slot.y for slot in column), max(slot.y + slot.height for slot in column)) for column in self._slots
        )
        return Drawing(boxes, self._arrows(boxes), lefts, spans, self._x(len(lefts)) - self._gutter, height)

    def _x(self, column: int) -> float:
        return column * (self._width + self._gutter)

    def _blocks(self, names: Sequence[str]) -> list[_Slot]:
        """Boxes that are linked within the column are one block, in the order given."""
        block = {name: name for name in names}

        def root(name: str) -> str:
            while block[name] != name:
                name = block[name]
            return name

        for source, target in self._edges:
            if source in block and target in block:
                block[root(target)] = root(source)
        together: dict[str, list[str]] = {}
        for name in names:
            together.setdefault(root(name), []).append(name)
        return [self._slot(members) for members in together.values()]

    def _slot(self, names: Sequence[str]) -> _Slot:
        offsets, y = [], 0.0
        for before, name in zip([None, *names], names, strict=False):
            if before is not None:
                y += LINKED if (before, name) in self._edges else BETWEEN
            offsets.append(y)
            y += self._heights[name]
        return _Slot(tuple(names), tuple(offsets), y)

    def _port(self, name: str) -> float:
        """Where arrows meet a box, from the top of its block."""
        slot = self._of[name]
        return slot.offsets[slot.names.index(name)] + self._heights[name] / 2

    def _link(self, one: _Slot, port: float, other: _Slot, other_port: float) -> None:
        one.links.append((other, port, other_port))
        other.links.append((one, other_port, port))

    def _link_neighbours(self) -> None:
        for source, target in self._edges:
            if self._column[target] - self._column[source] == 1:
                self._link(self._of[source], self._port(source), self._of[target], self._port(target))

    def _stack(self, column: list[_Slot]) -> None:
        """One below the other, around the middle."""
        y = 0.0
        for before, slot in zip([None, *column], column, strict=False):
            y += _gap(before, slot) if before else 0.0
            slot.y = y
            y += slot.height
        for slot in column:
            slot.y -= y / 2

    def _sort(self) -> None:
        """Blocks by where their neighbours are; those without stay where they are."""
        for column in self._slots:
            column.sort(key=lambda slot: _wanted(slot) + slot.height / 2)
            self._stack(column)

    def _pass(self) -> None:
        """Places for arrows over several columns, near the straight line between their ends."""
        for number, (source, target) in enumerate(self._edges):
            first, last = self._column[source], self._column[target]
            if last - first < 2:
                continue
            begin = self._of[source].y + self._port(source)
            end = self._of[target].y + self._port(target)
            chain = []
            for column in range(first + 1, last):
                slot = _Slot((), (), 0.0, passing=True)
                slot.y = begin + (end - begin) * (column - first) / (last - first)
                chain.append(slot)
            ends = [(self._of[source], self._port(source)), *((slot, 0.0) for slot in chain),
                    (self._of[target], self._port(target))]  # fmt: skip
            for (one, port), (other, other_port) in pairwise(ends):
                self._link(one, port, other, other_port)
            for column, slot in zip(range(first + 1, last), chain, strict=True):
                self._slots[column].append(slot)
            self._passes[number] = chain
        for slots in self._slots:
            slots.sort(key=lambda slot: slot.middle)
            _settle(slots)

    def _arrows(self, boxes: Mapping[str, Box]) -> tuple[Arrow, ...]:
        leaving, arriving = self._ports(boxes, 0), self._ports(boxes, 1)
        found = []
        for number, (source, target) in enumerate(self._edges):
            one, other = boxes[source], boxes[target]
            if self._column[source] == self._column[target]:
                found.append(self._within(one, other, source, target))
                continue
            points = [(one.x + self._width, leaving[number])]
            for column, slot in enumerate(self._passes.get(number, ()), self._column[source] + 1):
                points += [(self._x(column), slot.y), (self._x(column) + self._width, slot.y)]
            points.append((other.x, arriving[number]))
            found.append(Arrow(_path(points), points[-1]))
        return tuple(found)

    def _within(self, one: Box, other: Box, source: str, target: str) -> Arrow:
        names = self._of[source].names
        if names.index(target) == names.index(source) + 1:
            x = one.x + self._width / 2
            return Arrow(f"M{_px(x)} {_px(one.y + one.height)}V{_px(other.y)}", (x, other.y), down=True)
        # Past the boxes between, to the left of them.
        start, end, x = one.y + one.height * 0.65, other.y + other.height * 0.35, one.x
        out = x - self._gutter * 0.4
        path = f"M{_px(x)} {_px(start)}C{_px(out)} {_px(start)} {_px(out)} {_px(end)} {_px(x)} {_px(end)}"
        return Arrow(path, (x, end))

    def _ports(self, boxes: Mapping[str, Box], side: int) -> dict[int, float]:
        """Where each edge meets its box: apart from each other, in the order of what they come from or go to."""
        by_node: dict[str, list[tuple[float, int]]] = {}
        for number, edge in enumerate(self._edges):
            if self._column[edge[0]] != self._column[edge[1]]:
                passed = self._passes.get(number)
                far = boxes[edge[1 - side]]
                towards = passed[-1 if side else 0].y if passed else far.y + far.height / 2
                by_node.setdefault(edge[side], []).append((towards, number))
        found = {}
        for name, listed in by_node.items():
            box = boxes[name]
            for place, (_, number) in enumerate(sorted(listed)):
                room = min(9.0, box.height * 0.7 / len(listed))
                found[number] = box.y + box.height / 2 + (place - (len(listed) - 1) / 2) * room
        return found


def _gap(one: _Slot, other: _Slot) -> float:
    return PASSING if one.passing or other.passing else BETWEEN


def _wanted(slot: _Slot) -> float:
    """The place at which its arrows would be level; its own where it has none."""
    if not slot.links:
        return slot.y
    return sum(other.y + there - here for other, here, there in slot.links) / len(slot.links)


def _settle(column: Sequence[_Slot]) -> None:
    """The places nearest to those wanted that keep the order and the room between: by pooling what would collide."""
    pools: list[tuple[float, float, int]] = []  # sum of weights, weighted sum of wanted places, how many slots
    shift, shifts = 0.0, []
    for before, slot in zip([None, *column], column, strict=False):
        shift += before.height + _gap(before, slot) if before else 0.0
        shifts.append(shift)
        weight = float(max(1, len(slot.links)))
        pools.append((weight, weight * (_wanted(slot) - shift), 1))
        while len(pools) > 1 and pools[-2][1] / pools[-2][0] > pools[-1][1] / pools[-1][0]:
            last = pools.pop()
            pools[-1] = (pools[-1][0] + last[0], pools[-1][1] + last[1], pools[-1][2] + last[2])
    places = iter(column)
    offsets = iter(shifts)
    for weight, total, count in pools:
        for _ in range(count):
            next(places).y = total / weight + next(offsets)


def _path(points: Sequence[Point]) -> str:
    """Level within a column, bent between columns."""
    text = f"M{_px(points[0][0])} {_px(points[0][1])}"
    for place, (x, y) in enumerate(points[1:]):
        x0, y0 = points[place]
        if place % 2:
            text += f"H{_px(x)}"
            continue
        bend = (x - x0) * _BEND
        text += f"C{_px(x0 + bend)} {_px(y0)} {_px(x - bend)} {_px(y)} {_px(x)} {_px(y)}"
    return text


def _px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
