"""A bank's years with the platform: it watches every month, and does something about it when loans begin to fail.

Nothing here decides. The months are replayed; the monitors judge; an alarm starts the retraining; a person approves;
the release controller compares and promotes. What is written here is what they said.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain, count, groupby
from typing import Any

from mlops import monitoring, outcomes, pipelines, releases
from mlops.console import line
from mlops.demo import loans, telling
from mlops.demo.history import BankHistory, bank_months
from mlops.demo.loans import Loan
from mlops.demo.months import MATURITY_MONTHS, Decision, History, Month, Months, later
from mlops.demo.phases import Run
from mlops.errors import CommandError
from mlops.target import Target
from monitoring.findings import CALIBRATION, DATA_DRIFT, JUDGED, Judgement, subjects

FIRST, LAST = "2003-01", "2008-12"
LATEST_ALARM = "2008-06"
"""Should nothing have been confirmed by then, the demo has failed."""
MONTHS_A_LINE = 12
"""Drift is information: a line a year tells of it."""
RETRAINING_SECONDS = 60
"""From the run that confirmed it to the training that the alarm started; the controller's schedule is a minute."""


@dataclass
class Years:
    """The history of the loans, and what the platform noticed and did.

    judged: what a monitor said of a month, newest; confirmed: at the end of which month a monitor was confirmed first;
    retrainings: those that the alarm started; snapshot: the newest export of the bank's book.
    """

    run: Run
    target: Target
    endpoint: str
    runtime: Any
    capture_bucket: str
    data_bucket: str
    version: int
    banks: BankHistory
    history: History = field(default_factory=lambda: History.of(FIRST, LAST))
    judged: dict[tuple[str, str], Judgement] = field(default_factory=dict)
    retrainings: list[dict[str, Any]] = field(default_factory=list)
    snapshot: str = ""
    confirmed: dict[str, str] = field(default_factory=dict)
    _last: str = ""
    _untold: list[Month] = field(default_factory=list)

    def until_retraining(self) -> None:
        """Replay months until the alarm has started a retraining; raises CommandError if it never does."""
        began = datetime.now(UTC)

        def said(quarter: Sequence[Month], answer: monitoring.Watched) -> None:
            self._note(quarter, answer)
            if answer.degradation and not self.retrainings:
                self.retrainings.append(self._started_since(began, quarter[-1].name))

        self._last = self._months(said).replay(FIRST, LATEST_ALARM, until=lambda: bool(self.retrainings))
        self._tell_inputs()
        if not self.retrainings:
            raise CommandError(f"no degradation was confirmed until {LATEST_ALARM}; see mlops monitor status")

    def follow_retraining(self) -> Mapping[str, Any]:
        """Follow the training that the alarm started; returns the version that it registered."""
        execution = self.retrainings[0]["execution"]
        say = telling.steps(self.run.clock)
        follower = pipelines.Follower(self._clients("sagemaker"), self._clients("logs"), execution, say)
        ended = follower.follow()
        if ended["PipelineExecutionStatus"] != "Succeeded":
            raise CommandError(f"retraining {execution}: {follower.failure(ended)}")
        package = releases.newest_version(self._clients("sagemaker"), self.target.package_group)
        self.retrainings[0]["version"] = package["ModelPackageVersion"]
        return package

    def applications(self) -> Iterator[Loan]:
        """The loans after the replayed months, then all of the last year again and again, under other names."""
        rest = self._as_time_goes_on(loans.approved_in(later(self._last, 1), LAST))
        again = (replace(loan, name=f"{loan.name}-{turn}") for turn in count(2) for loan in self._last_year())
        return chain(rest, again)

    def _as_time_goes_on(self, applied: Iterator[Loan]) -> Iterator[Loan]:
        """The loans; before a month's first one, what banks did until then is known."""
        for month, some in groupby(applied, key=lambda loan: loan.month):
            self.banks.known_at(month)
            yield from some

    def note_answers(self, answers: Mapping[str, tuple[bool, str]], prefix: str) -> None:
        """What was decided on loans that applied one by one, by the loan's name, under `prefix` and that name."""
        for name, (approved, version) in answers.items():
            self.history.decisions.setdefault(name, Decision(approved, version, f"{prefix}{name}"))

    def finish(self, version: int) -> None:
        """The months that are left, with the new version; the monitors watch whole quarters against its baseline."""
        self.version = version
        undecided = {
            name: [loan for loan in month.loans if loan.name not in self.history.decisions]
            for name, month in self.history.months.items()
            if name > self._last
        }
        whole = [name for name, left in undecided.items() if len(left) == len(self.history.months[name].loans)]
        months = self._months(self._note)
        for name, left in undecided.items():
            if left and name not in whole:
                months.apply(Month(name, left))
        if whole:
            months.replay(whole[0], LAST)
            self._tell_inputs()

    def _last_year(self) -> list[Loan]:
        return [loan for name, month in self.history.months.items() if name >= "2008-01" for loan in month.loans]

    def _months(self, said: Callable[[Sequence[Month], monitoring.Watched], object]) -> Months:
        s3, folder = self._clients("s3"), self.target.names.folder

        def tell(known: Sequence[tuple[str, str]]) -> None:
            outcomes.put(s3, self.capture_bucket, folder, known, outcomes.utc_now())

        def export(day: date) -> None:
            until = day.isoformat()
            self.snapshot = loans.upload(s3, self.data_bucket, folder, until, bank_months(until))

        return Months(
            self.history,
            self.runtime,
            self.endpoint,
            f"v{self.version}-",
            known=self.banks.known_at,
            tell=tell,
            export=export,
            watch=lambda windows, matured: monitoring.run(self.target, windows, matured),
            said=said,
        )

    def _note(self, quarter: Sequence[Month], answer: monitoring.Watched) -> None:
        """Keep what was said of each month; tell its outcomes and confirmations now, its inputs in a line a year."""
        months = self.history.by_window()
        for each in answer.judgements:
            if month := months.get(each.window):
                self.judged[each.monitor, month.name] = each
        for month in quarter:
            self._tell_outcomes(later(month.name, -MATURITY_MONTHS))
        for monitor in answer.confirmed:
            if monitor not in self.confirmed:
                self.confirmed[monitor] = quarter[-1].name
                self._say(f"{monitor} confirmed at the end of {quarter[-1].name}", style="yellow")

        self._untold += quarter
        if len(self._untold) >= MONTHS_A_LINE:
            self._tell_inputs()

    def _tell_inputs(self) -> None:
        """What the inputs of the months did that no line has told yet."""
        months, self._untold = self._untold, []
        if not months:
            return
        drifted = [name for month in months if self._breached(DATA_DRIFT, name := month.name)]
        moved = subjects([self.judged[DATA_DRIFT, name] for name in drifted])
        self._say(
            f"{telling.period(months[0].name, months[-1].name)}: {sum(len(month.loans) for month in months):,} "
            "applications; "
            + (f"inputs drift in {len(drifted)} of {len(months)} months" if drifted else "inputs as in training")
            + (f" ({', '.join(name for name, _ in moved[:3])}): information" if moved else "")
        )

    def _tell_outcomes(self, cohort: str) -> None:
        judgement = self.judged.get((CALIBRATION, cohort))
        if judgement is None or not judgement.breached:
            return
        worst = next(finding for finding in judgement.findings if finding.breaches)
        self._say(telling.outcomes(cohort, MATURITY_MONTHS, worst.text), style="yellow")

    def _breached(self, monitor: str, month: str) -> bool:
        judgement = self.judged.get((monitor, month))
        return judgement is not None and judgement.status == JUDGED and judgement.breached

    def _started_since(self, began: datetime, month: str) -> dict[str, Any]:
        """The training that the alarm has started by now, or soon does."""
        sagemaker, pipeline = self._clients("sagemaker"), self.target.names.pipeline
        deadline = time.monotonic() + RETRAINING_SECONDS
        while time.monotonic() < deadline:
            found = sagemaker.list_pipeline_executions(PipelineName=pipeline, CreatedAfter=began, SortOrder="Ascending")
            for each in found["PipelineExecutionSummaries"]:
                arn = each["PipelineExecutionArn"]
                described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
                reason = described.get("PipelineExecutionDescription", "")
                self._say(f"the alarm started a training: {reason}", source="retraining", style="green")
                return {"month": month, "execution": arn, "reason": reason}
            time.sleep(0.3)
        raise CommandError(
            f"degradation was confirmed in {month}, but no training began within {RETRAINING_SECONDS} s; "
            "see the retraining controller's log and mlops monitor status"
        )

    def _say(self, text: str, *, source: str = "monitoring", style: str = "") -> None:
        line(self.run.clock, text, source=source, style=style)

    @property
    def _clients(self) -> Callable[[str], Any]:
        return self.target.clients
