"""Pictures of graphs: no box on another, no arrow across a box, whatever the graph; words that fit, all escaped."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from mlops import lineage_drawing, lineage_page
from mlops.lineage_graph import Column, Edge, Graph, Live, Node
from mlops.lineage_layout import GUTTER, WIDTH, Drawing, layout
from tests.unit.mlops.manifests import BASE, NEEDS, manifest
from tests.unit.monitoring.markup import Page as Strict

EVIL = "<b onclick=x>\"'&"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
ROUNDED = 0.06  # coordinates are written to a tenth


class Page(Strict):
    """A page may link to the console and into itself, and to nothing else."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            (given,) = attrs
            assert given[0] == "href"
            assert str(given[1]).startswith(("https://eu-west-1.console.aws.amazon.com/", "#"))
            self._open.append(tag)
            self.tags.append((tag, {"href": str(given[1])}))
        else:
            super().handle_starttag(tag, attrs)


def made(seed: int) -> tuple[list[list[str]], dict[str, float], list[tuple[str, str]]]:
    """10 to 40 boxes in up to 8 columns; arrows to the right, and chains within a column."""
    chance = random.Random(seed)
    columns: list[list[str]] = [[] for _ in range(chance.randint(2, 8))]
    names = [f"n{number}" for number in range(chance.randint(10, 40))]
    for place, name in enumerate(names):
        columns[place if place < len(columns) else chance.randrange(len(columns))].append(name)
    at = {name: place for place, column in enumerate(columns) for name in column}
    edges = [
        (one, other)
        for one in names
        for other in names
        if at[one] < at[other] and chance.random() < 0.08
    ]  # fmt: skip
    for column in columns:
        edges += [pair for pair in pairwise(column) if chance.random() < 0.4]
        edges += [pair for pair in zip(column, column[2:], strict=False) if chance.random() < 0.1]
    return columns, {name: chance.choice([38.0, 53.0, 68.0]) for name in names}, edges


def curves(path: str) -> Iterator[tuple[tuple[float, float], ...]]:
    """The pieces of a path, each as the four points of a Bézier curve."""
    at = (0.0, 0.0)
    for letter, rest in re.findall(r"([MHVC])([^MHVC]*)", path):
        numbers = [float(each) for each in NUMBER.findall(rest)]
        match letter:
            case "M":
                at = (numbers[0], numbers[1])
                continue
            case "H":
                to = (numbers[0], at[1])
                yield at, at, to, to
            case "V":
                to = (at[0], numbers[0])
                yield at, at, to, to
            case _:
                one, other, to = zip(numbers[::2], numbers[1::2], strict=True)
                yield at, one, other, to
        at = to


