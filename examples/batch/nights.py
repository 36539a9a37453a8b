"""The files of each night, and what their answers say once outcomes are known. Pure, but for the one that reads."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from loan_approval.schema import INPUT_NAMES, LABEL
from mlops.cdk import ROOT
from mlops.errors import CommandError, UsageError

DATA_FILE = ROOT / "data" / "loans" / "sba_sample.csv.gz"
APPROVE, BAD = "approve", "1"


@dataclass(frozen=True)
class Application:
    """values: as the file has them, in the order of a line of CSV; outcome: "1" if the loan was charged off later."""

    name: str
    day: str
    values: tuple[str, ...]
    outcome: str


@dataclass(frozen=True)
class Scored:
    """One answer beside what became of the loan."""

    name: str
    day: str
    probability: float
    decision: str
    model_version: str
    outcome: str


@dataclass(frozen=True)
class Night:
    """What one night's file came to: counts, and the mean of the probabilities."""

    day: str
    applications: int
    approved: int
    charged_off: int
    approved_charged_off: int
    expected: float


def read(month: str, source: Path = DATA_FILE) -> dict[str, list[Application]]:
    """The applications of a month ("2008-03") by their day; raises UsageError for a month that has none."""
    nights: dict[str, list[Application]] = {}
    with gzip.open(source, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            day = row["ApprovalDate"]
            if day.startswith(f"{month}-"):
                values = tuple(row[name] for name in INPUT_NAMES)
                nights.setdefault(day, []).append(Application(f"loan-{number:06d}", day, values, row[LABEL]))
    if not nights:
        raise UsageError(f"--month {month}: {source.name} has no applications of it; give one of 2000-10 to 2008-12")
    return dict(sorted(nights.items()))


def body(applications: Iterable[Application]) -> bytes:
    """A file to score: one line an application, no header. Its order is what answers are joined by."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(each.values for each in applications)
    return text.getvalue().encode()


def join(applications: Sequence[Application], answers: str) -> list[Scored]:
    """Answers beside outcomes, line by line; raises CommandError if a line is missing or too much.

    Empty lines are none: SageMaker ends what each request answered with one.
    """
    lines = [row for row in csv.reader(io.StringIO(answers)) if row]
    if len(lines) != len(applications):
        raise CommandError(f"{applications[0].day}: {len(applications)} applications, but {len(lines)} answers")
    return [
        Scored(each.name, each.day, float(probability), decision, version, each.outcome)
        for each, (probability, decision, version) in zip(applications, lines, strict=True)
    ]


def summary(scored: Iterable[Scored]) -> list[Night]:
    """Night by night, in their order."""
    nights: dict[str, list[Scored]] = {}
    for each in scored:
        nights.setdefault(each.day, []).append(each)
    return [_night(day, rows) for day, rows in sorted(nights.items())]


def total(nights: Sequence[Night]) -> Night:
    """All nights as one; expected: the mean over all applications."""
    counts = {
        name: sum(getattr(night, name) for night in nights)
        for name in ("applications", "approved", "charged_off", "approved_charged_off")
    }
    expected = sum(night.expected * night.applications for night in nights) / counts["applications"]
    return Night(day="all", **counts, expected=expected)


def table(scored: Sequence[Scored]) -> str:
    """The joined rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Scored.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(each) for each in scored)
    return text.getvalue()


def _plain(scored: Scored) -> Mapping[str, object]:
    return asdict(scored)


def _night(day: str, rows: Sequence[Scored]) -> Night:
    approved = [each for each in rows if each.decision == APPROVE]
    return Night(
        day=day,
        applications=len(rows),
        approved=len(approved),
        charged_off=sum(each.outcome == BAD for each in rows),
        approved_charged_off=sum(each.outcome == BAD for each in approved),
        expected=sum(each.probability for each in rows) / len(rows),
    )
