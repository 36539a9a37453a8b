"""The second half: each new version is tried before it is trusted; what an auditor finds; and what is not as it would
be in a bank."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from mlops.demo.report import parts, pictures
from mlops.demo.report.parts import Chapter
from mlops.demo.report.pictures import Look
from mlops.demo.report.words import Row, evidence, month, parted, since, was_tried
from monitoring import page
from monitoring.figures import number, percent, plural

_STAGES = {
    "shadow": ("As a shadow: it answers, and nobody hears it", "pairs of answers"),
    "challenger": ("As a challenger: it decides for some of the customers", "outcomes"),
}
_TONES = {"promoted": "good", "lost": "warn", "rolled back": "warn"}
_IMPACT = re.compile(r"DI of \S+ is (?P<found>[\d.]+) .*limits (?P<least>[\d.]+) to")
"""Clarify's disparate impact: the share approved in a group, divided by that of all others."""
_LINKS = (
    ("lineage: where each thing came from", "lineage.html"),
    ("model card", "card.html"),
    ("the card as PDF", "card.pdf"),
    ("audit", "audit.html"),
    ("all figures as data", "summary.json"),
)


def chapters(story: Row) -> Iterator[Chapter | None]:
    for place, release in enumerate(story["releases"][1:]):
        yield _tried(story, release, first=place == 0)
    asked = story.get("governance") or {}
    if "reproduced" in asked:
        yield _audited(story, asked)
    for model, trained in asked.items():
        if isinstance(trained, Mapping) and "refused" in trained:
            yield _refused(model, trained)


def _tried(story: Row, release: Row, *, first: bool) -> Chapter:
    version, outcome = release["version"], release["outcome"]
    pictured = "".join(_stage(version, stage) for stage in release.get("stages") or ())
    compared = f'<div class="compare">{pictured}</div>' if pictured else ""
    title, how, who = _ENDS.get(outcome, ("Version {}: {}", "", parts.RULE))
    if outcome == "promoted" and not pictured:
        title, how, who = "Version {} takes over at once", "It was approved to replace the one before.", parts.PEOPLE
    told = parts.paragraphs(
        _INTRODUCED if compared and first else "",
        how.format(version),
        _why_so_long(story, release) if compared and first else "",
    )
    facts = [
        (_STAGES.get(each["stage"], (each["stage"], ""))[0], evidence(each)) for each in release.get("stages") or ()
    ]
    facts += [
        ("Meanwhile", _answered(release)),
        ("Errors", ", ".join(release.get("failures") or ())),
    ]
    began = since(story).get("from")
    if first and outcome == "promoted" and began:
        facts.append(("Decides alone", f"from {month(began)} on"))
    when = f"{month(began)} on" if first and outcome == "promoted" and began else "" if first else "afterwards"
    body = told + compared + _who_answered(release) + parts.evidence(facts)
    return Chapter(title.format(version, outcome), when, who, body, "tried" if first else "")


def _why_so_long(story: Row, release: Row) -> str:
    """What the months went by with between the alarm and the first month in which the new version decides alone."""
    names = [each["month"] for each in story["months"]]
    known, began, tried = story.get("known_at_the_end_of"), since(story).get("from"), parted(story)
    if not (known in names and began in names and release.get("requests")):
        return ""
    between = names.index(str(began)) - names.index(str(known)) - 1
    if between < 1:
        return ""
    monthly = sum(each["applications"] for each in story["months"]) / len(names)
    counted = [f"{number(each['samples'])} {_STAGES[each['stage']][1]}" for each in _decided(release)]
    said = f" Its verdicts took {' and '.join(counted)}." if counted else ""
    half = f" From {month(tried)} on it decided for some of the customers." if tried else ""
    return (
        f"Between the alarm and {month(str(began))}, the first month in which version {release['version']} decides "
        f"alone, {'lies' if between == 1 else 'lie'} {plural(between, 'month')}: it was trained, then tried on "
        f"{number(release['requests'])} applications, and a month brings about {number(round(monthly))}.{said} A "
        f"comparison needs that many, each with its outcome, before chance is ruled out.{half}"
    )


