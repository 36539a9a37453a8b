"""`build/demo/report.html`: the bank's years in words and pictures, for a reader who knows nothing of AWS."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from monitoring import charts, page
from monitoring.charts import WIDE, Cell, Lane, Series
from monitoring.figures import number, percent, plural

Row = Mapping[str, Any]

_STAGES = {"shadow": "shadow (answers nobody hears)", "challenger": "challenger (a share of the customers)"}
_VERDICTS = {"better": "better", "worse": "worse", "no_difference": "no difference", None: "not compared"}
_TONES = {"promoted": "good", "lost": "warn", "rolled back": "warn"}


def html(story: Mapping[str, Any]) -> str:
    """The page of a demo run; names in it are escaped.

    story: `months` as mlops.demo.chronicle makes them, one entry a month; `first_confirmed_month` (the newest loans
    that were judged when degradation was confirmed) and `known_at_the_end_of` (when that was), or None; `retrainings`
    ({month, reason, version}); `charge_off_rates` ({with, without, …, since_release: {from, with, without}});
    `releases` as in summary.json; `version_1_auc`. `drift` of a month may have `limits` by feature, which colours its
    distances. `notes`: further sentences on what is not as in a bank.
    """
    months: Sequence[Row] = story["months"]
    title = "A bank's loans, with somebody watching"
    parts = [_opening(title, months), _answer(story), _figures(story, months)]
    if months:
        parts += [_rates(story, months), _timeline(story, months), _outcomes(story, months), _drift(months)]
    return page.page(title, [*parts, _events(story, months), _releases(story["releases"]), _honest(story)])


def _opening(title: str, months: Sequence[Row]) -> str:
    span = f" from {_month(months[0]['month'])} to {_month(months[-1]['month'])}" if months else ""
    return (
        f'<p class="eyebrow">Report of a demo run</p><h1>{escape(title)}</h1>'
        + page.paragraph(
            "A bank lets a model decide who gets a loan. The model learned from the loans of 2000 to 2002. The world "
            f"moves on. This page replays what happened{span}, on real loans, twice: once with a model that nobody "
            "looks at again, and once with a platform that watches it, notices when it gets worse, and replaces it by "
            "a better one."
        )
        + page.paragraph(
            "A loan is charged off when the bank gives up on getting its money back. Fewer of them is better, as long "
            "as the bank still approves loans.",
            "soft",
        )
    )


def _answer(story: Mapping[str, Any]) -> str:
    since = _since(story)
    if since.get("with") is None or since.get("without") is None:
        return page.verdict("quiet", "No new version decided for whole months in this run.", [])
    gone, kept = since["without"], since["with"]
    began = f"Since {_month(since['from'])}, the first whole month of the new version,"
    compared = (
        f"{percent(kept)} of the approved loans were charged off in the end. The first model alone: {percent(gone)}."
    )
    shares = [since.get(name) for name in ("approved_with", "approved_without", "turned_down")]
    if None not in shares:
        compared += (
            f" It approves less: {percent(shares[0])} of the applications, not {percent(shares[1])}; of the loans "
            f"that only the first model would have granted, {percent(shares[2])} failed."
        )
    if kept < gone:
        title = f"It paid: {percent((gone - kept) / gone)} fewer of the approved loans failed."
        return page.verdict("good", title, [f"{began} {compared}"])
    return page.verdict("warn", "It did not pay in this run.", [f"{began} {compared}"])


def _figures(story: Mapping[str, Any], months: Sequence[Row]) -> str:
    since = _since(story)
    after = [each for each in months if since.get("from") and each["month"] >= since["from"]]
    approved = sum(each["approved"] for each in after), sum(each["applications"] for each in after)
    drifted = sum(bool(each["drift"] and each["drift"]["breached"]) for each in months)
    retrained = len(story.get("retrainings") or ())
    boxes = [
        (number(sum(each["applications"] for each in months)), "applications decided"),
        (percent(since.get("without")), "charged off with the first model alone, since the new version"),
        (percent(since.get("with")), "charged off with the platform, in the same months"),
        (percent(approved[0] / approved[1]) if approved[1] else "–", "of the applications approved in those months"),
        (number(drifted), "months with drifted inputs: noted, nobody was called"),
        (
            number(retrained),
            f"{'retraining' if retrained == 1 else 'retrainings'}, started by the alarm, by nobody else",
        ),
    ]
    return '<div class="numbers">' + "".join(f"<div><b>{a}</b>{escape(b)}</div>" for a, b in boxes) + "</div>"


def _rates(story: Mapping[str, Any], months: Sequence[Row]) -> str:
    names = [each["month"] for each in months]
    series = [
        Series("the first model alone", [_share(each, "_without") for each in months], "b"),
        Series("with the platform", [_share(each, "") for each in months], "a"),
    ]
    title = "Charged-off loans among the approved ones, by month of approval"
    picture = charts.line(
        title, _short(names), series, form=percent, zero=True, events=_marks(story, names), width=WIDE, height=320
    )
    caption = (
        "Of the loans approved in a month, the share that was charged off in the end: known today, not then. Until the "
        "new version serves, both lines are one."
    )
    return page.heading("What it came to") + page.figure(title, picture, caption, charts.legend(series), broad=True)


def _timeline(story: Mapping[str, Any], months: Sequence[Row]) -> str:
    names = [each["month"] for each in months]
    versions = sorted({version for each in months for version in each["versions"]}, key=lambda text: (len(text), text))
    lanes = [Lane(f"version {version}", _spans(version, months)) for version in versions]
    drifted = [
        (place, f"{each['month']}: inputs drift") for place, each in enumerate(months) if _breached(each, "drift")
    ]
    failing = [
        (place, f"loans of {each['month']}: more failed early than expected")
        for place, each in enumerate(months)
        if _breached(each, "outcomes")
    ]
    known = [(place, word) for place, word in _marks(story, names) if names[place] == story.get("known_at_the_end_of")]
    lanes += [
        Lane("inputs drifted", marks=drifted),
        Lane("loans that failed early", marks=failing, look="b"),
        Lane("known, and retrained", marks=known, look="b"),
    ]
    title = "What the platform saw and did"
    caption = (
        "Each diamond is a month. Loans that failed early are shown in the month in which they were approved; that "
        "they failed was known two years later."
    )
    return page.figure(title, charts.lanes(title, _short(names), lanes), caption, broad=True)


def _outcomes(story: Mapping[str, Any], months: Sequence[Row]) -> str:
    judged = [each for each in months if each["outcomes"]]
    if not judged:
        return ""
    names = [each["month"] for each in judged]
    found = [each["outcomes"] for each in judged]
    series = [
        Series("expected", [each.get("expected_events") for each in found], "b"),
        Series(
            "charged off within two years",
            [each.get("observed_events") for each in found],
            "a",
            marked=[place for place, each in enumerate(found) if each["breached"]],
        ),
    ]
    confirmed = story.get("first_confirmed_month")
    events = [(names.index(confirmed), "confirmed")] if confirmed in names else []
    title = "Early charge-offs, observed and expected"
    picture = charts.line(title, _short(names), series, zero=True, events=events, width=WIDE, height=280)
    known = f" That was at the end of {_month(story['known_at_the_end_of'])}." if events else ""
    caption = (
        "Of the approved loans of a month: how many were charged off within two years, and how many the model's own "
        "test data let expect. A diamond is a month that is too bad for chance and at least twice as bad as expected. "
        f"One such month proves nothing; several of the newest ones confirm that the model got worse.{known}"
    )
    return page.heading("How it was noticed") + page.figure(
        title, picture, caption, charts.legend(series, marked="worse than chance allows"), broad=True
    )


def _drift(months: Sequence[Row]) -> str:
    judged = [each for each in months if each["drift"]]
    features = sorted({name for each in judged for name in each["drift"]["features"]})
    if not features:
        return ""
    most = max(max(each["drift"]["features"].values(), default=0.0) for each in judged) or 1.0
    limited = any(each["drift"].get("limits") for each in judged)
    cells = [[_distance(name, each, most) for each in judged] for name in features]
    title = "How far the applications moved from those of training"
    caption = (
        "One row for each question of the application form, one column for each month: the stronger the colour, the "
        "further from the loans that the model learned from. It is information and starts nothing: different "
        "applicants need not be worse."
    )
    picture = charts.heatmap(title, features, _short([each["month"] for each in judged]), cells)
    return page.figure(title, picture, caption, charts.heat_legend() if limited else "", broad=True)


def _distance(name: str, month: Row, most: float) -> Cell | None:
    value = month["drift"]["features"].get(name)
    if value is None:
        return None
    limit = month["drift"].get("limits", {}).get(name)
    tip = f"{name}, {month['month']}: distance {number(value)}" + (f", limit {number(limit)}" if limit else "")
    return Cell(value, value / (limit or most / 2), bool(limit) and month["drift"]["breached"] and value > limit, tip)


def _events(story: Mapping[str, Any], months: Sequence[Row]) -> str:
    items = "".join(
        f'<li class="{tone}"><time>{escape(when)}</time><strong>{escape(what)}</strong> {escape(more)}</li>'
        for when, tone, what, more in _told(story, months)
    )
    return page.heading("Step by step") + f'<ol class="story">{items}</ol>'


def _told(story: Mapping[str, Any], months: Sequence[Row]) -> Iterator[tuple[str, str, str, str]]:
    """When, tone, what, more: oldest first."""
    start = _month(months[0]["month"]) if months else ""
    auc = story.get("version_1_auc")
    quality = f" Its AUC on loans that it had not seen is {number(auc)}." if auc else ""
    yield start, "good", "Version 1 is trained and approved.", f"From now on it decides on each application.{quality}"
    drifted = [each for each in months if _breached(each, "drift")]
    if drifted:
        yield (
            f"{_month(drifted[0]['month'])} on",
            "info",
            "The inputs drift: noted as information.",
            f"{plural(len(drifted), 'month')} of {sum(bool(each['drift']) for each in months)}. "
            "Nobody is called and nothing is retrained while the outcomes hold.",
        )
    failing = [each for each in months if _breached(each, "outcomes")]
    if failing:
        first = failing[0]["outcomes"]
        counted = f"{number(first['observed_events'])} where {number(first['expected_events'])} were expected. "
        yield (
            f"loans of {_month(failing[0]['month'])}",
            "warn",
            "More loans than expected fail within two years.",
            (counted if "observed_events" in first and "expected_events" in first else "")
            + "One month proves nothing yet.",
        )
    if story.get("known_at_the_end_of"):
        loans = story.get("first_confirmed_month")
        known = f"With the loans of {_month(loans)}, whose two years are over by now, " if loans else ""
        yield (
            f"end of {_month(story['known_at_the_end_of'])}",
            "bad",
            "Confirmed: the model has got worse.",
            f"{known}enough of the newest months breached. An alarm goes off.",
        )
    for each in story.get("retrainings") or ():
        made = f" It made version {each['version']}." if each.get("version") else ""
        why = f"{each['reason'].rstrip('.')}.{made}"
        yield f"end of {_month(each['month'])}", "info", "The alarm starts a retraining.", why
    for each in story["releases"][1:]:
        yield from _release_told(each)


def _release_told(release: Row) -> Iterator[tuple[str, str, str, str]]:
    version = release["version"]
    for stage in release.get("stages") or ():
        yield (
            f"version {version}, {stage['stage']}",
            "info",
            f"Version {version} is compared as {_STAGES.get(stage['stage'], stage['stage'])}.",
            _evidence(stage),
        )
    outcome, tone = release["outcome"], _TONES.get(release["outcome"], "warn")
    ends = {
        "promoted": (f"Version {version} is promoted.", "It decides alone from now on."),
        "lost": (f"Version {version} is turned down.", "The one before goes on deciding."),
        "rolled back": (
            f"Version {version} is rolled back.",
            "An alarm saw its errors; the fleet before went on answering.",
        ),
    }
    what, more = ends.get(outcome, (f"Version {version}: {outcome}.", ""))
    yield f"version {version}", tone, what, more


def _evidence(stage: Row) -> str:
    """A verdict in words, with its figures."""
    if "verdict" not in stage:
        return "It ended before a verdict."
    low, high = stage["interval"]
    points = f"{100 * stage['estimate']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})".replace("-", "−")
    verdict = _VERDICTS.get(stage["verdict"], str(stage["verdict"]).replace("_", " "))
    return f"After {number(stage['samples'])} outcomes: {verdict}, {points} of good decisions."


def _releases(releases: Sequence[Row]) -> str:
    rows = [
        (
            f"<strong>Version {escape(str(each['version']))}</strong>",
            page.tag(_TONES.get(each["outcome"], "quiet"), each["outcome"]),
            escape(", then ".join(each["strategy"])),
            "<br>".join(escape(f"{stage['stage']}: {_evidence(stage)}") for stage in each.get("stages") or ()) or "–",
            escape(_answered(each)),
        )
        for each in releases
    ]
    columns = (
        ("Version", ""),
        ("What became of it", ""),
        ("How it was tried", ""),
        ("Evidence", ""),
        ("Meanwhile", ""),
    )
    note = "A version is tried on the customers' own applications before it decides, and goes when the evidence is in."
    return page.heading("Each version, and why it stayed or went") + page.paragraph(note) + page.table(columns, rows)


def _answered(release: Row) -> str:
    if "requests" not in release:
        return "–"
    return f"{number(release['requests'])} applications, {number(release['failed_requests'])} without an answer"


def _honest(story: Mapping[str, Any]) -> str:
    said = [
        "Time is compressed: a month passes in a second or two, and the two years until a loan counts as good so far "
        "are months of the replay. The order is kept: a charge-off is told in the month in which it happened, never "
        "earlier.",
        "All of these loans were granted in reality, so it is known what became of each, also of those that a model "
        "here turned down. A real bank never learns that; the platform in this replay does not look either.",
        "The loans are a public sample of those that the US Small Business Administration guaranteed.",
        "The worse and the broken version were made so on purpose, to show what becomes of such.",
        *(story.get("notes") or ()),
    ]
    return (
        page.heading("What is not as in a bank")
        + "<ul>"
        + "".join(f"<li>{escape(each)}</li>" for each in said)
        + "</ul>"
    )


def _since(story: Mapping[str, Any]) -> Mapping[str, Any]:
    rates = story.get("charge_off_rates") or {}
    since: Mapping[str, Any] = rates.get("since_release") or {}
    return since


def _marks(story: Mapping[str, Any], names: Sequence[str]) -> list[tuple[int, str]]:
    """Places of what was done: when degradation was known, and from when on the new version decided alone."""
    known, since = story.get("known_at_the_end_of"), _since(story).get("from")
    found = [(known, "degradation known, retraining started"), (since, "new version decides")]
    return [(names.index(month), word) for month, word in found if month in names]


def _spans(version: str, months: Sequence[Row]) -> list[tuple[int, int, str]]:
    """Runs of months in which a version decided."""
    found: list[tuple[int, int, str]] = []
    for place, each in enumerate(months):
        if version not in each["versions"]:
            continue
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place, found[-1][2])
        else:
            found.append((place, place, "decides"))
    return found


def _share(month: Row, side: str) -> float | None:
    approved = month[f"approved{side}"]
    return month[f"charged_off{side}"] / approved if approved else None


def _breached(month: Row, what: str) -> bool:
    return bool(month[what] and month[what]["breached"])


def _month(name: str) -> str:
    """ "October 2004" for "2004-10"."""
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"


def _short(names: Sequence[str]) -> list[str]:
    return [f"{date.fromisoformat(f'{name}-01'):%b %Y}" for name in names]
