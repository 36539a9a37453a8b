"""The report's pictures: distances, distributions, outcomes over windows, and what predictions rest on."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from monitoring import charts, figures, page
from monitoring.charts import WIDE, Cell, Series
from monitoring.findings import BIAS, CALIBRATION, DATA_DRIFT, DATA_QUALITY, MODEL_QUALITY, Finding, Judgement, Window
from monitoring.report_parts import WORDS, categories, feature, histograms
from monitoring.report_run import Run, same, share

OBSERVED, EXPECTED = "observed_events", "expected_events"
"""Metrics of calibration."""
MOST_PICTURES = 12
"""Distributions shown at most: those furthest beyond their limits."""


def pictures(run: Run) -> Iterator[str]:
    made = [each for each in (*_inputs(run), *_outcomes(run), *_others(run)) if each]
    if made:
        yield page.heading("Pictures")
        yield from made


def _inputs(run: Run) -> Iterator[str]:
    judged = run.of(DATA_DRIFT)
    if not judged:
        return
    yield _heat(
        "Distance from the baseline, by feature and window",
        "How far each feature's values are from those of training, as a share of the limit that was calibrated on the "
        "baseline's own windows.",
        judged,
    )
    yield page.pair(_distributions(run))


def _heat(title: str, caption: str, judged: Sequence[Judgement]) -> str:
    labels = figures.labels([each.window for each in judged])
    found: Dict[str, Dict[int, Finding]] = {}
    for place, each in enumerate(judged):
        for one in each.findings:
            if one.threshold <= 0 and not one.large:
                continue  # told without a limit, as how many rows there were
            row = found.setdefault(one.subject, {})
            # Of several checks the one that says most: a breach first, then the one nearest to its limit.
            rank = (one.breaches, share(one) or 0.0)
            if place not in row or rank > (row[place].breaches, share(row[place]) or 0.0):
                row[place] = one
    order = sorted(found, key=lambda name: (-sum(each.breaches for each in found[name].values()), name))
    cells = [[_heat_cell(found[name].get(place), labels[place]) for place in range(len(judged))] for name in order]
    picture = charts.heatmap(title, order, labels, cells)
    return page.figure(title, picture, caption, charts.heat_legend(), broad=True)


def _heat_cell(one: Optional[Finding], label: str) -> Optional[Cell]:
    if one is None:
        return None
    tip = f"{one.subject}, {label}: {figures.number(one.value)}, limit {figures.number(one.threshold)}. {one.text}"
    return Cell(one.value, share(one), one.breaches, tip)


def _distributions(run: Run) -> Iterator[str]:
    """Of what breached in a newest window: its values beside the baseline's."""
    statistics: Mapping[str, Any] = run.document.get("statistics") or {}
    baseline = run.document.get("baseline_statistics")
    drawn = 0
    for one, window in _breached_features(run):
        before, now = feature(baseline, one.subject), feature(statistics.get(str(window)), one.subject)
        if before is None or now is None or drawn == MOST_PICTURES:
            continue
        names = ["in training", figures.window(window)]
        looks = [Series(names[0], (), "a"), Series(names[1], (), "b")]
        said, legend = one.text, charts.legend(looks, shape="bar")
        if parts := categories(before, now):
            picture = charts.bars(
                f"Categories of {one.subject}",
                parts[0],
                [Series(names[0], parts[1], "a"), Series(names[1], parts[2], "b")],
                form=figures.percent,
            )
        elif numbers := histograms(before, now):
            picture = charts.step(
                f"Values of {one.subject}",
                numbers[0],
                [Series(names[0], numbers[1], "a"), Series(names[1], numbers[2], "b")],
            )
            said, legend = f"{said} The outermost bars hold all beyond.", charts.legend(looks, shape="step")
        else:
            continue
        drawn += 1
        yield page.figure(one.subject, picture, said, legend)


def _breached_features(run: Run) -> List[Tuple[Finding, Window]]:
    newest: Dict[str, Tuple[Finding, Window]] = {}
    for monitor in (DATA_QUALITY, DATA_DRIFT):
        for each in run.of(monitor):
            if str(each.window) in run.windows:
                newest.update({one.subject: (one, each.window) for one in each.findings if one.breaches})
    return sorted(newest.values(), key=lambda item: (-(share(item[0]) or 0.0), item[0].subject))


def _outcomes(run: Run) -> Iterator[str]:
    judged = run.of(CALIBRATION)
    if any(OBSERVED in each.metrics for each in judged):
        labels = figures.labels([each.window for each in judged])
        marked = [place for place, each in enumerate(judged) if each.breached]
        series = [
            Series("expected by the baseline", [each.metrics.get(EXPECTED) for each in judged], "b"),
            Series("observed", [each.metrics.get(OBSERVED) for each in judged], "a", marked=marked),
        ]
        title = "Events observed and expected"
        picture = charts.line(title, labels, series, zero=True, width=WIDE, height=260)
        caption = "Of the window's predictions whose outcomes have matured: how many events there were, and how many "
        caption += "the baseline's rates at the same scores let expect."
        yield page.figure(title, picture, caption, charts.legend(series, marked="breached"), broad=True)
    yield page.pair(_courses(run, MODEL_QUALITY))


def _courses(run: Run, monitor: str) -> Iterator[str]:
    """A chart for each subject of a monitor: values over windows, 95 % intervals where spreads are known, the limit."""
    judged = run.of(monitor)
    labels = figures.labels([each.window for each in judged])
    spreads: Mapping[str, Mapping[str, float]] = (run.document.get("charts") or {}).get("spread") or {}
    names = {(one.subject, one.check): None for each in judged for one in each.findings}
    for subject, check in names:
        found = [next((one for one in each.findings if same(one, subject, check)), None) for each in judged]
        spread = [spreads.get(str(each.window), {}).get(subject) for each in judged]
        pairs = [(one.value, each) if one and each is not None else None for one, each in zip(found, spread)]
        series = [
            Series("limit", [one.threshold if one else None for one in found], "limit"),
            Series(
                subject,
                [one.value if one else None for one in found],
                low=[each and each[0] - 1.96 * each[1] for each in pairs],
                high=[each and each[0] + 1.96 * each[1] for each in pairs],
                marked=[place for place, one in enumerate(found) if one and one.breaches],
            ),
        ]
        picture = charts.line(f"{WORDS[monitor].name}: {subject}", labels, series)
        yield page.figure(subject, picture, "", charts.legend(series, marked="breached"))


def _others(run: Run) -> Iterator[str]:
    bias = list(_courses(run, BIAS))
    if bias:
        yield "<h3>Bias, by facet and metric</h3>" + page.pair(bias)
    weights = (run.document.get("charts") or {}).get("attribution") or {}
    before, now = weights.get("baseline") or {}, weights.get("current") or {}
    if before and now:
        names = sorted({*before, *now}, key=lambda name: (-max(before.get(name, 0.0), now.get(name, 0.0)), name))[:15]
        window = weights.get("window")
        series = [
            Series("in training", [before.get(name) for name in names], "a"),
            Series(figures.window(Window.read(window)) if window else "now", [now.get(name) for name in names], "b"),
        ]
        title = "What the model decides by"
        picture = charts.bars(title, names, series)
        caption = "Mean size of each feature's contribution to a prediction (global SHAP)."
        yield page.figure(title, picture, caption, charts.legend(series, shape="bar"))
