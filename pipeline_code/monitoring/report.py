"""The report of one monitoring run: an HTML page that answers first, then shows.

Is the model well? What breached, how strongly, why that counts, what it means, what to do. Then pictures, and what
could not be read. The same run gives the same page.
"""

from __future__ import annotations

from html import escape
from typing import Any, Dict, List, Mapping, Tuple

from monitoring import figures, page
from monitoring.findings import (
    BIAS,
    DATA_QUALITY,
    DEGRADING,
    EMPTY,
    JUDGED,
    MONITORS,
    OUTCOME_MONITORS,
    TOO_FEW,
    Finding,
    Window,
)
from monitoring.report_parts import COUNTS, TROUBLE, WORDS
from monitoring.report_pictures import pictures
from monitoring.report_run import Run, effect, same, share


def html(run: Mapping[str, Any]) -> str:
    """The page of a run. Every name in it may come from data, and is escaped.

    run: `model`, `environment`, `endpoint`, `version`, `run` and `made` are texts. `windows`: texts of the run's own
    windows. `judgements`: documents of all that were considered. `confirmations`: documents of Confirmation.
    `counts`: numbers by name. `skipped`, or {}: why a monitor had nothing to compare with. `statistics`:
    statistics.json by window's text; `baseline_statistics`: that of the version. `charts`, or {}:
    "attribution": {"baseline": {feature: mean |SHAP|}, "current": {…}, "window": text};
    "spread": {window's text: {metric: its standard deviation}} of model quality.
    Raises KeyError, TypeError or ValueError for judgements that are none.
    """
    told = Run(run)
    title = f"{told.text('model')} in {told.text('environment')}: monitoring"
    return page.page(
        title, [_head(told), _answer(told), _monitors(told), _fired(told), *pictures(told), _unread(told), _all(told)]
    )


def _head(run: Run) -> str:
    windows = [Window.read(each) for each in sorted(run.windows)]
    span = figures.window(windows[0]) if windows else "none"
    if len(windows) > 1:
        span = f"{len(windows)} windows, {figures.window(windows[0])} to {figures.window(windows[-1])}"
    facts = [
        ("Environment", run.text("environment")),
        ("Endpoint", run.text("endpoint")),
        ("Version", run.text("version")),
        ("Judged in this run", span),
        ("Made", run.text("made")),
        ("Run", run.text("run")),
    ]
    return f'<p class="eyebrow">Monitoring report</p><h1>{escape(run.text("model"))}</h1>' + page.facts(facts)


def _answer(run: Run) -> str:
    """Is the model well? In words, the worst first."""
    breached = [each for each in run.new if each.breached]
    known = any(run.of(monitor) for monitor in OUTCOME_MONITORS)
    said = [f"{WORDS[each].name}: {run.how_often(each)}; that confirms it." for each in run.confirmed()]
    odd = " and ".join(WORDS[each].name.lower() for each in DEGRADING if any(one.monitor == each for one in breached))
    blind = [] if known else ["No outcomes have matured yet, so nothing is known of how good its predictions are."]
    names = ", ".join(WORDS[each].name.lower() for each in run.skipped)
    unjudged = [f"Not judged, since there is nothing to compare with: {names}; see below why."] if names else []
    blind += unjudged
    if run.confirmed(DEGRADING):
        return page.verdict("bad", "No: the model has got worse.", [*said, WORDS[run.confirmed(DEGRADING)[0]].do])
    worst = [each for each in (DATA_QUALITY, BIAS) if each in run.confirmed() or (each == DATA_QUALITY and run.faulty)]
    if worst:
        title = (
            "Its inputs break their rules." if worst[0] == DATA_QUALITY else "It treats groups differently than before."
        )
        if worst[0] not in run.confirmed():
            said.insert(
                0, f"{WORDS[DATA_QUALITY].name}: {run.how_often(DATA_QUALITY)}; one is enough to call somebody."
            )
        return page.verdict("warn", title, [*said, *(WORDS[each].do for each in worst), *blind])
    if run.confirmed() and not any(each.monitor not in run.confirmed() for each in breached):
        title = "Yes, as far as outcomes say; its inputs have changed." if known else "Its inputs have changed."
        calm = ["Outcomes hold, so nobody has to act."] if known else []
        return page.verdict("info", title, [*said, *blind, *calm])
    if breached:
        names = ", ".join(WORDS[each].name.lower() for each in dict.fromkeys(each.monitor for each in breached))
        return page.verdict(
            "warn",
            f"Not sure: {odd} breached once or so, which confirms nothing yet."
            if odd
            else "Probably: a breach, which is not confirmed.",
            [
                f"Beyond its limits in this run: {names}. One odd window is no trend; the next ones decide.",
                *said,
                *blind,
            ],
        )
    if not any(each.status == JUDGED for each in run.new):
        few = ["Too few predictions, or none; see below what was read."] if run.new or not unjudged else []
        return page.verdict("quiet", "Not known: no window could be judged.", [*few, *unjudged])
    return page.verdict(
        "good", "Yes: nothing breached.", blind or ["Inputs and outcomes are as they were in training."]
    )


def _monitors(run: Run) -> str:
    rows = []
    for monitor in MONITORS:
        words = WORDS[monitor]
        name = f'<strong>{escape(words.name)}</strong><br><span class="soft">{escape(words.question)}</span>'
        rows.append((name, _state(run, monitor), _dots(run, monitor), escape(run.how_often(monitor))))
    note = "◆ a window that breached, ○ one that did not; oldest to the left, the newest twelve."
    columns = (("Monitor", ""), ("In this run", ""), ("Windows", ""), ("Confirmation", ""))
    return page.heading("The monitors") + page.table(columns, rows) + page.paragraph(note, "soft")


