"""What the years came to: a row for each month, and the charge-off rates with and without the platform."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops.demo.loans import Loan
from mlops.demo.months import charge_offs
from mlops.demo.years import Years
from monitoring.findings import CALIBRATION, DATA_DRIFT, JUDGED, MONITORS, Judgement, confirm, subjects


def rows(years: Years, alone: set[str]) -> list[dict[str, Any]]:
    """One a month, oldest first: what was decided, what came of it (lost: USD), and what the monitors said.

    alone: names of the loans that the first version, for ever alone, would have approved.
    """
    decisions = years.history.decisions

    def granted(loan: Loan) -> bool:
        return loan.name in decisions and decisions[loan.name].approved

    found = []
    for name, month in years.history.months.items():
        applied = [loan for loan in month.loans if loan.name in decisions]
        if not applied:
            continue
        approved, failed = charge_offs(applied, granted)
        approved_alone, failed_alone = charge_offs(applied, lambda loan: loan.name in alone)
        refused, failed_refused = charge_offs(applied, lambda loan: loan.name in alone and not granted(loan))
        found.append(
            {
                "month": name,
                "applications": len(applied),
                "approved": approved,
                "charged_off": failed,
                "approved_without": approved_alone,
                "charged_off_without": failed_alone,
                "turned_down": refused,
                "turned_down_charged_off": failed_refused,
                "lost": _amount(applied, granted),
                "lost_without": _amount(applied, lambda loan: loan.name in alone),
                "versions": sorted({decisions[loan.name].version for loan in applied}),
                "drift": _drift(years.judged.get((DATA_DRIFT, name))),
                "outcomes": _outcomes(years.judged.get((CALIBRATION, name))),
            }
        )
    return found


def _amount(applied: Sequence[Loan], approved: Callable[[Loan], bool]) -> float:
    """USD that went into loans which `approved` says yes to and which were charged off: each with its whole amount."""
    return sum(float(loan.application.get("GrAppv") or 0) for loan in applied if loan.outcome == "1" and approved(loan))


def summary(years: Years, months: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`monitoring` of summary.json; since_release begins with the first month that the newest version decided alone."""
    newest = [str(years.version)]
    released = min((month["month"] for month in months if month["versions"] == newest), default="")
    judged = {monitor: [each for (name, _), each in years.judged.items() if name == monitor] for monitor in MONITORS}
    confirmed = years.confirmed.get(CALIBRATION, "")
    after = [month for month in months if released and month["month"] >= released]
    return {
        "windows": sum(1 for month in months if month["drift"]),
        "findings": {
            monitor: {
                "judged": sum(each.status == JUDGED for each in some),
                "breached": sum(each.breached for each in some),
                "most_often": dict(subjects(some)[:5]),
                "confirmed": years.confirmed.get(monitor),
            }
            for monitor, some in judged.items()
        },
        "first_confirmed_month": first_confirmed(years),
        "known_at_the_end_of": confirmed,
        "retrainings": years.retrainings,
        "charge_off_rates": {**rates(months), "since_release": {"from": released, **rates(after)}},
    }


def first_confirmed(years: Years) -> str | None:
    """The month of loans with which enough of the newest months had breached, before the version was replaced."""
    rule = years.target.settings.monitoring
    months = sorted(month for monitor, month in years.judged if monitor == CALIBRATION)
    for newest in months:
        judged = [years.judged[CALIBRATION, month] for month in months if month <= newest]
        if confirm(judged, CALIBRATION, rule.breaches, rule.of).confirmed:
            return newest
    return None


def rates(months: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Shares of the approved loans that were charged off, and of the applications that were approved.

    turned_down: of the loans that version 1 alone would have approved and the platform did not, the share charged off.
    """

    def share(part: str, whole: str) -> float | None:
        total = sum(month[whole] for month in months)
        return round(sum(month[part] for month in months) / total, 4) if total else None

    return {
        "with": share("charged_off", "approved"),
        "without": share("charged_off_without", "approved_without"),
        "approved_with": share("approved", "applications"),
        "approved_without": share("approved_without", "applications"),
        "turned_down": share("turned_down_charged_off", "turned_down"),
    }


def _drift(judgement: Judgement | None) -> dict[str, Any] | None:
    if judgement is None or judgement.status != JUDGED:
        return None
    compared = [each for each in judgement.findings if each.check == "baseline_drift_check"]
    return {
        "breached": judgement.breached,
        "features": {each.subject: each.value for each in compared},
        "limits": {each.subject: each.threshold for each in compared},
    }


def _outcomes(judgement: Judgement | None) -> dict[str, Any] | None:
    if judgement is None or judgement.status != JUDGED:
        return None
    return {"breached": judgement.breached, **judgement.metrics}
