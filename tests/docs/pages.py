"""The documentation as parts that can be checked: fences, words in code style, links and headings of every page."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    str(path.relative_to(ROOT))
    for path in (
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "constructs" / "README.md",
        *sorted((ROOT / "examples").rglob("*.md")),
    )
    if path.name != "CHANGELOG.md"  # tells of what was, too
)
PROGRAMS = ("mlops", "make", "npx", "node_modules/.bin/cdk", "aws", "python", ".venv/bin/", "pip", "local_aws")
"""What a line of a shell begins with, where pages show commands."""
SHELL = (*PROGRAMS, "export", "eval", "source", "git", "cd", "gzip", "cp", "mkdir", "sudo", "docker")

_FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A block between ``` and ```: of which page, from which line on, in which language, and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def fences(page: str) -> tuple[Fence, ...]:
    text = text_of(page)
    return tuple(
        Fence(page, text.count("\n", 0, found.start()) + 1, found[2], re.sub(f"^{found[1]}", "", found[3], flags=re.M))
        for found in _FENCE.finditer(text)
    )


def of_language(*languages: str) -> list[Fence]:
    return [fence for page in PAGES for fence in fences(page) if fence.language in languages]


@cache
def prose(page: str) -> str:
    """A page without its fences."""
    return _FENCE.sub("", text_of(page))


def quoted(page: str) -> list[str]:
    """What stands in code style within the text, each once. A bar in a table is escaped there."""
    return list(dict.fromkeys(found[2].strip().replace("\\|", "|") for found in _CODE.finditer(prose(page))))


def links(page: str) -> list[str]:
    """Targets of links and pictures, without those that lead out of the repository."""
    found = (each for pair in _LINK.findall(_CODE.sub("", prose(page))) for each in pair if each)
    return [each for each in dict.fromkeys(found) if not re.match(r"[a-z]+:", each)]


@cache
def anchors(page: str) -> frozenset[str]:
    """As GitHub makes them of headings."""
    headings = (re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in _HEADING.findall(prose(page)))
    return frozenset(headings)


def commands(fence: Fence) -> Iterator[list[str]]:
    """The commands of a fence as words. Where lines begin with `$`, the others are what the commands print."""
    text = fence.text.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    typed = [line[2:] for line in lines if line.startswith("$ ")] or lines
    for line in typed:
        yield from _words(line)


def _words(line: str) -> Iterator[list[str]]:
    """A line's commands, one after another; assignments before them and comments left out."""
    if not line.startswith(SHELL):
        return
    for inner in re.findall(r"\$\(([^)]*)\)", line):
        yield from _words(inner)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, "#"
    command: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            if command:
                yield command
            command = []
        else:
            command.append(word)
