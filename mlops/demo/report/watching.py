"""The first half of the story: a model decides, the world moves on, it is noticed, and a new version is made."""

from collections.abc import Iterator, Sequence

from mlops.demo.report import parts
from mlops.demo.report.parts import Chapter
from mlops.demo.report.words import Row, breached, day, feature, month, short, since
from monitoring import charts, page
from monitoring.charts import WIDE, Cell, Series
from monitoring.figures import number, plural

QUARTER = 3


def chapters(story: Row) -> Iterator[Chapter | None]:
    months: Sequence[Row] = story["months"]
    yield _begin(story, months)
    if months:
        yield _drift(story, months)
        yield _failing(story, months)
    if story.get("known_at_the_end_of"):
        yield _confirmed(story)
    for each in story.get("retrainings") or ():
        yield _retraining(story, each)


def _begin(story: Row, months: Sequence[Row]) -> Chapter:
    auc = story.get("version_1_auc")
    quality = (
        f"On loans that it had not seen, its AUC is {number(auc)}: shown one loan that failed and one that was repaid, "
        f"it finds the failing one riskier in about {round(100 * auc)} of 100 cases."
        if auc
        else ""
    )
    files = story.get("files") or ()
    links = [("its model card", "card.html"), ("its lineage, from the data to each decision", "lineage.html")]
    facts = [
        ("Learned from", "loans approved from 2000 to 2002, whose outcome was known"),
        ("Passed", "the rules on the data, and a gate on its quality"),
        ("Quality", f"AUC {number(auc)} on loans not seen before" if auc else ""),
        ("Let in by", "a person, with a reason, on record"),
    ]
    body = parts.paragraphs(
        f"Version 1 learns from past loans which ones fail. {quality}",
        "It does not decide at once: it waits until a person approves it. From then on it decides on each application.",
    ) + parts.evidence(facts, [each for each in links if each[1] in files])
    start = month(months[0]["month"]) if months else ""
    return Chapter("Version 1 is trained and approved", start, parts.PEOPLE, body, "begin")


def _drift(story: Row, months: Sequence[Row]) -> Chapter | None:
    drifted = [each for each in months if breached(each, "drift")]
    if not drifted:
        return None
    judged = sum(bool(each["drift"]) for each in months)
    body = parts.paragraphs(
        "Each month, the applications are compared with those that the model learned from. They differ in "
        f"{plural(len(drifted), 'month')} of {number(judged)}: other amounts, other banks, other kinds of credit.",
        "Nobody is called and nothing is retrained: other applicants need not be worse customers. A platform that "
        "raised an alarm here would have raised it every month for years, and nobody would have listened to it when "
        "it mattered.",
    )
    return Chapter(
        "The applicants change: noted as information",
        f"{month(drifted[0]['month'])} on",
        parts.NOBODY,
        body + _heat(story, months),
        "drift",
    )


def _heat(story: Row, months: Sequence[Row]) -> str:
    """One cell a quarter: its strongest month."""
    judged = [each for each in months if each["drift"]]
    groups = [judged[start : start + QUARTER] for start in range(0, len(judged), QUARTER)]
    features = sorted({name for each in judged for name in each["drift"]["features"]}, key=feature)
    if not features:
        return ""
    most = max(max(each["drift"]["features"].values(), default=0.0) for each in judged) or 1.0
    limited = any(each["drift"].get("limits") for each in judged)
    rows = [(name, [_cell(name, group, most) for group in groups]) for name in features]
    rows.sort(key=lambda row: -max((cell.share or 0.0 for cell in row[1] if cell), default=0.0))
    title = "How far the applications moved from those of training"
    caption = (
        "One row for each thing that is known of an application, one column for each quarter: the stronger the colour, "
        "the further its strongest month was from the loans that the model learned from. The top rows moved most. "
        "Months in which a new version "
        "was on trial are left out."
    )
    if began := [each["month"] for each in judged if each["month"] >= (since(story).get("from") or "9")]:
        caption += f" From {month(began[0])} on they are compared with what the new version learned from."
    labels = short([group[0]["month"] for group in groups])
    picture = charts.heatmap(title, [feature(name) for name, _ in rows], labels, [cells for _, cells in rows])
    # Without the numbers in the cells: four hundred of them are no picture. Each says its own on hover.
    figure = page.figure(title, picture, caption, _heat_legend() if limited else "", broad=True)
    return f'<div class="plain">{figure}</div>'


def _heat_legend() -> str:
    words = ("as in training", "", "", "more than usual", "", "twice that and more")
    boxes = "".join(
        f'<svg class="key" viewBox="0 0 18 12" aria-hidden="true"><g class="h{level}"><rect width="18" height="12"/>'
        f"</g></svg>{word and f'<span>{word}</span>'}"
        for level, word in enumerate(words)
    )
    return f'<ul class="legend heat"><li>{boxes}</li></ul>'


