"""The picture of the README is what the script draws from today's templates, and says nothing that they do not."""

import copy
import importlib.util
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.pages import ROOT, links


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs" / "pictures" / "architecture.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["architecture"] = module  # dataclasses look there for annotations
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_is_up_to_date(theme: str, picture: ModuleType) -> None:
    drawn = picture.drawn(picture.templates(), theme)
    committed = picture.place(theme).read_text(encoding="utf-8")
    assert drawn == committed, "draw it anew: .venv/bin/python docs/pictures/architecture.py"
    ElementTree.fromstring(drawn)
    assert f"docs/pictures/architecture-{theme}.svg" in links("README.md")


def test_no_word_leaves_its_box(picture: ModuleType) -> None:
    found = picture.templates()
    for box in picture.BOXES:
        lines = [part for line in box.lines(found[box.stack]) for part in picture._filled(line, found[box.stack])]
        assert 47 + 18 * (len(lines) - 1) < box.height, box.stack
        # What a letter of this size takes on average, in the widest of the fonts that were looked at.
        assert max(map(len, lines)) * 6.2 + 14 < box.width, max(lines, key=len)


def _without(kind: str) -> Callable[[dict[str, Any]], None]:
    def take(template: dict[str, Any]) -> None:
        template["Resources"] = {name: each for name, each in template["Resources"].items() if each["Type"] != kind}

    return take


@pytest.mark.parametrize(
    ("stack", "kind"),
    [("release", "AWS::Events::Rule"), ("serving", "AWS::SageMaker::Endpoint"), ("monitoring", "AWS::IAM::Policy")],
)
def test_what_a_template_has_no_more_is_not_drawn(stack: str, kind: str, picture: ModuleType) -> None:
    found = copy.deepcopy(picture.templates())
    _without(kind)(found[stack])
    with pytest.raises(picture.NotInTemplates):
        picture.drawn(found, "light")


def test_every_arrow_ends_at_boxes(picture: ModuleType) -> None:
    edges = {(x, y) for box in picture.BOXES for x in (box.x, box.x + box.width) for y in (box.y, box.y + box.height)}
    xs, ys = {x for x, _ in edges}, {y for _, y in edges}
    for arrow in picture.ARROWS:
        ends = [tuple(map(int, each)) for each in re.findall(r"(\d+),(\d+)", arrow.points)]
        assert all(x in xs or y in ys for x, y in (ends[0], ends[-1])), arrow.points
