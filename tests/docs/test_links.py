"""Links lead somewhere, and every page can be found."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, prose, quoted, text_of

KEPT = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"build", "node_modules", "cdk.out"}
MADE = ("churn", "late_payment", "message_routing")
"""Names that readers give to what they make."""


@pytest.mark.parametrize("page", PAGES)
def test_every_link_resolves(page: str) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(file).resolve() if file else ROOT / page
        assert target.exists(), f"{page}: {link} leads nowhere"
        if anchor and target.suffix == ".md":
            name = str(target.relative_to(ROOT))
            assert anchor in anchors(name), f"{page}: {name} has no heading #{anchor}: {sorted(anchors(name))}"


def _is_path(code: str) -> bool:
    if not re.fullmatch(r"[\w.\-/]+", code):
        return False
    return code.endswith(".py") or ("/" in code and code.split("/")[0] in KEPT)


@cache
def _files() -> frozenset[str]:
    """Every file and folder, by each end of its path: what a page calls `steps/train.py` is one of those."""
    found = set()
    for top in sorted(KEPT):
        for folder, folders, names in os.walk(ROOT / top):
            folders[:] = [each for each in folders if each not in ("__pycache__", "node_modules")]
            for name in ("", *names):
                parts = Path(folder, name).relative_to(ROOT).parts
                found.update("/".join(parts[place:]) for place in range(len(parts)))
        found.add(top)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page: str) -> None:
    for code in quoted(page):
        named = code.partition("::")[0].rstrip("/")
        if not _is_path(named) or any(each in named for each in MADE):
            continue
        assert named in _files(), f"{page} names {code}, which is nowhere"


def test_the_index_has_every_page_once() -> None:
    index = [link.partition("#")[0] for link in links("docs/README.md")]
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    listed = [link for link in index if "/" not in link and link.endswith(".md")]
    assert sorted(listed) == sorted(pages)
    assert "decisions/README.md" in index


def test_the_list_of_decisions_has_every_decision() -> None:
    records = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert set(links("docs/decisions/README.md")) == records


def test_the_readme_is_a_page_and_its_commands_stand_in_the_first_twenty_lines() -> None:
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 150
    first = "\n".join(lines[:20])
    assert "make demo" in first and "make test" in first


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title(page: str) -> None:
    titles = [line for line in prose(page).splitlines() if line.startswith("# ")]
    assert len(titles) == 1, f"{Path(page).name}: {titles}"
