"""A strict reader of the pages that are made here: what is open is closed, and nothing is fetched or run."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br"}
ALLOWED = {
    *(
        "html",
        "head",
        "meta",
        "link",
        "title",
        "style",
        "body",
        "main",
        "section",
        "h1",
        "h2",
        "h3",
        "p",
        "div",
        "span",
    ),
    *("b", "strong", "br", "code", "time", "ul", "ol", "li", "dl", "dt", "dd", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    "a",
    *("svg", "g", "line", "polyline", "polygon", "path", "rect", "circle", "text"),
}

NEAR = re.compile(r"data:,|#[a-z]+\d+|[a-z]+\.(html|pdf|json)")
"""Where a link may lead: within the page, or to a file beside it."""


class Page(HTMLParser):
    """text: all words of the page. tags: (name, attributes) of each element. titles: what is said on hover."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert tag in ALLOWED, tag
        assert not any(name.startswith("on") for name in given), given
        assert NEAR.fullmatch(given.get("href", "data:,")), given
        assert "src" not in given and "style" not in given
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            assert "url(" not in data and "@import" not in data
        elif self._open[-1:] == ["title"]:
            self.titles.append(data)
        else:
            self.text += f"{data} "

    def count(self, tag: str, **attributes: str) -> int:
        """Elements with at least these attributes; `kind` is the attribute class, one of its words."""
        kind = attributes.pop("kind", None)
        return sum(
            name == tag
            and all(given.get(key) == value for key, value in attributes.items())
            and (kind is None or kind in given.get("class", "").split())
            for name, given in self.tags
        )
