"""What the report's looks need beside those of every page."""

from monitoring import page

# On paper the light colours, also of a reader whose screen is dark.
_LIGHT = page.STYLE.partition("color-scheme:light dark;")[2].partition("}")[0]

_SCREEN = """
main{max-width:56rem}
h1{font-size:2.1rem;letter-spacing:-.01em;margin-bottom:.8rem}
.lead{font-size:1.1rem;max-width:44rem}
a{color:var(--info)}
.verdict h2{font-size:1.5rem}
.contents{columns:2 20rem;column-gap:2.5rem;margin:.6rem 0;padding-left:1.6rem;font-size:.95rem}
.contents li{break-inside:avoid;padding:.12rem 0}.contents .soft{font-size:.85rem;white-space:nowrap}
.chapter{margin-top:3rem;padding-top:1.4rem;border-top:1px solid var(--rule)}
.chapter h2{margin:0 0 .3rem;font-size:1.4rem;display:flex;gap:.7rem;align-items:baseline}
.turn{flex:none;display:inline-block;min-width:1.9rem;height:1.9rem;line-height:1.9rem;border-radius:1rem;
text-align:center;font-size:1rem;background:var(--ink);color:var(--paper)}
.when{color:var(--soft);margin:0 0 .8rem;display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:center}
.when .tag{white-space:normal}
.evidence{background:var(--card);border:1px solid var(--rule);border-left:.3rem solid var(--info);border-radius:.4rem;
padding:.7rem 1rem;margin:.9rem 0;font-size:.95rem;break-inside:avoid}
.evidence dl{margin:0}.evidence div{display:grid;grid-template-columns:minmax(8rem,13rem) 1fr;gap:.2rem 1rem;
padding:.15rem 0}
.evidence dt{color:var(--soft)}.evidence dd{margin:0}.beside{margin:.5rem 0 0}
.glossary dt{font-weight:600;margin-top:.7rem}.glossary dd{margin:0;max-width:44rem}
.compare{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem;margin:.8rem 0}
.plain svg [class^="h"] text{display:none}
.grid2 figure,.compare figure{display:flex;flex-direction:column}
figure svg.chart{margin-top:auto}svg.hundred{max-width:15rem;margin:.3rem auto 0}
.legend.squares .key{width:16px;height:16px;vertical-align:-3px}
svg .repaid rect{fill:var(--a)}
svg .failed rect{fill:var(--b)}svg .failed path{stroke:var(--on);stroke-width:2.2;fill:none}
svg .declined rect{fill:none;stroke:var(--soft);stroke-width:1.4}
svg .spared{fill:var(--good);opacity:.22}
svg .touch{fill:transparent!important}svg .touch:hover{fill:var(--c)!important}
svg .flag circle{fill:var(--ink)}svg .flag .on{fill:var(--paper);font-weight:600}
svg .zero{stroke:var(--ink);stroke-width:1.5}
svg .look .whisker{opacity:.25}
svg .older rect{fill:var(--h2)}svg .newer rect{fill:var(--a)}svg .newer text,svg .failed text{fill:var(--on)}
svg.strip{min-width:0}
.spares{display:inline-block;width:18px;height:12px;background:var(--good);opacity:.3;margin-right:.4rem}
@media (max-width:40rem){.evidence div{grid-template-columns:1fr;gap:0}h1{font-size:1.7rem}}
"""

_PRINT = """
@page{margin:16mm 14mm}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font-size:10pt}main{max-width:none;padding:0}h1{font-size:1.8rem}svg.wide{min-width:0}.scroll{overflow:visible}
.grid2,.compare{grid-template-columns:1fr 1fr}svg.hundred{max-width:11rem}
.chapter{margin-top:1.6rem;padding-top:1rem}h2,h3,.when{break-after:avoid}
figure,tr,.numbers div,.glossary dd{break-inside:avoid}
a{color:inherit}.numbers{grid-template-columns:repeat(3,1fr)}
"""

STYLE = f"{_SCREEN}@media print{{:root{{color-scheme:light;{_LIGHT};--paper:#fff}}{_PRINT}}}"