def _decided(release: Row) -> list[Row]:
    """Stages that ended with a verdict."""
    return [each for each in release.get("stages") or () if each.get("verdict") and each["stage"] in _STAGES]


_INTRODUCED = (
    "Good marks in a test are not enough. The new version is compared with the one that decides today, on the "
    "customers' own applications, by the share of good decisions. The comparison ends as soon as the evidence is "
    "enough, and not before: how often one looks does not change how sure the answer is."
)
_ENDS = {
    "promoted": (
        "Version {} is tried, and promoted",
        "Each time the range came to lie above zero, so that chance explains it no more. Version {} took the next "
        "step, and in the end it decides for all customers.",
        parts.RULE,
    ),
    "lost": (
        "Version {} lost",
        "Version {} was made on purpose: its marks in the test are as good, but it approves nearly everybody. The gate "
        "sees the marks alone and let it pass. As a shadow it is found out, and not one customer had got its answer. "
        "The one before goes on deciding.",
        parts.RULE,
    ),
    "rolled back": (
        "Version {} is rolled back",
        "Version {} was an urgent fix, made by hand, with an error in its code, and released without a comparison: "
        "there has to be a way for emergencies. An alarm saw its errors on the first share of the requests. The "
        "platform took it out of service by itself, and the one before went on answering.",
        parts.ALARM,
    ),
}


def _stage(version: Any, stage: Row) -> str:
    """The comparison as it went on; nothing where it ended before a verdict."""
    if "verdict" not in stage:
        return ""
    last = Look(stage["samples"], stage["estimate"], *stage["interval"])
    looks = [Look(**each) for each in stage.get("course") or ()]
    looks = [each for each in looks if each.samples < last.samples] + [last]
    title, what = _STAGES.get(stage["stage"], (str(stage["stage"]), "outcomes"))
    decided = {"better": "better", "worse": "worse"}.get(str(stage["verdict"]), "")
    picture = pictures.running(f"Version {version}. {title}", looks, decided)
    caption = (
        f"How many of 100 decisions more version {version} got right than the one that decides, after so many {what}. "
        "The line is what was seen, the band the range that it lies in with 95 % certainty, at all looks together. "
        "Zero: as good as the other."
    )
    return page.figure(title, picture, caption)


def _answered(release: Row) -> str:
    if "requests" not in release:
        return ""
    return f"{number(release['requests'])} applications, {number(release['failed_requests'])} without an answer"


def _who_answered(release: Row) -> str:
    """Who answered the customers meanwhile: the picture for releases in which somebody got no answer, or two did."""
    counted, failed = release.get("answered_by") or {}, release.get("failed_requests", 0)
    if len(counted) + bool(failed) < 2:
        return ""
    title = "Who answered the customers meanwhile"
    answered = [(f"version {version}", count) for version, count in counted.items()]
    said = ", ".join(f"{what}: {count:,}" for what, count in [*answered, ("no answer", failed)])
    picture = pictures.answers(f"{title}: {said}", answered, failed)
    return page.figure(title, picture, f"{said[0].upper()}{said[1:]}.", broad=True)


def _audited(story: Row, asked: Row) -> Chapter:
    version = asked["version"]
    lineage, card, gaps = asked["lineage"], asked["card"], asked["audit"]["gaps"]
    whole = [each for each, count in gaps.items() if not count]
    lacking = [f"version {each}: {plural(count, 'gap')}" for each, count in sorted(gaps.items()) if count]
    body = parts.paragraphs(
        "Years later somebody asks: why was this loan turned down, by what, and who had allowed it? All of it is on "
        "record, and a change afterwards would be seen.",
        f"The strictest test was made: version {version} was made again from its record alone.",
    ) + parts.evidence(
        [
            (f"Version {version} made again", f"{asked['reproduced']['files']} files, each equal to the last bit"),
            (
                "From data to decision",
                f"{lineage['nodes']} things and how they follow from each other; {number(lineage['predictions'])} "
                "decisions that can be looked up",
            ),
            ("Model card", f"{card['status'].lower()}: purpose, data, quality, limits"),
            ("Complete record", ", ".join(f"version {each}" for each in sorted(whole))),
            ("Gaps found", "; ".join(lacking) + (": it came past the usual way, and that is seen" if lacking else "")),
        ],
        [each for each in _LINKS if each[1] in (story.get("files") or ())],
    )
    return Chapter("What an auditor finds", "at any time", parts.CHECKED, body, "audit")


