"""A model card as a PDF: headings, wrapped text, tables of figures and page numbers, in Helvetica.

The file needs no font and no library: Helvetica is one of the fourteen that every reader has (PDF 1.7, 9.6.2.2), in
the encoding WinAnsi. A character that is not in it shows as a question mark.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator
from typing import Any

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 56  # A4 in points
_LEADING = 1.35
_SIZE = 9.5
_HEADINGS = {1: 15.0, 2: 12.0, 3: 10.5}
_COLUMN = 150  # where values stand, right of their labels
_CELL = 72  # from one value of a matrix to the next
_TITLES = {
    "model_overview": "Model overview",
    "intended_uses": "Intended uses",
    "business_details": "Business details",
    "training_details": "Training details",
    "evaluation_details": "Evaluation details",
    "additional_information": "Additional information",
    "model_package_details": "Model package",
}
# Widths of Helvetica's glyphs from the space to the tilde, in thousandths of the size (Adobe Core 14 AFM).
_GLYPHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)
_WIDE = 0.72  # of the size: a glyph whose width is not listed
_BOLD = 1.08  # Helvetica-Bold runs wider by no more than this, over a line


def render(card: dict[str, Any], content: dict[str, Any]) -> bytes:
    """The PDF of one version of a card; `card` has ModelCardName, ModelCardVersion, ModelCardStatus and its times."""
    page = _Pages(f"{card['ModelCardName']}, version {card['ModelCardVersion']}")
    page.text(card["ModelCardName"], size=22, bold=True)
    page.text("Model card", size=12, grey=0.35)
    page.gap(6)
    for label, member in (("Version", "ModelCardVersion"), ("Status", "ModelCardStatus")):
        page.labelled(label, str(card[member]))
    for label, member in (("Created", "CreationTime"), ("Last modified", "LastModifiedTime")):
        page.labelled(label, f"{card[member]:%Y-%m-%d %H:%M} UTC")
    for name, title in _TITLES.items():
        if content.get(name):
            page.heading(title, 1)
            _write(page, content[name], 2)
    return page.document()


def _write(page: _Pages, value: Any, level: int, own_labels: bool = False) -> None:
    """A part of the content, whatever its form: simple members first, then what is nested.

    With `own_labels` its keys are the author's words, and stay as they are.
    """
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                page.heading(str(item.get("name", "")), level)
                _write(page, {key: inner for key, inner in item.items() if key != "name"}, level + 1)
        return
    for key, inner in value.items():
        if not isinstance(inner, dict | list):
            page.labelled(key if own_labels else _label(key), _shown(inner))
    for key, inner in value.items():
        if isinstance(inner, list) and not any(isinstance(item, dict) for item in inner):
            for number, item in enumerate(inner):
                page.labelled("" if number else _label(key), _shown(item))
        elif key == "metric_groups":
            for group in inner:
                page.heading(group["name"], level)
                _figures(page, group["metric_data"])
        elif isinstance(inner, list) and all(isinstance(item, dict) and "value" in item for item in inner):
            page.heading(_label(key), level)
            _figures(page, inner)
        elif inner and isinstance(inner, dict | list):
            page.heading(_label(key), level)
            _write(page, inner, level + 1, own_labels=key in ("custom_details", "metadata"))


def _figures(page: _Pages, metrics: list[dict[str, Any]]) -> None:
    """A line for each simple figure; of a chart or a matrix, its values under its name."""
    for metric in metrics:
        notes = f" ({metric['notes']})" if metric.get("notes") else ""
        value = metric["value"]
        if not isinstance(value, list):
            page.labelled(metric["name"], f"{_shown(value)}{notes}")
            continue
        page.labelled(metric["name"], f"{_label(metric.get('type', ''))}{notes}")
        for label, cells in _values(metric, value):
            page.cells(f"    {label}", cells)


def _values(metric: dict[str, Any], value: list[Any]) -> Iterator[tuple[str, list[str]]]:
    """The rows of a metric that is a list, each with its label."""
    if metric.get("type") == "matrix":
        columns, rows = metric.get("x_axis_name", []), metric.get("y_axis_name", [])
        if columns:
            yield "", columns
        for number, row in enumerate(value):
            yield (rows[number] if number < len(rows) else str(number + 1)), [_shown(each) for each in row]
    elif metric.get("type") == "bar_chart":
        names = metric.get("x_axis_name", [])
        for number, each in enumerate(value):
            yield (names[number] if number < len(names) else str(number + 1)), [_shown(each)]
    else:
        x, y = metric.get("x_axis_name", "x"), metric.get("y_axis_name", "y")
        yield x, [y]
        for point in value:
            yield _shown(point[0]), [_shown(point[1])]


def _label(name: str) -> str:
    return name.replace("_", " ").strip().capitalize().replace(" arn", " ARN")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class _Pages:
    """Pages that fill from the top; a line that does not fit begins a new one."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._pages: list[list[str]] = []
        self._break()

    def heading(self, text: str, level: int) -> None:
        """A heading that does not stand alone at the foot of a page."""
        size = _HEADINGS.get(level, _SIZE)
        if self._y - 4 * size * _LEADING < _MARGIN:
            self._break()
        self.gap(14 if level == 1 else 7)
        self.text(text, size=size, bold=True)
        if level == 1:
            self.gap(5)
            self._draw(f"0.75 G 0.6 w {_MARGIN} {self._y:.1f} m {_WIDTH - _MARGIN} {self._y:.1f} l S")
            self.gap(2)

    def labelled(self, label: str, value: str) -> None:
        """A label and its value beside it, both wrapped."""
        size, across = _SIZE, _WIDTH - 2 * _MARGIN - _COLUMN
        left = _wrapped(label, size, _COLUMN - 10)
        right = _wrapped(value, size, across)
        for number in range(max(len(left), len(right))):
            self._line(size)
            if number < len(left):
                self._show(_MARGIN, left[number], size, grey=0.35)
            if number < len(right):
                self._show(_MARGIN + _COLUMN, right[number], size)

    def cells(self, label: str, values: list[str]) -> None:
        """A label and values beside each other, as close as their number asks."""
        step = min(_CELL, (_WIDTH - 2 * _MARGIN - _COLUMN) / max(1, len(values)))
        self._line(_SIZE)
        self._show(_MARGIN, _wrapped(label, _SIZE, _COLUMN - 10)[0], _SIZE, grey=0.35)
        for number, value in enumerate(values):
            self._show(_MARGIN + _COLUMN + number * step, _wrapped(value, _SIZE, step - 4)[0], _SIZE)

    def text(self, text: str, *, size: float, bold: bool = False, grey: float = 0.0) -> None:
        """A paragraph over the whole width."""
        for line in _wrapped(text, size * (_BOLD if bold else 1), _WIDTH - 2 * _MARGIN):
            self._line(size)
            self._show(_MARGIN, line, size, bold=bold, grey=grey)

    def gap(self, points: float) -> None:
        self._y -= points

    def document(self) -> bytes:
        """The file: catalogue, pages, two fonts, and a page and its content for each page."""
        count = len(self._pages)
        kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(count))
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
            font.format("Helvetica").encode(),
            font.format("Helvetica-Bold").encode(),
            b"<< /Title " + _literal(self._title) + b" >>",
        ]
        for number, commands in enumerate(self._pages):
            foot = f"{self._title}   {number + 1} / {count}"
            stream = zlib.compress("\n".join([*commands, *self._foot(foot)]).encode("latin-1"))
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents {7 + 2 * number} 0 R "
                "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>".encode()
            )
            head = f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode()
            objects.append(head + stream + b"\nendstream")
        return _file(objects)

    def _foot(self, text: str) -> list[str]:
        return [f"BT /F1 8 Tf 0.5 g {_MARGIN} {_MARGIN - 24} Td {_literal(text).decode('latin-1')} Tj ET"]

    def _break(self) -> None:
        self._pages.append([])
        self._y: float = _HEIGHT - _MARGIN

    def _line(self, size: float) -> None:
        if self._y - size * _LEADING < _MARGIN:
            self._break()
        self._y -= size * _LEADING

    def _show(self, x: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0) -> None:
        font = "F2" if bold else "F1"
        literal = _literal(text).decode("latin-1")
        self._draw(f"BT /{font} {size} Tf {grey} g {x} {self._y:.1f} Td {literal} Tj ET")

    def _draw(self, command: str) -> None:
        self._pages[-1].append(command)


