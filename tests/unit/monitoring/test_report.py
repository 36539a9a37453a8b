"""The report of a run: it answers first, says why, shows what there is, and trusts no name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring import data_quality, report, report_parts
from monitoring.data_quality import FRACTIONAL, INTEGRAL, STRING, Feature
from monitoring.findings import (
    ATTRIBUTION,
    BIAS,
    CALIBRATION,
    DATA_DRIFT,
    DATA_QUALITY,
    EMPTY,
    JUDGED,
    MODEL_QUALITY,
    MONITORS,
    TOO_FEW,
    Finding,
    Judgement,
    Window,
    confirm,
)
from tests.unit.monitoring.markup import Page

EVIL = "<img src=x onerror=alert(1)>\"'&</td>"
ROOT = Path(__file__).resolve().parents[3]


def day(number: int) -> Window:
    start = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=number - 1)
    return Window(start, start + timedelta(days=1))


def finding(monitor: str, subject: str, breaches: bool, value: float = 0.3, **more: Any) -> Finding:
    given = {"check": "baseline_drift_check", "threshold": 0.1, "p_value": 1e-7, "text": f"{subject} moved"} | more
    return Finding(monitor=monitor, subject=subject, value=value, significant=breaches, large=breaches, **given)


def judged(monitor: str, number: int, *found: Finding, **metrics: float) -> Judgement:
    breached = any(each.breaches for each in found)
    return Judgement(monitor, day(number), JUDGED, 400, tuple(found), breached, metrics)


def course(monitor: str, *breached: bool, subject: str = "GrAppv") -> list[Judgement]:
    """One judged window a day."""
    return [judged(monitor, number, finding(monitor, subject, each)) for number, each in enumerate(breached, 1)]


def a_run(judgements: Sequence[Judgement], windows: Sequence[Window] = (), **more: Any) -> dict[str, Any]:
    said = [confirm(judgements, monitor, 3, 4) for monitor in MONITORS]
    newest = windows or sorted({each.window for each in judgements})[-1:]
    return {
        "model": "loan-approval",
        "environment": "prod",
        "endpoint": "mlops-prod-loan-approval",
        "version": "3",
        "run": "abc123",
        "made": "2026-11-13T01:10:00Z",
        "windows": [str(each) for each in newest],
        "judgements": [each.document() for each in judgements],
        "confirmations": [
            {"monitor": each.monitor, "confirmed": each.confirmed, "breached": each.breached, "judged": each.judged}
            for each in said
        ],
        "counts": {},
        "statistics": {},
        "baseline_statistics": None,
        "charts": {},
        **more,
    }


def read(judgements: Sequence[Judgement], windows: Sequence[Window] = (), **more: Any) -> Page:
    return Page(report.html(a_run(judgements, windows, **more)))


GOOD, BAD = (False,) * 4, (False, True, True, True)


@pytest.mark.parametrize(
    ("judgements", "tone", "answer"),
    [
        ([*course(DATA_DRIFT, *GOOD), *course(CALIBRATION, *GOOD)], "good", "Yes: nothing breached."),
        (course(CALIBRATION, *BAD), "bad", "No: the model has got worse."),
        (course(MODEL_QUALITY, *BAD), "bad", "No: the model has got worse."),
        ([*course(DATA_DRIFT, *BAD), *course(CALIBRATION, *BAD)], "bad", "No: the model has got worse."),
        ([*course(DATA_DRIFT, *BAD), *course(CALIBRATION, *GOOD)], "info", "Yes, as far as outcomes say"),
        (course(DATA_DRIFT, *BAD), "info", "No outcomes have matured yet"),
        (course(DATA_QUALITY, *BAD), "warn", "Its inputs break their rules."),
        (course(DATA_QUALITY, False, False, False, True), "warn", "Its inputs break their rules."),
        ([*course(DATA_DRIFT, *BAD), *course(DATA_QUALITY, *GOOD[:3], True)], "warn", "one is enough to call"),
        ([*course(DATA_DRIFT, *BAD), *course(BIAS, False, False, False, True)], "warn", "Probably: a breach"),
        (course(BIAS, *BAD), "warn", "It treats groups differently than before."),
        (course(DATA_DRIFT, False, False, False, True), "warn", "Probably: a breach, which is not confirmed."),
        ([*course(DATA_DRIFT, *BAD), *course(CALIBRATION, False, False, False, True)], "warn", "Not sure: calibration"),
        ([Judgement(DATA_DRIFT, day(1), EMPTY, 0)], "quiet", "Not known: no window could be judged."),
    ],
)
def test_it_answers_first_whether_the_model_is_well(judgements: list[Judgement], tone: str, answer: str) -> None:
    page = read(judgements)
    assert page.count("section", kind=tone) == page.count("section", kind="verdict") == 1
    assert answer in page.text.split("The monitors")[0]


def test_drift_alone_never_says_that_outcomes_hold_when_they_are_in_doubt() -> None:
    page = read([*course(DATA_DRIFT, *BAD), *course(CALIBRATION, False, False, False, True)])
    assert "nobody has to act" not in page.text


@pytest.mark.parametrize("monitor", [DATA_QUALITY, BIAS, MODEL_QUALITY])
def test_nobody_is_told_to_rest_while_something_else_breaches(monitor: str) -> None:
    holds = course(CALIBRATION, *GOOD)
    assert "nobody has to act" in read([*course(DATA_DRIFT, *BAD), *holds]).text
    assert "nobody has to act" not in read([*course(DATA_DRIFT, *BAD), *holds, *course(monitor, *GOOD[:3], True)]).text


def test_a_monitor_without_a_baseline_is_shown_with_the_reason() -> None:
    why = "version 3 was registered without attribution constraints"
    page = read(course(DATA_DRIFT, *GOOD), skipped={ATTRIBUTION: why})
    monitors, read_and_not = page.text.split("What was read, and what was not")
    assert "Not judged, since there is nothing to compare with: attribution; see below why." in monitors
    assert "not judged" in monitors
    assert why in read_and_not


def test_a_version_without_any_baseline_is_not_taken_for_one_without_predictions() -> None:
    page = read([], [day(1)], skipped=dict.fromkeys(MONITORS, "version 3 was registered by hand"))
    assert page.count("section", kind="quiet") == 1
    assert "Not known: no window could be judged." in page.text
    assert "Not judged, since there is nothing to compare with: data quality, data drift," in page.text
    assert "Too few predictions" not in page.text
    assert "Pictures" not in page.text


def test_what_breached_is_told_with_effect_chance_and_how_often() -> None:
    page = read(course(DATA_DRIFT, False, True, False, True))
    told = page.text.split("What breached, and why")[1]
    assert "Data drift: 2 of the newest 4 judged windows breached" in told
    assert "GrAppv moved" in told
    assert "0.3, limit 0.1 (3 times)" in told
    assert "p = 1e-07: one window in 10 million by chance" in told
    assert "2 of 4 judged windows" in told
    assert "This is information, and starts nothing." in told
    assert "docs/operations.md, section “InputDrift”" in told


def test_the_strongest_breach_comes_first_also_where_lower_is_worse() -> None:
    some = judged(
        MODEL_QUALITY,
        1,
        finding(MODEL_QUALITY, "recall", True, value=0.5, threshold=0.6),
        finding(MODEL_QUALITY, "auc", True, value=0.2, threshold=0.6),
        finding(MODEL_QUALITY, "accuracy", False, value=0.9, threshold=0.6),
    )
    told = read([some]).text.split("What breached, and why")[1].split("Pictures")[0]
    assert told.index("auc moved") < told.index("recall moved")
    assert "accuracy" not in told


def test_an_earlier_windows_breach_is_not_told_as_this_runs() -> None:
    page = read(course(DATA_DRIFT, True, True, True, False))
    assert "What breached, and why" not in page.text
    assert "confirmed" in page.text


def test_of_a_window_judged_twice_the_last_word_counts() -> None:
    again = [*course(DATA_DRIFT, True), *course(DATA_DRIFT, False)]
    assert "What breached" not in read(again).text


def test_every_monitor_is_named_with_its_state_and_its_windows() -> None:
    page = read([*course(DATA_DRIFT, *BAD), Judgement(BIAS, day(4), TOO_FEW, 12)])
    table = page.text.split("The monitors")[1].split("What breached")[0]
    assert all(words.name in table for words in report_parts.WORDS.values())
    assert "confirmed" in table and "too few rows" in table and table.count("not run") == 4
    assert page.count("span", role="img", **{"aria-label": "3 of 4 breached"}) == 1


def test_each_monitor_names_a_section_of_the_operations_page() -> None:
    headings = (ROOT / "docs" / "operations.md").read_text()
    assert set(report_parts.WORDS) == set(MONITORS)
    for words in report_parts.WORDS.values():
        assert f"\n## {words.section}\n" in headings


def test_distances_are_a_heat_map_with_a_row_a_feature() -> None:
    page = read([*course(DATA_DRIFT, *BAD), judged(DATA_DRIFT, 5, finding(DATA_DRIFT, "State", False, 0.05))])
    assert page.count("svg", **{"aria-label": "Distance from the baseline, by feature and window"}) == 1
    assert page.count("g", kind="framed") == 3 + 1  # and the one of the legend
    assert "State, 5 Nov: 0.05, limit 0.1. State moved" in page.titles
    assert page.titles.count("not judged") == 5


def test_what_is_told_without_a_limit_is_no_row_of_the_heat_map() -> None:
    rows = finding(DATA_DRIFT, "rows", False, 1.02, threshold=0.0, p_value=None)
    assert read([judged(DATA_DRIFT, 1, rows)]).count("g", kind="h0") == 1  # of the legend


FEATURES = (Feature("GrAppv", FRACTIONAL), Feature("NoEmp", INTEGRAL), Feature(EVIL, STRING))


def statistics(shift: float, rows: int = 3000) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    columns = {
        "GrAppv": np.exp(rng.normal(11 + shift, 1.2, rows)),
        "NoEmp": rng.poisson(4 + shift, rows),
        EVIL: rng.choice([EVIL, "b"], rows, p=[0.3 + shift / 10, 0.7 - shift / 10]),
    }
    return data_quality.statistics(columns, FEATURES)


def test_of_each_breached_feature_both_distributions_are_shown() -> None:
    moved = judged(DATA_DRIFT, 1, *(finding(DATA_DRIFT, each.name, True) for each in FEATURES))
    page = read([moved], statistics={str(day(1)): statistics(1.0)}, baseline_statistics=statistics(0.0))
    assert page.count("svg", **{"aria-label": "Values of GrAppv"}) == 1
    assert page.count("svg", **{"aria-label": f"Categories of {EVIL}"}) == 1
    assert "b, in training: 70.3 %" in page.titles or any(each.startswith("b, in training: ") for each in page.titles)
    assert any(each.startswith("4: in training: ") for each in page.titles)


def test_no_more_distributions_are_shown_than_one_looks_at() -> None:
    names = [f"f{number}" for number in range(30)]
    moved = judged(DATA_DRIFT, 1, *(finding(DATA_DRIFT, name, True) for name in names))
    some = data_quality.statistics({name: [1.0, 2.0] for name in names}, [Feature(name, FRACTIONAL) for name in names])
    page = read([moved], statistics={str(day(1)): some}, baseline_statistics=some)
    assert sum(given.get("aria-label", "").startswith("Values of ") for _, given in page.tags) == 12


def described(values: Sequence[float], kind: str = FRACTIONAL) -> Mapping[str, Any]:
    (feature,) = data_quality.statistics({"x": list(values)}, [Feature("x", kind)])["features"]
    return dict(feature)


def test_histograms_share_their_edges_and_one_outlier_does_not_flatten_them() -> None:
    before = described(np.linspace(0, 100, 1000))
    now = described([*np.linspace(0, 100, 999), 1e9])
    found = report_parts.histograms(before, now)
    assert found is not None
    edges, shares, moved = found
    assert len(edges) == len(shares) + 1 == len(moved) + 1
    assert edges[-1] < 101
    assert sum(shares) == pytest.approx(1) and sum(moved) == pytest.approx(1)
    assert shares == pytest.approx(moved, abs=0.01)
    assert max(shares) < 0.08


def test_histograms_are_read_from_buckets_where_there_is_no_sketch() -> None:
    def bucketed(low: float, high: float) -> dict[str, Any]:
        buckets = [{"lower_bound": low, "upper_bound": high, "count": 10.0}]
        return {"numerical_statistics": {"distribution": {"kll": {"buckets": buckets}}}}

    found = report_parts.histograms(bucketed(0, 1), bucketed(1, 2))
    assert found is not None
    _, before, now = found
    assert sum(before[:10]) == pytest.approx(1, abs=0.05) and sum(now[10:]) == pytest.approx(1, abs=0.05)


def test_amounts_over_a_wide_range_are_binned_by_their_logarithm() -> None:
    rng = np.random.default_rng(2)
    found = report_parts.histograms(*(described(np.exp(rng.normal(10, 2, 500))) for _ in range(2)))
    assert found is not None
    edges = found[0]
    assert edges[2] / edges[1] == pytest.approx(edges[11] / edges[10])


@pytest.mark.parametrize("one", [{}, {"string_statistics": {"distribution": {"categorical": {"buckets": []}}}}])
def test_a_feature_without_values_has_no_picture(one: Mapping[str, Any]) -> None:
    assert report_parts.histograms(described([1.0]), one) is None
    assert report_parts.categories(one, one) is None


def test_a_feature_of_one_value_has_a_picture() -> None:
    found = report_parts.histograms(described([3.0] * 9), described([3.0] * 9))
    assert found is not None and sum(found[1]) == pytest.approx(1)


def test_rare_categories_are_put_together() -> None:
    many = described([f"c{number}" for number in range(20) for _ in range(number + 1)], STRING)
    found = report_parts.categories(many, many)
    assert found is not None
    names, before, _ = found
    assert names[-1] == "12 others" and len(names) == 9
    assert sum(before) == pytest.approx(1)


def test_observed_and_expected_events_are_shown_over_windows() -> None:
    some = [
        judged(CALIBRATION, n, finding(CALIBRATION, "events", n > 2), observed_events=9.0 * n, expected_events=8.0)
        for n in (1, 2, 3)
    ]
    page = read(some)
    assert "3 Nov, observed: 27, breached" in page.titles
    assert "3 Nov, expected by the baseline: 8" in page.titles


def test_quality_metrics_have_their_intervals_and_limits() -> None:
    some = [judged(MODEL_QUALITY, 1, finding(MODEL_QUALITY, "auc", False, value=0.7, threshold=0.65))]
    page = read(some, charts={"spread": {str(day(1)): {"auc": 0.01}}})
    assert "1 Nov, auc: 0.7 (0.68 to 0.72)" in page.titles
    assert read(some).titles.count("1 Nov, auc: 0.7") == 1


def test_attributions_are_bars_beside_those_of_training() -> None:
    both = {"baseline": {"GrAppv": 0.4, "State": 0.1}, "current": {"GrAppv": 0.1}, "window": str(day(1))}
    page = read(course(DATA_DRIFT, False), charts={"attribution": both})
    assert {"GrAppv, in training: 0.4", "GrAppv, 1 Nov 2026: 0.1", "State, in training: 0.1"} <= set(page.titles)


def test_what_could_not_be_read_or_judged_is_said() -> None:
    some = [*course(DATA_DRIFT, False), Judgement(BIAS, day(1), TOO_FEW, 12), Judgement(CALIBRATION, day(1), EMPTY, 0)]
    page = read(some, counts={"unreadable": 3, "other_version": 1200, "never_heard_of": 1, "mismatched": 0})
    told = page.text.split("What was read, and what was not")[1]
    assert "captured lines that could not be read" in told and "1,200" in told and "never heard of" in told
    assert page.count("span", kind="warn") == 1  # of the four counts, one asks to be looked at
    assert "too few rows to judge (12)" in told and "no rows (0)" in told


def test_every_finding_of_the_run_can_be_looked_up() -> None:
    page = read(course(DATA_DRIFT, *BAD), [day(3), day(4)])
    assert "All 2 findings of this run" in page.text


def test_no_name_is_markup_and_nothing_is_fetched() -> None:
    """Page refuses scripts, handlers, and addresses."""
    monitors = [
        judged(monitor, 1, finding(monitor, EVIL, True, text=f"{EVIL} moved", check=EVIL)) for monitor in MONITORS
    ]
    run = a_run(
        monitors,
        counts={EVIL: 1},
        statistics={str(day(1)): statistics(1.0)},
        baseline_statistics=statistics(0.0),
        charts={"attribution": {"baseline": {EVIL: 1.0}, "current": {EVIL: 2.0}}},
    )
    markup = report.html({**run, "model": EVIL, "endpoint": EVIL, "run": EVIL, "version": EVIL, "environment": EVIL})
    page = Page(markup)
    assert "<img" not in markup
    assert page.text.count(EVIL) > 10
    assert "http" not in markup.replace("http-equiv", "")
    policy = next(given["content"] for name, given in page.tags if given.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_the_same_run_gives_the_same_page_whatever_the_order_it_is_told_in() -> None:
    run = a_run([*course(DATA_DRIFT, *BAD), *course(CALIBRATION, *BAD)])
    assert report.html(run) == report.html({**run, "judgements": run["judgements"][::-1]})


def test_a_run_that_judged_nothing_and_counted_nothing_has_a_page() -> None:
    page = Page(report.html({"model": "m", "environment": "e"}))
    assert "Not known: no window could be judged." in page.text


def test_values_without_end_are_no_error() -> None:
    some = finding(DATA_DRIFT, "x", True, float("inf"), threshold=float("nan"))
    other = finding(MODEL_QUALITY, "x", True, float("nan"), p_value=None)
    assert "∞" in read([judged(DATA_DRIFT, 1, some), judged(MODEL_QUALITY, 1, other)]).text
