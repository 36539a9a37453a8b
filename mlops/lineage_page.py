"""The lineage of a version as a page: a picture from source data to endpoint, and all identifiers below it. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from urllib.parse import quote

from mlops.lineage_graph import FRAME, FRAMED, TITLES, Graph, Node
from mlops.lineage_layout import GUTTER, WIDTH, Arrow, Box, Drawing, layout
from monitoring import page
from monitoring.plot import px, words_at

STYLE = """
main{max-width:96rem}
figure.broad{padding:.9rem .6rem}
svg.lineage{min-width:1000px}
svg .box{fill:var(--card);stroke:var(--soft);stroke-width:1.2}
svg .good .box{stroke:var(--good);stroke-width:2}svg .warn .box{stroke:var(--warn);stroke-width:2}
svg .quiet .box{stroke-dasharray:4 3}
svg .frame{fill:var(--h0);stroke:var(--rule)}
svg .flow{fill:none;stroke:var(--a);stroke-width:1.5}
svg .tip{fill:var(--a)}
svg .name{font-weight:600}
svg .column{font-size:12px;font-weight:600;fill:var(--soft)}
table.stack td{font-size:.85rem}table.stack td:first-child{min-width:2.2rem}table.stack td+td{overflow-wrap:anywhere}
table.stack td:nth-child(2){min-width:6rem}table.stack td:nth-child(3){min-width:9rem}
dl.ids{margin:0}dl.ids div{display:flex;gap:.6rem}dl.ids dt{color:var(--soft);flex:0 0 8.5rem;overflow-wrap:anywhere}
dl.ids dd{margin:0;min-width:0}
a{color:var(--info)}
@page{size:A4 landscape;margin:10mm}
@media print{main{max-width:none;padding:0}svg.lineage{min-width:0}.scroll{overflow:visible}h2{break-after:avoid}
tr,dl.ids div{break-inside:avoid}}
@media (max-width:40rem){dl.ids div{display:block}}
"""

Link = Callable[[str, str], str]
"""From the name and the value of an identifier to the address of a page about it, or ""."""

_LINE_CHARACTERS, _TITLE_CHARACTERS = 21, 18
_KIND, _TITLE, _LINE = 14.0, 15.0, 14.0  # heights of lines
_PAD = 8.0
_TOP = 54.0
_NARROWEST = 1000.0  # so that few boxes are not drawn huge
_PARTS = re.compile(r"[^\s\-_/.]+[\s\-_/.]?|[\s\-_/.]")
_HUMPS = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]+(?![a-z])")


def html(title: str, facts: Sequence[tuple[str, str]], graph: Graph, missing: Sequence[str], link: Link) -> str:
    """The page. facts: names and values below the title; missing: what could not be established. All are text."""
    caption = (
        "From left to right: what the version was made from, how, and what became of it. An arrow leads from what was "
        "used to what came of it; one to the shaded field stands for the steps in it. Numbers are those of the table."
    )
    parts = [
        f'<p class="eyebrow">Lineage</p><h1>{escape(title)}</h1>',
        page.facts(facts),
        page.figure("From source data to endpoint", picture(title, graph), caption, broad=True),
    ]
    if missing:
        parts.append(page.heading("What could not be established"))
        parts += [page.paragraph(each) for each in missing]
    parts += [page.heading("All identifiers"), _table(graph, link)]
    return page.page(f"{title}: lineage", parts, STYLE)


def picture(title: str, graph: Graph) -> str:
    """The SVG of a graph."""
    used = sorted({node.column for node in graph.nodes})
    columns = [[node.id for node in graph.nodes if node.column is column] for column in used]
    heights = {node.id: _height(node) for node in graph.nodes}
    drawn = [edge for edge in graph.edges if edge.target != FRAME]
    drawing = layout(columns, heights, [(edge.source, edge.target) for edge in drawn])
    number = {node.id: place for place, node in enumerate(_listed(graph), 1)}
    parts = [
        words_at(x + WIDTH / 2, 14, TITLES[column], "middle", "column")
        for x, column in zip(drawing.columns, used, strict=True)
    ]
    framed = [place for place, column in enumerate(used) if column in FRAMED]
    if graph.frame and framed:
        parts.append(_frame(graph, drawing, framed))
    parts += [_arrow(arrow) for arrow in drawing.arrows]
    parts += [_box(node, number[node.id], drawing.boxes[node.id]) for node in graph.nodes]
    height = drawing.height + _TOP + 22
    said = f"{title}: {len(graph.nodes)} things and {len(graph.edges)} arrows between them; the table below names all"
    return (
        f'<svg class="chart lineage" viewBox="-2 0 {px(max(drawing.width, _NARROWEST) + 4)} {px(height)}" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )


def _frame(graph: Graph, drawing: Drawing, framed: Sequence[int]) -> str:
    """The field of the pipeline, and the arrows to it as a whole."""
    left, right = drawing.columns[framed[0]] - GUTTER / 2, drawing.columns[framed[-1]] + WIDTH + GUTTER / 2
    spans = [drawing.spans[place] for place in framed]
    users = [drawing.boxes[edge.source] for edge in graph.edges if edge.target == FRAME]
    spans += [(box.y, box.y + box.height) for box in users]
    top = min(first for first, _ in spans) + _TOP - 30
    height = max(last for _, last in spans) + _TOP + 16 - top
    text = [
        f'<rect class="frame" x="{px(left)}" y="{px(top)}" width="{px(right - left)}" height="{px(height)}" rx="6"/>',
        words_at(left + 10, top + 15, _clipped(graph.frame, int((right - left) / 6.6)), "start", "small", graph.frame),
    ]
    for edge in graph.edges:
        if edge.target == FRAME:
            box = drawing.boxes[edge.source]
            y = box.y + box.height / 2
            text.append(_arrow(Arrow(f"M{px(box.x + WIDTH)} {px(y)}H{px(left)}", (left, y))))
    return "".join(text)


def _arrow(arrow: Arrow) -> str:
    x, y = arrow.end
    tip = (
        f"{px(x)},0 {px(x - 4)},-7 {px(x + 4)},-7" if arrow.down else f"{px(x)},0 {px(x - 7)},-4 {px(x - 7)},4"
    )  # relative to the end's height
    return (
        f'<g class="flow-of"><path class="flow" d="{arrow.path}" transform="translate(0 {px(_TOP)})"/>'
        f'<polygon class="tip" points="{tip}" transform="translate(0 {px(y + _TOP)})"/></g>'
    )


def _box(node: Node, number: int, box: Box) -> str:
    x, y = box.x, box.y + _TOP
    tip = escape(
        "\n".join([f"{node.kind}: {node.title}", *node.lines, *(f"{name}: {value}" for name, value in node.ids)])
    )
    text = [f'<rect class="box" x="{px(x)}" y="{px(y)}" width="{px(WIDTH)}" height="{px(box.height)}" rx="5"/>']
    at = y + _PAD + 10
    text.append(words_at(x + 9, at, _clipped(f"{number}  {node.kind}", _LINE_CHARACTERS), "start", "small"))
    for line in _wrapped(node.title):
        at += _TITLE
        text.append(words_at(x + 9, at, line, "start", "name"))
    for line in node.lines:
        at += _LINE
        text.append(words_at(x + 9, at, _clipped(line, _LINE_CHARACTERS), "start", "small"))
    return f'<g class="node {node.tone}"><title>{tip}</title>{"".join(text)}</g>'


def _height(node: Node) -> float:
    return 2 * _PAD + _KIND - 2 + _TITLE * len(_wrapped(node.title)) + _LINE * len(node.lines) - 2


def _wrapped(title: str) -> list[str]:
    """At most two lines, broken where words or parts of a name end; the middle is left out of what is longer."""
    if len(title) <= _TITLE_CHARACTERS:
        return [title]
    parts = [piece for part in _PARTS.findall(title) for piece in (_HUMPS.findall(part) or [part])]
    if "".join(parts) != title:
        parts = list(title)
    first = ""
    for part in parts:
        if len(first) + len(part) > _TITLE_CHARACTERS:
            break
        first += part
    first = first or title[:_TITLE_CHARACTERS]
    rest = title[len(first) :].strip()
    if len(rest) > _TITLE_CHARACTERS:
        rest = "…" + rest[len(rest) - _TITLE_CHARACTERS + 1 :]
    return [first.rstrip(), rest]


def _clipped(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _listed(graph: Graph) -> list[Node]:
    return sorted(graph.nodes, key=lambda node: node.column)


def _table(graph: Graph, link: Link) -> str:
    number = {node.id: place for place, node in enumerate(_listed(graph), 1)}
    to: Mapping[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        to[edge.source].append("all steps" if edge.target == FRAME else str(number[edge.target]))
    rows = [
        (
            f"{number[node.id]}",
            escape(node.kind),
            f"<strong>{escape(node.title)}</strong>" + "".join(f"<br>{escape(line)}" for line in node.lines),
            _ids(node, link),
            escape(", ".join(to[node.id])),
        )
        for node in _listed(graph)
    ]
    columns = (("No.", ""), ("What", ""), ("Name", ""), ("Identifiers", ""), ("Leads to", ""))
    return page.table(columns, rows)


def _ids(node: Node, link: Link) -> str:
    def shown(name: str, value: str) -> str:
        address = link(name, value)
        text = f"<code>{escape(value)}</code>"
        return f'<a href="{escape(address)}">{text}</a>' if address else text

    return (
        '<dl class="ids">'
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{shown(name, value)}</dd></div>" for name, value in node.ids)
        + "</dl>"
    )


def console(region: str) -> Link:
    """Links into the console of a region, for what has a page there."""
    base = f"https://{region}.console.aws.amazon.com"

    def link(name: str, value: str) -> str:
        if value.startswith("s3://"):
            bucket, _, key = value.removeprefix("s3://").partition("/")
            kind = "buckets" if key.endswith("/") or not key else "object"
            return f"{base}/s3/{kind}/{quote(bucket)}?prefix={quote(key)}"
        if name == "endpoint":
            return f"{base}/sagemaker/home?region={region}#/endpoints/{quote(value.rsplit('/', 1)[-1])}"
        return ""

    return link


def nowhere(_name: str, _value: str) -> str:
    """No links: the local AWS has no console."""
    return ""