def _wrapped(text: str, size: float, across: float) -> list[str]:
    """Lines of a text that are no wider than `across` points; its own line breaks stay, a long word is cut."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        line = indent
        for word in paragraph.split():
            longer = f"{line}{word}" if line == indent else f"{line} {word}"
            if _width(longer, size) <= across:
                line = longer
                continue
            if line != indent:
                lines.append(line)
            while _width(word, size) > across:
                fits = max(1, next(n for n in range(len(word), 0, -1) if n == 1 or _width(word[:n], size) <= across))
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
    return lines


def _width(text: str, size: float) -> float:
    glyphs = (_GLYPHS[ord(c) - 32] / 1000 if 32 <= ord(c) < 127 else _WIDE for c in text)
    return sum(glyphs) * size


def _literal(text: str) -> bytes:
    """A string object: (text) in WinAnsi, with what would end it escaped."""
    encoded = b"".join(_encoded(c) for c in text)
    return b"(" + encoded.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)") + b")"


def _encoded(character: str) -> bytes:
    """A character in WinAnsi; one that is not in it without its accent, or as a question mark."""
    if not character.isprintable():
        return b" "
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return unicodedata.normalize("NFKD", character)[0].encode("cp1252", errors="replace")


def _file(objects: list[bytes]) -> bytes:
    """The objects with their numbers, and the table of where each begins."""
    body = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        body += b"%010d 00000 n \n" % place
    body += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(body)
