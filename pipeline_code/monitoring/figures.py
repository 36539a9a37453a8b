"""Numbers, chances and windows as people read them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import List, Optional, Sequence

from monitoring.findings import Window

NOTHING = "–"


def number(value: Optional[float]) -> str:
    """Three significant digits; thousands apart; "2.5 M" for millions."""
    if value is None or value != value:
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign, size = ("−" if value < 0 else ""), abs(value)
    for least, unit in ((1e12, " T"), (1e9, " G"), (1e6, " M")):
        if size >= least:
            return f"{sign}{size / least:.3g}{unit}"
    if size >= 1000 or size == int(size):
        return f"{sign}{size:,.0f}"
    if size < 0.0005:
        return f"{sign}{size:.0e}"
    places = 2 - math.floor(math.log10(size))
    text = f"{size:,.{places}f}"
    return sign + (text.rstrip("0").rstrip(".") if places else text)


def percent(share: Optional[float]) -> str:
    """A share of one as percent, to a tenth."""
    return NOTHING if share is None or share != share else f"{100 * share:.1f} %".replace("-", "−")


def chance(p_value: Optional[float]) -> str:
    """A p-value, and in words how rare that is."""
    if p_value is None:
        return "a rule, not a test"
    if p_value >= 0.01:
        return f"p = {p_value:.2f}"
    if p_value < 1e-9:
        return "p < 1e-9: less than one window in a billion by chance"
    return f"p = {p_value:.1g}: one window in {_about(1 / p_value)} by chance"


def times(value: float, threshold: float) -> Optional[float]:
    """How many times the threshold a value is; None where that says nothing."""
    if not (math.isfinite(value) and math.isfinite(threshold)) or threshold <= 0:
        return None
    return value / threshold


def window(of: Window) -> str:
    """A window for people: "1 Nov 2026" for a day, "Nov 2026" for a month, else its two ends."""
    if _is_month(of):
        return f"{of.start:%b %Y}"
    if _is_days(of):
        last = of.end - timedelta(days=1)
        return _day(of.start, True) if last == of.start else f"{_day(of.start, False)} – {_day(last, True)}"
    same_day = of.start.date() == of.end.date()
    clock = "%H:%M:%S" if of.start.second or of.end.second else "%H:%M"
    end = of.end.strftime(clock) if same_day else f"{_day(of.end, True)} {of.end.strftime(clock)}"
    return f"{_day(of.start, True)} {of.start.strftime(clock)} – {end}"


def labels(windows: Sequence[Window]) -> List[str]:
    """A short name for each, to stand below a chart: no longer than telling them apart needs."""
    if windows and all(map(_is_month, windows)):
        return [f"{each.start:%b %Y}" for each in windows]
    years = len({each.start.year for each in windows}) > 1
    if all(map(_is_days, windows)):
        return [_day(each.start, years) for each in windows]
    clock = "%H:%M:%S" if any(each.start.second for each in windows) else "%H:%M"
    days = len({each.start.date() for each in windows}) > 1
    return [(f"{_day(each.start, years)} " if days else "") + each.start.strftime(clock) for each in windows]


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 window", "3 windows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _about(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.0f} million"
    digits = max(0, math.floor(math.log10(value)))
    return f"{round(value, -digits):,.0f}"


def _day(moment: object, year: bool) -> str:
    return f"{moment:%-d %b %Y}" if year else f"{moment:%-d %b}"


def _is_days(of: Window) -> bool:
    return of.start.time() == of.end.time() == of.start.time().min


def _is_month(of: Window) -> bool:
    return _is_days(of) and of.start.day == of.end.day == 1 and 27 < (of.end - of.start).days < 32
