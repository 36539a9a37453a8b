"""The demo's page: the loan story for a reader who knows nothing of AWS, and honest when it did not pay."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.demo import report
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
            {"stage": "shadow", "verdict": "better", "samples": 1000, "estimate": 0.047, "interval": [0.0044, 0.0896]},
            {"stage": "challenger"},
        ],
        "requests": 5940,
        "failed_requests": 0,
    },
    {"version": 3, "strategy": ["shadow"], "verdict": "worse", "samples": 400, "outcome": "lost", "stages": []},
    {"version": 4, "strategy": ["replace"], "verdict": None, "samples": 0, "outcome": "rolled back", "stages": []},
]


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
            "since_release": {"from": "2004-07", "with": 0.1, "without": 0.2},
        },
        "releases": RELEASES,
        "version_1_auc": 0.6922,
    } | more


def read(**more: Any) -> Page:
    return Page(report.html(story(**more)))


def test_it_says_first_what_it_came_to() -> None:
    text = read().text
    assert "It paid: 50.0 % fewer of the approved loans failed." in text.split("What it came to")[0]
    assert "Since July 2004, the first whole month of the new version, 10.0 % of the approved loans" in text
    assert "The first model alone: 20.0 %." in text
    assert "75.0 %" in text  # approved since then


def test_it_says_so_if_it_did_not_pay() -> None:
    page = read(charge_off_rates={"since_release": {"from": "2004-07", "with": 0.21, "without": 0.2}})
    assert "It did not pay in this run." in page.text and "It paid" not in page.text


@pytest.mark.parametrize("rates", [{}, {"since_release": {"from": "", "with": None, "without": None}}])
def test_without_a_whole_month_of_the_new_version_it_claims_nothing(rates: dict[str, Any]) -> None:
    assert "No new version decided for whole months in this run." in read(charge_off_rates=rates).text


def test_both_charge_off_rates_are_drawn_over_the_months() -> None:
    page = read()
    assert page.count("svg", **{"aria-label": "Charged-off loans among the approved ones, by month of approval"}) == 1
    assert "Jul 2004, with the platform: 10.0 %" in page.titles
    assert "Jul 2004, the first model alone: 20.0 %" in page.titles
    assert "new version decides" in page.text and "degradation known, retraining started" in page.text


def test_a_month_in_which_nobody_was_approved_has_no_rate() -> None:
    months = [month(0, "2003-01", approved=0, charged_off=0), month(1, "2003-02")]
    assert "Jan 2003, with the platform" not in " ".join(read(months=months).titles)


def test_what_the_platform_saw_and_did_is_a_time_line() -> None:
    page = read()
    assert "version 1 decides: Jan 2003 to Jun 2004" in page.titles
    assert "version 2 decides: Jul 2004 to Dec 2004" in page.titles
    assert "loans of 2003-04: more failed early than expected" in page.titles
    assert sum(each.endswith(": inputs drift") for each in page.titles) == 12


def test_a_version_that_comes_back_has_two_spans() -> None:
    versions = [["1"], ["1", "2"], ["2"], ["1"]]
    months = [month(place, NAMES[place], versions=each) for place, each in enumerate(versions)]
    titles = read(months=months).titles
    assert {
        "version 1 decides: Jan 2003 to Feb 2003",
        "version 1 decides: Apr 2003 to Apr 2003",
        "version 2 decides: Feb 2003 to Mar 2003",
    } <= set(titles)


def test_early_charge_offs_are_drawn_with_what_breached_and_the_confirmation() -> None:
    page = read()
    assert "Apr 2003, charged off within two years: 9, breached" in page.titles
    assert "Apr 2003, expected: 3.1" in page.titles
    assert "That was at the end of June 2004." in page.text


def test_distances_are_drawn_with_limits_where_they_are_known() -> None:
    plain = read()
    assert f"{EVIL}, 2003-01: distance 0.02" in plain.titles
    assert "framed, or dotted" not in plain.text
    limited = [month(1, "2003-02", drift={"breached": True, "features": {"GrAppv": 0.3}, "limits": {"GrAppv": 0.1}})]
    page = read(months=limited)
    assert "GrAppv, 2003-02: distance 0.3, limit 0.1" in page.titles
    assert page.count("g", kind="h5") == 2 and page.count("g", kind="framed") == 2  # one of each is the legend's


def test_it_is_told_step_by_step_in_order() -> None:
    told = read().text.split("Step by step")[1]
    steps = [
        "Version 1 is trained and approved.",
        "Its AUC on loans that it had not seen is 0.692.",
        "The inputs drift: noted as information.",
        "12 months of 24.",
        "More loans than expected fail within two years.",
        "9 where 3.1 were expected.",
        "Confirmed: the model has got worse.",
        "With the loans of June 2003, whose two years are over by now,",
        "The alarm starts a retraining.",
        "the degradation alarm rings. It made version 2.",
        "Version 2 is compared as shadow (answers nobody hears).",
        "After 1,000 outcomes: better, +4.7 points (+0.4 to +9.0) of good decisions.",
        "It ended before a verdict.",
        "Version 2 is promoted.",
        "Version 3 is turned down.",
        "Version 4 is rolled back.",
        "Each version, and why it stayed or went",
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


def test_a_run_in_which_nothing_was_confirmed_tells_no_retraining() -> None:
    told = read(first_confirmed_month=None, known_at_the_end_of="", retrainings=[]).text
    assert "Confirmed" not in told and "starts a retraining" not in told


def test_it_says_what_is_not_as_in_a_bank_and_takes_further_notes() -> None:
    told = read(notes=["Only half of the loans were replayed."]).text.split("What is not as in a bank")[1]
    assert "Time is compressed" in told and "Only half of the loans were replayed." in told


def test_no_name_is_markup_and_the_page_is_the_same_each_time() -> None:
    """Page refuses scripts, handlers, and addresses."""
    releases = [{**RELEASES[1], "version": EVIL, "outcome": EVIL, "strategy": [EVIL]}]
    retrainings = [{"month": "2004-06", "reason": EVIL, "version": EVIL}]
    given = story(releases=[RELEASES[0], *releases], retrainings=retrainings, notes=[EVIL])
    markup = report.html(given)
    assert "onclick=x>" not in markup
    Page(markup)
    assert markup == report.html(given)


def test_before_any_month_there_is_a_page() -> None:
    page = read(months=[], charge_off_rates={}, retrainings=[], known_at_the_end_of="", first_confirmed_month=None)
    assert "Step by step" in page.text