def _state(run: Run, monitor: str) -> str:
    """The newest window of this run in one word; what is confirmed outranks it."""
    here = [each for each in run.new if each.monitor == monitor]
    if monitor in run.confirmed():
        return page.tag(
            "bad" if monitor in DEGRADING else "warn" if monitor in (DATA_QUALITY, BIAS) else "info", "confirmed"
        )
    judged = [each for each in here if each.status == JUDGED]
    if judged:
        return page.tag("warn", "breached") if judged[-1].breached else page.tag("good", "within limits")
    if any(each.status == TOO_FEW for each in here):
        return page.tag("quiet", "too few rows")
    if monitor in run.skipped:
        return page.tag("warn", "not judged")
    return page.tag("quiet", "no data" if any(each.status == EMPTY for each in here) else "not run")


def _dots(run: Run, monitor: str) -> str:
    newest = run.of(monitor)[-12:]
    dots = "".join(
        f'<b title="{escape(str(each.window))}: breached">◆</b>'
        if each.breached
        else f'<span title="{escape(str(each.window))}: within limits">○</span>'
        for each in newest
    )
    said = f"{sum(each.breached for each in newest)} of {len(newest)} breached"
    return f'<span class="dots" role="img" aria-label="{said}">{dots}</span>' if newest else figures.NOTHING


def _fired(run: Run) -> str:
    """What breached in this run, and why each finding counts."""
    parts = []
    for monitor in MONITORS:
        found = _newest_breaches(run, monitor)
        if not found:
            continue
        words = WORDS[monitor]
        rows = [
            (
                f"<strong>{escape(one.subject)}</strong><br>{escape(one.text)}",
                escape(effect(one)),
                escape(figures.chance(one.p_value)),
                escape(f"{count} of {figures.plural(total, 'judged window')}"),
            )
            for one, count, total in found
        ]
        where = f"More: docs/operations.md, section “{words.section}”."
        parts.append(
            f'<section class="why"><h3>{escape(words.name)}: {escape(run.how_often(monitor))}</h3>'
            + page.paragraph(words.means)
            + page.table((("What", ""), ("Effect", ""), ("Significance", ""), ("How often", "")), rows)
            + f"<p><strong>What to do.</strong> {escape(words.do)} "
            f'<span class="soft">{escape(where)}</span></p></section>'
        )
    if not parts:
        return ""
    rule = (
        "A finding breaches only if it is significant (chance alone would rarely do it) and large (beyond a limit that "
        "the baseline's own windows keep). A monitor is confirmed when enough of its newest windows breached."
    )
    return page.heading("What breached, and why") + page.paragraph(rule, "soft") + "".join(parts)


def _newest_breaches(run: Run, monitor: str) -> List[Tuple[Finding, int, int]]:
    """Of each subject the newest breaching finding of this run, in how many judged windows it breached, and of how
    many; the strongest first."""
    judged = run.of(monitor)
    newest: Dict[Tuple[str, str], Finding] = {}
    for each in judged:
        if str(each.window) in run.windows:
            newest.update({(one.subject, one.check): one for one in each.findings if one.breaches})
    counted = []
    for (subject, check), one in newest.items():
        times = sum(any(same(other, subject, check) and other.breaches for other in each.findings) for each in judged)
        counted.append((one, times, len(judged)))
    return sorted(counted, key=lambda item: (-(share(item[0]) or 0.0), item[0].subject, item[0].check))


def _unread(run: Run) -> str:
    """What was left out: counts of lines, and windows that were not judged."""
    counts: Mapping[str, Any] = run.document.get("counts") or {}
    order = [name for name in COUNTS if name in counts] + sorted(name for name in counts if name not in COUNTS)
    rows = [
        (
            escape(COUNTS.get(name, name.replace("_", " "))),
            f"{escape(figures.number(counts[name]))} "
            + (page.tag("warn", "look") if name in TROUBLE and counts[name] else ""),
        )
        for name in order
    ]
    skipped = [each for each in run.new if each.status != JUDGED]
    reasons = {TOO_FEW: "too few rows to judge", EMPTY: "no rows"}
    lines = [("all", escape(WORDS[monitor].name), escape(why)) for monitor, why in run.skipped.items()]
    lines += [
        (
            escape(figures.window(each.window)),
            escape(WORDS[each.monitor].name),
            escape(f"{reasons.get(each.status, each.status)} ({each.rows:,})"),
        )
        for each in skipped
    ]
    parts = [page.table((("What was read and left out", ""), ("Count", "n")), rows)] if rows else []
    if lines:
        parts.append(page.table((("Window not judged", ""), ("Monitor", ""), ("Why", "")), lines))
    return page.heading("What was read, and what was not") + "".join(parts) if parts else ""


def _all(run: Run) -> str:
    """Every finding of this run, for those who want to check."""
    rows = [
        (
            escape(WORDS[each.monitor].name),
            escape(figures.window(each.window)),
            escape(one.subject),
            escape(one.check),
            escape(f"{figures.number(one.value)} / {figures.number(one.threshold)}"),
            escape(figures.number(one.p_value)),
            "<strong>breached</strong>"
            if one.breaches
            else "large"
            if one.large
            else "significant"
            if one.significant
            else "",
        )
        for each in run.new
        for one in each.findings
    ]
    if not rows:
        return ""
    columns = (
        ("Monitor", ""),
        ("Window", ""),
        ("Subject", ""),
        ("Check", ""),
        ("Value / limit", "n"),
        ("p", "n"),
        ("", ""),
    )
    summary = f"All {figures.plural(len(rows), 'finding')} of this run"
    return f"<details><summary>{summary}</summary>{page.table(columns, rows)}</details>"
