"""A self-contained page: its frame, its looks in light and dark, and the parts that reports are put together from.

Nothing is fetched and nothing runs: the page's own policy (Content-Security-Policy) forbids both, so that a name in
the data could not do either, should it ever get past the escaping.
"""

from __future__ import annotations

from html import escape
from typing import Iterable, Sequence, Tuple

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

STYLE = """
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2126;--soft:#5b6570;--rule:#dfe3e7;--grid:#e9ecef;
--a:#0072b2;--b:#c24e00;--limit:#5b6570;--good:#00734f;--warn:#8a5a00;--bad:#b3261e;--info:#0063a0;--mark:#a4133c;--none:#eceff1;
--h0:#eef4f9;--h1:#dbe8f3;--h2:#bcd5ea;--h3:#fbd6ae;--h4:#f0974a;--h5:#b94a00;--h5t:#fff;--on:#fff}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e8eaec;--soft:#a3adb7;--rule:#343a40;
--grid:#2a2f35;--a:#56b4e9;--b:#f29a52;--limit:#a3adb7;--good:#4fd1a5;--warn:#e5b454;--bad:#ff8f85;--info:#7cc4f2;--mark:#ff8fa3;
--none:#23282d;--h0:#1e2830;--h1:#21384a;--h2:#275272;--h3:#5f4122;--h4:#a35c1a;--h5:#f0984e;--h5t:#14171a;--on:#14171a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:58rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .6rem}
h2{font-size:1.25rem;line-height:1.3;margin:2.6rem 0 .5rem}
h3{font-size:1rem;margin:0 0 .3rem}
p{margin:.4rem 0;max-width:44rem}
.soft,figcaption,.facts dt,th{color:var(--soft)}
.eyebrow{color:var(--soft);margin:0;font-size:.9rem}
.facts{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;margin:.6rem 0 1.4rem;font-size:.9rem}
.facts div{min-width:0}.facts dt{font-size:.8rem}.facts dd{margin:0}
.verdict{border:1px solid var(--rule);border-left:.45rem solid var(--tone);background:var(--card);border-radius:.5rem;
padding:1rem 1.2rem;margin:1rem 0}
.verdict h2{margin:0 0 .3rem;color:var(--tone);font-size:1.35rem}
.good{--tone:var(--good)}.warn{--tone:var(--warn)}.bad{--tone:var(--bad)}.info{--tone:var(--info)}
.quiet{--tone:var(--soft)}
.why{margin:1.6rem 0}
.tag{display:inline-block;color:var(--tone);border:1px solid var(--tone);border-radius:1rem;padding:0 .6rem;
font-size:.82rem;white-space:nowrap;font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.6rem 0}
th,td{text-align:left;vertical-align:top;padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--rule)}
td:first-child{min-width:6.5rem}
th{font-weight:500;font-size:.82rem;overflow-wrap:normal}
table.stack td+td{overflow-wrap:break-word}td.n,th.n{text-align:right;white-space:nowrap}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;margin:.8rem 0}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.9rem 1rem;min-width:0}
figure.broad{margin:.8rem 0}
figcaption{font-size:.85rem;line-height:1.45;margin:.2rem 0 .5rem}
figcaption p{margin:0}
.scroll{overflow-x:auto}
.dots{letter-spacing:.15em;white-space:nowrap;font-size:1rem;line-height:1}
.dots b{color:var(--mark)}.dots span{color:var(--soft)}
details{margin:.8rem 0}summary{cursor:pointer;color:var(--info)}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
ol.story{list-style:none;margin:1rem 0;padding:0;border-left:2px solid var(--rule)}
ol.story li{position:relative;padding:0 0 1rem 1.4rem}
ol.story li::before{content:"";position:absolute;left:-.45rem;top:.45rem;width:.75rem;height:.75rem;border-radius:50%;
background:var(--tone)}
ol.story time{display:block;color:var(--soft);font-size:.85rem}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(45%,15rem),1fr));gap:1rem;margin:1rem 0}
.numbers div{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.8rem 1rem}
.numbers b{display:block;font-size:1.9rem;line-height:1.2}
svg.chart{display:block;width:100%;height:auto}svg.narrow{max-width:520px}svg.wide{min-width:640px}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--ink)}
svg .small{font-size:11px;fill:var(--soft)}svg .strong{font-weight:600;fill:var(--ink);paint-order:stroke;
stroke:var(--card);stroke-width:4px}svg .on{fill:var(--on)}
svg .grid{stroke:var(--grid);stroke-width:1}svg .event{stroke:var(--soft);stroke-dasharray:2 3}
svg .a{--c:var(--a)}svg .b{--c:var(--b)}
svg .course{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}svg .b .course{stroke-dasharray:6 3}
svg .whisker{stroke:var(--c);stroke-width:1.5;opacity:.55}
svg .a .outline,svg .b .outline{fill:none}
svg .a circle,svg .a rect,svg .b rect{fill:var(--c)}
svg .mark{fill:var(--mark);stroke:var(--card);stroke-width:1.5}
svg .point{fill:var(--c)}
svg .a .area,svg .b .area{fill:var(--c);opacity:.28}
svg .a .outline,svg .b .outline{fill:none;stroke:var(--c);stroke-width:2}
svg .hover{fill:transparent}
svg .limit path{fill:none;stroke:var(--limit);stroke-width:1.5;stroke-dasharray:5 4}
svg .none rect{fill:var(--none)}
svg .h0 rect{fill:var(--h0)}svg .h1 rect{fill:var(--h1)}svg .h2 rect{fill:var(--h2)}svg .h3 rect{fill:var(--h3)}
svg .h4 rect{fill:var(--h4)}svg .h5 rect{fill:var(--h5)}
svg .h0 text,svg .h1 text,svg .h2 text,svg .h3 text,svg .h4 text{fill:var(--ink)}svg .h5 text{fill:var(--h5t)}
svg .framed rect{stroke:var(--ink);stroke-width:2}svg g.framed:not([class*=h]) rect{fill:none}
svg .h0 circle,svg .h1 circle,svg .h2 circle,svg .h3 circle,svg .h4 circle{fill:var(--ink)}
svg .h5 circle{fill:var(--h5t)}
svg .framed text{font-weight:700}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.1rem 0 .5rem;padding:0;font-size:.85rem}
.legend .key{width:18px;height:12px;margin-right:.4rem;vertical-align:-1px;overflow:visible}
.heat span{margin:0 .9rem 0 0}
@media (max-width:40rem){table.stack thead{position:absolute;left:-999rem}
table.stack tr{display:block;border-bottom:1px solid var(--rule);padding:.6rem 0}
table.stack td{display:block;border:0;padding:.1rem 0;text-align:left}
table.stack td[data-of]::before{content:attr(data-of) ": ";color:var(--soft)}}
@media print{body{background:#fff}figure,.verdict{break-inside:avoid}}
"""

