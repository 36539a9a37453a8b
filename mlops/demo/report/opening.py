"""The report's first page: the question, the answer, and both courses in one picture."""

from collections.abc import Sequence
from html import escape

from mlops.demo.report import parts, pictures
from mlops.demo.report.pictures import Flag
from mlops.demo.report.words import Row, dollars, month, months_since, parted, share, short, since, total, was_tried
from monitoring import charts, page
from monitoring.charts import Series
from monitoring.figures import number, percent, plural

TITLE = "A bank's loans, with somebody watching"


def opening(months: Sequence[Row]) -> str:
    span = f" from {month(months[0]['month'])} to {month(months[-1]['month'])}" if months else ""
    return f'<p class="eyebrow">Report of a demo run</p><h1>{escape(TITLE)}</h1>' + page.paragraph(
        "A bank lets a computer model decide who gets a loan. The model learned from the loans of 2000 to 2002. "
        f"Then the world moves on. This page replays what happened{span}, on real loans, twice: once with a model "
        "that nobody looks at again, and once with a platform that watches it, notices when it gets worse, and "
        "replaces it by a better one.",
        "lead",
    )


def answer(story: Row) -> str:
    """The verdict before all else; it claims nothing where no version decided whole months."""
    rates = since(story)
    if rates.get("with") is None or rates.get("without") is None:
        return page.verdict("quiet", "No new version decided for whole months in this run.", [])
    gone, kept = rates["without"], rates["with"]
    said = [
        f"Since {month(rates['from'])}, the first whole month of the new version, {percent(kept)} of the approved "
        f"loans failed in the end. The first model alone would have come to {percent(gone)}."
    ]
    if kept >= gone:
        return page.verdict("warn", "It did not pay in this run.", said)
    return page.verdict("good", f"It paid: {_of_hundred(kept, gone)}.", [*said, *_price(story)])


def _of_hundred(kept: float, gone: float) -> str:
    """Whole numbers where they tell the two apart."""
    if round(100 * kept) < round(100 * gone):
        return f"of 100 approved loans {round(100 * kept)} failed, not {round(100 * gone)}"
    return f"{percent(kept)} of the approved loans failed, not {percent(gone)}"


def _price(story: Row) -> list[str]:
    """What it cost: who was turned down for it, and was it right."""
    rates, after = since(story), months_since(story)
    said = []
    if rates.get("approved_with") is not None and rates.get("approved_without") is not None:
        said.append(
            f"The price: it approves {percent(rates['approved_with'])} of the applications, not "
            f"{percent(rates['approved_without'])}."
        )
    refused, failed = total(after, "turned_down"), total(after, "turned_down_charged_off")
    if refused:
        said[-1:] = [
            " ".join(said[-1:])
            + f" Of the {number(refused)} loans that only the first model would have granted, {number(failed)} failed; "
            f"{number(refused - failed)} were repaid, and the bank lost these customers."
        ]
    lost, lost_alone = total(after, "lost"), total(after, "lost_without")
    if lost_alone > lost:
        said.append(
            f"In money: {dollars(lost)} went into loans that failed, not {dollars(lost_alone)}. Each counts with the "
            "amount that was approved, whatever was paid back."
        )
    return said


def hundreds(story: Row) -> str:
    """Two pictures of a hundred applications."""
    after = months_since(story)
    applied = total(after, "applications")
    if not applied:
        return ""
    made = []
    for title, side in (("The first model alone", "_without"), ("With the platform", "")):
        approved, failed = total(after, f"approved{side}") / applied, total(after, f"charged_off{side}") / applied
        said = f"{percent(approved)} of the applications approved; {percent(failed)} approved and failed."
        made.append(page.figure(title, pictures.hundred(title, failed, approved), said, pictures.hundred_legend()))
    heading = f"Of 100 applications since {month(since(story)['from'])}"
    return page.heading(heading) + page.pair(made)


def figures(story: Row) -> str:
    months: Sequence[Row] = story["months"]
    drifted = sum(bool(each["drift"] and each["drift"]["breached"]) for each in months)
    retrained = len(story.get("retrainings") or ())
    watched = sum(bool(each["drift"]) for each in months)
    newer = list(story["releases"][1:])
    tried = sum(map(was_tried, newer))
    kept_out = sum(each["outcome"] != "promoted" for each in newer)
    unanswered = sum(each.get("failed_requests", 0) for each in newer)
    asked = sum(each.get("requests", 0) for each in newer)
    boxes = [
        (number(sum(each["applications"] for each in months)), "applications decided, month by month"),
        (
            number(drifted),
            f"of {number(watched)} watched months with other applicants than before: noted, nobody was called",
        ),
        (number(retrained), f"{'training' if retrained == 1 else 'trainings'} started by an alarm, without a person"),
        (
            number(tried),
            f"new {'version' if tried == 1 else 'versions'} tried on real applications before they were trusted",
        ),
        (number(kept_out), f"of {plural(len(newer), 'new version')} not kept: worse in its trial, or broken"),
        (number(unanswered), f"of {number(asked)} applications without an answer while versions changed"),
    ]
    return '<div class="numbers">' + "".join(f"<div><b>{a}</b>{escape(b)}</div>" for a, b in boxes) + "</div>"


def course(story: Row, chapters: Sequence[parts.Chapter]) -> str:
    """Failed loans by month, with and without, and flags that lead to the chapters."""
    months: Sequence[Row] = story["months"]
    if not months:
        return ""
    names = [each["month"] for each in months]
    known, tried, began = story.get("known_at_the_end_of"), parted(story), since(story).get("from")
    placed = [
        (name, found, word)
        for name, key, word in (
            (names[0], "begin", "a model decides"),
            (known, "confirmed", "alarm: it got worse"),
            (tried, "tried", "on trial"),
            (began, "tried", "better one decides"),
        )
        for found, each in enumerate(chapters, 1)
        if each.key == key and name in names
    ]
    flags = [Flag(names.index(str(name)), chapter, word) for name, chapter, word in placed]
    title = "Approved loans that failed in the end, by the month in which they were approved"
    without, kept = [share(each, "_without") for each in months], [share(each, "") for each in months]
    picture = pictures.courses(title, short(names), without, kept, flags)
    series = [Series("the first model alone", without, "b"), Series("with the platform", kept, "a")]
    legend = charts.legend(series).removesuffix("</ul>") + '<li><span class="spares"></span>spared</li></ul>'
    caption = (
        f"Known today, not then: it takes years until a loan fails. {_one_line(tried, began)} "
        "The numbers are those of the steps below. The peak is the loans that were approved just before the financial "
        "crisis of 2008."
    )
    return page.heading(
        "The six years in one picture" if len(months) > 60 else "The months in one picture"
    ) + page.figure(title, picture, caption, legend, broad=True)


def _one_line(tried: str, began: str | None) -> str:
    """Where the two lines part, and why."""
    if not tried or not began:
        return "Until the new version decides, both lines are one."
    return (
        f"Until {month(tried)} both lines are one: the first model decides. From then on the new version is on trial "
        f"and decides for some of the customers, from {month(began)} on for all."
    )


def table_of(chapters: Sequence[parts.Chapter]) -> str:
    return page.heading(f"What happened, in {plural(len(chapters), 'step')}") + parts.contents(chapters)
