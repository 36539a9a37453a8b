"""The audit as a page: is everything known of every release, and what is not. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

from mlops import audit, words
from mlops.audit_observed import GAP, NOT_APPLICABLE, OK, Finding, Observed
from mlops.ledger import Entry
from monitoring import page
from monitoring.figures import plural

Audited = tuple[Observed, Sequence[Finding]]

TONES = {OK: "good", GAP: "bad", NOT_APPLICABLE: "quiet"}
STYLE = """
main{max-width:70rem}
table.stack td:first-child{min-width:8.5rem}table.stack td:nth-child(2){min-width:8rem}
a{color:var(--info)}
@page{size:A4;margin:14mm}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}tr{break-inside:avoid}
section.version{break-before:page}}
"""


def html(title: str, at: str, audited: Sequence[Audited]) -> str:
    """The page. at: when it was looked; audited: newest version first. Names in it are escaped."""
    return page.page(
        f"{title}: audit",
        [
            f'<p class="eyebrow">Audit</p><h1>{escape(title)}</h1>',
            page.facts([("Looked at", f"{at} UTC"), ("Releases", str(len(audited)))]),
            _answer(audited),
            _overview(audited),
            *(_version(observed, findings) for observed, findings in audited),
        ],
        STYLE,
    )


def outcome(entries: Sequence[Entry]) -> str:
    """What became of a version: its newest decision in words; entries: newest first."""
    if not entries:
        return "nothing was decided"
    return f"{entries[0].kind} {words.moment(entries[0].at)}"


def _answer(audited: Sequence[Audited]) -> str:
    if not audited:
        return page.verdict("quiet", "Nothing was released yet.", [])
    lacking = [observed.version for observed, findings in audited if audit.gaps(findings)]
    total = sum(len(audit.gaps(findings)) for _, findings in audited)
    if not lacking:
        said = f"{plural(len(audited), 'release')} with all evidence that is asked for."
        return page.verdict("good", "Complete.", [said])
    versions = ", ".join(map(str, lacking))
    where = f"In version{'s' if len(lacking) > 1 else ''} {versions}; what to do stands beside each."
    return page.verdict("bad", f"{plural(total, 'gap')}.", [where])


def _overview(audited: Iterable[Audited]) -> str:
    rows = []
    for observed, findings in audited:
        lacking = audit.gaps(findings)
        state = page.tag("bad", plural(len(lacking), "gap")) if lacking else page.tag("good", "complete")
        serves = page.tag("info", "serves") if observed.champion else ""
        rows.append(
            (
                f'<a href="#version-{observed.version}">version {observed.version}</a> {serves}',
                escape(outcome(observed.releases)),
                state,
                escape(", ".join(each.check for each in lacking)),
            )
        )
    columns = (("Version", ""), ("Last decision", ""), ("Evidence", ""), ("Gaps", ""))
    return page.heading("Releases") + page.table(columns, rows) if rows else ""


def _version(observed: Observed, findings: Sequence[Finding]) -> str:
    rows = [
        (
            f"<strong>{escape(each.check)}</strong>",
            page.tag(TONES[each.state], each.state),
            escape(each.why) + (f"<br><strong>To do.</strong> {escape(each.fix)}" if each.fix else ""),
        )
        for each in findings
    ]
    decisions = [
        (
            escape(words.moment(each.at)),
            escape(each.kind),
            escape(each.stage),
            escape(each.reason) + (f"<br>{escape(words.verdict(each.verdict))}" if each.verdict else ""),
        )
        for each in reversed(observed.releases)
    ]
    history = page.table((("When (UTC)", ""), ("Decision", ""), ("Stage", ""), ("Why", "")), decisions)
    counted = ", ".join(audit.summary(findings))
    return (
        f'<section class="version" id="version-{observed.version}">'
        + page.heading(f"Version {observed.version}: {counted}")
        + page.table((("Check", ""), ("", ""), ("Why", "")), rows)
        + (f"<details><summary>{plural(len(decisions), 'decision')}</summary>{history}</details>" if decisions else "")
        + "</section>"
    )
