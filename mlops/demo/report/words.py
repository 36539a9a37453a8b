"""What things are called for a reader who knows neither AWS nor the data's columns."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from monitoring.figures import number

Row = Mapping[str, Any]
"""One month, release or stage, as the demo's summary has it."""

FEATURES = {
    "GrAppv": "amount of the loan",
    "SBA_Appv": "guaranteed amount",
    "NoEmp": "employees",
    "NewExist": "new or old business",
    "CreateJob": "jobs to be created",
    "RetainedJob": "jobs to be kept",
    "franchise": "franchise or not",
    "UrbanRural": "city or country",
    "RevLineCr": "revolving credit",
    "LowDoc": "short application form",
    "naics2": "industry",
    "State": "state of the borrower",
    "samestate": "bank in the same state",
    "approvals_12m": "bank's recent loans",
    "charge_offs_12m": "bank's recent losses",
    "charge_off_share_12m": "share of losses, bank",
}
"""Columns of the loans in a few words; what is not here is called by its own name."""

GLOSSARY = (
    ("Charged off", "The bank has given up on getting the rest of a loan back. In this report: the loan failed."),
    (
        "Model, version",
        "A model is a program that learned from past loans how likely a new one is to fail. Each time it learns anew, "
        "the result is a version with a number. In AWS: a model package in the SageMaker Model Registry.",
    ),
    (
        "AUC",
        "How well a model tells failing loans from others: of one that failed and one that was repaid, the share of "
        "cases in which it finds the failing one riskier. 50 % is a coin, 100 % is perfect.",
    ),
    (
        "Drift",
        "Today's applications differ from those that the model learned from. Whether it decides worse is another "
        "question: only outcomes tell. In AWS: SageMaker Model Monitor's data quality.",
    ),
    (
        "Shadow",
        "A new version gets a copy of each application and answers it, but nobody hears its answer. In AWS: a shadow "
        "variant of the SageMaker endpoint.",
    ),
    (
        "Challenger",
        "A new version decides for a part of the customers, while the old one decides for the rest. In AWS: a "
        "production variant with a weight.",
    ),
    (
        "Good decision",
        "A loan approved that was repaid, or one turned down that failed. Versions are compared by their share.",
    ),
    (
        "Rolled back",
        "A version that makes errors is taken out of service and the one before serves on, without anybody's doing. "
        "In AWS: blue/green deployment with an alarm that rolls back.",
    ),
)


def feature(name: str) -> str:
    return FEATURES.get(name, name)


def month(name: str) -> str:
    """ "October 2004" for "2004-10"."""
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"


def day(text: str) -> str:
    """ "30 September 2004" for "2004-09-30"; what is no date stays as it is."""
    try:
        return f"{date.fromisoformat(text):%-d %B %Y}"
    except ValueError:
        return text


def short(names: Sequence[str]) -> list[str]:
    """ "Oct 2004" for "2004-10"."""
    return [f"{date.fromisoformat(f'{name}-01'):%b %Y}" for name in names]


def points(share: float) -> str:
    """A difference of two shares: "+4.7" points for 0.047."""
    return f"{100 * share:+.1f}".replace("-", "−")


def dollars(value: float) -> str:
    """ "57.3 million dollars", or "1.2 billion dollars"."""
    if value < 1e6:
        return f"{value:,.0f} dollars"
    size, unit = (value / 1e9, "billion") if value >= 1e9 else (value / 1e6, "million")
    return f"{number(size)} {unit} dollars"


def evidence(stage: Row) -> str:
    """A verdict in words, with its figures."""
    if "verdict" not in stage:
        return "It ended before a verdict."
    low, high = stage["interval"]
    verdicts = {"better": "better", "worse": "worse", "no_difference": "no difference", None: "not compared"}
    said = verdicts.get(stage["verdict"], str(stage["verdict"]).replace("_", " "))
    counted = "pairs of answers" if stage["stage"] == "shadow" else "outcomes"
    return (
        f"After {number(stage['samples'])} {counted}: {said}, {points(stage['estimate'])} points "
        f"({points(low)} to {points(high)}) of good decisions."
    )


def share(row: Row, side: str) -> float | None:
    """Of a month's approved loans the share charged off; side: "" with the platform, "_without" the first version."""
    approved = row[f"approved{side}"]
    return row[f"charged_off{side}"] / approved if approved else None


def breached(row: Row, what: str) -> bool:
    """what: "drift" or "outcomes"."""
    return bool(row[what] and row[what]["breached"])


def since(story: Row) -> Row:
    """Rates since the new version decides alone; {} where none does."""
    rates = story.get("charge_off_rates") or {}
    found: Row = rates.get("since_release") or {}
    return found


def parted(story: Row) -> str:
    """The first month in which a version on trial decided beside the one before, as "2004-10"; "" for none."""
    return next((each["month"] for each in story["months"] if len(each.get("versions") or ()) > 1), "")


def was_tried(release: Row) -> bool:
    """Whether a version was compared with the one that decides; one that replaces it at once is not."""
    return tuple(release["strategy"]) != ("replace",)


def months_since(story: Row) -> list[Row]:
    """The months in which the new version decided alone."""
    first = since(story).get("from")
    return [each for each in story["months"] if first and each["month"] >= first]


def total(rows: Sequence[Row], name: str) -> float:
    """A figure over months; older summaries may lack it."""
    return sum(each.get(name) or 0 for each in rows)
