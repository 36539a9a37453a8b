"""What the report's chapters are put together from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from monitoring import page

PEOPLE = ("info", "decided by a person")
NOBODY = ("quiet", "noted: nothing to decide")
ALARM = ("warn", "decided by the alarm")
RULE = ("good", "decided by the evidence, by a rule fixed before")
CHECKED = ("good", "checked by the audit")
REFUSED = ("bad", "refused by the gate")

_FILE = re.compile(r"[a-z]+\.(html|pdf|json)")


@dataclass(frozen=True)
class Chapter:
    """One step of the story. when: its date, "" for none; who: (tone, words) of what decided; body: HTML."""

    title: str
    when: str
    who: tuple[str, str]
    body: str
    key: str = ""


def chapters(told: Sequence[Chapter]) -> str:
    return "".join(
        f'<section class="chapter" id="c{number}"><h2><span class="turn">{number}</span>{escape(each.title)}</h2>'
        f'<p class="when">{escape(each.when)} {page.tag(*each.who)}</p>{each.body}</section>'
        for number, each in enumerate(told, 1)
    )


def contents(told: Sequence[Chapter]) -> str:
    items = "".join(
        f'<li><a href="#c{number}">{escape(each.title)}</a> <span class="soft">{escape(each.when)}</span></li>'
        for number, each in enumerate(told, 1)
    )
    return f'<ol class="contents">{items}</ol>'


def evidence(items: Iterable[tuple[str, str]], links: Sequence[tuple[str, str]] = ()) -> str:
    """Facts that a decision rests on, as (name, value) in text, and files of this folder as (words, name)."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items if value)
    more = f'<p class="beside">Beside this page: {joined(links)}.</p>' if links else ""
    return f'<div class="evidence"><h3>The evidence</h3><dl>{rows}</dl>{more}</div>'


def joined(links: Sequence[tuple[str, str]]) -> str:
    return ", ".join(link(words, name) for words, name in links)


def link(words: str, name: str) -> str:
    """A link to a file beside the page; raises ValueError for anything else, such as an address elsewhere."""
    if not _FILE.fullmatch(name):
        raise ValueError(f"link to {name!r}: expected a file beside the report, such as audit.html")
    return f'<a href="{name}">{escape(words)}</a>'


def paragraphs(*texts: str) -> str:
    return "".join(page.paragraph(text) for text in texts if text)


def glossary(words: Sequence[tuple[str, str]]) -> str:
    return '<dl class="glossary">' + "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in words) + "</dl>"


def items(said: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in said) + "</ul>"