Column = Tuple[str, str]
"""A column's heading and "" or "n" for numbers."""


def page(title: str, parts: Iterable[str], style: str = "") -> str:
    """The whole document. title is text, parts are HTML; style: what this page needs beside `STYLE`, as CSS."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def figure(title: str, chart: str, caption: str = "", legend: str = "", *, broad: bool = False) -> str:
    """A picture under its title; caption is text, the others are HTML. A broad one scrolls where there is no room."""
    said = f"<p>{escape(caption)}</p>" if caption else ""
    drawn = (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(title)}">{chart}</div>' if broad else chart
    )
    kind = ' class="broad"' if broad else ""
    return f"<figure{kind}><h3>{escape(title)}</h3><figcaption>{said}</figcaption>{legend}{drawn}</figure>"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML; on a phone each row becomes a list."""
    head = "".join(f'<th scope="col"{_kind(kind)}>{escape(name)}</th>' for name, kind in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_kind(kind)}{_of(name, place)}>{cell}</td>"
            for place, ((name, kind), cell) in enumerate(zip(columns, row))
        )
        + "</tr>"
        for row in rows
    )
    return f'<table class="stack"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def facts(items: Iterable[Tuple[str, str]]) -> str:
    """Names and values in a row; both are text."""
    pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items if value)
    return f'<dl class="facts">{pairs}</dl>'


def verdict(tone: str, title: str, sentences: Sequence[str]) -> str:
    """The answer before all else. tone: good, info, warn, bad or quiet; title and sentences are text."""
    said = "".join(f"<p>{escape(each)}</p>" for each in sentences)
    return f'<section class="verdict {tone}"><h2>{escape(title)}</h2>{said}</section>'


def tag(tone: str, word: str) -> str:
    return f'<span class="tag {tone}">{escape(word)}</span>'


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def pair(figures: Iterable[str]) -> str:
    """Figures beside each other where there is room; nothing for none."""
    made = "".join(figures)
    return f'<div class="grid2">{made}</div>' if made else ""


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _of(name: str, place: int) -> str:
    """The first cell of a row needs no name on a phone: it is the row's own."""
    return f' data-of="{escape(name)}"' if place and name else ""
