"""The demo's page: the loan story for a reader who knows nothing of AWS, and honest when it did not pay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.demo import report
from mlops.demo.report import parts
from tests.unit.monitoring.markup import Page

EVIL = "<b onclick=x>\"'&"
NAMES = [f"{year}-{month:02d}" for year in (2003, 2004) for month in range(1, 13)]
RELEASES = [
    {"version": 1, "strategy": ["replace"], "verdict": None, "samples": 0, "outcome": "promoted"},
    {
        "version": 2,
        "strategy": ["shadow", "challenger"],
        "verdict": "better",
        "samples": 3550,
        "outcome": "promoted",
        "stages": [
            {
                "stage": "shadow",
                "verdict": "better",
                "samples": 1000,
                "estimate": 0.047,
                "interval": [0.0044, 0.0896],
                "course": [
                    {"samples": 60, "estimate": -0.02, "low": -1.0, "high": 1.0},
                    {"samples": 500, "estimate": 0.05, "low": -0.01, "high": 0.11},
                ],
            },
            {"stage": "challenger"},
        ],
        "requests": 5940,
        "failed_requests": 0,
        "answered_by": {"1": 4000, "2": 1940},
        "test_auc": 0.7056,
        "champion_auc": 0.6203,
        "learned": {"from": "2003-01-01", "to": "2003-03-31"},
    },
    {"version": 3, "strategy": ["shadow"], "verdict": "worse", "samples": 400, "outcome": "lost", "stages": []},
    {
        "version": 4,
        "strategy": ["replace"],
        "verdict": None,
        "samples": 0,
        "outcome": "rolled back",
        "stages": [],
        "requests": 240,
        "failed_requests": 1,
        "failures": {"ModelError 500": 1},
        "answered_by": {"2": 237, "4": 2},
    },
]
GOVERNANCE = {
    "version": 1,
    "reproduced": {"outcome": "equal", "files": 119},
    "lineage": {"nodes": 23, "predictions": 34543},
    "card": {"status": "Approved"},
    "audit": {"gaps": {"4": 7, "2": 0, "1": 0}},
    "mortgage_approval": {
        "refused": "pipeline x: Failed: gate failed: DI of afam=yes is 0.7885 (95 % interval 0.7375 to 0.8431), "
        "not within the limits 0.8 to 1.25, exit code: 1",
        "registered": 1,
        "with": {"Mitigation": "reweighing"},
    },
}


def month(place: int, name: str, **more: Any) -> dict[str, Any]:
    """600 applications; version 2 from 2004-07 on, when it approves fewer and loses fewer."""
    newer = name >= "2004-07"
    return {
        "month": name,
        "applications": 600,
        "approved": 450 if newer else 500,
        "charged_off": 45 if newer else 100,
        "approved_without": 500,
        "charged_off_without": 100,
        "turned_down": 50 if newer else 0,
        "turned_down_charged_off": 40 if newer else 0,
        "lost": 4e6 if newer else 9e6,
        "lost_without": 9e6,
        "versions": ["2"] if newer else ["1"],
        "drift": {"breached": place % 2 == 1, "features": {"GrAppv": 0.01 * place, EVIL: 0.02}},
        "outcomes": {"breached": place in (3, 4, 5), "observed_events": 9.0, "expected_events": 3.1}
        if place < 6
        else None,
    } | more


def story(**more: Any) -> dict[str, Any]:
    return {
        "months": [month(place, name) for place, name in enumerate(NAMES)],
        "first_confirmed_month": "2003-06",
        "known_at_the_end_of": "2004-06",
        "retrainings": [
            {"month": "2004-06", "execution": "arn", "reason": "the degradation alarm rings.", "version": 2}
        ],
        "charge_off_rates": {
            "with": 0.15,
            "without": 0.2,
            "since_release": {
                "from": "2004-07",
                "with": 0.1,
                "without": 0.2,
                "approved_with": 0.75,
                "approved_without": 0.8333,
                "turned_down": 0.8,
            },
        },
        "releases": RELEASES,
        "version_1_auc": 0.6922,
    } | more


def read(**more: Any) -> Page:
    return Page(report.html(story(**more)))


def test_it_says_first_what_it_came_to_and_what_it_cost() -> None:
    text = read().text.split("Of 100 applications since")[0]
    assert "It paid: of 100 approved loans 10 failed, not 20." in text
    assert "Since July 2004, the first whole month of the new version, 10.0 % of the approved loans" in text
    assert "it approves 75.0 % of the applications, not 83.3 %" in text
    assert "Of the 300 loans that only the first model would have granted, 240 failed; 60 were repaid" in text
    assert "24 million dollars went into loans that failed, not 54 million dollars." in text


def test_a_gain_of_less_than_one_loan_in_a_hundred_is_not_rounded_away() -> None:
    rates = {"since_release": {"from": "2004-07", "with": 0.201, "without": 0.204}}
    assert "It paid: 20.1 % of the approved loans failed, not 20.4 %." in read(charge_off_rates=rates).text


def test_it_says_so_if_it_did_not_pay() -> None:
    page = read(charge_off_rates={"since_release": {"from": "2004-07", "with": 0.21, "without": 0.2}})
    assert "It did not pay in this run." in page.text and "It paid" not in page.text


@pytest.mark.parametrize("rates", [{}, {"since_release": {"from": "", "with": None, "without": None}}])
def test_without_a_whole_month_of_the_new_version_it_claims_nothing(rates: dict[str, Any]) -> None:
    page = read(charge_off_rates=rates)
    assert "No new version decided for whole months in this run." in page.text
    assert "Of 100 applications" not in page.text


def test_a_hundred_applications_are_drawn_with_and_without() -> None:
    """Told apart by shape too: a failed one has a cross, one that was turned down is empty."""
    page = read()
    labels = [given.get("aria-label", "") for tag, given in page.tags if tag == "svg"]
    assert (
        "With the platform: of 100 applications 67 approved and repaid, 8 approved and failed, 25 turned down" in labels
    )
    assert page.count("svg", kind="hundred") == 2
    crossed = report.html(story()).count('<g class="failed"><rect')
    assert crossed == 17 + 8 + 2 + 1  # both pictures, both legends, and the one without an answer


def test_the_rates_are_drawn_over_the_months_with_flags_that_lead_to_the_steps() -> None:
    page = read()
    title = "Approved loans that failed in the end, by the month in which they were approved"
    assert page.count("svg", role="group", **{"aria-label": title}) == 1
    assert "Jul 2004, with the platform: 10.0 %" in page.titles
    assert "Jul 2004, the first model alone: 20.0 %" in page.titles
    assert page.count("polygon", kind="spared") == 1
    flags = [given["href"] for tag, given in page.tags if tag == "a" and given.get("aria-label", "").startswith("Chap")]
    assert flags == ["#c1", "#c4", "#c6"]
    assert all(page.count("section", id=flag[1:]) == 1 for flag in flags)


def test_where_a_version_on_trial_decides_for_some_the_lines_part_and_a_flag_says_so() -> None:
    months = [month(place, name) for place, name in enumerate(NAMES)]
    assert "Until the new version decides, both lines are one." in read(months=months).text
    months[16] = month(16, "2004-05", versions=["1", "2"])
    page = read(months=months, known_at_the_end_of="2004-03")
    assert "Until May 2004 both lines are one" in page.text
    flags = [given for tag, given in page.tags if tag == "a" and given.get("aria-label", "").startswith("Chap")]
    assert [each["aria-label"].partition(": ")[2] for each in flags] == [
        "a model decides", "alarm: it got worse", "on trial", "better one decides"
    ]  # fmt: skip
    assert flags[2]["href"] == flags[3]["href"]


def test_the_months_between_alarm_and_new_version_are_explained() -> None:
    told = read(known_at_the_end_of="2004-03").text
    assert "July 2004, the first month in which version 2 decides alone, lie 3 months" in told
    assert (
        "tried on 5,940 applications, and a month brings about 600. Its verdicts took 1,000 pairs of answers." in told
    )
    assert "decides alone, lie" not in read().text  # it decided in the month after the alarm


def test_only_watched_months_and_versions_that_were_tried_are_counted() -> None:
    months = [month(place, name) for place, name in enumerate(NAMES)]
    months[1] = month(1, NAMES[1], drift=None)
    told = read(months=months).text
    assert "of 23 watched months with other applicants" in told
    assert "2 new versions tried on real applications" in told  # the third came past the trial
    assert "2 of 3 new versions not kept" in told


def test_a_month_in_which_nobody_was_approved_has_no_rate() -> None:
    months = [month(0, "2003-01", approved=0, charged_off=0), month(1, "2003-02")]
    assert "Jan 2003, with the platform" not in " ".join(read(months=months).titles)


def test_early_failures_are_drawn_with_what_breached_and_the_rule_that_confirmed() -> None:
    page = read(rule={"breaches": 3, "of": 4})
    assert "Apr 2003, failed within two years: 9, breached" in page.titles
    assert "Apr 2003, expected: 3.1" in page.titles
    assert "With the loans of June 2003, whose two years are over by now, 3 of the newest 4 months" in page.text


def test_distances_are_drawn_by_quarter_under_names_that_people_know() -> None:
    plain = read()
    assert f"{EVIL} ({EVIL}), 2003-01: distance 0.02" in plain.titles
    assert "amount of the loan" in plain.text and "more than usual" not in plain.text
    limited = [
        month(place, name, drift={"breached": True, "features": {"GrAppv": value}, "limits": {"GrAppv": 0.1}})
        for place, (name, value) in enumerate((("2003-01", 0.05), ("2003-02", 0.3), ("2003-03", 0.1)))
    ]
    page = read(months=limited)
    assert "amount of the loan (GrAppv), 2003-02: distance 0.3, limit 0.1" in page.titles
    assert page.count("g", kind="h5") == 2 and page.count("g", kind="h0") == 1  # one h5; the others are the legend's


def test_a_comparison_is_drawn_as_it_went_on() -> None:
    page = read()
    assert "after 60 outcomes: −2.0 points (−100.0 to +100.0)" in page.titles
    assert "after 1,000 outcomes: +4.7 points (+0.4 to +9.0)" in page.titles
    label = "Version 2. As a shadow: it answers, and nobody hears it"
    assert page.count("svg", **{"aria-label": label}) == 1


def test_who_answered_meanwhile_is_drawn_where_it_was_not_one_alone() -> None:
    titles = read().titles
    assert {"version 2: 1,940", "version 4: 2", "no answer: 1"} <= set(titles)


def test_it_is_told_step_by_step_in_order() -> None:
    page = read(governance=GOVERNANCE)
    assert "What happened, in 10 steps" in page.text and page.count("section", kind="chapter") == 10
    told = page.text[page.text.index("Version 1 learns from past loans") :]
    steps = [
        "its AUC is 0.692: shown one loan that failed and one that was repaid, it finds the failing one riskier in "
        "about 69 of 100 cases.",
        "The applicants change: noted as information",
        "They differ in 12 months of 24",
        "More loans than expected fail within two years",
        "9 where 3.1 were expected.",
        "Confirmed: the model has got worse",
        "With the loans of June 2003, whose two years are over by now, enough of the newest months",
        "The alarm starts a training",
        "It makes version 2.",
        "loans of 1 January 2003 to 31 March 2003",
        "AUC 0.706 on newer loans",
        "AUC 0.62 for the version that decides",
        "Version 2 is tried, and promoted",
        "After 1,000 pairs of answers: better, +4.7 points (+0.4 to +9.0) of good decisions.",
        "It ended before a verdict.",
        "Version 3 lost",
        "Version 4 is rolled back",
        "ModelError 500",
        "What an auditor finds",
        "119 files, each equal to the last bit",
        "version 1, version 2",
        "version 4: 7 gaps",
        "A second model (mortgage approval) is refused until it is fair",
        "78.8 % as often as the others; at least 80.0 % are asked for",
        "Each version, and why it stayed or went",
        "What is not as in a bank",
        "Words",
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


def test_a_hotfix_that_stays_is_not_said_to_have_been_compared() -> None:
    stayed = {**RELEASES[3], "outcome": "promoted"}
    told = read(releases=[RELEASES[0], stayed]).text
    assert "Version 4 takes over at once" in told and "range came to lie above zero" not in told


def test_a_run_in_which_nothing_was_confirmed_tells_no_training() -> None:
    told = read(first_confirmed_month=None, known_at_the_end_of="", retrainings=[]).text
    assert "Confirmed" not in told and "starts a training" not in told


def test_it_says_what_is_not_as_in_a_bank_and_takes_further_notes() -> None:
    told = read(notes=["Only half of the loans were replayed."]).text.split("What is not as in a bank")[1]
    assert "Time is compressed" in told and "Only half of the loans were replayed." in told


@pytest.mark.parametrize(("failed", "better"), [(0.8, True), (0.1, False)])
def test_it_claims_a_better_choice_only_if_those_turned_down_were_the_worse_ones(failed: float, better: bool) -> None:
    rates = {"since_release": {"from": "2004-07", "with": 0.1, "without": 0.2, "turned_down": failed}}
    assert ("chooses better, and not only less" in read(charge_off_rates=rates).text) is better


def test_it_links_to_the_pages_beside_it_that_are_there(tmp_path: Path) -> None:
    given = story(governance=GOVERNANCE)
    results = {
        "monitoring": {
            name: value for name, value in given.items() if name not in ("months", "releases", "governance")
        },
        **{name: given[name] for name in ("months", "releases", "governance")},
        "test_auc": 0.6922,
    }
    (tmp_path / "audit.html").touch()
    told = report.story_of(results, tmp_path)
    links = {each["href"] for tag, each in Page(report.html(told)).tags if tag == "a"}
    assert {"audit.html", "summary.json"} == {each for each in links if not each.startswith("#")}
    before = report.story_of({**results, "governance": {}}, tmp_path)
    assert before["files"] == ["summary.json"]  # those of an earlier run are not this one's


def test_on_paper_it_has_the_light_colours_whatever_the_screen_has() -> None:
    printed = report.html(story()).split("@media print{:root{")[1].split("}")[0]
    assert "color-scheme:light;" in printed and "--ink:#1c2126" in printed and "--h5t:#fff" in printed


def test_a_link_to_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a file beside the report"):
        parts.link("x", "https://example.com/audit.html")


def test_no_name_is_markup_and_the_page_is_the_same_each_time() -> None:
    """Page refuses scripts, handlers, and addresses."""
    releases = [{**RELEASES[1], "version": EVIL, "outcome": EVIL, "strategy": [EVIL], "answered_by": {EVIL: 1, "b": 2}}]
    retrainings = [{"month": "2004-06", "reason": EVIL, "version": EVIL}]
    governance = {**GOVERNANCE, EVIL: {"refused": f"gate failed: {EVIL}", "registered": EVIL, "with": {EVIL: EVIL}}}
    given = story(releases=[RELEASES[0], *releases], retrainings=retrainings, notes=[EVIL], governance=governance)
    markup = report.html(given)
    assert "onclick=x>" not in markup
    Page(markup)
    assert markup == report.html(given)


def test_before_any_month_there_is_a_page() -> None:
    page = read(months=[], charge_off_rates={}, retrainings=[], known_at_the_end_of="", first_confirmed_month=None)
    assert "Version 1 is trained and approved" in page.text