def along(piece: tuple[tuple[float, float], ...], steps: int = 40) -> Iterator[tuple[float, float]]:
    for step in range(steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        yield tuple(sum(w * p[axis] for w, p in zip(weights, piece, strict=True)) for axis in (0, 1))  # type: ignore[misc]


def boxes_apart(drawing: Drawing) -> None:
    placed = list(drawing.boxes.values())
    for number, one in enumerate(placed):
        assert one.y >= -ROUNDED and one.y + one.height <= drawing.height + ROUNDED
        for other in placed[number + 1 :]:
            if one.x == other.x:
                assert one.y + one.height + 8 <= other.y or other.y + other.height + 8 <= one.y


def arrows_clear(drawing: Drawing) -> None:
    for arrow in drawing.arrows:
        for piece in curves(arrow.path):
            # A curve stays within its four points: what lies outside of all of them needs no closer look.
            (left, right), (top, bottom) = ((min(values), max(values)) for values in zip(*piece, strict=True))
            near = [
                box
                for box in drawing.boxes.values()
                if box.x <= right and left <= box.x + WIDTH and box.y <= bottom and top <= box.y + box.height
            ]
            for x, y in along(piece) if near else ():
                for box in near:
                    inside = box.x + ROUNDED < x < box.x + WIDTH - ROUNDED
                    assert not (inside and box.y + ROUNDED < y < box.y + box.height - ROUNDED), arrow


@pytest.mark.parametrize("seed", range(60))
def test_no_box_lies_on_another_and_no_arrow_crosses_one(seed: int) -> None:
    columns, heights, edges = made(seed)
    drawing = layout(columns, heights, edges)
    assert drawing.boxes.keys() == heights.keys()
    boxes_apart(drawing)
    arrows_clear(drawing)


def test_columns_come_from_left_to_right_with_room_between() -> None:
    drawing = layout([["a"], ["b"], ["c"]], dict.fromkeys("abc", 40.0), [("a", "b"), ("a", "c")])
    assert [drawing.boxes[name].x for name in "abc"] == [0, WIDTH + GUTTER, 2 * (WIDTH + GUTTER)]
    assert drawing.width == 3 * WIDTH + 2 * GUTTER


def test_a_level_arrow_is_level() -> None:
    drawing = layout([["a"], ["b"]], {"a": 40.0, "b": 60.0}, [("a", "b")])
    assert drawing.boxes["a"].y + 20 == drawing.boxes["b"].y + 30


def drawn(told: dict[str, Any] | None = None) -> Graph:
    live = Live(BASE, "InService", "config-7", 3, "champion", 100.0)
    return lineage_drawing.graph(told or manifest(), live, NEEDS)


def page(graph: Graph, missing: tuple[str, ...] = ()) -> Page:
    return Page(lineage_page.html("loan-approval, version 3", [("Owner", EVIL)], graph, missing,
                                  lineage_page.console("eu-west-1")))  # fmt: skip


def test_every_identifier_is_on_the_page_and_what_has_a_page_is_linked() -> None:
    graph = drawn()
    told = page(graph, ("images: not told",))
    for node in graph.nodes:
        for name, value in node.ids:
            assert name in told.text
            assert value in told.text
    assert "images: not told" in told.text
    links = [given["href"] for tag, given in told.tags if tag == "a"]
    assert any("/s3/object/mlops-local-artifacts" in link and link.endswith("model.tar.gz") for link in links)
    assert any("/s3/buckets/mlops-local-data" in link for link in links)
    assert any(link.endswith(f"#/endpoints/{BASE}") for link in links)


def test_the_local_aws_has_no_pages_to_link_to() -> None:
    markup = lineage_page.html("x", [], drawn(), [], lineage_page.nowhere)
    assert "<a" not in markup


def test_every_box_names_itself_and_its_number_in_the_table() -> None:
    graph = drawn()
    told = page(graph)
    assert told.count("g", kind="node") == len(graph.nodes)
    assert sum("uri: s3://" in title for title in told.titles) == 5
    assert told.count("svg", role="img") == 1
    numbers = [int(each) for each in re.findall(r"(\d+)  [a-z]", told.text)]
    assert sorted(numbers) == list(range(1, len(graph.nodes) + 1))


def test_names_from_data_are_escaped() -> None:
    told = manifest()
    told["data"]["inputs"][0]["uri"] = f"s3://{EVIL}/{EVIL}"
    told["pipeline"]["steps"][1]["name"] = told["approvals"][0]["why"] = told["card"]["name"] = EVIL
    told["releases"][0]["outcome"] = told["metrics"][EVIL] = EVIL
    assert page(drawn(told), (EVIL,)).count("b") == 0


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("short", ["short"]),
        ("mlops-local-loan-approval", ["mlops-local-loan-", "approval"]),
        ("EvaluateTunedModelAgain", ["EvaluateTunedModel", "Again"]),
        ("c0" * 20, ["c0" * 9, "…" + ("c0" * 20)[-17:]]),
    ],
)
def test_titles_take_two_lines_at_most_and_break_where_a_word_ends(title: str, lines: list[str]) -> None:
    assert lineage_page._wrapped(title) == lines


@pytest.mark.parametrize("count", [1, 12, 40])
def test_words_stay_inside_their_box(count: int) -> None:
    """By 8 px a character of a title and 7 of a line, as wide fonts have them."""
    nodes = tuple(
        Node(f"n{place}", Column(place % 8), "endpoint configuration", "w" * place, ("m" * place,))
        for place in range(1, count + 1)
    )
    markup = lineage_page.picture("x", Graph(nodes, (Edge("n1", f"n{count}"),) if count > 1 else ()))
    titles = re.findall(r'class="name"[^>]*>([^<]*)<', markup)
    lines = re.findall(r'class="small"[^>]*>([^<]*)<', markup)
    assert len(titles) >= count
    assert all(9 + 8 * len(text) <= WIDTH for text in titles)
    assert all(9 + 7 * len(text) <= WIDTH for text in lines)