def _cell(name: str, group: Sequence[Row], most: float) -> Cell | None:
    """The month of a group in which a feature was the furthest from its limit, or from nothing where it has none."""
    found = []
    for each in group:
        value, limit = each["drift"]["features"].get(name), (each["drift"].get("limits") or {}).get(name)
        if value is not None:
            found.append((value / (limit or most / 2), value, limit, each["month"]))
    if not found:
        return None
    ratio, value, limit, when = max(found, key=lambda each: each[0])
    tip = f"{feature(name)} ({name}), {when}: distance {number(value)}" + (f", limit {number(limit)}" if limit else "")
    return Cell(value, ratio, False, tip)


def _failing(story: Row, months: Sequence[Row]) -> Chapter | None:
    judged = [each for each in months if each["outcomes"]]
    failing = [each for each in judged if breached(each, "outcomes")]
    if not failing:
        return None
    first = failing[0]["outcomes"]
    counted = (
        f" {number(first['observed_events'])} where {number(first['expected_events'])} were expected."
        if "observed_events" in first and "expected_events" in first
        else ""
    )
    body = parts.paragraphs(
        "Whether a model decides well shows only when loans fail, and that takes time. The platform looks at each "
        f"month's loans when they are two years old. Those of {month(failing[0]['month'])} are the first that are too "
        f"bad for chance:{counted or ' more failed than expected.'}",
        "One month proves nothing yet. It is noted, and the next ones are looked at.",
    )
    when = f"loans of {month(failing[0]['month'])}"
    title = "More loans than expected fail within two years"
    return Chapter(title, when, parts.NOBODY, body + _outcomes(story, judged), "failing")


def _outcomes(story: Row, judged: Sequence[Row]) -> str:
    names = [each["month"] for each in judged]
    found = [each["outcomes"] for each in judged]
    series = [
        Series("expected", [each.get("expected_events") for each in found], "b"),
        Series(
            "failed within two years",
            [each.get("observed_events") for each in found],
            "a",
            marked=[place for place, each in enumerate(found) if each["breached"]],
        ),
    ]
    confirmed = story.get("first_confirmed_month")
    events = [(names.index(confirmed), "confirmed with these")] if confirmed in names else []
    title = "Early failures, observed and expected"
    picture = charts.line(title, short(names), series, zero=True, events=events, width=WIDE, height=280)
    caption = (
        "Of the approved loans of a month: how many failed within two years, and how many the model's own test let "
        "expect. A diamond is a month that is too bad for chance and at least twice as bad as expected."
    )
    return page.figure(title, picture, caption, charts.legend(series, marked="too bad for chance"), broad=True)


def _confirmed(story: Row) -> Chapter:
    loans, rule = story.get("first_confirmed_month"), story.get("rule")
    enough = f"{rule['breaches']} of the newest {rule['of']} months" if rule else "enough of the newest months"
    known = (
        f"With the loans of {month(loans)}, whose two years are over by now, {enough}" if loans else enough.capitalize()
    )
    body = parts.paragraphs(
        f"{known} were too bad for chance. That is the rule that was fixed before, so now it counts as proven: the "
        "model has got worse. An alarm goes off. It tells the people who are responsible, once, and "
        "starts what comes next.",
    ) + parts.evidence(
        [
            ("Rule", f"{enough}, judged by outcomes alone" if rule else ""),
            ("Not a reason", "that applicants changed; one bad month; somebody's feeling"),
            ("Known since", f"the end of {month(story['known_at_the_end_of'])}"),
        ]
    )
    when = f"end of {month(story['known_at_the_end_of'])}"
    return Chapter("Confirmed: the model has got worse", when, parts.ALARM, body, "confirmed")


def _retraining(story: Row, each: Row) -> Chapter:
    made = each.get("version")
    release: Row = next((one for one in story["releases"] if one["version"] == made), {})
    learned, auc, before = release.get("learned") or {}, release.get("test_auc"), release.get("champion_auc")
    body = parts.paragraphs(
        "The alarm itself starts a training on newer loans, of which it is known what became of them."
        + (f" It makes version {made}." if made else ""),
        "A gate lets the new version pass only if it is good enough, and no worse than the one that decides today on "
        "the same newer loans. Then it waits: no version reaches a customer before a person has approved it.",
    ) + parts.evidence(
        [
            ("Started by", "the alarm of the step before; nobody was asked"),
            ("Learned from", f"loans of {day(learned['from'])} to {day(learned['to'])}" if learned else ""),
            ("Quality", f"AUC {number(auc)} on newer loans, not seen before" if auc else ""),
            ("On the same loans", f"AUC {number(before)} for the version that decides" if before else ""),
            ("Let in by", "a person, with a reason, on record" if made else ""),
        ]
    )
    return Chapter("The alarm starts a training", f"end of {month(each['month'])}", parts.ALARM, body, "retrained")