def _refused(model: str, trained: Row) -> Chapter:
    reason = str(trained["refused"]).rpartition("gate failed: ")[2].partition(", exit code")[0]
    how = ", ".join(f"{name} {value}" for name, value in trained["with"].items())
    impact = _IMPACT.search(reason)
    compared = (
        f"{percent(float(impact['found']))} as often as the others; at least {percent(float(impact['least']))} are "
        "asked for"
        if impact
        else ""
    )
    body = parts.paragraphs(
        "The same platform looks after a second model, which decides on mortgages. Its training ends with a check that "
        "no group of applicants is approved much less often than the others: at least four fifths as often.",
        "Trained as it is, the model breaks that limit, and the gate refuses it: it is not even shown to somebody who "
        f"could approve it. Trained again in a way that weighs the groups, it keeps to the limit and becomes version "
        f"{trained['registered']}, which waits for a person.",
    ) + parts.evidence(
        [("A group was approved", compared), ("In the gate's words", reason), ("Trained again with", how)]
    )
    title = f"A second model ({model.replace('_', ' ')}) is refused until it is fair"
    return Chapter(title, "", parts.REFUSED, body, "refused")


def versions(releases: Sequence[Row]) -> str:
    rows = [
        (
            f"<strong>Version {escape(str(each['version']))}</strong>",
            page.tag(_TONES.get(each["outcome"], "quiet"), str(each["outcome"])),
            escape(_came(each, place)),
            "<br>".join(escape(f"{stage['stage']}: {evidence(stage)}") for stage in each.get("stages") or ()) or "–",
            escape(_answered(each) or "–"),
        )
        for place, each in enumerate(releases)
    ]
    columns = (("Version", ""), ("What became of it", ""), ("How it came", ""), ("Evidence", ""), ("Meanwhile", ""))
    return page.heading("Each version, and why it stayed or went") + page.table(columns, rows)


def _came(release: Row, place: int) -> str:
    if not was_tried(release):
        return "to replace the one before at once" if place else "the first one"
    return ", then ".join(release["strategy"])


_CHOSEN = (
    "Approving less nearly always means fewer failures. That those it turned down failed more often than the others is "
    "what shows that the new version chooses better, and not only less."
)


_AT_ONCE = (
    "Only while a version is on trial, the outcome of a loan is told at once. A bank would wait two years for it, or "
    "compare by an earlier sign, such as the first missed payments."
)


def honest(story: Row) -> str:
    rates = since(story)
    turned_down = rates.get("turned_down")
    said = [
        "Time is compressed: a month passes in a second or two, and the two years until a loan counts as good so far "
        "are months of the replay. The order is kept: a failure is told in the month in which it happened, never "
        "earlier.",
        *([_AT_ONCE] if any(map(was_tried, story["releases"])) else []),
        "All of these loans were granted in reality, so it is known what became of each, also of those that a model "
        "here turned down"
        + (
            f" ({percent(turned_down)} of those that only the first model would have granted failed)"
            if turned_down
            else ""
        )
        + ". A real bank never learns that; the platform in this replay does not look either.",
        *([_CHOSEN] if (turned_down or 0) > (rates.get("without") or 1) else []),
        "The loans are a public sample of those that the US Small Business Administration guaranteed.",
        "The worse and the broken version were made so on purpose, to show what becomes of such. The person who "
        "approves is played by the demo.",
        *(story.get("notes") or ()),
    ]
    return page.heading("What is not as in a bank") + parts.items(said)


def beside(story: Row) -> str:
    links = [each for each in _LINKS if each[1] in (story.get("files") or ())]
    if not links:
        return ""
    return page.heading("Beside this page") + f"<p>{parts.joined(links)}.</p>"
