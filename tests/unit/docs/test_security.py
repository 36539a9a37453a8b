"""docs/security.md names the code of each control and the test that fails without it: both have to be there."""

import re
from pathlib import Path

import pytest

from stacks.house_rules import rules

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"`([^`]+)`", TEXT)
PLACES = ("", "constructs/mlops_constructs/", "tests/infra/", "tests/permissions/")


def _found(name: str) -> list[Path]:
    return [found for place in PLACES for found in sorted(ROOT.glob(f"{place}{name}"))]


@pytest.mark.parametrize("name", sorted({each.partition("::")[0] for each in QUOTED if re.search(r"\.py(::|$)", each)}))
def test_every_file_is_there(name: str) -> None:
    assert _found(name), f"docs/security.md names {name}, which is nowhere"


@pytest.mark.parametrize("named", sorted(each for each in QUOTED if "::test_" in each))
def test_every_test_is_there(named: str) -> None:
    file, _, test = named.partition("::")
    beginning, cut, _ = test.partition("…")
    pattern = re.compile(rf"^def {beginning}{'' if cut else re.escape('(')}", re.MULTILINE)
    assert any(pattern.search(each.read_text(encoding="utf-8")) for each in _found(file)), (
        f"docs/security.md names {named}"
    )


def test_every_house_rule_is_there() -> None:
    named = {name for pair in re.findall(r"house rules? `([\w-]+)`(?: and `([\w-]+)`)?", TEXT) for name in pair if name}
    assert named
    assert named <= set(rules.RULES)
